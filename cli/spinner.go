package cli

import (
	"fmt"
	"io"
	"time"
)

const (
	patience = 300 * time.Millisecond // before it is said that something takes long
	frame    = 120 * time.Millisecond
)

// waiting says on a terminal, once something takes long, what is waited for
// and how long it has been. The function returned ends that and wipes it away;
// it must be called. text is asked for from another goroutine.
func (in *invocation) waiting(text func() string) func() {
	if in.flags.Quiet || in.flags.Verbose || !in.redraws() {
		return func() {}
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		in.spin(text, stop)
	}()
	return func() {
		close(stop)
		<-done
	}
}

func (in *invocation) spin(text func() string, stop <-chan struct{}) {
	select {
	case <-stop:
		return
	case <-time.After(patience):
	}
	frames := []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
	if !in.unicode() {
		frames = []rune(`|/-\`)
	}
	tick := time.NewTicker(frame)
	defer tick.Stop()
	began := in.Now().Add(-patience)
	for i := 0; ; i++ {
		elapsed := in.Now().Sub(began).Round(time.Second)
		_, _ = fmt.Fprintf(in.Stderr, "\r%c %s (%s)\x1b[K", frames[i%len(frames)], in.plainText(text()), elapsed)
		select {
		case <-stop:
			_, _ = io.WriteString(in.Stderr, "\r\x1b[K")
			return
		case <-tick.C:
		}
	}
}

// still is a text for waiting that stays the same.
func still(format string, args ...any) func() string {
	text := fmt.Sprintf(format, args...)
	return func() string { return text }
}
