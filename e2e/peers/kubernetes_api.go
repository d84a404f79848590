package peers

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// ServiceAccountToken is a token for a service account, as `kubectl create
// token` makes it.
type ServiceAccountToken struct {
	Token   string    `json:"token"`
	Expires time.Time `json:"expirationTimestamp"`
}

// Subject is whom a role is bound to. Namespace is for a service account
// alone.
type Subject struct {
	Kind      string `json:"kind"` // User, Group or ServiceAccount
	Name      string `json:"name"`
	Namespace string `json:"namespace,omitempty"`
}

// Do sends a request as user and returns the status and the body of the
// answer, whatever the status is. A body that is not nil is sent as JSON.
func (k *Kubernetes) Do(ctx context.Context, user KubernetesUser, method, path string, body any) (status int, answer []byte, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	if body == nil {
		text = nil
	}
	request, err := http.NewRequestWithContext(ctx, method, k.URL+path, bytes.NewReader(text))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	settings := &tls.Config{RootCAs: k.CA.Pool()}
	if user.Token != "" {
		request.Header.Set("Authorization", "Bearer "+user.Token)
	}
	if user.Certificate != nil {
		settings.Certificates = []tls.Certificate{user.Certificate.TLS()}
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: settings, DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// Create stores an object as admin: path is that of the collection. An object
// of that name that is there already stays as it is.
func (k *Kubernetes) Create(ctx context.Context, path string, object any) error {
	_, err := k.post(ctx, path, object)
	return err
}

func (k *Kubernetes) post(ctx context.Context, path string, object any) ([]byte, error) {
	status, answer, err := k.Do(ctx, k.User("admin"), http.MethodPost, path, object)
	if err != nil {
		return nil, err
	}
	if status != http.StatusCreated && status != http.StatusConflict {
		return nil, fmt.Errorf("POST %s: %d %s", path, status, answer)
	}
	return answer, nil
}

// Bind gives a subject a cluster role in the whole cluster. Roles that are
// made up of others (view, edit, admin) are empty here, since a controller
// fills them: use the parts, such as system:aggregate-to-view.
func (k *Kubernetes) Bind(ctx context.Context, clusterRole string, subject Subject) error {
	name := strings.ToLower(strings.Join([]string{clusterRole, subject.Kind, subject.Namespace, subject.Name}, ":"))
	return k.Create(ctx, "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", map[string]any{
		"metadata": map[string]any{"name": name},
		"roleRef":  map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": clusterRole},
		"subjects": []Subject{subject},
	})
}

// CreateToken returns a token for a service account, which it creates when
// there is none. The server takes a lifetime of ten minutes or more.
func (k *Kubernetes) CreateToken(ctx context.Context, namespace, account string, lifetime time.Duration) (ServiceAccountToken, error) {
	accounts := "/api/v1/namespaces/" + namespace + "/serviceaccounts"
	err := k.Create(ctx, accounts, map[string]any{"metadata": map[string]any{"name": account}})
	if err != nil {
		return ServiceAccountToken{}, fmt.Errorf("create service account %s: %w", account, err)
	}
	answer, err := k.post(ctx, accounts+"/"+account+"/token", map[string]any{
		"apiVersion": "authentication.k8s.io/v1",
		"kind":       "TokenRequest",
		"spec":       map[string]any{"expirationSeconds": int(lifetime.Seconds())},
	})
	if err != nil {
		return ServiceAccountToken{}, fmt.Errorf("create a token for %s: %w", account, err)
	}
	var request struct {
		Status ServiceAccountToken `json:"status"`
	}
	if err := json.Unmarshal(answer, &request); err != nil {
		return ServiceAccountToken{}, fmt.Errorf("read the token for %s: %w", account, err)
	}
	return request.Status, nil
}

// DeleteServiceAccount removes a service account. The server takes a token of
// it that it has seen for ten seconds more; Restart makes it forget.
func (k *Kubernetes) DeleteServiceAccount(ctx context.Context, namespace, account string) error {
	path := "/api/v1/namespaces/" + namespace + "/serviceaccounts/" + account
	status, answer, err := k.Do(ctx, k.User("admin"), http.MethodDelete, path, nil)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("DELETE %s: %d %s", path, status, answer)
	}
	return err
}

// Kubeconfig returns a kubeconfig file with everything inside: one context
// for each user, named cluster-user, of which the first is the current one.
func (k *Kubernetes) Kubeconfig(users ...KubernetesUser) []byte {
	type object = map[string]any
	file := object{
		"apiVersion": "v1",
		"kind":       "Config",
		"clusters": []object{{"name": k.Name, "cluster": object{
			"server": k.URL, "certificate-authority-data": k.CA.PEM(),
		}}},
	}
	var entries, contexts []object
	for _, user := range users {
		name := k.Name + "-" + user.Name
		entry := object{}
		if user.Token != "" {
			entry["token"] = user.Token
		}
		if user.Certificate != nil {
			entry["client-certificate-data"] = user.Certificate.Certificate
			entry["client-key-data"] = user.Certificate.Key
		}
		entries = append(entries, object{"name": name, "user": entry})
		contexts = append(contexts, object{"name": name, "context": object{"cluster": k.Name, "user": name}})
	}
	file["users"], file["contexts"], file["current-context"] = entries, contexts, contexts[0]["name"]
	text, err := json.MarshalIndent(file, "", "  ") // JSON is YAML, and writes bytes in base64
	must(err)
	return text
}
