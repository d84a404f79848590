package acceptance_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"belay/e2e/peers"
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
		maps.Copy(cluster, k.Cluster)
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

	Plugin      string   `json:"plugin"`
	Recipe      []string `json:"recipe"`
	Remediation []remedy `json:"remediation"`
	Moved       struct{ From, To string }
	Credential  *struct {
		From, To    named
		Unused      bool
		Remediation []remedy
	} `json:"credentialChange"`
}

// preview is what a kubeconfig would become.
type preview struct {
	Contexts []struct {
		Name       string `json:"name"`
		Plugin     string `json:"plugin"`
		Importable bool   `json:"importable"`
		Usable     bool   `json:"usable"`
		Credential *struct {
			Fingerprint string `json:"fingerprint"`
			Known       *named `json:"known"`
		} `json:"credential"`
		Match struct {
			State        string `json:"state"`
			ConnectionID string `json:"connectionId"`
			Moved        struct{ From, To string }
		} `json:"match"`
		Check    *check `json:"check"`
		Problems []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"problems"`
		Missing []struct {
			Path string `json:"path"`
		} `json:"missingFiles"`
		Recipe []string `json:"recipe"`
	} `json:"contexts"`
}

func (c *client) preview(file []byte) preview {
	c.t.Helper()
	return decode[preview](c.upload(kubernetesPath+"/contexts", file, nil, nil).want(http.StatusOK))
}

// states are the contexts of a preview with how each matches.
func (p preview) states() map[string]string {
	out := map[string]string{}
	for _, k := range p.Contexts {
		out[k.Name] = k.Match.State
	}
	return out
}

func (c *client) importFile(file []byte, options any) imported {
	c.t.Helper()
	return decode[imported](c.upload(kubernetesPath, file, options, nil).want(http.StatusOK))
}

// ofCluster is a context of a real cluster.
func ofCluster(k *peers.Kubernetes, name string, user object) kubeContext {
	return kubeContext{Name: name, Server: k.URL, CA: k.CA.PEM(), User: user}
}

func certificateOf(u peers.KubernetesUser) object {
	return object{"client-certificate-data": u.Certificate.Certificate, "client-key-data": u.Certificate.Key}
}

// C14: uploading a rotated kubeconfig mends the existing connection: same
// id, same environments.
func TestC14_RotatedKubeconfigMendsTheConnection(t *testing.T) {
	n := startNode(t, nodeOptions{})
	c := n.admin(t)
	cluster := devCluster.Get(t)
	if err := cluster.Bind(t.Context(), "system:aggregate-to-view", peers.Subject{Kind: "Group", Name: "viewers"}); err != nil {
		t.Fatal(err)
	}
	environments := []string{c.group("production"), c.group("dev/test")}
	first := c.importFile(kubeconfig(ofCluster(cluster, "dev", tokenUser(cluster.User("viewer").Token))), object{"environmentIds": environments})
	if len(first.Connected) != 1 {
		t.Fatalf("the first import: %+v", first)
	}
	id, key := first.Connected[0].ConnectionID, first.Connected[0].CredentialID
	whole := func(during string, version int) {
		t.Helper()
		k := c.wantHealthy(id)
		if k.CredentialID != key || k.CredentialVersion != version {
			t.Errorf("%s: the check names credential %s version %d, want %s version %d", during, k.CredentialID, k.CredentialVersion, key, version)
		}
		if got := c.credential(key); got.Version != version {
			t.Errorf("%s: the credential has version %d, want %d", during, got.Version, version)
		}
		wantNames(t, during+": environments", names(c.connection(id).Environments), []string{"production", "dev/test"})
		if all, keys := c.list(connectionsPath).TotalCount, c.list(credentialsPath).TotalCount; all != 1 || keys != 1 {
			t.Errorf("%s: %d connections and %d credentials, want one of each", during, all, keys)
		}
	}
	whole("at first", 1)

	user, err := cluster.ReplaceToken("viewer")
	if err != nil {
		t.Fatal(err)
	}
	offered := c.wantCause(id, "credential_rejected").Remediation
	if !slices.ContainsFunc(offered, func(r remedy) bool { return r.ID == "kubeconfig.upload" }) {
		t.Errorf("no new kubeconfig is asked for: %+v", offered)
	}
	rotated := kubeconfig(ofCluster(cluster, "dev", tokenUser(user.Token)))
	seen := c.preview(rotated)
	if got := seen.Contexts[0].Match; got.State != "secret_changed" || got.ConnectionID != id {
		t.Errorf("the preview says %+v", got)
	}
	if got := c.importFile(rotated, nil); len(got.Connected) != 1 || got.Connected[0].ConnectionID != id || got.Connected[0].Outcome != "updated" {
		t.Errorf("the second import: %+v", got)
	}
	whole("with the new token", 2)

	// The cluster gets another authority too.
	authority := peers.NewCA("rotated")
	if err := cluster.ReplaceCertificate(lasting(authority)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.ReplaceCertificate(lasting(clusterCA)); err != nil {
			t.Error(err)
		}
	})
	c.wantCause(id, "tls_unknown_authority")
	trusting := ofCluster(cluster, "dev", tokenUser(user.Token))
	trusting.CA = authority.PEM()
	if got := c.importFile(kubeconfig(trusting), nil); len(got.Connected) != 1 || got.Connected[0].ConnectionID != id || got.Connected[0].Outcome != "updated" {
		t.Errorf("the third import: %+v", got)
	}
	whole("with the new authority", 2)

	// And it moves: it is known again by what it is, not by where.
	moved := trusting
	moved.Server, _ = forward(t, cluster.URL)
	if got := c.preview(kubeconfig(moved)).Contexts[0].Match; got.State != "moved" || got.ConnectionID != id || got.Moved.From != cluster.URL || got.Moved.To != moved.Server {
		t.Errorf("the preview of what has moved says %+v", got)
	}
	if got := c.importFile(kubeconfig(moved), nil); len(got.Errored) != 1 || got.Errored[0].Outcome != "blocked" || !strings.Contains(got.Errored[0].Remediation[0].Command, "--move") {
		t.Errorf("unasked: %+v", got)
	}
	whole("at the old address", 2)
	asked := object{"contexts": []object{{"name": "dev", "move": true}}}
	if got := c.importFile(kubeconfig(moved), asked); len(got.Connected) != 1 || got.Connected[0].ConnectionID != id || got.Connected[0].Moved.From != cluster.URL {
		t.Errorf("the fourth import: %+v", got)
	}
	if got := c.connection(id).URL; got != moved.Server {
		t.Errorf("the address is %s, want %s", got, moved.Server)
	}
	whole("at the new address", 2)
}
