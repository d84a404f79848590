package kubeconfig

import (
	"encoding/json"
	"strings"
)

// Recipe returns the commands, for a POSIX shell on a machine where kubectl
// can use this context, that make a service account which may look at
// everything but secrets, and write belay-kubeconfig.json: this context with
// the token of that account, to be uploaded in place of the first file. None
// when the context cannot be imported. They are for a person to read and
// run; nothing here runs them.
//
// The token is one of a Secret, which does not expire: what "kubectl create
// token" gives, clusters cut short as they like.
func (c *Context) Recipe() []string {
	if !c.Importable() {
		return nil
	}
	kubectl := "kubectl --context=" + quote(c.Name)
	inside := kubectl + " --namespace=belay"
	return []string{
		kubectl + " create namespace belay",
		inside + " create serviceaccount belay",
		kubectl + " create clusterrolebinding belay-view --clusterrole=view --serviceaccount=belay:belay",
		"printf %s " + quote(tokenSecret) + " | " + inside + " create --filename=-",
		"until " + inside + " get secret belay-token --output=jsonpath='{.data.token}' | grep -q .; do sleep 1; done",
		"(umask 077 && " + inside + " get secret belay-token --output=go-template=" + quote(c.template()) + " > belay-kubeconfig.json)",
	}
}

const tokenSecret = `{"apiVersion":"v1","kind":"Secret","type":"kubernetes.io/service-account-token",` +
	`"metadata":{"name":"belay-token","annotations":{"kubernetes.io/service-account.name":"belay"}}}`

// template is a kubeconfig in JSON, with the token to be filled in by
// kubectl's go-template output.
func (c *Context) template() string {
	type object = map[string]any
	cluster := object{"server": c.Endpoint}
	if c.TLS.CertificateAuthority != "" {
		cluster["certificate-authority-data"] = []byte(c.TLS.CertificateAuthority)
	}
	if c.TLS.ServerName != "" {
		cluster["tls-server-name"] = c.TLS.ServerName
	}
	if c.TLS.InsecureSkipVerify {
		cluster["insecure-skip-tls-verify"] = true
	}
	context := object{"cluster": c.Name, "user": "belay"}
	if c.Namespace != "" {
		context["namespace"] = c.Namespace
	}
	text, err := json.Marshal(object{
		"apiVersion": "v1", "kind": "Config", "current-context": c.Name,
		"clusters": []object{{"name": c.Name, "cluster": cluster}},
		"contexts": []object{{"name": c.Name, "context": context}},
		"users":    []object{{"name": "belay", "user": object{"token": "TOKEN"}}},
	})
	if err != nil { // strings, bytes and a bool: there is nothing that JSON cannot hold
		return ""
	}
	// What the file says must not become a part of the template.
	plain := strings.ReplaceAll(string(text), "{{", `{\u007b`)
	return strings.Replace(plain, `{"token":"TOKEN"}`, `{"token":"{{.data.token | base64decode}}"}`, 1)
}

// quote quotes s for a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
