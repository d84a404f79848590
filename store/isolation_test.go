package store_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"belay"
	"belay/store"
)

// organizationless are the methods that have nothing to do with one
// organization, and why.
var organizationless = map[string]string{
	"User": "users", "CreateUser": "users", "Memberships": "of a user", "SetMembership": "names the organization itself",
	"Organization": "names the organization itself", "OrganizationsOf": "of a user", "OrganizationCount": "of the server",
	"FirstOrganization":    "of the server",
	"DeletedOrganizations": "of a user", "UpdateOrganization": "names the organization itself",
	"DeleteOrganization": "names the organization itself", "RestoreOrganization": "names the organization itself",
	"CreateOrganization": "makes one", "TokenByHash": "by secret", "TokenOf": "of a user", "CreateToken": "of a user", "TokenUsed": "by secret", "RevokeToken": "of a user",
	"TokensByHash": "by secret", "Tokens": "of a user, or of the organization that the filter names", "RotateToken": "of a user",
	"Sessions": "of a user", "SessionsByHash": "by secret", "DeleteOtherSessions": "of a user", "HoldUser": "of a user", "CancelInvitationsOf": "of an organization",
	"SessionByHash": "by secret", "SessionOf": "of a user", "CreateSession": "of a user", "SessionUsed": "by secret", "DeleteSession": "of a user",
	"AllMemberships": "of a user", "RevokeTokensOf": "of a user", "LocalUser": "of the server", "AnyOwner": "of the server", "Password": "of a user", "Preferences": "of a user", "SetPreferences": "of a user", "SetPassword": "of a user", "RemovePassword": "of a user", "KnownAt": "of a user",
	"UserBySubject": "users", "FollowUser": "users", "Adopt": "users", "OrganizationsNamed": "of the server",
	"KeepRefresh": "of a session", "PutOffRefresh": "of a session", "ClaimRefresh": "of a session", "KeptRefresh": "of a session", "HurryRefresh": "of a session", "EndProviderSessions": "of a provider", "EndSessionsOfSubject": "of a user",
	"UpdateUser": "users", "CreateInvitation": "of a user", "Invited": "by secret", "UseInvitation": "by secret", "CancelLinks": "of a user",
	"HeldUntil": "of the server", "CountAttempt": "of the server", "UncountAttempt": "of the server", "ClearAttempts": "of the server",
	"SessionByAccess": "by secret", "SessionsByAccess": "by secret", "SessionByFamily": "by secret", "CreateClientSession": "of a user", "RefreshSession": "by secret",
	"CreateAuthorizationCode": "of a user", "AuthorizationCode": "by secret", "UseAuthorizationCode": "by secret",
	"CreateDeviceRequest": "of nobody yet", "DeviceRequest": "by secret", "DeviceRequestByUserCode": "by secret",
	"AnswerDeviceRequest": "by secret", "PollDeviceRequest": "by secret", "EndDeviceRequest": "by secret",
	"CreateSignInLink": "of a user", "UseSignInLink": "by secret", "Idempotency": "of a user", "RememberRequest": "of a user", "AnswerRequest": "of a user", "ForgetRequest": "of a user",
	"Keyset": "of the server", "CreateKeyset": "of the server", "SaveKeyset": "of the server", "Purge": "of the server",
	"CreateWorkspace": "makes one", "CreateEnvironment": "makes one", "CreateCredential": "makes one", "CreateTeam": "makes one",
}

// estate is one of everything, in w.org.
type estate struct {
	e       *belay.Environment
	v       *belay.Workspace
	m       *belay.Team
	k       *belay.Credential
	c       *belay.Connection
	check   *belay.Check
	token   *belay.Token
	deleted map[string]belay.ID
}

func (w *world) estate() estate {
	w.t.Helper()
	s := estate{e: w.addEnvironment(w.org, "prod"), v: w.addWorkspace(w.org, "team"), m: w.addTeam(w.org, "sre"), k: w.addCredential(w.org, "key"), deleted: map[string]belay.ID{}}
	s.c = w.full(w.org, "target")
	alike("target", "authority")(s.c)
	uses(s.k)(s.c)
	w.write(func(ctx context.Context, tx *store.Tx) error { return tx.CreateConnection(ctx, s.c) })
	w.assign(s.e, s.c)
	w.share(s.v, s.e)
	w.entrust(s.v, s.k)
	w.grant(s.v, w.max, belay.RoleAdmin)
	w.join(s.m, w.max)
	w.grantTeam(s.v, s.m, belay.RoleViewer)
	s.check, s.token = w.check(s.c), w.addToken(belay.Token{UserID: w.max, OrganizationID: w.org})
	w.write(func(ctx context.Context, tx *store.Tx) error { return tx.CreateCheck(ctx, s.check) })
	for _, r := range resources {
		s.deleted[r.name] = r.add(w, w.org, "deleted")
		w.write(func(_ context.Context, tx *store.Tx) error { return r.remove(w, tx, w.org, s.deleted[r.name]) })
	}
	return s
}

// found turns what a method returned into an error when it is something.
func found(v any, err error) error {
	if err == nil && !reflect.ValueOf(v).IsZero() {
		return fmt.Errorf("found %v", v)
	}
	return err
}

func foundAny[T any](page belay.Page[T], err error) error {
	if len(page.Items) != 0 || page.Total != 0 {
		return fmt.Errorf("found %v", page)
	}
	return err
}

// foreign calls each method with the ids of w.org's objects, in the name of
// another organization.
func (w *world) foreign(s estate, tx *store.Tx) map[string]func() error {
	calls := w.foreignReads(s, tx)
	maps.Copy(calls, w.foreignChanges(s, tx))
	maps.Copy(calls, w.foreignAssignments(s, tx))
	return calls
}

func (w *world) foreignReads(s estate, tx *store.Tx) map[string]func() error {
	org, all, q := w.other, everything(w.other), belay.Query{}
	eve := belay.Viewer{OrganizationID: w.other, UserID: w.max}
	return map[string]func() error{
		"Workspace":   func() error { _, err := tx.Workspace(ctx, org, s.v.ID); return err },
		"Environment": func() error { _, err := tx.Environment(ctx, org, s.e.ID); return err },
		"Team":        func() error { _, err := tx.Team(ctx, org, s.m.ID); return err },
		"DeletedTeam": func() error { _, err := tx.DeletedTeam(ctx, org, s.deleted["team"]); return err },
		"TeamsNamed":  func() error { v, err := tx.TeamsNamed(ctx, org, "sre"); return found(len(v), err) },
		"Teams":       func() error { return foundAny(tx.Teams(ctx, all, belay.TeamFilter{WorkspaceID: s.v.ID}, q)) },
		"Members":     func() error { return foundAny(tx.Members(ctx, org, belay.MemberFilter{TeamID: s.m.ID}, q)) },
		"Member":      func() error { _, err := tx.Member(ctx, org, w.max); return err },
		"BoundToken":  func() error { _, err := tx.BoundToken(ctx, org, s.token.ID); return err },
		"TeamsOf":     func() error { v, err := tx.TeamsOf(ctx, org, w.max); return found(len(v), err) },
		"EnvironmentsThrough": func() error {
			v, err := tx.EnvironmentsThrough(ctx, org, s.v.ID, s.c.ID)
			return found(len(v), err)
		},
		"Membership": func() error { v, err := tx.Membership(ctx, org, w.max); return found(len(v.Role), err) },
		"TeamUsers":  func() error { v, err := tx.TeamUsers(ctx, org, s.m.ID, w.max); return found(len(v), err) },
		"TeamGrants": func() error { v, err := tx.TeamGrants(ctx, org, s.v.ID, s.m.ID); return found(len(v), err) },
		"UserGrants": func() error { v, err := tx.UserGrants(ctx, org, s.v.ID, w.max); return found(len(v), err) },
		"Credential": func() error { _, err := tx.Credential(ctx, org, s.k.ID); return err },
		"Connection": func() error { _, err := tx.Connection(ctx, org, s.c.ID); return err },
		"Check":      func() error { _, err := tx.Check(ctx, org, s.check.ID); return err },
		"Checks":     func() error { return foundAny(tx.Checks(ctx, org, s.c.ID, q)) },
		"Workspaces": func() error {
			return errors.Join(foundAny(tx.Workspaces(ctx, all, belay.WorkspaceFilter{EnvironmentID: s.e.ID}, q)),
				foundAny(tx.Workspaces(ctx, all, belay.WorkspaceFilter{CredentialID: s.k.ID}, q)))
		},
		"Environments": func() error {
			return foundAny(tx.Environments(ctx, all, belay.EnvironmentFilter{WorkspaceID: s.v.ID}, q))
		},
		"Credentials": func() error {
			return errors.Join(foundAny(tx.Credentials(ctx, all, belay.CredentialFilter{WorkspaceID: s.v.ID}, q)),
				foundAny(tx.Credentials(ctx, eve, belay.CredentialFilter{}, q)))
		},
		"Connections": func() error {
			return errors.Join(foundAny(tx.Connections(ctx, all, belay.ConnectionFilter{EnvironmentID: s.e.ID}, q)),
				foundAny(tx.Connections(ctx, all, belay.ConnectionFilter{Labels: s.c.Labels}, belay.Query{Search: "target"})),
				foundAny(tx.Connections(ctx, eve, belay.ConnectionFilter{}, q)))
		},
		"ConnectionByIdentity": func() error { v, err := tx.ConnectionByIdentity(ctx, org, s.c.Identity); return found(v, err) },
		"ConnectionsAt":        func() error { v, err := tx.ConnectionsAt(ctx, org, s.c.Kind, s.c.Endpoint); return found(v, err) },
		"DeletedConnection":    func() error { _, err := tx.DeletedConnection(ctx, org, s.deleted["connection"]); return err },
		"CredentialSentPlain":  func() error { v, err := tx.CredentialSentPlain(ctx, org, s.k.ID); return found(v, err) },
		"KeepCredentials":      func() error { return tx.KeepCredentials(ctx, org, []belay.ID{s.k.ID}) },
		"CredentialToDelete":   func() error { _, err := tx.CredentialToDelete(ctx, org, s.k.ID); return err },
		"DeletedCredential":    func() error { _, err := tx.DeletedCredential(ctx, org, s.deleted["credential"]); return err },
		"DeletedEnvironment":   func() error { _, err := tx.DeletedEnvironment(ctx, org, s.deleted["environment"]); return err },
		"DeletedWorkspace":     func() error { _, err := tx.DeletedWorkspace(ctx, org, s.deleted["workspace"]); return err },
		"ConnectionsLike":      func() error { v, err := tx.ConnectionsLike(ctx, org, s.c.Likeness()); return found(v, err) },
		"ConnectionsOfCluster": func() error { v, err := tx.ConnectionsOfCluster(ctx, org, s.c.Identity[:1]); return found(v, err) },
		"FreeCredentialName": func() error {
			name, err := tx.FreeCredentialName(ctx, org, s.k.Name, s.k.Name)
			return found(name != s.k.Name, err)
		},
		"ConnectionCounts": func() error { v, err := tx.ConnectionCounts(ctx, org); return found(v, err) },
		"ConnectionOwners": func() error {
			v, err := tx.ConnectionOwners(ctx, org, []belay.ID{s.c.ID})
			return found(len(v), err)
		},
		"HoldsConnection":     func() error { v, err := tx.HoldsConnection(ctx, org, s.e.ID, s.c.ID); return found(v, err) },
		"AssignedConnections": func() error { v, err := tx.AssignedConnections(ctx, org, s.e.ID); return found(v, err) },
		"CredentialVersion":   func() error { _, err := tx.CredentialVersion(ctx, org, s.k.ID, 1); return err },
		"CredentialVersions":  func() error { return foundAny(tx.CredentialVersions(ctx, org, s.k.ID, q)) },
		"CurrentVersions": func() error {
			v, err := tx.CurrentVersions(ctx, org, []belay.ID{s.k.ID})
			return found(len(v), err)
		},
		"ChecksMadeWith": func() error {
			v, err := tx.ChecksMadeWith(ctx, org, []belay.ID{s.check.ID})
			return found(len(v), err)
		},
		"CredentialUsages": func() error {
			v, err := tx.CredentialUsages(ctx, org, []belay.ID{s.k.ID}, time.Time{})
			return found(len(v), err)
		},
		"CredentialUsers": func() error {
			v, err := tx.CredentialUsers(ctx, store.Sight{Viewer: all}, s.k.ID, 9)
			return found(v.Total, err)
		},
		"CredentialInUse": func() error { v, err := tx.CredentialInUse(ctx, org, s.k.ID); return found(v, err) },
		"AccessPaths": func() error {
			v, err := tx.AccessPaths(ctx, org, w.max, store.Object{ConnectionID: s.c.ID})
			return found(len(v), err)
		},
		"Places": func() error {
			_, workspace, err := tx.Places(ctx, org, store.Object{ConnectionID: s.c.ID})
			return found(workspace, err)
		},
		"HoldersOf": func() error { v, err := tx.HoldersOf(ctx, org, s.c.ID); return found(len(v), err) },
		"Access": func() error {
			eve.WorkspaceID = s.v.ID
			one, err := tx.Access(ctx, eve)
			all, allErr := tx.Access(ctx, belay.Viewer{OrganizationID: org, All: true, WorkspaceID: s.v.ID, EnvironmentID: s.e.ID})
			return found(len(one.Workspaces)+len(one.Environments)+len(one.Credentials)+len(all.Environments), errors.Join(err, allErr))
		},
		"SeenCredentials": func() error { v, err := tx.SeenCredentials(ctx, all, s.k.ID); return found(len(v), err) },
		"EnvironmentsOf": func() error {
			v, err := tx.EnvironmentsOf(ctx, org, s.c.ID)
			return found(len(v), err)
		},
	}
}

func (w *world) foreignChanges(s estate, tx *store.Tx) map[string]func() error {
	org := w.other
	return map[string]func() error{
		"CreateConnection": func() error {
			c := w.connection(org, "spy")
			uses(s.k)(c)
			return tx.CreateConnection(ctx, c)
		},
		"CreateCheck": func() error {
			k := w.check(s.c)
			k.OrganizationID = org
			return tx.CreateCheck(ctx, k)
		},
		"SaveHealth": func() error {
			before, after := *s.c, *s.c
			before.OrganizationID, after.OrganizationID, after.Health.Status = org, org, belay.HealthUnhealthy
			return tx.SaveHealth(ctx, &before, &after)
		},
		"CredentialsUsed": func() error { return tx.CredentialsUsed(ctx, org, []belay.ID{s.k.ID}, w.now()) },
		"DetachCredential": func() error {
			n, err := tx.DetachCredential(ctx, store.Sight{Viewer: everything(org)}, s.k.ID, w.now())
			return found(n, err)
		},
		"UpdateWorkspace": func() error {
			_, err := tx.UpdateWorkspace(ctx, org, s.v.ID, w.now(), func(*belay.Workspace) error { return errShown })
			return err
		},
		"UpdateTeam": func() error {
			_, err := tx.UpdateTeam(ctx, org, s.m.ID, w.now(), func(*belay.Team) error { return errShown })
			return err
		},
		"DeleteTeam":  func() error { return tx.DeleteTeam(ctx, org, s.m.ID, w.now()) },
		"RestoreTeam": func() error { _, err := tx.RestoreTeam(ctx, org, s.deleted["team"], w.now()); return err },
		"UpdateEnvironment": func() error {
			_, err := tx.UpdateEnvironment(ctx, org, s.e.ID, w.now(), func(*belay.Environment) error { return errShown })
			return err
		},
		"UpdateCredential": func() error {
			_, err := tx.UpdateCredential(ctx, org, s.k.ID, w.now(), func(*belay.Credential) (*belay.CredentialVersion, error) { return nil, errShown })
			return err
		},
		"UpdateConnection": func() error {
			_, err := tx.UpdateConnection(ctx, org, s.c.ID, w.now(), func(*belay.Connection) error { return errShown })
			return err
		},
		"DeleteWorkspace":    func() error { return tx.DeleteWorkspace(ctx, org, s.v.ID, w.now()) },
		"DeleteEnvironment":  func() error { return tx.DeleteEnvironment(ctx, org, s.e.ID, w.now()) },
		"DeleteCredential":   func() error { return tx.DeleteCredential(ctx, org, s.k.ID, w.now()) },
		"DeleteConnection":   func() error { return tx.DeleteConnection(ctx, org, s.c.ID, "", w.now()) },
		"RestoreWorkspace":   func() error { _, err := tx.RestoreWorkspace(ctx, org, s.deleted["workspace"], w.now()); return err },
		"RestoreEnvironment": func() error { _, err := tx.RestoreEnvironment(ctx, org, s.deleted["environment"], w.now()); return err },
		"RestoreCredential":  func() error { _, err := tx.RestoreCredential(ctx, org, s.deleted["credential"], w.now()); return err },
		"RestoreConnection": func() error {
			_, err := tx.RestoreConnection(ctx, org, s.deleted["connection"], "", w.now())
			return err
		},
	}
}

func (w *world) foreignAssignments(s estate, tx *store.Tx) map[string]func() error {
	org := w.other
	return map[string]func() error{
		"AssignConnection": func() error { v, err := tx.AssignConnection(ctx, org, w.pair(s.e.ID, s.c.ID)); return found(v, err) },
		"ChangeSet": func() error {
			_, err := tx.ChangeSet(ctx, org, s.e.ID, []belay.Assignment{w.pair(s.e.ID, s.c.ID)}, []belay.ID{s.c.ID})
			return err
		},
		"AssignEnvironment":   func() error { _, err := tx.AssignEnvironment(ctx, org, w.pair(s.v.ID, s.e.ID)); return err },
		"AssignCredential":    func() error { _, err := tx.AssignCredential(ctx, org, w.pair(s.v.ID, s.k.ID)); return err },
		"UnassignConnection":  func() error { v, err := tx.UnassignConnection(ctx, org, s.e.ID, s.c.ID); return found(v, err) },
		"UnassignEnvironment": func() error { v, err := tx.UnassignEnvironment(ctx, org, s.v.ID, s.e.ID); return found(v, err) },
		"UnassignCredential":  func() error { v, err := tx.UnassignCredential(ctx, org, s.v.ID, s.k.ID); return found(v, err) },
		"SetGrant": func() error {
			_, err := tx.SetGrant(ctx, org, belay.Grant{ID: w.id(), WorkspaceID: s.v.ID, UserID: w.eve, Role: belay.RoleAdmin, CreatedAt: w.now()})
			return err
		},
		"RemoveGrant": func() error {
			v, err := tx.RemoveGrant(ctx, org, belay.Grant{WorkspaceID: s.v.ID, UserID: w.max})
			return found(v, err)
		},
		"AddTeamUser":    func() error { v, err := tx.AddTeamUser(ctx, org, w.pair(s.m.ID, w.eve), ""); return found(v, err) },
		"RemoveTeamUser": func() error { v, err := tx.RemoveTeamUser(ctx, org, s.m.ID, w.max); return found(v, err) },
		"Transfer": func() error {
			v, err := tx.Transfer(ctx, org, w.ann, w.eve, w.now())
			return found(v["workspaces"], err)
		},
		"RemoveMember": func() error { return tx.RemoveMember(ctx, org, w.max) },
	}
}

var errShown = errors.New("shown to a stranger")

// silent are the methods that answer a stranger with nothing instead of an
// error.
var silent = []string{
	"Checks", "Workspaces", "Environments", "Credentials", "Connections", "ConnectionByIdentity", "ConnectionsAt", "ConnectionCounts",
	"ConnectionsOfCluster", "ConnectionsLike", "FreeCredentialName",
	"CredentialUsers", "CredentialInUse", "CredentialSentPlain", "KeepCredentials", "DetachCredential",
	"HoldsConnection", "AssignedConnections", "ConnectionOwners", "CredentialVersions", "CredentialUsages", "CurrentVersions", "ChecksMadeWith", "EnvironmentsOf", "CredentialsUsed",
	"UnassignConnection", "UnassignEnvironment", "UnassignCredential",
	"Access", "SeenCredentials", "HoldersOf", "AccessPaths", "Places", "Teams", "TeamsNamed", "Members", "TeamsOf", "TeamUsers", "EnvironmentsThrough", "Membership",
	"TeamGrants", "UserGrants", "RemoveGrant", "Transfer",
}

func TestIsolation(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		s := w.estate()
		before := w.dump(t)
		for name := range w.foreign(s, &store.Tx{}) {
			want := belay.CodeNotFound
			if slices.Contains(silent, name) {
				want = ""
			}
			// Committed also after an error, as a careless caller might.
			wantCode(t, w.try(func(tx *store.Tx) error {
				err := w.foreign(s, tx)[name]()
				if belay.CodeOf(err) != want {
					t.Errorf("%s: got %v, want %q", name, err, want)
				}
				if name == "CreateConnection" {
					return errShown // it has written its own row before it looks for the credential
				}
				return nil
			}), map[bool]belay.Code{true: belay.CodeInternal, false: ""}[name == "CreateConnection"])
			wantEqual(t, w.dump(t), before)
		}
	})
}

// Whoever adds a method says how it keeps organizations apart.
func TestIsolationIsComplete(t *testing.T) {
	cases := (&world{}).foreign(estate{}, nil)
	for tx, i := reflect.TypeFor[*store.Tx](), 0; i < tx.NumMethod(); i++ {
		name := tx.Method(i).Name
		if cases[name] == nil && organizationless[name] == "" {
			t.Errorf("%s is not in the test of isolation", name)
		}
	}
}

// dump is the whole database as text, a line for each row.
func (w *world) dump(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, table := range tables {
		for _, row := range w.rows(t, "select * from "+table) {
			out = append(out, table+" "+row)
		}
	}
	slices.Sort(out)
	return out
}

// rows returns what a query finds, each row as text.
func (w *world) rows(t *testing.T, query string, args ...any) []string {
	t.Helper()
	rows, err := w.Query(query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for rows.Next() {
		values, line := make([]any, len(columns)), make([]string, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			line[i] = fmt.Sprintf("%s=%s", columns[i], *v.(*any))
		}
		out = append(out, strings.Join(line, " "))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

var tables = strings.Fields(`access_versions authorization_codes checks connection_counts connection_credentials connection_labels connections credential_versions
	credentials device_requests environment_connections environments idempotency_keys keysets memberships object_counts organizations
	passwords search_terms session_tokens sessions sign_in_attempts sign_in_links tokens users workspace_credentials workspace_environments workspace_users workspaces`)
