package cli

import (
	"slices"
	"testing"
)

func TestPicks(t *testing.T) {
	names := []string{"prod eu", "staging", "3", "lab-1", "a,b"}
	cases := map[string][]int{
		"1": {0}, "1,2": {0, 1}, "2 4": {1, 3}, "1-3": {0, 1, 2}, "1-2, 2-4": {0, 1, 2, 3}, "staging": {1}, "prod eu": {0},
		"3": {2}, "lab-1": {3}, "a,b": {4}, "lab-1 staging": {3, 1}, "all": {0, 1}, " 2 ": {1}, "": nil,
	}
	for answer, want := range cases {
		if got, err := picks(answer, names, []int{0, 1}); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v, want %v", answer, got, err, want)
		}
	}
	for _, answer := range []string{"0", "6", "2-9", "3-1", "x", "1-", "-1", "1-x", "all 1"} {
		if got, err := picks(answer, names, []int{0, 1}); err == nil {
			t.Errorf("%q was taken for %v", answer, got)
		}
	}
}

// What is said of nothing chosen is true of what was found.
func TestNothingPicked(t *testing.T) {
	mustNotContain(t, nothingPicked(true, 1), "works", "number")
	mustNotContain(t, nothingPicked(false, 1), "works")
	mustContain(t, nothingPicked(false, 0), "none of them works")
}

func FuzzPicks(f *testing.F) {
	f.Add("1-3, a")
	names := []string{"a", "b", "c"}
	f.Fuzz(func(t *testing.T, answer string) {
		picked, err := picks(answer, names, nil)
		for _, i := range picked {
			if err == nil && (i < 0 || i >= len(names)) {
				t.Errorf("%q picks %d", answer, i)
			}
		}
	})
}

func twoContexts(t *testing.T, env map[string]string) *fixture {
	t.Helper()
	f := newFixture(t, env)
	f.run(t, exitDone, "context", "set", "lab", "--server", "http://127.0.0.1:1")
	f.run(t, exitDone, "context", "set", "prod", "--server", "https://belay.example")
	return f
}

// What is typed narrows the list; Enter takes what is left at the cursor.
func TestListNarrowsByTyping(t *testing.T) {
	f := twoContexts(t, map[string]string{"TERM": "xterm"})
	s := newScreen(t)
	s.resize(t, 80, 24)
	wait := s.start(t, f, "context", "use")
	s.answer(t, "lab", 1, "pro\r")
	if got := wait(); got != exitDone {
		t.Errorf("status %d, want 0", got)
	}
	s.sees(t, "context prod is now current")
}

func TestCtrlCAtAList(t *testing.T) {
	f := twoContexts(t, map[string]string{"TERM": "xterm"})
	s := newScreen(t)
	s.resize(t, 80, 24)
	wait := s.start(t, f, "context", "use")
	s.answer(t, "lab", 1, "\x03")
	if got := wait(); got != exitInterrupted {
		t.Errorf("status %d, want %d", got, exitInterrupted)
	}
	s.sees(t, "nothing was changed")
}

// Screen readers get a numbered question, on whatever terminal; a bad answer
// is explained and asked for again.
func TestAccessibleQuestion(t *testing.T) {
	for _, env := range []map[string]string{{"TERM": "xterm", "BELAY_ACCESSIBLE": "1"}, {"TERM": "dumb"}} {
		f := twoContexts(t, env)
		s := newScreen(t)
		wait := s.start(t, f, "context", "use")
		s.answer(t, "number or name", 1, "nonsense\r")
		s.answer(t, "number or name", 2, "1-2\r")
		s.answer(t, "number or name", 3, "\r")
		s.answer(t, "number or name", 4, "2\r")
		if got := wait(); got != exitDone {
			t.Errorf("status %d, want 0", got)
		}
		s.sees(t, `there is no "nonsense"; type numbers from 1 to 2`)
		s.sees(t, "choose one")
		s.sees(t, "context prod is now current")
	}
}
