package rest

import (
	"net/http"
	"sync"
	"time"
)

// deadline is until when an answer must be written. What takes long to answer
// moves it on, so that the server's limit is one for clients that do not read
// and not for the work.
type deadline struct {
	control *http.ResponseController
	after   time.Duration // 0: there is none

	mu sync.Mutex // held while something is written, which must not move it on
}

// deadline is until when the answer to a request must be written.
func (a *API) deadline(r *request) *deadline {
	return &deadline{control: http.NewResponseController(r.to), after: a.writeTimeout}
}

// renew gives the client the whole time again. It waits for what is being
// written.
func (d *deadline) renew() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.move()
}

// move is renew for who holds the lock. Writers that have no deadline, as in
// tests, have none to move.
func (d *deadline) move() {
	if d.after > 0 {
		_ = d.control.SetWriteDeadline(time.Now().Add(d.after)) //nolint:forbidigo // a socket goes by the system's time
	}
}

// keep renews the deadline until the function that it returns is called, which
// must be. The client then has three quarters of the time at least. A deadline
// that has passed cannot be moved on everywhere.
func (d *deadline) keep() (stop func()) {
	if d.after <= 0 {
		return func() {}
	}
	ended := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		tick := time.NewTicker(max(d.after/4, 1))
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				d.renew()
			case <-ended:
				return
			}
		}
	})
	return func() {
		close(ended)
		wait.Wait()
	}
}
