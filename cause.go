package belay

// Cause says why a check did not pass. One check has one cause: that of the
// first stage that failed, or of the gravest warning.
type Cause string

// The causes.
const (
	CauseEgressDenied                 Cause = "egress_denied"
	CauseEgressForbidden              Cause = "egress_forbidden" // nothing opens it
	CauseDNSFailure                   Cause = "dns_failure"
	CauseConnectionRefused            Cause = "connection_refused"
	CauseConnectionReset              Cause = "connection_reset"
	CauseTimeout                      Cause = "timeout"
	CauseTLSUnknownAuthority          Cause = "tls_unknown_authority"
	CauseTLSExpired                   Cause = "tls_expired"
	CauseTLSExpiresSoon               Cause = "tls_expires_soon" // a warning
	CauseTLSNotYetValid               Cause = "tls_not_yet_valid"
	CauseTLSNameMismatch              Cause = "tls_name_mismatch"
	CauseTLSClientCertificateRejected Cause = "tls_client_certificate_rejected"
	CauseTLSProtocol                  Cause = "tls_protocol"
	CauseWrongService                 Cause = "wrong_service"
	CauseUnexpectedStatus             Cause = "unexpected_status"
	CauseRedirectedElsewhere          Cause = "redirected_elsewhere"
	CauseResponseTooLarge             Cause = "response_too_large"
	CauseMalformedResponse            Cause = "malformed_response"
	CauseCredentialMissing            Cause = "credential_missing"
	CauseCredentialRejected           Cause = "credential_rejected"
	CauseCredentialExpired            Cause = "credential_expired"
	CauseCredentialExpiresSoon        Cause = "credential_expires_soon" // a warning
	CauseReferenceUnresolved          Cause = "reference_unresolved"
	CausePermissionMissing            Cause = "permission_missing"
	CauseSuspended                    Cause = "suspended"
	CauseRateLimited                  Cause = "rate_limited"
	CauseNotReady                     Cause = "not_ready"
	CauseClockSkew                    Cause = "clock_skew"
	CauseUnsupportedVersion           Cause = "unsupported_version"
	CauseIdentityChanged              Cause = "identity_changed"
	CauseInternal                     Cause = "internal"
)

// Causes returns every cause.
func Causes() []Cause {
	return []Cause{
		CauseEgressDenied, CauseEgressForbidden, CauseDNSFailure, CauseConnectionRefused, CauseConnectionReset, CauseTimeout,
		CauseTLSUnknownAuthority, CauseTLSExpired, CauseTLSExpiresSoon, CauseTLSNotYetValid, CauseTLSNameMismatch,
		CauseTLSClientCertificateRejected, CauseTLSProtocol,
		CauseWrongService, CauseUnexpectedStatus, CauseRedirectedElsewhere, CauseResponseTooLarge, CauseMalformedResponse,
		CauseCredentialMissing, CauseCredentialRejected, CauseCredentialExpired, CauseCredentialExpiresSoon, CauseReferenceUnresolved,
		CausePermissionMissing, CauseSuspended, CauseRateLimited, CauseNotReady, CauseClockSkew,
		CauseUnsupportedVersion, CauseIdentityChanged, CauseInternal,
	}
}

// CouldNotCheck tells whether the cause lies with us and not with the
// target: the health is then unknown, never unhealthy.
func (c Cause) CouldNotCheck() bool {
	switch c {
	case CauseEgressDenied, CauseEgressForbidden, CauseReferenceUnresolved, CauseInternal:
		return true
	default:
		return false
	}
}

// Rejects tells whether the target would not have the credential: with another
// one a test might do better.
func (c Cause) Rejects() bool {
	switch c {
	case CauseCredentialRejected, CauseCredentialExpired, CauseTLSClientCertificateRejected:
		return true
	default:
		return false
	}
}

// Text says in words what went wrong, as a clause without its full stop.
func (c Cause) Text() string { return causeTexts[c] }

// causeTexts says each cause in words.
var causeTexts = map[Cause]string{
	CauseEgressForbidden:              "this server connects to no such target, whatever its egress policy",
	CauseEgressDenied:                 "this server's egress policy does not allow the target",
	CauseDNSFailure:                   "the target's name could not be resolved",
	CauseConnectionRefused:            "the target does not accept the connection",
	CauseConnectionReset:              "the target closed the connection",
	CauseTimeout:                      "the target did not answer in time",
	CauseTLSUnknownAuthority:          "the target's certificate is not signed by a trusted authority",
	CauseTLSExpired:                   "the target's certificate has expired",
	CauseTLSExpiresSoon:               "the target's certificate expires soon",
	CauseTLSNotYetValid:               "the target's certificate is not valid yet",
	CauseTLSNameMismatch:              "the target's certificate is made for another name",
	CauseTLSClientCertificateRejected: "the target rejects the client certificate",
	CauseTLSProtocol:                  "no TLS connection could be agreed on",
	CauseWrongService:                 "the target is not what this kind of connection expects",
	CauseUnexpectedStatus:             "the target answered with an unexpected status",
	CauseRedirectedElsewhere:          "the target redirects to somewhere else",
	CauseResponseTooLarge:             "the target's answer is too large",
	CauseMalformedResponse:            "the target's answer is not as it should be",
	CauseCredentialMissing:            "the target asks for a credential",
	CauseCredentialRejected:           "the target rejects the credential",
	CauseCredentialExpired:            "the credential has expired",
	CauseCredentialExpiresSoon:        "the credential expires soon",
	CauseReferenceUnresolved:          "the credential's reference could not be resolved",
	CausePermissionMissing:            "the credential lacks a permission",
	CauseSuspended:                    "the access was suspended",
	CauseRateLimited:                  "the target limits the rate of requests",
	CauseNotReady:                     "the target says that it is not ready",
	CauseClockSkew:                    "the target's clock differs from this server's",
	CauseUnsupportedVersion:           "the target's version is not supported",
	CauseIdentityChanged:              "another target answers at this endpoint",
	CauseInternal:                     "the test could not be made",
}
