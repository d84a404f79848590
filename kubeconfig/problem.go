package kubeconfig

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ProblemCode names a problem for programs.
type ProblemCode string

// The problems.
const (
	ProblemMalformed        ProblemCode = "malformed"          // an entry has not the shape that it must have
	ProblemName             ProblemCode = "name"               // a context has no name, or one that does not print
	ProblemDuplicateContext ProblemCode = "duplicate_context"  // an earlier context has this name
	ProblemDuplicateEntry   ProblemCode = "duplicate_entry"    // several clusters or users have the name it refers to
	ProblemNoCurrentContext ProblemCode = "no_current_context" // current-context names none
	ProblemClusterMissing   ProblemCode = "cluster_missing"
	ProblemUserMissing      ProblemCode = "user_missing"
	ProblemServer           ProblemCode = "server"             // no address, or not a valid one
	ProblemAuthority        ProblemCode = "authority"          // the certificate authority cannot be read
	ProblemFileMissing      ProblemCode = "file_missing"       // refers to a file that was not given
	ProblemRedacted         ProblemCode = "redacted"           // a mask stands where the secret should
	ProblemExec             ProblemCode = "exec"               // signs in with a program
	ProblemAuthProvider     ProblemCode = "auth_provider"      // signs in with a provider that kubectl has given up
	ProblemCertificate      ProblemCode = "client_certificate" // certificate or key cannot be used
	ProblemExpired          ProblemCode = "expired"            // the client certificate has expired
	ProblemToken            ProblemCode = "token"              // cannot be sent
	ProblemIncomplete       ProblemCode = "incomplete"         // half of what is needed to sign in
	ProblemImpersonation    ProblemCode = "impersonation"      // more of it than a user name
	ProblemAnonymous        ProblemCode = "anonymous"          // nothing to sign in with
	ProblemInsecureTLS      ProblemCode = "insecure_tls"       // certificates are not to be verified
	ProblemInsecureHTTP     ProblemCode = "insecure_http"      // not encrypted
	ProblemLoopback         ProblemCode = "loopback"           // an address of the machine itself
	ProblemProxy            ProblemCode = "proxy"              // asks for a proxy, which is not used
)

// Effect is what a problem stands in the way of.
type Effect string

// The effects.
const (
	BarsNothing    Effect = "warning"    // worth knowing
	BarsCredential Effect = "credential" // the connection needs another credential
	BarsConnection Effect = "connection" // the context cannot be imported
)

// Problem is one thing that is wrong with a kubeconfig, or worth knowing.
type Problem struct {
	Code    ProblemCode
	Effect  Effect
	Message string // what is wrong and what to do, for a person; never a secret
	Path    string // JSON Pointer (RFC 6901) into the kubeconfig
	Line    int    // from 1
}

func (n node) problem(e Effect, code ProblemCode, format string, args ...any) Problem {
	return Problem{Code: code, Effect: e, Message: fmt.Sprintf(format, args...), Path: n.path, Line: n.line}
}

// section is one entry of the file while it is read.
type section struct {
	node
	bars     Effect // what its problems stand in the way of
	problems []Problem
	missing  []MissingFile
}

func (s *section) bad(n node, code ProblemCode, format string, args ...any) {
	s.problems = append(s.problems, n.problem(s.bars, code, format, args...))
}

func (s *section) warn(n node, code ProblemCode, format string, args ...any) {
	s.problems = append(s.problems, n.problem(BarsNothing, code, format, args...))
}

// str returns the text at key, "" where there is none; anything but text is a problem.
func (s *section) str(key string) string {
	n := s.get(key)
	if !n.absent() && !n.isText() {
		s.bad(n, ProblemMalformed, "%s must be text", key)
		return ""
	}
	return n.text()
}

// flag returns the truth value at key.
func (s *section) flag(key string) bool {
	n := s.get(key)
	if n.absent() {
		return false
	}
	if n.isText() && n.y.Tag == "!!bool" {
		return strings.EqualFold(n.y.Value, "true")
	}
	s.bad(n, ProblemMalformed, "%s must be true or false", key)
	return false
}

// printable makes text of the file fit to stand in a message.
func printable(s string) string {
	if utf8.RuneCountInString(s) > 200 {
		s = string([]rune(s)[:200]) + "…"
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
