package kubeconfig

import (
	"encoding/base64"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"belay"
)

type cluster struct {
	section
	endpoint string
	tls      belay.TLS
	proxyURL string
}

func (p *parser) cluster(n node) *cluster {
	c := &cluster{section: section{node: n, bars: BarsConnection}}
	c.readServer()
	c.readServerName()
	c.tls.InsecureSkipVerify = c.flag("insecure-skip-tls-verify")
	if ca, ok := p.material(&c.section, "certificate-authority"); ok && ca != nil {
		c.readAuthority(ca)
	}
	switch insecure := c.get("insecure-skip-tls-verify"); {
	case c.tls.InsecureSkipVerify && c.tls.CertificateAuthority != "":
		c.tls.InsecureSkipVerify = false
		c.warn(insecure, ProblemInsecureTLS, "insecure-skip-tls-verify stands beside a certificate authority, which kubectl refuses; the authority is used")
	case c.tls.InsecureSkipVerify:
		c.warn(insecure, ProblemInsecureTLS, "the cluster's certificate is not to be verified: anyone between can read and change what is sent; add the certificate authority instead")
	}
	c.readProxy()
	return c
}

func (c *cluster) readServer() {
	n := c.get("server")
	server := c.str("server")
	if server == "" {
		if n.absent() || n.isText() {
			c.bad(n, ProblemServer, "the cluster has no server address")
		}
		return
	}
	endpoint, wrong := canonicalServer(server)
	if wrong != "" {
		c.bad(n, ProblemServer, "the server address %s", wrong)
		return
	}
	c.endpoint = endpoint
	if strings.HasPrefix(endpoint, "http:") {
		c.warn(n, ProblemInsecureHTTP, "the server address begins with http://: what is sent, the credential too, is not encrypted")
	}
	if u, err := url.Parse(endpoint); err == nil && isLoopback(u.Hostname()) {
		c.warn(n, ProblemLoopback, "the server address %s means the machine itself: the one that runs this server, not the one that the kubeconfig comes from", u.Host)
	}
}

func (c *cluster) readServerName() {
	name := c.str("tls-server-name")
	if _, ok := canonicalHost(name); name != "" && !ok {
		c.bad(c.get("tls-server-name"), ProblemServer, "tls-server-name is not the name of a host")
		return
	}
	c.tls.ServerName = name
}

// canonicalServer spells one address one way, or says what is wrong with it
// without quoting it: it may hold a password.
func canonicalServer(server string) (endpoint, wrong string) {
	u, err := url.Parse(strings.TrimSpace(server))
	if err != nil {
		return "", "is not a URL"
	}
	scheme := strings.ToLower(u.Scheme)
	switch {
	case scheme != "https" && scheme != "http":
		return "", "must begin with https:// (or http://)"
	case u.User != nil:
		return "", "must not hold a user or a password"
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", "must not have a query or a fragment"
	}
	host, ok := canonicalHost(u.Hostname())
	if !ok {
		return "", "has no valid host"
	}
	if u.Port() != "" {
		port, err := strconv.Atoi(u.Port())
		if err != nil || port < 1 || port > 65535 {
			return "", "has a port that is not between 1 and 65535"
		}
		if !(scheme == "https" && port == 443) && !(scheme == "http" && port == 80) {
			host += ":" + strconv.Itoa(port)
		}
	}
	return scheme + "://" + host + strings.TrimRight(u.EscapedPath(), "/"), ""
}

func canonicalHost(host string) (string, bool) {
	if ip, err := netip.ParseAddr(host); err == nil {
		switch {
		case ip.Zone() != "":
			return "", false
		case ip.Is6():
			return "[" + ip.String() + "]", true
		}
		return ip.String(), true
	}
	host = strings.ToLower(host)
	name := strings.TrimSuffix(host, ".")
	if name == "" || len(name) > 253 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" || strings.Contains(name, "..") {
		return "", false
	}
	return host, true
}

func isLoopback(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().IsLoopback() || ip.IsUnspecified()
	}
	host = strings.TrimSuffix(host, ".")
	return host == "localhost" || strings.HasSuffix(host, ".localhost") ||
		host == "kubernetes.docker.internal" || host == "host.docker.internal" // Docker Desktop's names for it
}

func (c *cluster) readAuthority(ca []byte) {
	n := c.get("certificate-authority-data")
	if n.absent() {
		n = c.get("certificate-authority")
	}
	certs, _ := certificates(ca)
	if certs == nil {
		c.bad(n, ProblemAuthority, "the certificate authority holds no certificate in PEM")
		return
	}
	c.tls.CertificateAuthority = string(certs)
}

func (c *cluster) readProxy() {
	n := c.get("proxy-url")
	proxy := c.str("proxy-url")
	if proxy == "" {
		return
	}
	if u, err := url.Parse(proxy); err == nil && u.Host != "" {
		u.User = nil
		c.proxyURL = u.Redacted()
	}
	c.warn(n, ProblemProxy, "the cluster is to be reached through a proxy (proxy-url), which is not supported: it is reached directly")
}

// material returns what stands at key-data in base64, or else in the file
// that key names, as kubectl prefers them. ok tells whether either is there;
// nil then means that it cannot be had, and a problem says why.
func (p *parser) material(s *section, key string) (b []byte, ok bool) {
	if n := s.get(key + "-data"); !n.absent() {
		text := s.str(key + "-data")
		if text == "" {
			return nil, !n.isText()
		}
		return decodeData(s, n, key+"-data", text), true
	}
	path := s.str(key)
	if path == "" {
		return nil, false
	}
	return p.file(s, key, path), true
}

func decodeData(s *section, n node, key, text string) []byte {
	if redacted(text) {
		s.bad(n, ProblemRedacted, "%s is masked; get the file with: kubectl config view --raw --flatten", key)
		return nil
	}
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		code := ProblemCertificate
		if s.bars == BarsConnection {
			code = ProblemAuthority
		}
		s.bad(n, code, "%s is not valid base64 (was it cut off?)", key)
		return nil
	}
	return b
}

// redacted recognises what kubectl and others print in place of a secret.
func redacted(s string) bool {
	switch s {
	case "DATA+OMITTED", "REDACTED", "[redacted]", "<redacted>":
		return true
	}
	return s != "" && strings.Trim(s, "*") == ""
}

func (p *parser) file(s *section, key, path string) []byte {
	b, ok := p.files.read(path)
	if ok {
		return b
	}
	s.missing = append(s.missing, MissingFile{Path: path, Key: key})
	s.bad(s.get(key), ProblemFileMissing, "%s is the file %s, which is not here: where it can be read, put it into the kubeconfig with: kubectl config view --raw --flatten", key, printable(path))
	return nil
}
