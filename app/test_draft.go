package app

import (
	"context"
	"maps"
	"slices"

	"belay"
)

// TestDraft tests a connection that is not stored, with a credential that is
// stored or one that comes with it. Nothing is kept.
func (a *App) TestDraft(ctx context.Context, org belay.ID, ch ConnectionChange) (*Check, error) {
	c, err := a.authorize(ctx, org, belay.PermissionConnectionUse)
	if err != nil {
		return nil, err
	}
	if err := c.mayCreate(); err != nil {
		return nil, err
	}
	ch.Status = nil
	if ch.Name == nil || *ch.Name == "" {
		name := "draft"
		ch.Name = &name
	}
	secret, secretType := ch.Secret, ch.SecretType
	ch.Secret = nil
	v, _, err := a.draft(ctx, c, ch)
	if err != nil {
		return nil, err
	}
	materials, err := a.draftMaterials(ctx, v, secretType, secret)
	if err != nil {
		return nil, err
	}
	own, err := a.slots.take(c.UserID)
	if err != nil {
		return nil, err
	}
	defer own.leave()
	k := a.run(ctx, c, v, belay.TriggerDraft, materials)
	if err := a.used(ctx, k); err != nil {
		return nil, err
	}
	k.ConnectionID = ""
	if secret == nil {
		return a.view(ctx, c, v, k), nil
	}
	out, rc := a.viewWith(v, k, func(belay.ID) *belay.Credential { return nil })
	rc.CredentialType = secretType
	out.Remedies = belay.Remedies(k.Cause, rc)
	return out, nil
}

// draftMaterials is with what a draft authenticates: the secret that came
// with it, if any, else its stored credentials.
func (a *App) draftMaterials(ctx context.Context, v *belay.Connection, typeName string, secret map[string]*belay.Secret) ([]*belay.Material, error) {
	if secret == nil {
		return a.materials(ctx, v)
	}
	m, err := a.loose(v, typeName, secret)
	return []*belay.Material{m}, err
}

// loose is the material of a secret that belongs to no credential.
func (a *App) loose(v *belay.Connection, typeName string, secret map[string]*belay.Secret) (*belay.Material, error) {
	values := map[string]belay.Secret{}
	for name, s := range secret {
		if s != nil {
			values[name] = *s
		}
	}
	var p problems
	if err := a.checkValues(&p, typeName, values); err != nil {
		return nil, err
	}
	if err := p.err(); err != nil {
		return nil, inBody("/type", "/credentialType", inBody("/secret", "/credentialSecret", err))
	}
	if err := accepts(a.kinds[v.Kind].Definition(), v.Endpoint, &belay.Credential{Name: "the secret", Type: typeName, Set: slices.Collect(maps.Keys(values))}); err != nil {
		return nil, inBody("/credentials", "/credentialType", err)
	}
	return &belay.Material{Type: typeName, Values: values}, nil
}
