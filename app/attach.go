package app

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"belay"
	"belay/store"
)

// secretOf seals the secret that comes with a connection as a credential of
// its own and lets the change attach it.
func (a *App) secretOf(ctx context.Context, c caller, ch *ConnectionChange) (*sealed, error) {
	name := ""
	set(&name, ch.Name)
	name, err := a.freeCredentialName(ctx, c.org, name)
	if err != nil {
		return nil, err
	}
	if err := inScope(c.Principal, belay.PermissionCredentialWrite); err != nil {
		return nil, err
	}
	if ch.SecretName != "" {
		name = ch.SecretName
	}
	create := CredentialChange{Name: &name, Type: &ch.SecretType, Secret: ch.Secret}
	credential, err := a.newCredential(c, create)
	if err != nil && ch.SecretName != "" {
		err = inBody("/name", "/credentialName", err)
	}
	if err != nil {
		return nil, inBody("/secret", "/credentialSecret", err)
	}
	ch.Credentials = &[]belay.CredentialUse{{CredentialID: credential.ID, Purpose: belay.PurposePrimary}}
	return credential, nil
}

// freeCredentialName is a name that no credential has: the one that is wanted,
// or that with a number, either cut to what is allowed. Nobody has chosen it,
// so that nobody can be told to choose another.
func (a *App) freeCredentialName(ctx context.Context, org belay.ID, wanted string) (string, error) {
	wanted = belay.NameFrom(wanted)
	return a.store.FreeCredentialName(ctx, org, cutName(wanted, 0), cutName(wanted, len("-1234567")))
}

// cutName cuts a name to what a credential may have, with room for what is
// appended to it.
func cutName(name string, room int) string {
	if utf8.RuneCountInString(name) <= maxCredentialName-room && store.FoldedSize(name) <= maxFolded-room {
		return name
	}
	cut := []rune(name)
	cut = cut[:min(len(cut), maxCredentialName-room)]
	for store.FoldedSize(string(cut)) > maxFolded-room {
		cut = cut[:len(cut)-1]
	}
	return strings.TrimSpace(string(cut))
}

// mayAttach asks whether the caller may let v use its credentials. He needs
// the right to use each one that is new to the connection; and of every one
// when the connection's endpoint or configuration changes, since a stored
// secret only ever goes where it was bound: a path, a certificate authority
// or what is looked for in an answer steer it, too.
func (a *App) mayAttach(ctx context.Context, c caller, before, v *belay.Connection, created *sealed) error {
	moved := before != nil && (before.Endpoint != v.Endpoint || !bytes.Equal(before.Config, v.Config) || before.Identity != v.Identity)
	kind := a.kinds[v.Kind].Definition()
	for i, u := range v.Credentials {
		if created != nil && created.ID == u.CredentialID {
			if err := accepts(kind, v.Endpoint, created.Credential); err != nil {
				return err
			}
			continue
		}
		if before != nil && !moved && slices.ContainsFunc(before.Credentials, func(b belay.CredentialUse) bool { return b.CredentialID == u.CredentialID }) {
			continue
		}
		_, credential, err := a.findCredential(ctx, c.org, u.CredentialID, belay.PermissionCredentialUse)
		if err != nil {
			return about("/credentials/"+itoa(i)+"/id", err)
		}
		if err := accepts(kind, v.Endpoint, credential.Credential); err != nil {
			return err
		}
	}
	return nil
}

// keepCredentials keeps what a connection is to use from being deleted before
// it does.
func keepCredentials(ctx context.Context, tx *store.Tx, v *belay.Connection) error {
	return tx.KeepCredentials(ctx, v.OrganizationID, idsOf(v.Credentials, func(u belay.CredentialUse) belay.ID { return u.CredentialID }))
}

// accepts tells whether a connection of a kind, at an endpoint, can do
// anything with a credential: nil, or the one field that says why not.
func accepts(kind *belay.Kind, endpoint string, c *belay.Credential) *belay.Error {
	if !slices.Contains(kind.CredentialTypes, c.Type) {
		return belay.Invalid("/credentials", "a %s connection takes credentials of type %s; %q is of type %s",
			kind.Name, joined(kind.CredentialTypes), c.Name, c.Type)
	}
	if c.OnlyInTLS() && strings.HasPrefix(endpoint, "http://") {
		return belay.Invalid("/url", "must begin with https:// for %q, which is a client certificate: one is shown in TLS only", c.Name)
	}
	return nil
}

// replaceSecret is a secret that comes with a change of a connection: a new
// version of its own credential if that is of the same type and used by
// nothing else, a new credential otherwise, or if it comes with a name.
func (a *App) replaceSecret(ctx context.Context, c caller, v *belay.Connection, ch *ConnectionChange) (*sealed, error) {
	if len(v.Credentials) == 0 || ch.Credentials != nil || ch.SecretName != "" {
		return a.secretInstead(ctx, c, v, ch)
	}
	_, old, err := a.findCredential(ctx, c.org, v.Credentials[0].CredentialID, belay.PermissionCredentialWrite)
	if err != nil {
		return nil, about("/credentialSecret", err)
	}
	if old.Usage.Connections > 1 {
		if ch.SecretType == "" {
			ch.SecretType = old.Type
		}
		return a.secretInstead(ctx, c, v, ch)
	}
	if ch.SecretType != "" && ch.SecretType != old.Type {
		return nil, belay.Invalid("/credentialType", "the connection's credential %q is of type %s; attach another credential to change the type", old.Name, old.Type)
	}
	s, err := a.changeCredential(ctx, c, old.Credential, CredentialChange{Secret: ch.Secret})
	return s, inBody("/secret", "/credentialSecret", err)
}

// secretInstead is a secret that becomes a credential of its own in place of
// a connection's primary one. Its others stay.
func (a *App) secretInstead(ctx context.Context, c caller, v *belay.Connection, ch *ConnectionChange) (*sealed, error) {
	if ch.Name == nil {
		ch.Name = &v.Name
	}
	others := v.Credentials
	if ch.Credentials != nil {
		others = *ch.Credentials
	}
	s, err := a.secretOf(ctx, c, ch)
	if err == nil && len(others) > 1 {
		*ch.Credentials = append(*ch.Credentials, others[1:]...)
	}
	return s, err
}

// without takes a credential out of a list; the first that is left is the
// primary one.
func without(uses []belay.CredentialUse, id belay.ID) []belay.CredentialUse {
	uses = slices.DeleteFunc(slices.Clone(uses), func(u belay.CredentialUse) bool { return u.CredentialID == id })
	if len(uses) > 0 {
		uses[0].Purpose = belay.PurposePrimary
	}
	return uses
}

// fallbacks are uses none of which is the primary one.
func fallbacks(uses []belay.CredentialUse) []belay.CredentialUse {
	for i := range uses {
		if uses[i].Purpose == belay.PurposePrimary {
			uses[i].Purpose = belay.PurposeFallback
		}
	}
	return uses
}
