package kubeconfig

import (
	"strings"
	"testing"
)

// The shapes in which the field's tools write kubeconfigs.
func TestShapes(t *testing.T) {
	p := newPKI(t)
	tests := map[string]struct {
		text  string
		files map[string]string
		want  string
	}{
		"kind": {text: `
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: {ca}
    server: https://127.0.0.1:41235
  name: kind-dev
contexts:
- context:
    cluster: kind-dev
    user: kind-dev
  name: kind-dev
current-context: kind-dev
kind: Config
preferences: {}
users:
- name: kind-dev
  user:
    client-certificate-data: {cert}
    client-key-data: {key}
`, want: "kind-dev* https://127.0.0.1:41235 ca kubernetes[clientCertificate clientKey] usable warning:loopback@/clusters/0/cluster/server\n"},
		"Amazon EKS": {text: `
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: {ca}
    server: https://0123456789ABCDEF.gr7.eu-west-1.eks.amazonaws.com
  name: arn:aws:eks:eu-west-1:111122223333:cluster/dev
contexts:
- context:
    cluster: arn:aws:eks:eu-west-1:111122223333:cluster/dev
    user: arn:aws:eks:eu-west-1:111122223333:cluster/dev
  name: eks-dev
current-context: eks-dev
kind: Config
users:
- name: arn:aws:eks:eu-west-1:111122223333:cluster/dev
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      args: [--region, eu-west-1, eks, get-token, --cluster-name, dev, --output, json]
      command: aws
`, want: "eks-dev* https://0123456789abcdef.gr7.eu-west-1.eks.amazonaws.com ca [] importable credential:exec@/users/0/user/exec\n"},
		"Google GKE": {text: `
apiVersion: v1
kind: Config
clusters: [{name: gke_p_z_c, cluster: {certificate-authority-data: {ca}, server: "https://198.51.100.7"}}]
contexts: [{name: gke_p_z_c, context: {cluster: gke_p_z_c, user: gke_p_z_c}}]
users:
- name: gke_p_z_c
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      command: gke-gcloud-auth-plugin
      installHint: Install gke-gcloud-auth-plugin
      provideClusterInfo: true
`, want: "gke_p_z_c https://198.51.100.7 ca [] importable credential:exec@/users/0/user/exec\n"},
		"Azure AKS with kubelogin": {text: `
apiVersion: v1
kind: Config
current-context: aks
clusters: [{name: aks, cluster: {certificate-authority-data: {ca}, server: "https://aks-1.hcp.westeurope.azmk8s.io:443"}}]
contexts: [{name: aks, context: {cluster: aks, user: clusterUser_g_aks}}]
users:
- name: clusterUser_g_aks
  user:
    exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: kubelogin, args: [get-token, --server-id, x], env: null}
`, want: "aks* https://aks-1.hcp.westeurope.azmk8s.io ca [] importable credential:exec@/users/0/user/exec\n"},
		"OpenShift": {text: `
apiVersion: v1
kind: Config
current-context: shop/api-ocp-example:6443/kube:admin
clusters: [{name: "api-ocp-example:6443", cluster: {server: "https://api.ocp.example:6443"}}]
contexts:
- name: shop/api-ocp-example:6443/kube:admin
  context: {cluster: "api-ocp-example:6443", namespace: shop, user: "kube:admin/api-ocp-example:6443"}
users: [{name: "kube:admin/api-ocp-example:6443", user: {token: sha256~canary}}]
`, want: "shop/api-ocp-example:6443/kube:admin* https://api.ocp.example:6443 kubernetes[token] usable\n"},
		"k3s": {text: `
apiVersion: v1
clusters: [{name: default, cluster: {certificate-authority-data: {ca}, server: "https://10.1.2.3:6443"}}]
contexts: [{name: default, context: {cluster: default, user: default}}]
current-context: default
kind: Config
preferences: {}
users: [{name: default, user: {client-certificate-data: {cert}, client-key-data: {key}}}]
`, want: "default* https://10.1.2.3:6443 ca kubernetes[clientCertificate clientKey] usable\n"},
		"minikube without its files": {text: minikube, want: "minikube* https://192.168.49.2:8443 [] unusable" +
			" connection:file_missing@/clusters/0/cluster/certificate-authority" +
			" credential:file_missing@/users/0/user/client-certificate credential:file_missing@/users/0/user/client-key\n"},
		"minikube with its files": {text: minikube, files: map[string]string{
			"/home/u/.minikube/ca.crt": p.ca, "client.crt": p.cert, "somewhere/client.key": p.key,
		}, want: "minikube* https://192.168.49.2:8443 ca kubernetes[clientCertificate clientKey] usable\n"},
		"Rancher": {text: `
apiVersion: v1
kind: Config
clusters:
- name: "prod"
  cluster:
    server: "https://rancher.example/k8s/clusters/c-m-abc"
    certificate-authority-data: "{ca}"
- name: "prod-node1"
  cluster:
    server: "https://10.0.0.5:6443"
    certificate-authority-data: "{ca}"
users:
- name: "prod"
  user:
    token: "kubeconfig-user-x:canary"
contexts:
- name: "prod"
  context:
    user: "prod"
    cluster: "prod"
- name: "prod-node1"
  context:
    user: "prod"
    cluster: "prod-node1"
current-context: "prod"
`, want: "prod* https://rancher.example/k8s/clusters/c-m-abc ca kubernetes[token] usable\nprod-node1 https://10.0.0.5:6443 ca kubernetes[token] usable\n"},
		"Docker Desktop": {text: `
apiVersion: v1
kind: Config
current-context: docker-desktop
clusters: [{name: docker-desktop, cluster: {certificate-authority-data: {ca}, server: "https://kubernetes.docker.internal:6443"}}]
contexts: [{name: docker-desktop, context: {cluster: docker-desktop, user: docker-desktop}}]
users: [{name: docker-desktop, user: {client-certificate-data: {cert}, client-key-data: {key}}}]
`, want: "docker-desktop* https://kubernetes.docker.internal:6443 ca kubernetes[clientCertificate clientKey] usable warning:loopback@/clusters/0/cluster/server\n"},
		"legacy auth-provider": {
			text: one(goodCluster, `{auth-provider: {name: gcp, config: {access-token: canary}}}`),
			want: "c* https://k.example:6443 [] importable credential:auth_provider@/users/0/user/auth-provider\n",
		},
		"user and password": {
			text: one(goodCluster, `{username: admin, password: canary}`),
			want: "c* https://k.example:6443 kubernetes[password username] usable\n",
		},
		"JSON": {
			text: "{\n\t\"kind\": \"Config\", \"apiVersion\": \"v1\",\n\t\"contexts\": [{\"name\": \"c\", \"context\": {\"cluster\": \"k\", \"user\": \"u\"}}],\n" +
				"\t\"clusters\": [{\"name\": \"k\", \"cluster\": {\"server\": \"https:\\/\\/k.example\"}}],\n\t\"users\": [{\"name\": \"u\", \"user\": {\"username\": \"\\ud83d\\ude00\\\\/\\u00e4\", \"password\": \"x\"}}]\n}\n",
			want: "c https://k.example kubernetes[password username] usable\n",
		},
		"anchors and merges": {text: `
clusters:
- {name: a, cluster: &base {server: "https://a.example", certificate-authority-data: {ca}}}
- name: b
  cluster:
    <<: *base
    server: https://b.example
contexts: [{name: a, context: {cluster: a, user: u}}, {name: b, context: {cluster: b, user: u}}]
users: [{name: u, user: {token: canary}}]
`, want: "a https://a.example ca kubernetes[token] usable\nb https://b.example ca kubernetes[token] usable\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			files := map[string][]byte{}
			for path, text := range tt.files {
				files[path] = []byte(text)
			}
			f := parse(t, p.fill(tt.text), files)
			if got := summary(f); got != tt.want {
				t.Errorf("got:\n%swant:\n%s", got, tt.want)
			}
			for _, c := range f.Contexts {
				checkValues(t, c)
			}
		})
	}
}

const minikube = `
apiVersion: v1
clusters:
- cluster:
    certificate-authority: /home/u/.minikube/ca.crt
    extensions:
    - extension:
        last-update: Tue, 06 May 2031 07:08:09 UTC
        provider: minikube.sigs.k8s.io
        version: v1.36.0
      name: cluster_info
    server: https://192.168.49.2:8443
  name: minikube
contexts:
- context:
    cluster: minikube
    namespace: default
    user: minikube
  name: minikube
current-context: minikube
kind: Config
users:
- name: minikube
  user:
    client-certificate: /home/u/.minikube/profiles/minikube/client.crt
    client-key: /home/u/.minikube/profiles/minikube/client.key
`

func TestOneBadContextHidesNoGoodOne(t *testing.T) {
	f := parse(t, []byte(`
current-context: gone
clusters: [{name: k, cluster: {server: "https://k.example"}}, {name: bad, cluster: {server: "::"}}, 7, {name: odd, cluster: 7}]
users: [{name: u, user: {token: canary}}, {user: {token: x}}, {name: empty, user: {}}]
contexts:
- just text
- name: nothing
- {name: 7, context: {cluster: k, user: u}}
- {context: {cluster: k, user: u}}
- {name: none, context: {cluster: none, user: none}}
- {name: bare, context: {}}
- {name: address, context: {cluster: bad, user: u}}
- {name: good, context: {cluster: k, user: u}}
- {name: good, context: {cluster: k, user: empty}}
- {name: anonymous, context: {cluster: k}}
- {name: "line\nbreak", context: {cluster: k, user: u}}
- {name: [list], context: {cluster: {}, user: u}}
`), nil)
	want := `  [] unusable connection:malformed@/contexts/0
nothing  [] unusable connection:malformed@/contexts/1
7 https://k.example kubernetes[token] usable
 https://k.example kubernetes[token] unusable connection:name@/contexts/3
none  [] unusable connection:cluster_missing@/contexts/4/context/cluster credential:user_missing@/contexts/4/context/user
bare  [] unusable connection:cluster_missing@/contexts/5/context/cluster warning:anonymous@/contexts/5/context/user
address  kubernetes[token] unusable connection:server@/clusters/1/cluster/server
good https://k.example kubernetes[token] usable
good https://k.example [] unusable connection:duplicate_context@/contexts/8/name warning:anonymous@/users/2/user
anonymous https://k.example [] usable warning:anonymous@/contexts/9/context/user
line�break https://k.example kubernetes[token] unusable connection:name@/contexts/10/name
  kubernetes[token] unusable connection:malformed@/contexts/11/name connection:name@/contexts/11 connection:malformed@/contexts/11/context/cluster connection:cluster_missing@/contexts/11/context/cluster
file warning:malformed@/clusters/2
file warning:malformed@/clusters/3/cluster
file warning:malformed@/users/1
file warning:no_current_context@/current-context
`
	if got := summary(f); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

func TestOneUserOfTwoContextsIsOneCredential(t *testing.T) {
	p := newPKI(t)
	f := parse(t, p.fill(`
clusters: [{name: a, cluster: {server: "https://a.example"}}, {name: b, cluster: {server: "https://b.example"}}]
users:
- {name: inline, user: {client-certificate-data: {cert}, client-key-data: {key}}}
- {name: files, user: {client-certificate: c.pem, client-key: k.pem}}
contexts:
- {name: a, context: {cluster: a, user: inline}}
- {name: b, context: {cluster: b, user: inline}}
- {name: c, context: {cluster: b, user: files}}
`), map[string][]byte{"c.pem": []byte("subject=test\n" + strings.ReplaceAll(p.cert, "\n", "\r\n")), "k.pem": []byte(p.key + "\n\n")})
	for _, c := range f.Contexts[1:] {
		for name, v := range f.Contexts[0].Values {
			if !v.Equal(c.Values[name]) {
				t.Errorf("%s of context %s differs from that of context a", name, c.Name)
			}
		}
		if len(c.Values) != 2 {
			t.Errorf("context %s has %d values", c.Name, len(c.Values))
		}
	}
}

func TestJSONEscapes(t *testing.T) {
	f := parse(t, []byte(`{"contexts":[{"name":"c","context":{"cluster":"k","user":"u"}}],"clusters":[{"name":"k","cluster":{"server":"https:\/\/k.example"}}],`+
		`"users":[{"name":"u","user":{"username":"\ud83d\ude00\\/\"\u00e4\ud83d","password":"\u0041\/\\n"}}]}`), nil)
	if got, want := value(f.Contexts[0], "username"), "\U0001f600\\/\"ä\ufffd"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := value(f.Contexts[0], "password"), "A/\\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestContextsKeepTheirNamesAndPlaces(t *testing.T) {
	f := parse(t, []byte(`
contexts:
- {name: b, context: {cluster: k, user: u, namespace: shop}}
- {name: a, context: {cluster: k, user: u}}
clusters: [{name: k, cluster: {server: "https://k.example", tls-server-name: kube.internal}}]
users: [{name: u, user: {token: canary}}]
current-context: a
`), nil)
	b, a := f.Contexts[0], f.Contexts[1]
	if b.Name != "b" || b.Current || a.Name != "a" || !a.Current {
		t.Errorf("order or current context changed: %s", summary(f))
	}
	if b.Cluster != "k" || b.User != "u" || b.Namespace != "shop" || b.TLS.ServerName != "kube.internal" {
		t.Errorf("got %+v", b)
	}
	if value(b, "token") != "canary" {
		t.Error("the token was changed")
	}
}
