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
		CauseCredentialMissing, CauseCredentialRejected, CauseCredentialExpired, CauseReferenceUnresolved,
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
