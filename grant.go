package belay

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// grantWords says what to allow whom.
func grantWords(rc RemedyContext) string {
	user := "the credential's user"
	switch {
	case rc.User != "":
		user = rc.User
	case rc.CredentialName != "":
		user = "the user of credential " + rc.CredentialName
	}
	return "The target must allow " + user + " what the test needs: " + cmp.Or(rc.Missing, "see the stage that failed") + "."
}

// renewWords says which certificate of the target ends when.
func renewWords(rc RemedyContext) string {
	words := "Its certificate"
	if rc.CertificateSubject != "" {
		words += " for " + rc.CertificateSubject
	}
	if rc.CertificateEnd != "" {
		words += ", valid until " + rc.CertificateEnd + ","
	}
	return words + " is renewed where the target runs, not here; then test again."
}

// grantCommand is what gives a Kubernetes user the permissions that are
// missing, run by an administrator of the cluster; "" where that is not known.
func grantCommand(rc RemedyContext) string {
	if !isKubernetes(rc) || rc.User == "" || strings.Contains(rc.User, "[redacted]") || strings.ContainsFunc(rc.User, unicode.IsControl) {
		return ""
	}
	rules := grantRules(rc.Missing)
	if rules == nil {
		return ""
	}
	subject := "--user=" + rc.User
	if account, ok := strings.CutPrefix(rc.User, "system:serviceaccount:"); ok {
		subject = "--serviceaccount=" + account
	}
	name := "belay-" + roleName(rc.User)
	role := append([]string{"kubectl", "create", "clusterrole", name}, rules...)
	binding := []string{"kubectl", "create", "clusterrolebinding", name, "--clusterrole=" + name, subject}
	return CommandLine(role...) + " && " + CommandLine(binding...)
}

// grantRules are the flags by which kubectl makes a role of the permissions
// that are missing, such as "list namespaces, list services", nil where they
// are not of that form.
func grantRules(missing string) []string {
	var verbs, resources, paths []string
	for part := range strings.SplitSeq(missing, ", ") {
		verb, object, ok := strings.Cut(part, " ")
		switch {
		case !ok || object == "" || strings.Contains(object, " "):
			return nil
		case strings.HasPrefix(object, "/"):
			paths = append(paths, "--non-resource-url="+object)
		default:
			resources = append(resources, object)
		}
		if !slices.Contains(verbs, verb) {
			verbs = append(verbs, verb)
		}
	}
	if resources != nil && (paths != nil || len(verbs) > 1) {
		return nil // one command would grant more than is missing
	}
	rules := []string{"--verb=" + strings.Join(verbs, ",")}
	if resources != nil {
		rules = append(rules, "--resource="+strings.Join(resources, ","))
	}
	return append(rules, paths...)
}

// roleName is a user's name with what a role can be called.
func roleName(user string) string {
	name := strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(strings.TrimPrefix(user, "system:serviceaccount:")))
	return strings.Trim(name, "-")
}

// secretWord is what people call the secret of the credential that the cause
// is about.
func (rc RemedyContext) secretWord() string {
	switch rc.CredentialType {
	case CredentialBasic:
		return "password"
	case CredentialBearer:
		return "token"
	case CredentialMTLS:
		return "certificate"
	default:
		return "credential"
	}
}
