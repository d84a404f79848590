package belay

const (
	connectionPath  = "/api/integrations/connections/{id}"
	credentialsPath = "/api/integrations/credentials"
	kubeconfigPath  = "/api/system/kubernetes?connectionId={id}"
)

// cure is a remedy as it is written down once for all connections. In Href
// and Command, {id} and {name} stand for the connection's id and for its name
// as a word of a shell, {credential} for that of the credential that the cause
// is about, {deletedId} and {deleted} for one that is deleted, {type} for its
// type, {fields} for the flags that give what it holds and {secrets} for those
// that renew it, {rest} for the flags that name the connection's other
// credentials, {setting} for a setting of the kind, and {identity} for the
// target's. What a person has to fill in is in capitals.
type cure struct {
	Remedy
	offered func(RemedyContext) bool   // nil: always
	body    func(RemedyContext) any    // of the action; nil: what it says
	words   func(RemedyContext) string // the description; nil: what it says
	command func(RemedyContext) string // nil: what it says
}

// canBecome offers a change of status where the lifecycle has it.
func canBecome(to Status) func(RemedyContext) bool {
	return func(rc RemedyContext) bool {
		_, err := rc.Status.Transition(to)
		return err == nil || rc.ConnectionID == ""
	}
}

func isKubernetes(rc RemedyContext) bool { return rc.Kind == "kubernetes" }

// cures holds each remedy once.
var cures = map[string]cure{
	"check.rerun": {Remedy: Remedy{
		Title: "Test again", Description: "Runs the test once more.",
		Action:  &RemedyAction{Method: "POST", Href: connectionPath + "/test"},
		Command: "belay connection test {name}",
	}},
	"connection.register": {
		Remedy: Remedy{
			Title: "Register the connection", Description: "Takes the connection into use.",
			Action:  &RemedyAction{Method: "PUT", Href: connectionPath, Body: map[string]any{"status": string(StatusRegistered)}},
			Command: "belay connection state {name} registered",
		},
		offered: canBecome(StatusRegistered),
	},
	"connection.edit": {Remedy: Remedy{
		Title: "Edit the endpoint", Description: "Changes the address at which the target is reached.",
		Action:  &RemedyAction{Method: "PUT", Href: connectionPath},
		Command: "belay connection edit {name} --url URL",
	}},
	"connection.settings": {
		Remedy: Remedy{
			Title: "Change the settings", Description: "Changes what the test asks for and what the answer must be.",
			Action:  &RemedyAction{Method: "PUT", Href: connectionPath},
			Command: "belay connection edit {name} --set metadata.{setting}=VALUE",
		},
		offered: func(rc RemedyContext) bool { return rc.setting() != "" },
	},
	"connection.maintenance": {
		Remedy: Remedy{
			Title: "Put into maintenance", Description: "Says that the target is down on purpose; no test changes the status until the maintenance ends.",
			Action:  &RemedyAction{Method: "PUT", Href: connectionPath, Body: map[string]any{"status": string(StatusMaintenance)}},
			Command: "belay connection state {name} maintenance",
		},
		offered: canBecome(StatusMaintenance),
	},
	"identity.accept": {
		Remedy: Remedy{
			Title: "Accept the new target", Description: "Takes the target that answers now for the connection's own; the credential is its from then on.",
			Action:  &RemedyAction{Method: "PUT", Href: connectionPath},
			Command: "belay connection edit {name} --identity {identity}",
		},
		offered: func(rc RemedyContext) bool { return rc.Identity != "" },
		body:    func(rc RemedyContext) any { return map[string]any{"identity": rc.Identity} },
	},
	"credential.replace": {
		Remedy: Remedy{
			Title: "Replace the secret", Description: "Puts a new secret into the credential; every connection that uses it has it at once.",
			Action:  &RemedyAction{Method: "PUT", Href: credentialsPath},
			Command: "belay credential edit {credential} {secrets}",
		},
		offered: func(rc RemedyContext) bool { return rc.CredentialID != "" },
		body:    func(rc RemedyContext) any { return map[string]any{"id": string(rc.CredentialID)} },
	},
	"credential.retype": {
		Remedy:  Remedy{Title: "Try another secret"},
		offered: func(rc RemedyContext) bool { return rc.ConnectionID == "" && rc.CredentialID == "" },
		words: func(rc RemedyContext) string {
			return "The target does not take the " + rc.secretWord() + " that was given: check it, or try another."
		},
	},
	"credential.remove": {
		Remedy: Remedy{
			Title: "Remove the credential", Description: "Takes the credential that is rejected off this connection, which goes on with the one that works.",
			Action:  &RemedyAction{Method: "PUT", Href: connectionPath},
			Command: "belay connection credential {name} {rest}",
		},
		offered: func(rc RemedyContext) bool { return len(rc.Others) > 0 },
		body:    func(rc RemedyContext) any { return map[string]any{"credentials": rc.others()} },
	},
	"credential.restore": {
		Remedy: Remedy{
			Title: "Restore the credential", Description: "Takes back the deletion of the credential that the connection has.",
			Action:  &RemedyAction{Method: "POST", Href: credentialsPath + "/{deletedId}/restore"},
			Command: "belay credential restore {deleted}",
		},
		offered: func(rc RemedyContext) bool { return rc.DeletedID != "" },
	},
	"credential.attach": {Remedy: Remedy{
		Title: "Attach another credential", Description: "Lets the connection use a credential that is already stored.",
		Action:  &RemedyAction{Method: "PUT", Href: connectionPath},
		Command: "belay connection credential {name} --use CREDENTIAL",
	}},
	"credential.create": {
		Remedy: Remedy{
			Title: "Create a credential", Description: "Stores a new credential and lets the connection use it.",
			Action:  &RemedyAction{Method: "PUT", Href: connectionPath},
			Command: "belay credential create CREDENTIAL --type {type} {fields} && belay connection credential {name} --use CREDENTIAL",
		},
		offered: func(rc RemedyContext) bool { return rc.credentialType() != "" || rc.ConnectionID == "" },
		body:    func(rc RemedyContext) any { return map[string]any{"credentialType": rc.credentialType()} },
	},
	"kubeconfig.upload": {
		Remedy: Remedy{
			Title: "Upload a new kubeconfig for this connection", Description: "Replaces the credential of this connection by the one in the file; its id and environments stay.",
			Action:  &RemedyAction{Method: "POST", Href: kubeconfigPath},
			Command: "belay connection import kubeconfig -f PATH --connection {name}",
		},
		offered: isKubernetes,
	},
	"kubeconfig.accept": {
		Remedy: Remedy{
			Title: "Upload a kubeconfig for the new cluster", Description: "Takes the cluster in the file for the connection's own, with the credential in the file;" +
				" its id and environments stay. In the options: acceptIdentity, for the context.",
			Action:  &RemedyAction{Method: "POST", Href: kubeconfigPath},
			Command: "belay connection import kubeconfig -f PATH --connection {name} --accept-identity",
		},
		offered: isKubernetes,
	},
	"tls.trust": {
		Remedy: Remedy{
			Title: "Trust this certificate authority", Description: "Adds the authority that signed the target's certificate to this connection; compare its fingerprint first.",
			Action:  &RemedyAction{Method: "PUT", Href: connectionPath},
			Command: "belay connection edit {name} --ca-certificate PATH",
		},
		offered: func(rc RemedyContext) bool { return !rc.Unverified && !rc.Trusts },
	},
	"tls.replaceAuthority": {
		Remedy: Remedy{
			Title: "Find out who answers", Description: "The certificate authority that is configured for this connection has not signed what the target presents:" +
				" the target has a new authority, or somebody stands between. Ask who runs the target, another way than over this connection." +
				" Only if the authority has changed, put the new one into the place of the one that is configured.",
			Action:  &RemedyAction{Method: "PUT", Href: connectionPath},
			Command: "belay connection edit {name} --ca-certificate PATH",
		},
		offered: func(rc RemedyContext) bool { return !rc.Unverified && rc.Trusts },
	},
	"tls.verify": {
		Remedy: Remedy{
			Title: "Verify the certificate", Description: "Trusts one authority instead of any certificate; compare its fingerprint first.",
			Action:  &RemedyAction{Method: "PUT", Href: connectionPath},
			Command: "belay connection edit {name} --ca-certificate PATH --set metadata.tls.insecureSkipVerify=false",
		},
		offered: func(rc RemedyContext) bool { return rc.Unverified },
	},
	"tls.serverName": {Remedy: Remedy{
		Title: "Set the server name", Description: "Names the host for which the target's certificate was made.",
		Action:  &RemedyAction{Method: "PUT", Href: connectionPath},
		Command: "belay connection edit {name} --tls-server-name NAME",
	}},
	"permission.grant": {Remedy: Remedy{Title: "Grant the permission"}, words: grantWords, command: grantCommand},
	"tls.renew":        {Remedy: Remedy{Title: "Renew the certificate at the target"}, words: renewWords},
	"egress.allow": {Remedy: Remedy{
		Title: "Allow this target", Description: "The operator of this server adds the target to egress.allow.",
		Command: "belay serve --egress-allow CIDR",
	}},
}
