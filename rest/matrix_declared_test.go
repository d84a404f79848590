package rest_test

import "net/http"

// declared is what is expected of a route.
type declared struct {
	// of is what the route is about: a sort of object that is at a place, or
	// "" for nothing of the kind.
	of string
	// needs is the weakest who may, of those with a role where the object is.
	needs who
	// answer is that of who may: the success, or what follows on the decision,
	// so that nothing is changed.
	answer int
	// lists is set for a list: it holds the object of the place if that can be
	// read, and the answer is the same.
	lists string
	// creates is set where something is made in the organization, which no
	// bound token does.
	creates bool
	// own is set where the caller's own sessions or password are meant, which no bound token
	// reaches.
	own bool
	// ofAll is set where it is about an organization and its people, in which
	// no bound token does anything.
	ofAll bool
}

const (
	ok         = http.StatusOK
	done       = http.StatusNoContent
	made       = http.StatusCreated
	badBody    = http.StatusUnprocessableEntity
	outdated   = http.StatusPreconditionFailed
	forbidden  = http.StatusForbidden
	absent     = http.StatusNotFound
	notSigned  = http.StatusUnauthorized
	everybody  = noRole
	itsAdmins  = orgAdmin
	theirRoute = ""
)

var expected = map[string]declared{
	"GET /api/environments":                                               {lists: "environment", needs: everybody, answer: ok},
	"POST /api/environments":                                              {creates: true, needs: everybody, answer: badBody},
	"GET /api/environments/{environmentId}":                               {of: "environment", needs: viewer, answer: ok},
	"PUT /api/environments/{environmentId}":                               {of: "environment", needs: editor, answer: ok},
	"DELETE /api/environments/{environmentId}":                            {of: "environment", needs: editor, answer: outdated},
	"GET /api/environments/{environmentId}/connections":                   {of: "environment", needs: viewer, answer: ok},
	"PUT /api/environments/{environmentId}/connections":                   {of: "environment", needs: editor, answer: ok},
	"POST /api/environments/{environmentId}/connections/{connectionId}":   {of: "environment", needs: editor, answer: made},
	"DELETE /api/environments/{environmentId}/connections/{connectionId}": {of: "environment", needs: editor, answer: done},
	"GET /api/environments/{environmentId}/credentials":                   {of: "environment", needs: viewer, answer: ok},
	"POST /api/environments/{environmentId}/restore":                      {of: "environment", needs: editor, answer: ok},
	"POST /api/environments/{environmentId}/test":                         {of: "environment", needs: operator, answer: ok},
	"GET /api/environments/{environmentId}/test":                          {of: "environment", needs: viewer, answer: ok},
	"DELETE /api/environments/{environmentId}/test":                       {of: "environment", needs: operator, answer: absent},
	"GET /api/integrations/connections":                                   {lists: "connection", needs: everybody, answer: ok},
	"POST /api/integrations/connections":                                  {creates: true, needs: everybody, answer: badBody},
	"POST /api/integrations/connections/test":                             {creates: true, needs: everybody, answer: badBody},
	"POST /api/integrations/connections/register":                         {creates: true, needs: everybody, answer: badBody},
	"DELETE /api/integrations/connections/register/{registrationId}":      {needs: everybody, answer: done},
	"GET /api/integrations/connections/{connectionId}":                    {of: "connection", needs: viewer, answer: ok},
	"PUT /api/integrations/connections/{connectionId}":                    {of: "connection", needs: editor, answer: ok},
	"DELETE /api/integrations/connections/{connectionId}":                 {of: "connection", needs: editor, answer: outdated},
	"POST /api/integrations/connections/{connectionId}/restore":           {of: "connection", needs: editor, answer: ok},
	"POST /api/integrations/connections/{connectionId}/test":              {of: "connection", needs: operator, answer: ok},
	"GET /api/integrations/connections/{connectionId}/checks":             {of: "connection", needs: viewer, answer: ok},
	"GET /api/integrations/connections/{connectionId}/transitions":        {of: "connection", needs: viewer, answer: ok},
	"GET /api/integrations/connections/kubernetes/{connectionId}/context": {of: "cluster", needs: viewer, answer: ok},
	"GET /api/integrations/credentials":                                   {lists: "credential", needs: everybody, answer: ok},
	"POST /api/integrations/credentials":                                  {creates: true, needs: everybody, answer: badBody},
	"PUT /api/integrations/credentials":                                   {of: "credential", needs: editor, answer: ok},
	"DELETE /api/integrations/credentials":                                {of: "credential", needs: editor, answer: outdated},
	"GET /api/integrations/credentials/{credentialId}":                    {of: "credential", needs: viewer, answer: ok},
	"POST /api/integrations/credentials/{credentialId}/restore":           {of: "credential", needs: editor, answer: ok},
	"GET /api/integrations/credentials/{credentialId}/usage":              {of: "credential", needs: viewer, answer: ok},
	"GET /api/integrations/credentials/{credentialId}/versions":           {of: "credential", needs: viewer, answer: ok},
	"GET /api/workspaces":                                                 {lists: "workspace", needs: everybody, answer: ok},
	"POST /api/workspaces":                                                {creates: true, needs: itsAdmins, answer: badBody},
	"GET /api/workspaces/{workspaceId}":                                   {of: "workspace", needs: viewer, answer: ok},
	"PUT /api/workspaces/{workspaceId}":                                   {of: "workspace", needs: workspaceAdmin, answer: ok},
	"DELETE /api/workspaces/{workspaceId}":                                {of: "workspace", needs: workspaceAdmin, answer: outdated},
	"POST /api/workspaces/{workspaceId}/restore":                          {of: "workspace", needs: workspaceAdmin, answer: ok},
	"GET /api/workspaces/{workspaceId}/environments":                      {of: "workspace", needs: viewer, answer: ok},
	"POST /api/workspaces/{workspaceId}/environments/{environmentId}":     {of: "workspace", needs: workspaceAdmin, answer: ok},
	"DELETE /api/workspaces/{workspaceId}/environments/{environmentId}":   {of: "workspace", needs: workspaceAdmin, answer: done},
	"GET /api/workspaces/{workspaceId}/credentials":                       {of: "workspace", needs: viewer, answer: ok},
	"POST /api/workspaces/{workspaceId}/credentials/{credentialId}":       {of: "workspace", needs: workspaceAdmin, answer: ok},
	"DELETE /api/workspaces/{workspaceId}/credentials/{credentialId}":     {of: "workspace", needs: workspaceAdmin, answer: done},
	"GET /api/workspaces/{workspaceId}/teams":                             {of: "workspace", needs: viewer, answer: ok},
	"POST /api/workspaces/{workspaceId}/teams/{teamId}":                   {of: "workspace", needs: workspaceAdmin, answer: ok},
	"DELETE /api/workspaces/{workspaceId}/teams/{teamId}":                 {of: "workspace", needs: workspaceAdmin, answer: done},
	"GET /api/workspaces/{workspaceId}/users":                             {of: "workspace", needs: viewer, answer: ok},
	"POST /api/workspaces/{workspaceId}/users/{userId}":                   {of: "workspace", needs: workspaceAdmin, answer: ok},
	"DELETE /api/workspaces/{workspaceId}/users/{userId}":                 {of: "workspace", needs: workspaceAdmin, answer: done},
	"GET /api/workspaces/{workspaceId}/access":                            {of: "workspace", needs: viewer, answer: ok},
	"GET /api/identity/orgs":                                              {lists: "organization", needs: everybody, answer: ok},
	"POST /api/identity/orgs":                                             {creates: true, needs: orgOwner, answer: badBody},
	"GET /api/identity/orgs/{orgId}":                                      {of: "organization", needs: everybody, answer: ok},
	"PUT /api/identity/orgs/{orgId}":                                      {ofAll: true, of: "organization", needs: itsAdmins, answer: ok},
	"DELETE /api/identity/orgs/{orgId}":                                   {ofAll: true, of: "organization", needs: orgOwner, answer: outdated},
	"POST /api/identity/orgs/{orgId}/restore":                             {ofAll: true, of: "organization", needs: orgOwner, answer: ok},
	"GET /api/identity/orgs/{orgId}/users":                                {ofAll: true, of: "organization", needs: everybody, answer: ok},
	"GET /api/identity/orgs/{orgId}/users/{userId}":                       {ofAll: true, of: "organization", needs: everybody, answer: ok},
	"POST /api/identity/orgs/{orgId}/users/{userId}":                      {ofAll: true, of: "organization", needs: itsAdmins, answer: made},
	"PUT /api/identity/orgs/{orgId}/users/{userId}":                       {ofAll: true, of: "organization", needs: itsAdmins, answer: ok},
	"DELETE /api/identity/orgs/{orgId}/users/{userId}":                    {ofAll: true, of: "organization", needs: itsAdmins, answer: absent},
	"DELETE /api/identity/orgs/{orgId}/users/{userId}/sessions":           {ofAll: true, of: "organization", needs: itsAdmins, answer: absent},
	"POST /api/identity/orgs/{orgId}/users/{userId}/transfer":             {ofAll: true, of: "organization", needs: itsAdmins, answer: ok},
	"POST /api/identity/orgs/{orgId}/users":                               {ofAll: true, of: "organization", needs: itsAdmins, answer: badBody},
	"POST /api/identity/orgs/{orgId}/users/invite":                        {ofAll: true, of: "organization", needs: itsAdmins, answer: badBody},
	"POST /api/identity/orgs/{orgId}/users/{userId}/invitation":           {ofAll: true, of: "organization", needs: itsAdmins, answer: ok},
	"GET /api/identity/orgs/{orgId}/teams":                                {ofAll: true, of: "organization", needs: everybody, answer: ok},
	"POST /api/identity/orgs/{orgId}/teams":                               {ofAll: true, of: "organization", needs: itsAdmins, answer: badBody},
	"GET /api/identity/orgs/{orgId}/teams/{teamId}":                       {ofAll: true, of: "organization", needs: everybody, answer: ok},
	"PUT /api/identity/orgs/{orgId}/teams/{teamId}":                       {ofAll: true, of: "organization", needs: itsAdmins, answer: ok},
	"DELETE /api/identity/orgs/{orgId}/teams/{teamId}":                    {ofAll: true, of: "organization", needs: itsAdmins, answer: outdated},
	"POST /api/identity/orgs/{orgId}/teams/{teamId}":                      {ofAll: true, of: "organization", needs: itsAdmins, answer: made},
	"POST /api/identity/orgs/{orgId}/teams/{teamId}/remove":               {ofAll: true, of: "organization", needs: itsAdmins, answer: outdated},
	"POST /api/identity/orgs/{orgId}/teams/{teamId}/restore":              {ofAll: true, of: "organization", needs: itsAdmins, answer: ok},
	"GET /api/identity/orgs/{orgId}/teams/{teamId}/users":                 {ofAll: true, of: "organization", needs: everybody, answer: ok},
	"POST /api/identity/orgs/{orgId}/teams/{teamId}/users/{userId}":       {ofAll: true, of: "organization", needs: itsAdmins, answer: made},
	"DELETE /api/identity/orgs/{orgId}/teams/{teamId}/users/{userId}":     {ofAll: true, of: "organization", needs: itsAdmins, answer: absent},
	"GET /api/identity/teams/{teamId}/users":                              {ofAll: true, of: "organization", needs: everybody, answer: ok},
	"GET /api/user":                                                       {needs: everybody, answer: ok},
	"GET /api/user/prefs":                                                 {needs: everybody, answer: ok},
	"PUT /api/user/prefs":                                                 {own: true, needs: everybody, answer: badBody},
	"PUT /api/user/password":                                              {own: true, needs: everybody, answer: badBody},
	"GET /api/token":                                                      {needs: everybody, answer: http.StatusConflict}, // it is not sent
	"POST /api/providers/{providerName}/test":                             {creates: true, needs: orgOwner, answer: ok},
	"GET /api/providers/{providerName}/mapping":                           {creates: true, needs: orgOwner, answer: ok},
	"GET /api/provider/capabilities":                                      {needs: everybody, answer: ok},
	"GET /api/identity/tokens":                                            {needs: everybody, answer: ok},
	"POST /api/identity/tokens":                                           {needs: everybody, answer: badBody},
	"DELETE /api/identity/tokens":                                         {needs: everybody, answer: absent},
	"GET /api/identity/tokens/{tokenId}":                                  {needs: everybody, answer: absent},
	"DELETE /api/identity/tokens/{tokenId}":                               {needs: everybody, answer: absent},
	"POST /api/identity/tokens/{tokenId}/rotate":                          {needs: everybody, answer: absent},
	"GET /api/identity/sessions":                                          {own: true, needs: everybody, answer: ok},
	"DELETE /api/identity/sessions":                                       {own: true, needs: everybody, answer: ok},
	"DELETE /api/identity/sessions/{sessionId}":                           {own: true, needs: everybody, answer: absent},
	"GET /api/access/explain":                                             {needs: everybody, answer: ok},
	"GET /api/access/permissions":                                         {needs: everybody, answer: ok},
	"GET /api/registry/connections":                                       {needs: everybody, answer: ok},
	"GET /api/registry/connections/{name}":                                {needs: everybody, answer: ok},
	"POST /api/system/kubernetes/contexts":                                {creates: true, needs: everybody, answer: badBody},
	"POST /api/system/kubernetes":                                         {creates: true, needs: everybody, answer: badBody},
	"GET /api/system/kubernetes/ping":                                     {of: "cluster", needs: operator, answer: ok},
	"GET /api/system/version":                                             {needs: everybody, answer: ok},
}
