package acceptance_test

import (
	"encoding/json"
)

// kubeContext is one context of a kubeconfig, with a cluster and a user of
// its own name, unless UserName names one that several share.
type kubeContext struct {
	Name     string
	Server   string
	CA       []byte
	Cluster  object // further keys of the cluster
	User     object
	UserName string
}

// kubeconfig writes a kubeconfig; JSON is YAML.
func kubeconfig(contexts ...kubeContext) []byte {
	var clusters, users, list []object
	known := map[string]bool{}
	for _, k := range contexts {
		cluster := object{"server": k.Server}
		if k.CA != nil {
			cluster["certificate-authority-data"] = k.CA
		}
		for name, v := range k.Cluster {
			cluster[name] = v
		}
		user := k.UserName
		if user == "" {
			user = k.Name
		}
		clusters = append(clusters, object{"name": k.Name, "cluster": cluster})
		list = append(list, object{"name": k.Name, "context": object{"cluster": k.Name, "user": user}})
		if !known[user] {
			users = append(users, object{"name": user, "user": k.User})
		}
		known[user] = true
	}
	text, err := json.MarshalIndent(object{
		"apiVersion": "v1", "kind": "Config", "current-context": contexts[0].Name,
		"clusters": clusters, "users": users, "contexts": list,
	}, "", "  ")
	if err != nil {
		panic(err) // only texts are put together
	}
	return text
}

func tokenUser(token string) object { return object{"token": token} }

// imported is the answer to an import.
type imported struct {
	Registered []importedContext `json:"registeredContexts"`
	Connected  []importedContext `json:"connectedContexts"`
	Ignored    []importedContext `json:"ignoredContexts"`
	Errored    []importedContext `json:"erroredContexts"`
}

type importedContext struct {
	Name         string `json:"name"`
	Outcome      string `json:"outcome"`
	Message      string `json:"message"`
	ConnectionID string `json:"connectionId"`
	CredentialID string `json:"credentialId"`
	Status       string `json:"status"`
}
