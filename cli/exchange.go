package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"belay"
)

const (
	// tries is how often a request is sent to a server that has no room.
	tries = 5
	// longestRest is the longest time after which a server that has no room
	// is asked again.
	longestRest = 30 * time.Second
)

// do sends one request and waits for its answer. An answer of 300 and above
// is a failure.
func (c *client) do(ctx context.Context, r request) (*response, error) {
	if err := c.onlyShown(ctx, r); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.patience(r))
	defer cancel()
	res, err := c.exchange(ctx, r)
	if err != nil {
		return nil, err
	}
	body, err := c.read(res)
	if err != nil {
		return nil, err
	}
	return &response{status: res.StatusCode, header: res.Header, body: body}, nil
}

// onlyShown is errDryRun for a change that is shown in place of being sent.
func (c *client) onlyShown(ctx context.Context, r request) error {
	if c.dryRun == nil || r.method == http.MethodGet || r.reads {
		return nil
	}
	if err := c.rehearse(ctx, r); err != nil {
		return err
	}
	if err := c.dryRun(ctx, r); err != nil {
		return err
	}
	return errDryRun
}

// rehearse asks a server whether it would refuse a change, where it can tell
// without making it.
func (c *client) rehearse(ctx context.Context, r request) error {
	if !r.rehearsed {
		return nil
	}
	query := url.Values{"dryRun": {"true"}}
	maps.Copy(query, r.query)
	r.query, r.reads = query, true
	_, err := c.do(ctx, r)
	return err
}

// exchange sends a request until the server has room for it, as long as it
// may take. Whoever has no room has done nothing, so that nothing is done
// twice. The body of an answer below 300 is the caller's to read and to close.
func (c *client) exchange(ctx context.Context, r request) (*http.Response, error) {
	left := c.patience(r)
	for try := 1; ; try++ {
		res, err := c.once(ctx, r)
		if err != nil || res.StatusCode < http.StatusMultipleChoices {
			return res, err
		}
		body, err := c.read(res)
		if err != nil {
			return nil, err
		}
		rest, ok := restOf(res)
		if left -= rest; !ok || left <= 0 || try == tries {
			return nil, c.refusal(res, body)
		}
		c.busy(rest)
		select {
		case <-time.After(rest):
		case <-ctx.Done():
			return nil, c.unreachable(context.Cause(ctx), res.Request)
		}
	}
}

// restOf is when a server that has no room wants to be asked again. It is not
// asked when it does not say so, or not soon.
func restOf(res *http.Response) (time.Duration, bool) {
	if res.StatusCode != http.StatusTooManyRequests {
		return 0, false
	}
	seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
	rest := time.Duration(seconds) * time.Second
	return rest, err == nil && seconds >= 0 && seconds <= int(longestRest/time.Second)
}

// sayBusy is what tells a person at a terminal that a server has no room. It
// is told once, whoever waits.
func (in *invocation) sayBusy() func(time.Duration) {
	var once sync.Once
	return func(rest time.Duration) {
		if in.flags.Quiet || !terminal(in.Stderr) {
			return
		}
		once.Do(func() {
			start := ""
			if in.redraws() {
				start = "\r\x1b[K" // something else may be drawn there
			}
			in.line(start + in.plainText(fmt.Sprintf("the server has no room for more at this moment; it is asked again in %s", rest)))
		})
	}
}

// once sends a request once, and once more with another token where that of a
// sign-in is not good any more.
func (c *client) once(ctx context.Context, r request) (*http.Response, error) {
	if c.keeper == nil {
		return c.sendWith(ctx, r, c.token)
	}
	token, err := c.keeper.access(ctx)
	if err != nil {
		return nil, c.notRenewed(err)
	}
	res, err := c.sendWith(ctx, r, token)
	if err != nil || res.StatusCode != http.StatusUnauthorized {
		return res, err
	}
	_ = res.Body.Close() // what it says will be said again, or better
	if token, err = c.keeper.renew(ctx, token); err != nil {
		return nil, c.notRenewed(err)
	}
	return c.sendWith(ctx, r, token)
}

// notRenewed is why a sign-in was not renewed.
func (c *client) notRenewed(err error) error {
	if _, ok := errors.AsType[*failure](err); ok {
		return err
	}
	return c.unreachable(err, &http.Request{Method: http.MethodGet, Header: http.Header{}})
}

func (c *client) sendWith(ctx context.Context, r request, token belay.Secret) (*http.Response, error) {
	req, err := c.build(ctx, r, token)
	if err != nil {
		return nil, err
	}
	began := c.now()
	res, err := c.http.Do(req)
	c.traceLine(req, res, began)
	if err != nil {
		return nil, c.unreachable(err, req)
	}
	c.identity.asked.Store(false) // whatever it was, the server has let the client in
	if ends, err := time.Parse(time.RFC3339, res.Header.Get(tokenExpires)); err == nil {
		c.tokenEnds.Store(&ends)
	}
	return res, nil
}

// read reads an answer to its end.
func (c *client) read(res *http.Response) (json.RawMessage, error) {
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return nil, c.unreachable(err, res.Request)
	}
	if len(body) > maxAnswer {
		return nil, &failure{exit: exitFailed, what: "the server's answer is too long"}
	}
	return body, nil
}

// jsonLines is the media type of an answer of one JSON value a line.
const jsonLines = "application/jsonl"

// lines sends a request and hands over each line of its answer as it comes.
// The first, and every other after the one before, may take as long as an
// answer of this request may.
func (c *client) lines(ctx context.Context, r request, take func(json.RawMessage) error) error {
	if err := c.onlyShown(ctx, r); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	impatient := time.AfterFunc(c.patience(r), func() { cancel(context.DeadlineExceeded) })
	defer impatient.Stop()
	r.accept = jsonLines
	res, err := c.exchange(ctx, r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); media != jsonLines {
		return unreadable(res.Header.Get("X-Request-ID"))
	}
	limited := &io.LimitedReader{R: res.Body}
	in := bufio.NewReader(limited)
	for {
		limited.N = maxAnswer
		line, err := in.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return nil
		}
		if err != nil {
			return c.brokenOff(ctx, err, res.Request)
		}
		impatient.Reset(c.patience(r))
		if err := take(line); err != nil {
			return err
		}
	}
}

// brokenOff is the failure of an answer that ended within.
func (c *client) brokenOff(ctx context.Context, err error, req *http.Request) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return c.unreachable(err, req)
}
