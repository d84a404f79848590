package app

import (
	"errors"
	"testing"

	"belay"
)

// TestAbout names the part of a body that an error is about. What is there
// and may not be used stays forbidden.
func TestAbout(t *testing.T) {
	for code, want := range map[belay.Code]belay.Code{
		belay.CodeNotFound: belay.CodeInvalid, belay.CodeForbidden: belay.CodeForbidden, belay.CodeConflict: belay.CodeConflict,
		belay.CodeRateLimited: belay.CodeRateLimited, belay.CodeUnavailable: belay.CodeUnavailable, belay.CodeInternal: belay.CodeInternal,
	} {
		cause := errors.New("cause")
		err := about("/credentialId", &belay.Error{Code: code, Message: "why", Err: cause})
		e, ok := errors.AsType[*belay.Error](err)
		if !ok || e.Code != want || !errors.Is(err, cause) || len(e.Fields) != 1 || e.Fields[0] != (belay.Field{Pointer: "/credentialId", Message: "why"}) {
			t.Errorf("%s becomes %+v", code, err)
		}
	}
	if err := about("/x", errors.New("plain")); belay.CodeOf(err) != belay.CodeInternal {
		t.Errorf("an ordinary error becomes %v", err)
	}
}
