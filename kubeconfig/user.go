package kubeconfig

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"time"
	"unicode"

	"belay"
)

type user struct {
	section
	values map[string]belay.Secret // nil unless complete
	plugin string
}

func (p *parser) user(n node) *user {
	u := &user{section: section{node: n, bars: BarsCredential}, values: map[string]belay.Secret{}}
	p.readToken(u)
	p.readCertificate(u)
	u.readBasic()
	u.readPlugin()
	if complete := u.settle(); !u.readImpersonation(complete) || !complete {
		u.values = nil
	}
	return u
}

// settle tells whether the values suffice to sign in. What is wrong with the
// user's other ways to sign in bars nothing then.
func (u *user) settle() bool {
	t, _ := belay.FindCredentialType(belay.CredentialKubernetes)
	if t.Check("", u.values) != nil {
		if len(u.problems) == 0 {
			u.warn(u.node, ProblemAnonymous, "the user has nothing to sign in with: the cluster is reached as an anonymous user")
		}
		return false
	}
	for i := range u.problems {
		u.problems[i].Effect = BarsNothing
	}
	return true
}

func (p *parser) readToken(u *user) {
	n := u.get("token")
	token := u.str("token")
	if path := u.str("tokenFile"); path != "" { // goes before token, as with kubectl
		n = u.get("tokenFile")
		token = string(p.file(&u.section, "tokenFile", path))
	}
	token = strings.TrimSpace(token)
	switch {
	case token == "":
	case redacted(token):
		u.bad(n, ProblemRedacted, "the token is masked; get the file with: kubectl config view --raw --flatten")
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		u.bad(n, ProblemToken, "the token holds a space, a line break or another character that cannot be sent in a header")
	default:
		u.values["token"] = belay.SecretString(token)
	}
}

func (p *parser) readCertificate(u *user) {
	cert, hasCert := p.material(&u.section, "client-certificate")
	key, hasKey := p.material(&u.section, "client-key")
	switch {
	case hasCert && !hasKey:
		u.bad(u.node, ProblemIncomplete, "the user has a client certificate without its key (client-key-data)")
	case hasKey && !hasCert:
		u.bad(u.node, ProblemIncomplete, "the user has a client key without its certificate (client-certificate-data)")
	case cert != nil && key != nil:
		u.addCertificate(cert, key, p.opts.Now)
	}
}

func (u *user) addCertificate(cert, key []byte, now time.Time) {
	certNode, keyNode := u.first("client-certificate-data", "client-certificate"), u.first("client-key-data", "client-key")
	certPEM, leaf := certificates(cert)
	if certPEM == nil {
		u.bad(certNode, ProblemCertificate, "the client certificate holds no certificate in PEM")
		return
	}
	keyPEM, wrong := privateKey(key)
	if wrong != "" {
		u.bad(keyNode, ProblemCertificate, "the client key %s", wrong)
		return
	}
	if _, err := tls.X509KeyPair(certPEM, keyPEM); err != nil {
		u.bad(keyNode, ProblemCertificate, "the client key cannot be read, or does not belong to the client certificate")
		return
	}
	if !now.IsZero() && now.After(leaf.NotAfter) {
		u.warn(certNode, ProblemExpired, "the client certificate expired on %s; get a new kubeconfig", leaf.NotAfter.UTC().Format("2 January 2006 at 15:04 UTC"))
	}
	u.values["clientCertificate"] = belay.NewSecret(certPEM)
	u.values["clientKey"] = belay.NewSecret(keyPEM)
}

// first returns the first of the keys that is there.
func (u *user) first(keys ...string) node {
	for _, key := range keys {
		if n := u.get(key); !n.absent() {
			return n
		}
	}
	return u.node
}

func (u *user) readBasic() {
	name, password := u.str("username"), u.str("password")
	switch {
	case name == "" && password == "":
	case redacted(password):
		u.bad(u.get("password"), ProblemRedacted, "the password is masked; get the file with: kubectl config view --raw --flatten")
	case name == "" || password == "":
		u.bad(u.node, ProblemIncomplete, "the user has a user name without a password, or a password without a user name")
	case strings.Contains(name, ":") || strings.ContainsFunc(name+password, unicode.IsControl):
		u.bad(u.node, ProblemToken, "the user name holds a colon, or it or the password a line break or another character that cannot be sent in a header")
	default:
		u.values["username"] = belay.SecretString(name)
		u.values["password"] = belay.SecretString(password)
	}
}

// readImpersonation takes over the user name, and tells whether the user is
// kept whole: to leave out groups, uid or extra would be to act with other
// rights than the file says.
func (u *user) readImpersonation(complete bool) bool {
	before := len(u.problems)
	for _, key := range []string{"as-groups", "as-uid", "as-user-extra"} {
		if n := u.get(key); !n.absent() {
			u.bad(n, ProblemImpersonation, "the user impersonates with %s, which cannot be kept; use a user of its own for this", key)
		}
	}
	as := u.str("as")
	switch {
	case as == "":
	case !belay.SendableValue(as):
		u.bad(u.get("as"), ProblemToken, "the name of the impersonated user holds a character that cannot be sent in a header")
	case complete:
		u.values["impersonate"] = belay.SecretString(as)
	default:
		u.bad(u.get("as"), ProblemIncomplete, "the user impersonates another and cannot sign in itself")
	}
	return len(u.problems) == before
}

// plugins says what the programs are that clusters are often used with.
var plugins = map[string]string{
	"aws":                    "Amazon EKS",
	"aws-iam-authenticator":  "Amazon EKS",
	"gke-gcloud-auth-plugin": "Google GKE",
	"gcloud":                 "Google GKE",
	"kubelogin":              "Azure AKS or OpenID Connect",
	"kubectl-oidc_login":     "OpenID Connect",
	"doctl":                  "DigitalOcean",
	"oci":                    "Oracle OKE",
	"ibmcloud":               "IBM Cloud",
	"tsh":                    "Teleport",
	"rancher":                "Rancher",
	"pinniped":               "Pinniped",
	"vcluster":               "vcluster",
}

func (u *user) readPlugin() {
	if exec := u.get("exec"); !exec.absent() {
		command := printable(base(exec.get("command").text()))
		u.plugin = strings.TrimSuffix(command, ".exe")
		if u.plugin == "" {
			u.plugin = "exec"
		}
		of := ""
		if name := plugins[u.plugin]; name != "" {
			of = " (" + name + ")"
		}
		u.bad(exec, ProblemExec, "the user signs in with the program %s%s, which runs on your machine and is not run here; make a service account for this server and use its token", u.plugin, of)
	}
	if provider := u.get("auth-provider"); !provider.absent() {
		u.plugin = printable(provider.get("name").text())
		u.bad(provider, ProblemAuthProvider, "the user signs in with the auth-provider %s, which Kubernetes has removed; make a service account for this server and use its token", u.plugin)
	}
}

// certificates keeps the certificates of a PEM text and nothing else, in one
// spelling, with the first of them; nil when there is none or one is broken.
func certificates(b []byte) (text []byte, first *x509.Certificate) {
	for {
		var block *pem.Block
		block, b = pem.Decode(b)
		if block == nil {
			return text, first
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, nil
		}
		if first == nil {
			first = c
		}
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes})...)
	}
}

// privateKey keeps the private key of a PEM text and nothing else, or says
// what is wrong with it.
func privateKey(b []byte) (text []byte, wrong string) {
	for {
		var block *pem.Block
		block, b = pem.Decode(b)
		switch {
		case block == nil:
			return nil, "holds no private key in PEM"
		case block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "":
			return nil, "is encrypted with a passphrase; store it without one"
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			return pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes}), ""
		}
	}
}
