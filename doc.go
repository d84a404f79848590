// Package belay is the domain: what a connection, a credential, an
// environment and a workspace are, how they relate, who may do what with
// them, and what can go wrong. It imports the standard library only; every
// other package imports it and none is imported by it.
//
// The words, one for each thing:
//
//	Organization  the tenant; nothing is shared across it
//	User          a person or robot known through a provider
//	Workspace     where people and environments meet: users are granted a
//	              role, environments and credentials are assigned
//	Environment   a logical group of connections
//	Connection    a registered external system: a kind, an endpoint, a
//	              configuration, a lifecycle status and a health
//	Credential    the secret material used to authenticate, a thing of its
//	              own with versions
//	Kind          what a connection connects to: schemas, test, transitions
//	Check         one execution of a kind's test against one connection
//	Token         a bearer token: scoped, expiring, stored only as a hash
//
//	organization ─┬─ workspace ──┬── user (role)
//	              │              ├── credential
//	              │              └── environment ── connection ── credential
//	              └─ user (organization role)
//
// All relations are many-to-many, each pair exists at most once, and both
// ends belong to the same organization.
package belay
