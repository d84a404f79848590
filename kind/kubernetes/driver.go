// Package kubernetes is the driver that tests connections to Kubernetes API
// servers.
//
// It speaks HTTP itself, over the six documents that it needs: client-go
// would bring 38 modules and 27 MB for them, and connections of its own,
// apart from the one that the test has checked.
package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"belay"
	"belay/egress"
	"belay/kind/probe"
)

// Driver tests connections of kind kubernetes. It has no state and may be
// used from many goroutines at once.
type Driver struct{ prober probe.Prober }

// New makes the driver.
func New(d *egress.Dialer, now func() time.Time) *Driver {
	return &Driver{prober: probe.Prober{Dialer: d, Now: now}}
}

// Test takes the target through every stage and reports how it went. It
// always returns within t.Timeout, and a report always has every stage. The
// identity is "kubernetes:", the UID of the kube-system namespace, "/", and
// the context's name; it is empty when the credential may not read that UID.
func (d *Driver) Test(ctx context.Context, t belay.Target) belay.Report {
	c := cluster{known: t.Identity}
	_ = json.Unmarshal(t.Config, &c.config) // it was validated when it was stored
	return d.prober.Test(ctx, t, probe.Plan{
		Protocol: protocol, Authenticate: c.authenticate, Authorize: c.authorize, Capability: c.capability,
	})
}

// cluster is the one test of one API server.
type cluster struct {
	known  string // the identity of the cluster that it was before
	config struct {
		Context string `json:"context"`
	}
}

// protocol knows an API server by what /version says. Most tell everybody.
func protocol(ctx context.Context, s *probe.Session) error {
	a, refused, err := s.Introduce(ctx, probe.Request{Path: "/version"})
	if err != nil || refused {
		return err
	}
	return noteVersion(s, a)
}

func noteVersion(s *probe.Session, a *probe.Response) error {
	if f := s.Refusal(a); f != nil {
		return f
	}
	var version struct {
		GitVersion string `json:"gitVersion"`
		Platform   string `json:"platform"`
	}
	switch {
	case a.Status >= http.StatusInternalServerError:
		return s.Unexpected(belay.CauseUnexpectedStatus, a)
	case a.Status != http.StatusOK:
		return s.Unexpected(belay.CauseWrongService, a)
	case json.Unmarshal(a.Body, &version) != nil || version.Platform == "" || !strings.HasPrefix(version.GitVersion, "v"):
		return &probe.Failure{Cause: belay.CauseWrongService, Detail: "/version is not that of an API server: " + s.Quote(string(a.Body))}
	}
	s.Fact("version", version.GitVersion)
	return nil
}

// anonymous is who the API server sees where it sees nobody in particular.
const anonymous = "system:anonymous"

// authenticate asks the API server who it takes the credential for.
func (c cluster) authenticate(ctx context.Context, s *probe.Session) error {
	if err := s.Admission(); err != nil {
		return c.refine(s, err)
	}
	var review struct {
		Status struct {
			UserInfo struct {
				Username string   `json:"username"`
				Groups   []string `json:"groups"`
			} `json:"userInfo"`
		} `json:"status"`
	}
	err := c.create(ctx, s, "authentication.k8s.io", "SelfSubjectReview", "selfsubjectreviews", nil, &review)
	if err != nil {
		return c.refine(s, err)
	}
	user := review.Status.UserInfo
	switch {
	case user.Username == "":
		return &probe.Failure{Cause: belay.CauseMalformedResponse, Detail: "the review names no user"}
	case user.Username == anonymous && s.HasCredential():
		return &probe.Failure{Cause: belay.CauseCredentialRejected, Detail: "the API server sees nobody behind the credential"}
	case user.Username == anonymous:
		return &probe.Failure{Cause: belay.CauseCredentialMissing, Detail: "the API server sees nobody"}
	}
	s.Fact("user", user.Username)
	s.Fact("groups", anyOf(user.Groups))
	s.Detail("as %s", s.Quote(user.Username))
	return nil
}

// refine knows better what a refusal means here: nobody may do nothing, and
// who may not be somebody else lacks just that permission.
func (c cluster) refine(s *probe.Session, err error) error {
	var f *probe.Failure
	if !errors.As(err, &f) || f.Cause != belay.CausePermissionMissing {
		return err
	}
	switch m := s.Target().Credential; {
	case m == nil:
		f.Cause, f.Stage, f.Missing = belay.CauseCredentialMissing, belay.StageAuthenticate, ""
	case m.Value("impersonate") != "":
		f.Missing = "impersonate users " + s.Quote(m.Value("impersonate"))
	case strings.Contains(f.Detail, anonymous):
		f.Cause, f.Stage, f.Missing = belay.CauseCredentialRejected, belay.StageAuthenticate, ""
	}
	return f
}

// access is one question of a SelfSubjectAccessReview.
type access struct {
	Verb     string `json:"verb"`
	Group    string `json:"group,omitempty"`
	Resource string `json:"resource"`
}

// needed is what discovery and the pages of a cluster cannot do without.
func needed() []access {
	return []access{{Verb: "list", Resource: "namespaces"}, {Verb: "list", Resource: "services"}}
}

// authorize asks whether the user may do what is needed, and whether it may
// do everything, which is more than it should.
func (c cluster) authorize(ctx context.Context, s *probe.Session) error {
	var missing []string
	for _, a := range needed() {
		allowed, err := c.allowed(ctx, s, a)
		if err != nil {
			return err
		}
		if !allowed {
			missing = append(missing, a.Verb+" "+a.Resource)
		}
	}
	if missing != nil {
		return &probe.Failure{Cause: belay.CausePermissionMissing, Missing: strings.Join(missing, ", "), Detail: "the API server does not allow it"}
	}
	all, err := c.allowed(ctx, s, access{Verb: "*", Group: "*", Resource: "*"})
	if err != nil {
		return err
	}
	s.Fact("overPrivileged", all)
	if all {
		s.Detail("the user may do everything in the cluster")
	}
	return nil
}

func (c cluster) allowed(ctx context.Context, s *probe.Session, a access) (bool, error) {
	var review struct {
		Status struct {
			Allowed *bool `json:"allowed"`
		} `json:"status"`
	}
	spec := map[string]any{"resourceAttributes": a}
	err := c.create(ctx, s, "authorization.k8s.io", "SelfSubjectAccessReview", "selfsubjectaccessreviews", spec, &review)
	if err != nil {
		return false, err
	}
	if review.Status.Allowed == nil {
		return false, &probe.Failure{Cause: belay.CauseMalformedResponse, Detail: "the access review has no answer"}
	}
	return *review.Status.Allowed, nil
}

// capability asks whether the API server is ready, and which cluster it is.
func (c cluster) capability(ctx context.Context, s *probe.Session) error {
	a, err := s.Do(ctx, probe.Request{Path: "/readyz"})
	if err != nil {
		return err
	}
	if f := s.Refusal(a); f != nil {
		if f.Cause == belay.CausePermissionMissing {
			f.Missing = "get /readyz"
		}
		return f
	}
	switch {
	case a.Status >= http.StatusInternalServerError:
		return s.Unexpected(belay.CauseNotReady, a)
	case a.Status != http.StatusOK:
		return s.Unexpected(belay.CauseUnexpectedStatus, a)
	}
	if err := c.identify(ctx, s); err != nil {
		return err
	}
	return c.countNodes(ctx, s)
}

func (c cluster) identify(ctx context.Context, s *probe.Session) error {
	var namespace struct {
		Metadata struct {
			UID string `json:"uid"`
		} `json:"metadata"`
	}
	readable, err := c.get(ctx, s, "/api/v1/namespaces/kube-system", &namespace)
	uid := s.Quote(namespace.Metadata.UID)
	if err != nil || !readable || uid == "" {
		return err
	}
	s.Fact("clusterUid", uid)
	s.Identify("kubernetes:" + uid + "/" + c.config.Context)
	known, _, _ := strings.Cut(strings.TrimPrefix(c.known, "kubernetes:"), "/")
	if known != "" && known != uid {
		return &probe.Failure{Cause: belay.CauseIdentityChanged, Detail: fmt.Sprintf("it is cluster %s, not %s", uid, known)}
	}
	return nil
}

func (c cluster) countNodes(ctx context.Context, s *probe.Session) error {
	var nodes struct {
		Metadata struct {
			RemainingItemCount int `json:"remainingItemCount"`
		} `json:"metadata"`
		Items []json.RawMessage `json:"items"`
	}
	readable, err := c.get(ctx, s, "/api/v1/nodes?limit=1", &nodes)
	if err != nil || !readable {
		return err
	}
	s.Fact("nodeCount", len(nodes.Items)+nodes.Metadata.RemainingItemCount)
	return nil
}

// get reads an object that not everybody may read; false when this user may
// not, or there is none.
func (c cluster) get(ctx context.Context, s *probe.Session, path string, into any) (bool, error) {
	header := http.Header{"Accept": {"application/json"}}
	a, err := s.Do(ctx, probe.Request{Path: path, Header: header})
	switch {
	case err != nil:
		return false, err
	case a.Status == http.StatusForbidden, a.Status == http.StatusNotFound:
		return false, nil
	default:
		return true, decode(s, a, into)
	}
}

// create posts a review, whose answer is its status.
func (c cluster) create(ctx context.Context, s *probe.Session, group, kind, resource string, spec, into any) error {
	object := map[string]any{"apiVersion": group + "/v1", "kind": kind}
	if spec != nil {
		object["spec"] = spec
	}
	body, err := json.Marshal(object)
	if err != nil {
		return fmt.Errorf("encode %s: %w", kind, err)
	}
	a, err := s.Do(ctx, probe.Request{
		Method: http.MethodPost, Path: "/apis/" + group + "/v1/" + resource, Body: body,
		Header: http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}},
	})
	if err != nil {
		return err
	}
	if f := s.Refusal(a); f != nil {
		if f.Cause == belay.CausePermissionMissing {
			f.Missing = "create " + resource + "." + group
		}
		return f
	}
	if a.Status == http.StatusNotFound {
		return &probe.Failure{Cause: belay.CauseUnsupportedVersion, Detail: kind + " is not served; Kubernetes 1.28 or newer is needed"}
	}
	return decode(s, a, into)
}

func decode(s *probe.Session, a *probe.Response, into any) error {
	if f := s.Refusal(a); f != nil {
		return f
	}
	if a.Status/100 != 2 {
		return s.Unexpected(belay.CauseUnexpectedStatus, a)
	}
	if json.Unmarshal(a.Body, into) != nil {
		return &probe.Failure{Cause: belay.CauseMalformedResponse, Detail: "the answer is not the JSON that was asked for: " + s.Quote(string(a.Body))}
	}
	return nil
}

func anyOf(texts []string) []any {
	out := make([]any, len(texts))
	for i, t := range texts {
		out[i] = t
	}
	return out
}
