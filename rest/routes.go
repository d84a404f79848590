package rest

import (
	"net/http"

	"belay"
)

// Routes is the whole API, to be looked at.
func Routes() []Route { return new(API).routes() }

// Further are the permissions that a route asks for beside its first, on the
// other objects that the request names.
func (r Route) Further() []belay.Permission {
	return map[string][]belay.Permission{
		"PUT /api/environments/{environmentId}/connections":                 {belay.PermissionConnectionWrite},
		"POST /api/environments/{environmentId}/connections/{connectionId}": {belay.PermissionConnectionWrite},
		"POST /api/workspaces/{workspaceId}/environments/{environmentId}":   {belay.PermissionEnvironmentWrite},
		"POST /api/workspaces/{workspaceId}/credentials/{credentialId}":     {belay.PermissionCredentialWrite},
	}[r.Method+" "+r.Path]
}

// routes is the whole API: every operation, the permission that it asks for
// first, and the parameters that it takes.
func (a *API) routes() []Route {
	const (
		get, post, put, del     = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete
		ok, created, noContent  = http.StatusOK, http.StatusCreated, http.StatusNoContent
		environments            = "/api/environments"
		connections             = "/api/integrations/connections"
		credentials             = "/api/integrations/credentials"
		workspaces              = "/api/workspaces"
		orgs                    = "/api/identity/orgs"
		tokens, sessions        = "/api/identity/tokens", "/api/identity/sessions"
		kinds                   = "/api/registry/connections"
		kubernetes              = "/api/system/kubernetes"
		environment, connection = environments + "/{environmentId}", connections + "/{connectionId}"
		workspace               = workspaces + "/{workspaceId}"
		org                     = orgs + "/{orgId}"
		team                    = org + "/teams/{teamId}"
	)
	connectionParams := params(pageParams, []string{"filter", "kind", "status", "type", "health", "label", "name"})
	return []Route{
		{get, environments, belay.PermissionEnvironmentRead, ok, params(pageParams, []string{"filter"}), 0, false, a.listEnvironments},
		{post, environments, belay.PermissionEnvironmentWrite, created, []string{dryRun}, 0, false, a.createEnvironment},
		{get, environment, belay.PermissionEnvironmentRead, ok, nil, 0, false, a.getEnvironment},
		{put, environment, belay.PermissionEnvironmentWrite, ok, []string{dryRun}, 0, false, a.updateEnvironment},
		{del, environment, belay.PermissionEnvironmentWrite, noContent, nil, 0, false, a.deleteEnvironment},
		{get, environment + "/connections", belay.PermissionEnvironmentRead, ok, connectionParams, 0, false, a.listEnvironmentConnections},
		{put, environment + "/connections", belay.PermissionEnvironmentWrite, ok, nil, 0, false, a.setEnvironmentConnections},
		{post, environment + "/connections/{connectionId}", belay.PermissionEnvironmentWrite, created, nil, 0, false, a.assignConnection},
		{del, environment + "/connections/{connectionId}", belay.PermissionEnvironmentWrite, noContent, nil, 0, false, a.unassignConnection},
		{get, environment + "/credentials", belay.PermissionEnvironmentRead, ok, pageParams, 0, false, a.listEnvironmentCredentials},
		{post, environment + "/restore", belay.PermissionEnvironmentWrite, ok, nil, 0, false, a.restoreEnvironment},
		{post, environment + "/test", belay.PermissionConnectionUse, ok, nil, 0, false, a.testEnvironment},
		{get, environment + "/test", belay.PermissionEnvironmentRead, ok, nil, 0, false, a.environmentTests},
		{del, environment + "/test", belay.PermissionConnectionUse, noContent, []string{"userId"}, 0, false, a.cancelEnvironmentTest},

		{get, connections, belay.PermissionConnectionRead, ok, connectionParams, 0, false, a.listConnections},
		{post, connections, belay.PermissionConnectionWrite, created, []string{dryRun}, 0, false, a.createConnection},
		{post, connections + "/test", belay.PermissionConnectionUse, ok, nil, 0, false, a.testDraft},
		{post, connections + "/register", belay.PermissionConnectionWrite, ok, nil, 0, false, a.registrationEvent},
		{del, connections + "/register/{registrationId}", belay.PermissionConnectionWrite, noContent, nil, 0, false, a.cancelRegistration},
		{get, connection, belay.PermissionConnectionRead, ok, nil, 0, false, a.getConnection},
		{put, connection, belay.PermissionConnectionWrite, ok, []string{dryRun}, 0, false, a.updateConnection},
		{del, connection, belay.PermissionConnectionWrite, noContent, nil, 0, false, a.deleteConnection},
		{post, connection + "/restore", belay.PermissionConnectionWrite, ok, nil, 0, false, a.restoreConnection},
		{post, connection + "/test", belay.PermissionConnectionUse, ok, nil, 0, false, a.testConnection},
		{get, connection + "/checks", belay.PermissionConnectionRead, ok, plainParams, 0, false, a.listChecks},
		{get, connection + "/transitions", belay.PermissionConnectionRead, ok, nil, 0, false, a.listTransitions},
		{get, connections + "/kubernetes/{connectionId}/context", belay.PermissionConnectionRead, ok, nil, 0, false, a.kubernetesContext},

		{get, credentials, belay.PermissionCredentialRead, ok, params(pageParams, []string{"filter", "type"}), 0, false, a.listCredentials},
		{post, credentials, belay.PermissionCredentialWrite, created, []string{dryRun}, 0, false, a.createCredential},
		{put, credentials, belay.PermissionCredentialWrite, ok, []string{dryRun}, 0, false, a.updateCredential},
		{del, credentials, belay.PermissionCredentialWrite, noContent, []string{"credentialId", "detach"}, 0, false, a.deleteCredential},
		{get, credentials + "/{credentialId}", belay.PermissionCredentialRead, ok, nil, 0, false, a.getCredential},
		{post, credentials + "/{credentialId}/restore", belay.PermissionCredentialWrite, ok, nil, 0, false, a.restoreCredential},
		{get, credentials + "/{credentialId}/usage", belay.PermissionCredentialRead, ok, pageParams, 0, false, a.listCredentialUsage},
		{get, credentials + "/{credentialId}/versions", belay.PermissionCredentialRead, ok, plainParams, 0, false, a.listCredentialVersions},

		{get, workspaces, belay.PermissionWorkspaceRead, ok, params(pageParams, []string{"filter"}), 0, false, a.listWorkspaces},
		{post, workspaces, belay.PermissionWorkspaceWrite, created, []string{dryRun}, 0, false, a.createWorkspace},
		{get, workspace, belay.PermissionWorkspaceRead, ok, nil, 0, false, a.getWorkspace},
		{put, workspace, belay.PermissionWorkspaceWrite, ok, []string{dryRun}, 0, false, a.updateWorkspace},
		{del, workspace, belay.PermissionWorkspaceWrite, noContent, nil, 0, false, a.deleteWorkspace},
		{post, workspace + "/restore", belay.PermissionWorkspaceWrite, ok, nil, 0, false, a.restoreWorkspace},
		{get, workspace + "/environments", belay.PermissionWorkspaceRead, ok, params(pageParams, []string{"filter"}), 0, false, a.listWorkspaceEnvironments},
		{post, workspace + "/environments/{environmentId}", belay.PermissionWorkspaceAssign, ok, nil, 0, false, a.assignEnvironment},
		{del, workspace + "/environments/{environmentId}", belay.PermissionWorkspaceAssign, noContent, nil, 0, false, a.unassignEnvironment},
		{get, workspace + "/credentials", belay.PermissionWorkspaceRead, ok, pageParams, 0, false, a.listWorkspaceCredentials},
		{post, workspace + "/credentials/{credentialId}", belay.PermissionWorkspaceAssign, ok, nil, 0, false, a.assignCredential},
		{del, workspace + "/credentials/{credentialId}", belay.PermissionWorkspaceAssign, noContent, nil, 0, false, a.unassignCredential},

		{get, workspace + "/teams", belay.PermissionWorkspaceRead, ok, params(pageParams, []string{"filter"}), 0, false, a.listWorkspaceTeams},
		{post, workspace + "/teams/{teamId}", belay.PermissionWorkspaceAssign, ok, nil, 0, false, a.setTeamGrant},
		{del, workspace + "/teams/{teamId}", belay.PermissionWorkspaceAssign, noContent, nil, 0, false, a.removeTeamGrant},
		{get, workspace + "/users", belay.PermissionWorkspaceRead, ok, params(pageParams, []string{"filter"}), 0, false, a.listWorkspaceUsers},
		{post, workspace + "/users/{userId}", belay.PermissionWorkspaceAssign, ok, nil, 0, false, a.setUserGrant},
		{del, workspace + "/users/{userId}", belay.PermissionWorkspaceAssign, noContent, nil, 0, false, a.removeUserGrant},
		{get, workspace + "/access", belay.PermissionWorkspaceRead, ok, params(pageParams, []string{"user"}), 0, false, a.listWorkspaceAccess},

		{get, orgs, belay.PermissionOrganizationRead, ok, params(pageParams, []string{"all", "filter"}), 0, false, a.listOrganizations},
		{post, orgs, belay.PermissionOrganizationWrite, created, []string{dryRun}, 0, false, a.createOrganization},
		{get, org, belay.PermissionOrganizationRead, ok, nil, 0, false, a.getOrganization},
		{put, org, belay.PermissionOrganizationWrite, ok, []string{dryRun}, 0, false, a.updateOrganization},
		{del, org, belay.PermissionOrganizationWrite, noContent, nil, 0, false, a.deleteOrganization},
		{post, org + "/restore", belay.PermissionOrganizationWrite, ok, nil, 0, false, a.restoreOrganization},
		{get, org + "/users", belay.PermissionMemberRead, ok, params(pageParams, []string{"filter", "teamId"}), 0, false, a.listMembers},
		{get, org + "/users/{userId}", belay.PermissionMemberRead, ok, nil, 0, false, a.getMember},
		{post, org + "/users/{userId}", belay.PermissionMemberWrite, created, nil, 0, false, a.addMember},
		{put, org + "/users/{userId}", belay.PermissionMemberWrite, ok, []string{dryRun}, 0, false, a.updateMember},
		{del, org + "/users/{userId}", belay.PermissionMemberWrite, noContent, nil, 0, false, a.removeMember},
		{del, org + "/users/{userId}/sessions", belay.PermissionMemberWrite, ok, nil, 0, false, a.endSessionsOf},
		{post, org + "/users/{userId}/transfer", belay.PermissionMemberWrite, ok, nil, 0, false, a.transferOwned},
		{post, org + "/users", belay.PermissionMemberWrite, created, nil, 0, false, a.createUser},
		{post, org + "/users/invite", belay.PermissionMemberWrite, ok, nil, 0, false, a.inviteUser},
		{post, org + "/users/{userId}/invitation", belay.PermissionMemberWrite, ok, nil, 0, false, a.renewInvitation},

		{get, org + "/teams", belay.PermissionTeamRead, ok, params(pageParams, []string{"filter"}), 0, false, a.listTeams},
		{post, org + "/teams", belay.PermissionTeamWrite, created, []string{dryRun}, 0, false, a.createTeam},
		{get, team, belay.PermissionTeamRead, ok, nil, 0, false, a.getTeam},
		{put, team, belay.PermissionTeamWrite, ok, []string{dryRun}, 0, false, a.updateTeam},
		{del, team, belay.PermissionTeamWrite, noContent, nil, 0, false, a.deleteTeam},
		{post, team, belay.PermissionTeamWrite, created, nil, 0, false, a.addTeam},
		{post, team + "/remove", belay.PermissionTeamWrite, ok, nil, 0, false, a.removeTeam},
		{post, team + "/restore", belay.PermissionTeamWrite, ok, nil, 0, false, a.restoreTeam},
		{get, team + "/users", belay.PermissionTeamRead, ok, params(pageParams, []string{"filter"}), 0, false, a.listTeamCandidates},
		{post, team + "/users/{userId}", belay.PermissionTeamWrite, created, nil, 0, false, a.addTeamUser},
		{del, team + "/users/{userId}", belay.PermissionTeamWrite, noContent, nil, 0, false, a.removeTeamUser},
		{get, "/api/identity/teams/{teamId}/users", belay.PermissionTeamRead, ok, pageParams, 0, false, a.listTeamUsers},

		{get, tokens, belay.PermissionTokenRead, ok, params(pageParams, []string{"filter", "everyone", "isOauth"}), 0, false, a.listTokens},
		{post, tokens, belay.PermissionTokenWrite, created, []string{"name", "purpose"}, 0, false, a.createToken},
		{del, tokens, belay.PermissionTokenWrite, ok, []string{"tokenId"}, 0, false, a.revokeNamedToken},
		{get, tokens + "/{tokenId}", belay.PermissionTokenRead, ok, nil, 0, false, a.getToken},
		{del, tokens + "/{tokenId}", belay.PermissionTokenWrite, noContent, nil, 0, false, a.revokeToken},
		{post, tokens + "/{tokenId}/rotate", belay.PermissionTokenWrite, ok, nil, 0, false, a.rotateToken},
		{post, sessions, Anyone, created, nil, 0, false, a.startSession},
		{get, sessions, belay.PermissionSessionRead, ok, []string{"page", "pageSize", "pagesize", "page_size", "cursor"}, 0, false, a.listSessions},
		{del, sessions, belay.PermissionSessionWrite, ok, nil, 0, false, a.endOtherSessions},
		{del, sessions + "/{sessionId}", belay.PermissionSessionWrite, noContent, nil, 0, false, a.endSession},

		{get, "/api/user", belay.PermissionUserRead, ok, nil, 0, false, a.getUser},
		{get, "/api/user/prefs", belay.PermissionUserRead, ok, nil, 0, false, a.getPreferences},
		{put, "/api/user/prefs", belay.PermissionUserWrite, ok, nil, 0, false, a.setPreferences},
		{put, "/api/user/password", belay.PermissionUserWrite, ok, nil, 0, false, a.changePassword},
		{get, "/api/token", AnyCaller, ok, nil, 0, false, a.getOwnToken},
		{get, "/api/providers", Anyone, ok, nil, 0, false, a.listProviders},
		{get, "/api/provider", Anyone, http.StatusFound, nil, 0, false, a.chooseProvider},
		{post, "/api/providers/{providerName}/test", belay.PermissionOrganizationWrite, ok, nil, 0, false, a.testProvider},
		{get, "/api/providers/{providerName}/mapping", belay.PermissionOrganizationWrite, ok, []string{"group"}, 0, false, a.previewMapping},
		{get, "/api/provider/capabilities", AnyCaller, ok, nil, 0, false, a.getCapabilities},

		{get, "/api/access/explain", belay.PermissionUserRead, ok, []string{"user", "permission", "workspace", "environment", "connection", "credential"}, 0, false, a.explain},
		{get, "/api/access/permissions", AnyCaller, ok, nil, 0, false, a.listPermissions},

		{get, kinds, belay.PermissionKindRead, ok, params([]string{"page", "pageSize", "pagesize", "page_size", "search"}), 0, false, a.listKinds},
		{get, kinds + "/{name}", belay.PermissionKindRead, ok, nil, 0, false, a.getKind},

		{post, kubernetes + "/contexts", belay.PermissionConnectionWrite, ok, []string{"connectionId"}, maxUpload, true, a.previewKubeconfig},
		{post, kubernetes, belay.PermissionConnectionWrite, ok, []string{"connectionId"}, maxUpload, true, a.importKubeconfig},
		{get, kubernetes + "/ping", belay.PermissionConnectionUse, ok, []string{"connectionId"}, 0, false, a.pingKubernetes},

		{get, "/api/system/version", AnyCaller, ok, nil, 0, false, a.getVersion},
	}
}
