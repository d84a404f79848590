package belay_test

import (
	"os"
	"strings"
	"testing"

	"belay"
)

// TestAssignersHaveEveryRole keeps anybody from giving away more than he has:
// a role that may give roles is the strongest one, so that nothing has to
// compare the two.
func TestAssignersHaveEveryRole(t *testing.T) {
	for _, r := range belay.Roles() {
		for _, given := range belay.Roles() {
			if r.Has(belay.PermissionWorkspaceAssign) && !r.AtLeast(given) {
				t.Errorf("%s can give the role %s, which is above it", r, given)
			}
		}
	}
}

// TestWorkspacesGiveNothingOfTheOrganization keeps what is done in an
// organization out of the reach of roles in workspaces.
func TestWorkspacesGiveNothingOfTheOrganization(t *testing.T) {
	for _, p := range []belay.Permission{
		belay.PermissionOrganizationWrite, belay.PermissionMemberWrite, belay.PermissionTeamWrite,
	} {
		if belay.RoleAdmin.Has(p) {
			t.Errorf("a role in a workspace gives %s", p)
		}
	}
}

// TestAccessPage compares the table of roles in docs/access.md with the
// policy.
func TestAccessPage(t *testing.T) {
	page, err := os.ReadFile("docs/access.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[belay.Permission]bool{}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 7 || !strings.HasPrefix(cells[1], " `") {
			continue
		}
		p := belay.Permission(strings.Trim(cells[1], " `"))
		told[p] = true
		for i, r := range belay.Roles() {
			if got := strings.TrimSpace(cells[2+i]) == "●"; got != r.Has(p) {
				t.Errorf("the page says of %s and %s %v", r, p, got)
			}
		}
	}
	for _, p := range belay.Permissions() {
		if told[p] != belay.RoleAdmin.Has(p) {
			t.Errorf("on the page is %s: %v", p, told[p])
		}
	}
}
