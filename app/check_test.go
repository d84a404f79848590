package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"belay"
	"belay/app"
	"belay/secret"
	"belay/store"
)

// fakeKind is a kind whose test is the function of one test here.
type fakeKind struct {
	test func(context.Context, belay.Target) belay.Report
}

func (*fakeKind) Definition() *belay.Kind {
	return &belay.Kind{Name: "fake", Type: "platform", SubType: "service", CredentialTypes: []string{belay.CredentialBearer, belay.CredentialKubernetes}}
}
func (*fakeKind) CheckEndpoint(endpoint string) (string, error) { return endpoint, nil }
func (*fakeKind) CheckConfig(json.RawMessage) error             { return nil }
func (k *fakeKind) Test(ctx context.Context, t belay.Target) belay.Report {
	return k.test(ctx, t)
}

// newOwner is an App with a fake kind, and the context of its owner.
func newOwner(t *testing.T, k app.Kind, limits ...app.Limits) (*app.App, context.Context) {
	t.Helper()
	return newLoggingOwner(t, k, append(limits, app.Limits{})[0], slog.DiscardHandler)
}

func newLoggingOwner(t *testing.T, k app.Kind, limits app.Limits, log slog.Handler) (*app.App, context.Context) {
	t.Helper()
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "belay.db"))
	if err != nil {
		t.Fatal(err)
	}
	keyring, err := app.OpenKeyring(t.Context(), st, secret.Source{Dir: t.TempDir()}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	c := app.Config{
		Store: st, Keyring: keyring, Kinds: map[string]app.Kind{"fake": k, "kubernetes": k}, Clock: time.Now, Log: slog.New(log),
		NewID: func() belay.ID { return belay.ID(uuid.NewString()) }, Limits: limits,
	}
	first, err := app.SetUp(t.Context(), c, func(belay.Secret) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	a := app.New(c)
	t.Cleanup(func() {
		a.Close()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return a, belay.WithPrincipal(t.Context(), first.Principal())
}

func connectionTo(name string, token string) app.ConnectionChange {
	kind, endpoint := "fake", "http://127.0.0.1:1"
	ch := app.ConnectionChange{Name: &name, Kind: &kind, Endpoint: &endpoint}
	if token != "" {
		ch.Secret, ch.SecretType = bearer(token), belay.CredentialBearer
	}
	return ch
}

func bearer(token string) map[string]*belay.Secret {
	s := belay.SecretString(token)
	return map[string]*belay.Secret{"token": &s}
}

// TestPanicInDriver shows that a driver that panics ends its own test only.
func TestPanicInDriver(t *testing.T) {
	a, ctx := newOwner(t, &fakeKind{test: func(context.Context, belay.Target) belay.Report { panic("broken") }})
	k, err := a.TestDraft(ctx, "", connectionTo("", ""))
	if err != nil {
		t.Fatal(err)
	}
	if k.Health != belay.HealthUnknown || k.Cause != belay.CauseInternal {
		t.Errorf("health %s, cause %s", k.Health, k.Cause)
	}
}

// lines is a writer that hands on what is written to it.
type lines chan string

// Write implements io.Writer.
func (l lines) Write(b []byte) (int, error) {
	l <- string(b)
	return len(b), nil
}

// TestFailureOfAnUnattendedTest makes a test fail in this server, when nobody
// waits for it and when whoever did has left.
func TestFailureOfAnUnattendedTest(t *testing.T) {
	began, finish := make(chan struct{}), make(chan struct{})
	k := &fakeKind{test: func(context.Context, belay.Target) belay.Report {
		began <- struct{}{}
		<-finish
		return belay.Report{Health: "nonsense"} // which the database does not take
	}}
	log := make(lines, 10)
	a, ctx := newLoggingOwner(t, k, app.Limits{}, slog.NewTextHandler(log, nil))
	v, err := a.CreateConnection(ctx, "", connectionTo("one", ""))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.StartTest(ctx, "", v.ID); err != nil {
		t.Fatal(err)
	}
	<-began
	finish <- struct{}{}
	if line := <-log; !strings.Contains(line, string(v.ID)) || !strings.Contains(line, "nobody waited") {
		t.Errorf("logged %s", line)
	}
	left, cancel := context.WithCancel(ctx)
	waited := make(chan error)
	go func() { waited <- run1(a.TestConnection(left, "", v.ID)) }()
	<-began
	cancel()
	if err := <-waited; !errors.Is(err, context.Canceled) {
		t.Errorf("whoever has left is told %v", err)
	}
	finish <- struct{}{}
	if line := <-log; !strings.Contains(line, string(v.ID)) {
		t.Errorf("logged %s", line)
	}
}

// TestSecretReplacedWhileTesting replaces a secret while a test with the old
// one runs. A test that is asked for afterwards must not join it, and what
// the old one finds out must not become the connection's health.
func TestSecretReplacedWhileTesting(t *testing.T) {
	began, finish := make(chan struct{}), make(chan struct{})
	a, ctx := newOwner(t, &fakeKind{test: func(_ context.Context, target belay.Target) belay.Report {
		if target.Credential.Value("token") == "first" {
			close(began)
			<-finish
			return belay.Report{Health: belay.HealthHealthy}
		}
		return belay.Report{Health: belay.HealthUnhealthy, Cause: belay.CauseCredentialRejected}
	}})
	v, err := a.CreateConnection(ctx, "", connectionTo("one", "first"))
	if err != nil {
		t.Fatal(err)
	}
	old := make(chan error)
	go func() {
		_, err := a.TestConnection(ctx, "", v.ID)
		old <- err
	}()
	<-began
	if _, err := a.UpdateCredential(ctx, "", v.Credentials[0].CredentialID, 0, app.CredentialChange{Secret: bearer("second")}); err != nil {
		t.Fatal(err)
	}
	k, err := a.TestConnection(ctx, "", v.ID)
	if err != nil {
		t.Fatal(err)
	}
	if k.Health != belay.HealthUnhealthy || k.CredentialVersion != 2 {
		t.Errorf("the second test: %s with version %d", k.Health, k.CredentialVersion)
	}
	close(finish)
	if err := <-old; err != nil {
		t.Fatal(err)
	}
	if v, err = a.Connection(ctx, "", v.ID); err != nil || v.Health.Status != belay.HealthUnhealthy {
		t.Errorf("the connection is %s, %v", v.Health.Status, err)
	}
}

// TestSharedSecretIsNotReplacedByTheWay changes the secret of one of two
// connections that share a credential.
func TestSharedSecretIsNotReplacedByTheWay(t *testing.T) {
	a, ctx := newOwner(t, &fakeKind{})
	one, err := a.CreateConnection(ctx, "", connectionTo("one", "shared"))
	if err != nil {
		t.Fatal(err)
	}
	ch := connectionTo("two", "")
	ch.Credentials = &one.Connection.Credentials
	two, err := a.CreateConnection(ctx, "", ch)
	if err != nil {
		t.Fatal(err)
	}
	if two, err = a.UpdateConnection(ctx, "", two.ID, 0, app.ConnectionChange{Secret: bearer("its-own")}); err != nil {
		t.Fatal(err)
	}
	shared, err := a.Credential(ctx, "", one.Credentials[0].CredentialID)
	if err != nil {
		t.Fatal(err)
	}
	if shared.Current != 1 || shared.Usage.Connections != 1 {
		t.Errorf("the shared credential has version %d and %d users", shared.Current, shared.Usage.Connections)
	}
	if two.Credentials[0].CredentialID == shared.ID {
		t.Error("the second connection still uses the shared credential")
	}
}

// rejecting is a kind whose target takes one token only.
func rejecting(good string) *fakeKind {
	return &fakeKind{test: func(_ context.Context, t belay.Target) belay.Report {
		if t.Credential.Value("token") == good {
			return belay.Report{Health: belay.HealthHealthy, Summary: "every stage passed", Stages: []belay.StageResult{{Stage: belay.StageAuthenticate, Outcome: belay.OutcomePassed}}}
		}
		return belay.Report{Health: belay.HealthUnhealthy, Cause: belay.CauseCredentialRejected, Summary: "the target rejects the credential"}
	}}
}

// withCredentials is a connection with these tokens, in this order, and the
// credentials that hold them.
func withCredentials(ctx context.Context, t *testing.T, a *app.App, tokens ...string) (*app.Connection, []*app.Credential) {
	t.Helper()
	ch := connectionTo("target", "")
	ch.Credentials = &[]belay.CredentialUse{}
	var out []*app.Credential
	for i, token := range tokens {
		name, typ, purpose := "with "+token, belay.CredentialBearer, belay.PurposeFallback
		if i == 0 {
			purpose = belay.PurposePrimary
		}
		credential, err := a.CreateCredential(ctx, "", app.CredentialChange{Name: &name, Type: &typ, Secret: bearer(token)})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, credential)
		*ch.Credentials = append(*ch.Credentials, belay.CredentialUse{CredentialID: credential.ID, Purpose: purpose})
	}
	v, err := a.CreateConnection(ctx, "", ch)
	if err != nil {
		t.Fatal(err)
	}
	return v, out
}

// TestAFallbackHidesNothing shows that a connection whose first credential is
// rejected is degraded, says which one that is, and how to mend it.
func TestAFallbackHidesNothing(t *testing.T) {
	a, ctx := newOwner(t, rejecting("new"))
	v, credentials := withCredentials(ctx, t, a, "old", "new")
	k, err := a.TestConnection(ctx, "", v.ID)
	if err != nil {
		t.Fatal(err)
	}
	if k.Health != belay.HealthDegraded || k.Cause != belay.CauseCredentialRejected || k.CredentialID != credentials[1].ID {
		t.Fatalf("%s, %s, with %s: %s", k.Health, k.Cause, k.CredentialID, k.Summary)
	}
	if want := "works with the fallback credential only: with the one before it, the target rejects the credential"; k.Summary != want {
		t.Errorf("it says %q", k.Summary)
	}
	if k.Stages[0].Outcome != belay.OutcomeWarned {
		t.Errorf("the stage is %s", k.Stages[0].Outcome)
	}
	if len(k.Rejected) != 1 || k.Rejected[0].CredentialID != credentials[0].ID || k.Names[credentials[0].ID] != "with old" {
		t.Errorf("rejected are %+v, called %v", k.Rejected, k.Names)
	}
	commands := map[string]string{}
	for _, r := range k.Remedies {
		commands[r.ID] = r.Command
	}
	if commands["credential.replace"] != "belay credential edit 'with old' --secret-file token=PATH" ||
		commands["credential.remove"] != "belay connection credential target --use "+string(credentials[1].ID) {
		t.Errorf("remedies are %q", commands)
	}
	stored, err := a.Connection(ctx, "", v.ID)
	if err != nil || stored.Health.Status != belay.HealthDegraded || stored.Status != belay.StatusConnected {
		t.Errorf("stored: %+v, %s, %v", stored.Health, stored.Status, err)
	}
	for i, want := range []belay.CredentialUsage{{Connections: 1, Checked: 1}, {Connections: 1, Checked: 1, Working: 1}} {
		got, err := a.Credential(ctx, "", credentials[i].ID)
		if err != nil || got.Usage != want {
			t.Errorf("%s: %+v, %v", credentials[i].Name, got.Usage, err)
		}
	}
	history, err := a.Checks(ctx, "", v.ID, belay.Query{})
	if err != nil || len(history.Items) != 1 || len(history.Items[0].Rejected) != 1 || len(history.Items[0].Remedies) != len(k.Remedies) {
		t.Errorf("the history tells something else: %+v, %v", history.Items, err)
	}
}

// TestOutdated replaces a secret that a connection works with, and takes the
// replacement back by testing again.
func TestOutdated(t *testing.T) {
	a, ctx := newOwner(t, rejecting("good"))
	v, credentials := withCredentials(ctx, t, a, "good")
	check := func(when string, want bool, usage belay.CredentialUsage) {
		t.Helper()
		one, err := a.Connection(ctx, "", v.ID)
		if err != nil || one.Outdated != want {
			t.Errorf("%s: the connection says %v, %v", when, one.Outdated, err)
		}
		page, err := a.Connections(ctx, "", belay.ConnectionFilter{}, belay.Query{})
		if err != nil || len(page.Items) != 1 || page.Items[0].Outdated != want {
			t.Errorf("%s: the list says otherwise: %+v, %v", when, page.Items, err)
		}
		credential, err := a.Credential(ctx, "", credentials[0].ID)
		if err != nil || credential.Usage != usage {
			t.Errorf("%s: the credential says %+v, %v", when, credential.Usage, err)
		}
	}
	test := func() {
		t.Helper()
		if _, err := a.TestConnection(ctx, "", v.ID); err != nil {
			t.Fatal(err)
		}
	}
	check("never tested", false, belay.CredentialUsage{Connections: 1})
	test()
	check("tested", false, belay.CredentialUsage{Connections: 1, Checked: 1, Working: 1})
	if _, err := a.UpdateCredential(ctx, "", credentials[0].ID, 0, app.CredentialChange{Secret: bearer("wrong")}); err != nil {
		t.Fatal(err)
	}
	check("replaced", true, belay.CredentialUsage{Connections: 1})
	test()
	check("tested again", false, belay.CredentialUsage{Connections: 1, Checked: 1})
}

// TestAllRejected shows that the last of several rejected credentials does
// not hide the others either.
func TestAllRejected(t *testing.T) {
	a, ctx := newOwner(t, rejecting("none of them"))
	v, credentials := withCredentials(ctx, t, a, "first", "second", "third")
	k, err := a.TestConnection(ctx, "", v.ID)
	if err != nil {
		t.Fatal(err)
	}
	if k.Health != belay.HealthUnhealthy || k.CredentialID != credentials[2].ID || len(k.Rejected) != 2 {
		t.Errorf("%s, %s, with %s after %+v", k.Health, k.Cause, k.CredentialID, k.Rejected)
	}
	for _, r := range k.Remedies {
		if r.ID == "credential.remove" {
			t.Error("removing a credential is offered, and no other works")
		}
	}
}

// TestAnotherTargetIsAcceptedOnPurposeOnly shows that what a test has found
// at a connection's endpoint, and nothing else, can be made its own.
func TestAnotherTargetIsAcceptedOnPurposeOnly(t *testing.T) {
	answers := "cluster-1"
	a, ctx := newOwner(t, &fakeKind{test: func(_ context.Context, t belay.Target) belay.Report {
		r := belay.Report{Health: belay.HealthHealthy, Identity: answers}
		if t.Identity != "" && t.Identity != answers {
			r.Health, r.Cause = belay.HealthUnhealthy, belay.CauseIdentityChanged
		}
		return r
	}})
	v, _ := withCredentials(ctx, t, a, "token")
	test := func() *app.Check {
		t.Helper()
		k, err := a.TestConnection(ctx, "", v.ID)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	accept := func(identity string) (*app.Connection, error) {
		return a.UpdateConnection(ctx, "", v.ID, 0, app.ConnectionChange{Accept: &identity})
	}
	if k := test(); k.Health != belay.HealthHealthy {
		t.Fatal(k.Summary)
	}
	if _, err := accept("cluster-2"); belay.CodeOf(err) != belay.CodeInvalid {
		t.Errorf("accepted before a test has found it: %v", err)
	}
	answers = "cluster-2"
	k := test()
	if k.Cause != belay.CauseIdentityChanged || len(k.Remedies) == 0 || k.Remedies[0].ID != "identity.accept" {
		t.Fatalf("%s, with %+v", k.Cause, k.Remedies)
	}
	if body, _ := k.Remedies[0].Action.Body.(map[string]any); body["identity"] != "cluster-2" {
		t.Errorf("the remedy sends %v", body)
	}
	if _, err := accept("cluster-3"); belay.CodeOf(err) != belay.CodeInvalid {
		t.Errorf("accepted what no test has found: %v", err)
	}
	got, err := accept("cluster-2")
	if err != nil || got.Identity != "cluster-2" || got.Health.Status != belay.HealthHealthy || got.Status != belay.StatusConnected {
		t.Errorf("%+v, %v", got, err)
	}
	history, err := a.Checks(ctx, "", v.ID, belay.Query{})
	if err != nil || len(history.Items) != 3 || history.Items[0].UserID == "" {
		t.Errorf("that it was accepted is not recorded: %+v, %v", history.Items, err)
	}
	answers = "cluster-1"
	if k := test(); k.Cause != belay.CauseIdentityChanged {
		t.Errorf("the one before is still taken for it: %s", k.Cause)
	}
}

// TestConnectionChangedWhileTesting gives a connection another endpoint while
// a test of the old one runs: what that finds is kept as a check, and does not
// become the health of what is there now.
func TestConnectionChangedWhileTesting(t *testing.T) {
	began, finish := make(chan struct{}), make(chan struct{})
	a, ctx := newOwner(t, &fakeKind{test: func(context.Context, belay.Target) belay.Report {
		close(began)
		<-finish
		return belay.Report{Health: belay.HealthHealthy, Identity: "of the old endpoint"}
	}})
	v, err := a.CreateConnection(ctx, "", connectionTo("one", ""))
	if err != nil {
		t.Fatal(err)
	}
	old := make(chan error)
	go func() { old <- run1(a.TestConnection(ctx, "", v.ID)) }()
	<-began
	endpoint := "http://127.0.0.1:2"
	if _, err := a.UpdateConnection(ctx, "", v.ID, 0, app.ConnectionChange{Endpoint: &endpoint}); err != nil {
		t.Error(err)
	}
	close(finish)
	if err := <-old; err != nil {
		t.Fatal(err)
	}
	now, err := a.Connection(ctx, "", v.ID)
	if err != nil || now.Health.Status != belay.HealthUnchecked || now.Status != belay.StatusRegistered || now.Identity != "" {
		t.Errorf("the connection is %s, %s, %q, %v", now.Health.Status, now.Status, now.Identity, err)
	}
	if history, err := a.Checks(ctx, "", v.ID, belay.Query{}); err != nil || history.Total != 1 {
		t.Errorf("%d checks are kept, %v", history.Total, err)
	}
}
