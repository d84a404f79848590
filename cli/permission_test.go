package cli

import (
	"testing"

	"belay"
)

func TestPermissionOf(t *testing.T) {
	cases := []struct {
		p    belay.Permission
		role belay.OrganizationRole
		want string
	}{
		{belay.PermissionConnectionWrite, belay.OrganizationOwner, "yes"},
		{belay.PermissionOrganizationWrite, belay.OrganizationAdmin, "yes"},
		{belay.PermissionOrganizationWrite, belay.OrganizationMember, "no"},
		{belay.PermissionKindRead, belay.OrganizationMember, "yes"},
		{belay.PermissionTokenWrite, belay.OrganizationMember, "yes"},
		{belay.PermissionConnectionUse, belay.OrganizationMember, "partly"},
	}
	for _, c := range cases {
		if got := permissionOf(c.p, c.role); got.May != c.want {
			t.Errorf("%s as %s: %s, want %s", c.p, c.role, got.May, c.want)
		}
	}
	mustContain(t, permissionOf(belay.PermissionConnectionUse, belay.OrganizationMember).Because, "operator of a workspace")
}

// What the token's scopes leave out, its user may not do with it.
func TestPermissionsOfANarrowToken(t *testing.T) {
	me, err := newItem([]byte(`{"organizationRoles":{"o1":"admin"},"authentication":{"scopes":["connection:read"]}}`))
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, nil)
	in := f.invocation(t, globals{})
	if err := in.showPermissions(t.Context(), me); err != nil {
		t.Fatal(err)
	}
	mustContain(t, f.out.String(), "connection:read\tyes\t", "connection:write\tno\tthe token lacks this scope")
}
