package app

import (
	"context"
	"slices"

	"belay"
)

// match finds the connection that stands for a context: the one that the
// upload is for; else one of the context's name with the same address and
// context, which is what its reader means whatever else is known; else the one
// for the same cluster and context; else one with the same address and context,
// or with the same context and authority at another address. None of them is
// known to be of another cluster. What the caller does not see is passed over.
func (a *App) match(ctx context.Context, c caller, k *KubeconfigContext, target *belay.Connection) (err error) {
	if k.Connection = target; target != nil {
		if otherCluster(k.cluster(), target.Identity) || k.mayBeAnother(target) {
			k.State = MatchOtherCluster
			return a.reconcile(ctx, c, k)
		}
		return a.compare(ctx, c, k)
	}
	if k.SameCluster, err = a.sameCluster(ctx, c, k.cluster()); err != nil {
		return err
	}
	if err := a.find(ctx, c, k); err != nil {
		return err
	}
	if k.Connection != nil {
		return a.compare(ctx, c, k)
	}
	k.State = MatchNew
	return nil
}

// find finds the connection that stands for a context, and which others are of
// the same context.
func (a *App) find(ctx context.Context, c caller, k *KubeconfigContext) error {
	candidates, err := a.store.ConnectionsAt(ctx, c.org, kubernetesKind, k.draft.Endpoint)
	if err != nil {
		return err
	}
	there, err := a.standsFor(ctx, c, k, candidates) // the oldest first
	if err != nil {
		return err
	}
	known, err := a.byIdentity(ctx, c, k)
	if err != nil {
		return err
	}
	named := slices.IndexFunc(there, func(v *belay.Connection) bool { return v.Name == k.draft.Name })
	switch {
	case named >= 0:
		k.Connection = there[named]
	case known != nil:
		k.Connection = known
	case len(there) > 0:
		k.Connection = there[0]
	default:
		k.Connection, err = a.byLikeness(ctx, c, k)
		return err
	}
	if known != nil && !slices.ContainsFunc(there, func(v *belay.Connection) bool { return v.ID == known.ID }) {
		there = append(there, known)
	}
	k.SameContext = slices.DeleteFunc(there, func(v *belay.Connection) bool { return v.ID == k.Connection.ID })
	return nil
}

// identity is what the test of a context has found out, "" for nothing.
func (k *KubeconfigContext) identity() string {
	if k.Check == nil {
		return ""
	}
	return k.Check.Identity
}

// cluster is the identity of the cluster that a context leads to, of this
// context or of another one: that of the context's own user, or what another
// user of the file was told by the same server, "" when it told nobody.
func (k *KubeconfigContext) cluster() string {
	if own := k.identity(); own != "" || k.beside == nil {
		return own
	}
	return k.beside.identity()
}

// acquaint lets contexts whose users are not told which cluster they are in
// learn it from those at the same address, under the same authority.
func acquaint(all []*KubeconfigContext) {
	for _, k := range all {
		if k.draft == nil || k.identity() != "" {
			continue
		}
		for _, other := range all {
			if other.identity() != "" && other.draft.Endpoint == k.draft.Endpoint && other.draft.SameAuthority(k.draft) {
				k.beside = other
				break
			}
		}
	}
}

// mayBeAnother tells whether nothing says that a context at another address
// than a connection leads to its cluster: neither an identity nor the
// authority.
func (k *KubeconfigContext) mayBeAnother(v *belay.Connection) bool {
	return (k.cluster() == "" || v.Identity == "") && v.Endpoint != k.draft.Endpoint && !v.SameAuthority(k.draft)
}

// clusterOf is the part of an identity that names the cluster.
func clusterOf(identity string) string {
	for i := len(identity) - 1; i >= 0; i-- {
		if identity[i] == '/' {
			return identity[:i+1]
		}
	}
	return identity
}

// otherCluster tells whether two identities are known and of two clusters.
func otherCluster(a, b string) bool { return a != "" && b != "" && clusterOf(a) != clusterOf(b) }

// sameCluster lists the connections to a cluster that the caller sees.
func (a *App) sameCluster(ctx context.Context, c caller, identity string) ([]*belay.Connection, error) {
	if identity == "" {
		return nil, nil
	}
	all, err := a.store.ConnectionsOfCluster(ctx, c.org, clusterOf(identity))
	if err != nil {
		return nil, err
	}
	var out []*belay.Connection
	for _, v := range all {
		seen, err := a.readable(ctx, c, v)
		if err != nil {
			return nil, err
		}
		if seen != nil {
			out = append(out, seen)
		}
	}
	return out, nil
}

func (a *App) byIdentity(ctx context.Context, c caller, k *KubeconfigContext) (*belay.Connection, error) {
	found, err := a.store.ConnectionByIdentity(ctx, c.org, k.identity())
	if err != nil || found == nil {
		return nil, err
	}
	return a.readable(ctx, c, found)
}

// byLikeness is the connection that differs from the context in its address
// only: the one of the context's name when there are several. Several of
// other names are no answer.
func (a *App) byLikeness(ctx context.Context, c caller, k *KubeconfigContext) (*belay.Connection, error) {
	candidates, err := a.store.ConnectionsLike(ctx, c.org, k.draft.Likeness())
	if err != nil {
		return nil, err
	}
	found, err := a.standsFor(ctx, c, k, candidates)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	for _, v := range found {
		if v.Name == k.draft.Name {
			return v, nil
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	return nil, nil
}

// standsFor keeps those of some connections that are of the context, not
// known to be of another cluster, and readable by the caller.
func (a *App) standsFor(ctx context.Context, c caller, k *KubeconfigContext, candidates []*belay.Connection) ([]*belay.Connection, error) {
	var out []*belay.Connection
	for _, v := range candidates {
		if contextOf(v) != k.Name || otherCluster(k.cluster(), v.Identity) {
			continue
		}
		seen, err := a.readable(ctx, c, v)
		if err != nil {
			return nil, err
		}
		if seen != nil {
			out = append(out, seen)
		}
	}
	return out, nil
}

// readable is v when the caller sees it, nil otherwise.
func (a *App) readable(ctx context.Context, c caller, v *belay.Connection) (*belay.Connection, error) {
	_, seen, err := a.findConnection(ctx, c.org, v.ID, belay.PermissionConnectionRead)
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return seen.Connection, nil
}

// reconcile finds what the context makes of the settings of its connection,
// and tests the context with those in place of its own where they trust
// somebody else.
func (a *App) reconcile(ctx context.Context, c caller, k *KubeconfigContext) error {
	if err := k.settle(); err != nil {
		return err
	}
	if k.Check != nil && k.next.TLSConfig() != k.draft.TLSConfig() {
		k.alone, k.Check = k.Check, a.tried(ctx, c, k, k.next)
	}
	return nil
}

// compare tells how the connection of a context differs from it, by what
// weighs most: its address, then its secret, then its settings.
func (a *App) compare(ctx context.Context, c caller, k *KubeconfigContext) error {
	if err := a.reconcile(ctx, c, k); err != nil {
		return err
	}
	if k.Connection.Endpoint != k.draft.Endpoint {
		k.State, k.MovedFrom = MatchMoved, k.Connection.Endpoint
		return nil
	}
	same := k.Fingerprint == "" // it has none that could replace another
	if !same {
		id, err := a.holds(ctx, c, k.Connection, k.Fingerprint)
		if err != nil {
			return err
		}
		same = id != ""
	}
	switch {
	case !same:
		k.State = MatchSecretChanged
	case len(k.Changes) > 0:
		k.State = MatchSettingsChanged
	default:
		k.State = MatchSame
	}
	return nil
}

// holds returns the first credential of a connection if it is of this
// material, "" if not. Whoever may not use the credential is not told: he
// could guess with it.
func (a *App) holds(ctx context.Context, c caller, v *belay.Connection, fingerprint string) (belay.ID, error) {
	if len(v.Credentials) == 0 {
		return "", nil
	}
	id := v.Credentials[0].CredentialID
	_, own, err := a.findCredential(ctx, c.org, id, belay.PermissionCredentialUse)
	if code := belay.CodeOf(err); code == belay.CodeForbidden || code == belay.CodeNotFound {
		return "", nil
	}
	if err != nil || own.Credential.Fingerprint != fingerprint {
		return "", err
	}
	return id, nil
}
