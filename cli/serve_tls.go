package cli

// How the server treats the certificates of clients.
const (
	clientAuthRequire = "require"
	clientAuthRequest = "request"
)

// tls settles what the server speaks TLS with. Half of it is a mistake that
// would leave the server open to more than was meant.
func (c *serve) tls() (TLSFiles, error) {
	f := TLSFiles{Certificate: c.TLSCert, Key: c.TLSKey, ClientCA: c.TLSClientCA, RequireClient: c.TLSClientAuth != clientAuthRequest}
	switch {
	case f.Certificate == "" && f.Key != "":
		return f, usage("--tls-key is given, and --tls-cert is not").withHelp("the certificate of the key: --tls-cert PATH (BELAY_TLS_CERT)")
	case f.Certificate != "" && f.Key == "":
		return f, usage("--tls-cert is given, and --tls-key is not").withHelp("the key of the certificate: --tls-key PATH (BELAY_TLS_KEY)")
	case f.ClientCA != "" && f.Certificate == "":
		return f, usage("--tls-client-ca needs TLS: clients show certificates to a server that shows one").withHelp("--tls-cert PATH --tls-key PATH (BELAY_TLS_CERT, BELAY_TLS_KEY)")
	case c.TLSClientAuth != "" && f.ClientCA == "":
		return f, usage("--tls-client-auth needs the authorities of the clients").withHelp("--tls-client-ca PATH (BELAY_TLS_CLIENT_CA)")
	case c.TLSClientAuth != "" && c.TLSClientAuth != clientAuthRequest && c.TLSClientAuth != clientAuthRequire:
		return f, notOneOf("mode of --tls-client-auth", c.TLSClientAuth, []string{clientAuthRequest, clientAuthRequire})
	case f.ClientCA == "":
		f.RequireClient = false
	}
	return f, nil
}
