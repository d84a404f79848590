package acceptance_test

import (
	"bytes"
	"context"
	"net/http"
	"testing"

	"belay"
	"belay/server"
)

// X2: a stored secret only ever goes to the endpoint it was bound to. Who may
// change a connection, but not use its credential elsewhere, cannot send that
// to a host of his own: by no way in which an address can be changed.
func TestX2_SecretGoesOnlyWhereItWasBound(t *testing.T) {
	onBoth(t, func(t *testing.T, n *node) {
		prod := prodCluster.Get(t)
		thief := newClusterWitness(t, prod)
		c := n.admin(t)
		key := c.keepToken("prod", prod.User("admin"))
		conn := c.connect("prod", "kubernetes", prod.URL, object{
			"metadata":     object{"context": "prod", "tls": object{"certificateAuthority": string(clusterCA.PEM())}},
			"credentialId": key.ID,
		})
		c.wantHealthy(conn.ID)
		env := c.group("production", conn.ID)
		workspace, org := c.workspace("payments", env), c.organization()
		var token string
		n.restart(t, func(ctx context.Context, s *server.Server) {
			m := addMember(ctx, t, s, org, "editor@example.com")
			m.grant(ctx, t, s, workspace, belay.RoleEditor)
			token = issue(ctx, t, s.Gate(), m.id)
		})
		editor := n.as(t, token)
		editor.do(http.StatusOK, http.MethodPut, connectionsPath+"/"+conn.ID, object{"description": "mine to describe"})
		tls := func(more object) object {
			return object{"context": "prod", "tls": more}
		}
		ca := string(clusterCA.PEM())
		for what, change := range map[string]object{
			"another address":         {"url": thief.url},
			"a plain one":             {"url": "http" + prod.URL[len("https"):]},
			"another authority":       {"metadata": tls(object{"certificateAuthority": string(nginxCA.PEM())})},
			"no verification":         {"metadata": tls(object{"certificateAuthority": ca, "insecureSkipVerify": true})},
			"another server name":     {"metadata": tls(object{"certificateAuthority": ca, "serverName": "localhost"})},
			"its credential and more": {"url": thief.url, "credentialId": key.ID},
		} {
			if a := editor.send(http.MethodPut, connectionsPath+"/"+conn.ID, "application/json", encode(t, change)); a.status != http.StatusForbidden {
				t.Errorf("%s: status %d: %s", what, a.status, a.body)
			}
			editor.test(conn.ID)
		}
		for what, user := range map[string]object{
			"nobody":     {},
			"a program":  execUser("/nothing"),
			"a stranger": tokenUser("of no use"),
		} {
			file := kubeconfig(kubeContext{Name: "prod", Server: thief.url, CA: clusterCA.PEM(), User: user})
			editor.upload(kubernetesPath+"?connectionId="+conn.ID, file, nil, nil).want(http.StatusOK)
			editor.test(conn.ID)
			if now := c.connection(conn.ID); now.URL != prod.URL && now.CredentialID == key.ID {
				t.Errorf("the upload of %s leads the credential to %s", what, now.URL)
			}
		}
		for _, seen := range thief.take() {
			if bytes.Contains([]byte(seen), []byte(prod.User("admin").Token)) {
				t.Error("the credential arrived elsewhere")
			}
		}
	})
}
