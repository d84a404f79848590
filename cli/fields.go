package cli

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"belay"
)

// fieldNames are the fields that the objects of a noun can have, by which
// --fields knows a typing error; those of an object within only where they
// are always the same. The API's document has the same ones.
func fieldNames(noun string) []string {
	const common = "id name createdAt updatedAt deletedAt "
	names := map[string]string{
		"connection": common + "authorizedActions check check.intervalSeconds check.timeoutSeconds credentialId credentials" +
			" description environments health health.cause health.checkId health.checkedAt health.since health.staleAfter health.outdated" +
			" health.status health.summary identity kind labels maintenance maintenance.reason maintenance.until management" +
			" metadata organizationId origin schemaVersion status statusChangedAt statusChangedBy statusReason subType type url userId",
		"credential": common + "authorizedActions expiresAt fingerprint lastRotatedAt lastUsedAt organizationId public" +
			" secretSet type usage usage.connections usage.works usage.works.ok usage.works.total usage.works.stale userId version",
		"environment":  common + "authorizedActions description metadata organizationId owner schemaVersion",
		"workspace":    common + "authorizedActions description metadata organizationId owner ownerId",
		"team":         common + "authorizedActions description metadata organizationId owner",
		"member":       "id createdAt updatedAt deletedAt avatarUrl email firstName joinedAt lastLoginTime lastName provider role status userId",
		"access":       "id name kind permissions because",
		"organization": common + "country description owner region",
		"token": "id name createdAt updatedAt authorizedActions userId userEmail provider purpose accessToken isOauth scopes organizationId" +
			" workspaceId environmentId status current expiresSoon expiresAt lastUsedAt lastUsedFrom rotatedAt revokedAt" +
			" previous previous.accessToken previous.expiresAt previous.lastUsedAt",
		"session": "id createdAt userId client userAgent remoteAddr current lastUsedAt idleAt expiresAt",
		"kind": "id name title description icon type subType endpoint endpoint.schemes endpoint.example endpoint.help" +
			" connectionSchema credentialTypes credentialRequired purposes stages test documentation credentials",
		"check": "id connectionId connectionName connectionStatus trigger startedAt durationMs health cause summary stages facts credentialId credentialVersion rejected identity remediation",
		"user": "id createdAt updatedAt deletedAt authentication authentication.method authentication.scopes authentication.expiresAt" +
			" avatarUrl email firstName lastLoginTime lastName organizationRoles provider status userId",
	}
	return strings.Fields(names[noun])
}

// shownNoun is the noun of what a command shows, as far as its objects are
// the API's; "" where they are not known beforehand.
func shownNoun(command string) string {
	words := append(strings.Fields(command), "", "")
	noun, verb := words[0], words[1]
	switch {
	case noun == "whoami":
		return "user"
	case noun == "provider":
		return ""
	case noun == "organization" && verb == "member":
		return "member"
	case noun == "workspace" && verb == "access":
		return "access"
	case verb == "checks" || verb == "test":
		return "check"
	case verb == "usage" || verb == "assign" || verb == "unassign":
		return "connection"
	case verb == "add-environment" || verb == "remove-environment":
		return "environment"
	case verb == "import" || noun == "context" || noun == "config" || noun == "access":
		return ""
	}
	return noun
}

// shownFields are the fields of what a command shows: what views of holders
// add to the API's objects are what these hold.
func shownFields(command string) []string {
	known := fieldNames(shownNoun(command))
	switch {
	case strings.HasPrefix(command, "environment view"):
		return append(known, connections().key)
	case strings.HasPrefix(command, "workspace view"):
		return append(known, environments().key, grantedTeams().key, grantedUsers().key)
	case strings.HasPrefix(command, "team view"):
		return append(known, users().plural)
	}
	return known
}

// checkFields refuses a field that nothing has, before anything is done.
func (in *invocation) checkFields(command string) error {
	noun, known := shownNoun(command), shownFields(command)
	for i, f := range in.flags.Fields {
		if noun == checks().noun && f == "name" { // by which people know what was tested
			in.flags.Fields[i] = "connectionName"
			continue
		}
		if len(known) > 0 && !knownField(known, f) {
			return notOneOf("field", f, known)
		}
	}
	return nil
}

// knownField tells whether a field can be there: it is known, or is in an
// object or a list of which the inside is not known beforehand.
func knownField(known []string, f string) bool {
	if slices.Contains(known, f) {
		return true
	}
	outer, _, ok := strings.Cut(f, ".")
	closed := slices.ContainsFunc(known, func(k string) bool { return strings.HasPrefix(k, outer+".") })
	return ok && slices.Contains(known, outer) && !closed
}

// checkFilter refuses a value that nothing can have. What the server holds is
// asked for; what it does not say is left to it.
func (in *invocation) checkFilter(ctx context.Context, r resource, key string, values []string) error {
	known, err := in.filterValues(ctx, r, key)
	if err != nil || known == nil {
		return err
	}
	for _, v := range values {
		if !slices.Contains(known, v) {
			return notOneOf(key, v, known)
		}
	}
	return nil
}

// filterValues are the values that a key of --filter can have, nil where they
// are not known.
func (in *invocation) filterValues(ctx context.Context, r resource, key string) ([]string, error) {
	var out []string
	switch {
	case key == "health":
		for _, h := range belay.HealthStatuses() {
			out = append(out, string(h))
		}
	case key == "status" || key == "state":
		for _, s := range belay.Statuses() {
			out = append(out, string(s))
		}
	case key == "type" && r.noun == "credential":
		out = credentialTypeNames()
	case key == "kind" || key == "type":
		p, err := in.fetchUpTo(ctx, kinds(), kinds().path, url.Values{}, 0)
		if err != nil {
			return nil, err
		}
		for _, k := range p.items {
			out = append(out, k.text(map[string]string{"kind": "name", "type": "type"}[key]))
		}
		slices.Sort(out)
		out = slices.Compact(out)
	}
	return out, nil
}
