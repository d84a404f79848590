package acceptance_test

import (
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"belay"
)

// patient is a connection that is red, and what somebody knows who mends it.
type patient struct {
	conn   connection
	key    credential // the one that was refused
	url    string     // where the target really is
	secret object     // what the credential should hold
	other  credential // one that works
	create object     // a credential that works, to be made
	file   []byte     // a kubeconfig that works
	ca     []byte     // that signs the target's certificate
	host   string     // for which the target's certificate was made
	heal   func()     // what happens to the target itself
}

// fault makes connections that are red for one cause.
type fault struct {
	cause string
	make  func(t *testing.T, c *client, name string) patient
}

// C13: when the test fails, remedies are offered, and pressing one mends it:
// each that is offered, both as the API and as the command line have it.
func TestC13_EveryRemedyMends(t *testing.T) {
	n := startNode(t, nodeOptions{})
	pressed, seen := map[string]bool{}, map[string]bool{}
	for name, f := range faults() {
		t.Run(name, func(t *testing.T) {
			seen[f.cause] = true
			c := n.admin(t)
			first := f.make(t, c, "fault-"+name)
			offered := c.wantCause(first.conn.ID, f.cause).Remediation
			if len(offered) == 0 {
				t.Error("nothing is offered")
			}
			for _, r := range offered {
				pressed[r.ID] = true
				for way, press := range map[string]func(*testing.T, *node, patient, remedy){"action": pressAction, "command": pressCommand} {
					if way == "action" && r.Action == nil || way == "command" && r.Command == "" {
						continue
					}
					if strings.HasPrefix(r.Command, "kubectl ") {
						press = nothing // it is for the cluster's own administrator
					}
					t.Run(r.ID+"/"+way, func(t *testing.T) { mends(t, n, f, r.ID, name+"-"+r.ID+"-"+way, press) })
				}
				if r.Action == nil && r.Command == "" {
					t.Run(r.ID, func(t *testing.T) { mends(t, n, f, r.ID, name+"-"+r.ID, nothing) })
				}
			}
		})
	}
	pressed["egress.allow"], seen["egress_denied"] = true, true // its own test
	for _, cause := range belay.Causes() {
		if !seen[string(cause)] && !slices.Contains(cannotBeProduced(), cause) {
			t.Errorf("no fault has the cause %s", cause)
		}
	}
	t.Logf("remedies pressed: %v", slices.Sorted(maps.Keys(pressed)))
}

// cannotBeProduced are the causes for which a resolver, a secret store,
// GitHub, or a mistake of our own would be needed.
func cannotBeProduced() []belay.Cause {
	return []belay.Cause{belay.CauseEgressForbidden, belay.CauseDNSFailure, belay.CauseReferenceUnresolved, belay.CauseSuspended, belay.CauseInternal}
}

// mends presses one remedy of a fresh patient and looks whether it is well.
func mends(t *testing.T, n *node, f fault, id, name string, press func(*testing.T, *node, patient, remedy)) {
	c := n.admin(t)
	p := f.make(t, c, strings.NewReplacer(".", "-", " ", "-").Replace(name))
	k := c.wantCause(p.conn.ID, f.cause)
	p.key.ID = k.CredentialID
	i := slices.IndexFunc(k.Remediation, func(r remedy) bool { return r.ID == id })
	if i < 0 {
		t.Fatalf("%s is not offered", id)
	}
	if slices.Contains([]string{"check.rerun", "permission.grant", "tls.renew"}, id) {
		p.heal()
	}
	press(t, n, p, k.Remediation[i])
	if id == "connection.maintenance" {
		if got := c.connection(p.conn.ID).Status; got != "maintenance" {
			t.Errorf("it is %s, want maintenance", got)
		}
		return
	}
	c.wantHealthy(p.conn.ID)
	if id == "kubeconfig.upload" && c.connection(p.conn.ID).Name != p.conn.Name {
		t.Error("another connection was mended")
	}
}

func nothing(*testing.T, *node, patient, remedy) {}

// pressAction sends what a remedy's action says, with what a person would
// have filled in.
func pressAction(t *testing.T, n *node, p patient, r remedy) {
	t.Helper()
	c := n.admin(t)
	if options, ok := map[string]any{
		"kubeconfig.upload": nil,
		"kubeconfig.accept": object{"contexts": []object{{"name": p.conn.Name, "acceptIdentity": true}}},
	}[r.ID]; ok {
		c.upload(r.Action.Href, p.file, options, nil).want(http.StatusOK)
		return
	}
	body := object{}
	maps.Copy(body, r.Action.Body)
	maps.Copy(body, p.filled(r.ID))
	a := c.send(r.Action.Method, r.Action.Href, "application/json", encode(t, body))
	if a.status != http.StatusOK && a.status != http.StatusCreated {
		t.Fatalf("%s %s: status %d\n%s", r.Action.Method, r.Action.Href, a.status, a.body)
	}
}

// filled is what a person fills in.
func (p patient) filled(id string) object {
	switch id {
	case "connection.edit":
		return object{"url": p.url}
	case "connection.settings":
		return object{"metadata": object{"path": wellPath}}
	case "credential.replace":
		return object{"secret": p.secret}
	case "credential.attach":
		return object{"credentialId": p.other.ID}
	case "credential.create":
		return object{"credentialSecret": p.create["secret"]}
	case "tls.trust", "tls.replaceAuthority":
		return object{"metadata": object{"tls": object{"certificateAuthority": string(p.ca)}}}
	case "tls.verify":
		return object{"metadata": object{"tls": object{"certificateAuthority": string(p.ca)}}}
	case "tls.serverName":
		return object{"metadata": object{"tls": object{"serverName": p.host, "certificateAuthority": string(p.ca)}}}
	}
	return nil
}

var placeholder = regexp.MustCompile(`\b([A-Za-z]+=PATH|URL|PATH|CREDENTIAL|NAME|VALUE)\b`)

// pressCommand runs a remedy's command, with what a person would have put in
// place of the words in capitals.
func pressCommand(t *testing.T, n *node, p patient, r remedy) {
	t.Helper()
	file := func(name string, text []byte) string {
		writeFile(t, filepath.Join(n.home, name), text)
		return name
	}
	words := map[string]string{
		"URL": p.url, "CREDENTIAL": p.other.Name, "PATH": file("kubeconfig", p.file), "NAME": p.host, "VALUE": wellPath,
	}
	secret := p.secret
	switch {
	case r.ID == "tls.trust", r.ID == "tls.verify", r.ID == "tls.replaceAuthority":
		words["PATH"] = file("ca.pem", p.ca)
	case r.ID == "credential.create":
		words["CREDENTIAL"] = p.create["name"].(string)
		secret = p.create["secret"].(object)
	case strings.Contains(r.Command, "metadata.status="):
		words["VALUE"] = "[500]"
	}
	for name, value := range secret {
		words[name+"=PATH"] = name + "=" + file(name+".secret", []byte(fmt.Sprint(value)))
	}
	line := placeholder.ReplaceAllStringFunc(r.Command, func(word string) string { return words[word] })
	if ran := n.shell(t, line); ran.status != 0 {
		t.Fatalf("%s: exit status %d\n%s%s", line, ran.status, ran.stdout, ran.stderr)
	}
}

// egress.allow is the operator's, at the start of the server.
func TestC13_AllowedByTheOperator(t *testing.T) {
	target := nginx.Get(t)
	n := startNode(t, nodeOptions{Args: []string{"--egress-deny", "127.0.0.0/8"}})
	c := n.admin(t)
	conn := c.connect("web", "http", target.URL, nil)
	k := c.wantCause(conn.ID, "egress_denied")
	if k.Health != "unknown" {
		t.Errorf("what could not be checked is %s", k.Health)
	}
	i := slices.IndexFunc(k.Remediation, func(r remedy) bool { return r.ID == "egress.allow" })
	if i < 0 {
		t.Fatalf("egress.allow is not offered: %+v", k.Remediation)
	}
	words := strings.Fields(strings.Replace(k.Remediation[i].Command, "CIDR", "127.0.0.1/32", 1))
	n.args = append(n.args, words[2:]...)
	n.restart(t, nil)
	n.admin(t).wantHealthy(conn.ID)
}

// What was discovered is registered by pressing that.
func TestC13_RegisterWhatWasDiscovered(t *testing.T) {
	prod := prodCluster.Get(t)
	file := kubeconfig(ofCluster(prod, "prod", tokenUser(prod.User("admin").Token)))
	for way, press := range map[string]func(*testing.T, *node, patient, remedy){"action": pressAction, "command": pressCommand} {
		n := startNode(t, nodeOptions{Kubeconfig: file})
		c := n.admin(t)
		conn := c.list(connectionsPath).Connections[0]
		k := c.wantCause(conn.ID, "credential_missing")
		last := len(k.Remediation) - 1
		if last < 1 || k.Remediation[last].ID != "connection.register" {
			t.Fatalf("registering is not offered behind what mends: %+v", k.Remediation)
		}
		press(t, n, patient{}, k.Remediation[last])
		if got := c.connection(conn.ID).Status; got != "registered" {
			t.Errorf("%s: it is %s", way, got)
		}
	}
}
