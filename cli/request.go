package cli

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"belay"
)

type rawRequest struct {
	Method string   `arg:"" help:"GET, POST, PUT, PATCH or DELETE; a path alone is a GET of it."`
	Path   string   `arg:"" optional:"" help:"The path, beginning with /api/, with its query."`
	Field  []string `short:"f" sep:"none" placeholder:"KEY=VALUE" help:"A member of the JSON body, or a parameter of a GET; the value is JSON or else text."`
	Input  string   `placeholder:"PATH" help:"The body from a file; - is standard input."`
}

// Help gives examples.
func (*rawRequest) Help() string {
	return "A secret belongs into --input, never into -f.\nThe request is sent as it is; only --org on this command line becomes the parameter orgId.\n\n" + examples(
		"belay api /api/environments", "belay api GET /api/integrations/connections -f pageSize=3 --jq '.connections[].name'",
		"belay api POST /api/environments -f name=sandbox")
}

// Run sends one request and shows the answer as it came.
func (c *rawRequest) Run(ctx context.Context, in *invocation) error {
	r, err := c.request(in)
	if err != nil {
		return err
	}
	if in.flags.Org != "" && !r.query.Has("orgId") { // said here, so it is meant for this request
		if err := in.scope(ctx, r.query); err != nil {
			return err
		}
	}
	if r.method != http.MethodGet {
		in.announce()
	}
	res, err := in.send(ctx, r)
	if err != nil {
		return err
	}
	if in.flags.JQ != "" || in.flags.Template != "" || in.flags.Output != "" {
		it, err := newItem(res.body)
		if err != nil {
			return err
		}
		return in.show(document{raw: res.body, items: []item{it}, noun: "object", single: true})
	}
	if len(res.body) > 0 {
		writeIndented(in.Stdout, []byte(strings.TrimSuffix(string(res.body), "\n")))
	}
	return nil
}

func (c *rawRequest) request(in *invocation) (request, error) {
	if strings.HasPrefix(c.Method, "/") && c.Path == "" {
		if c.Input != "" || len(c.Field) > 0 {
			return request{}, usage("with -f or --input, the method must be said").withHelp("to change something: belay api POST "+c.Method, "to ask: belay api GET "+c.Method)
		}
		c.Method, c.Path = http.MethodGet, c.Method
	}
	if c.Path == "" {
		return request{}, c.noPath()
	}
	path, query, _ := strings.Cut(c.Path, "?")
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
		return request{}, usage("the path must begin with / — it stays on the server in effect").withHelp("another server: --server URL")
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return request{}, usage("the query of the path cannot be read")
	}
	if !slices.Contains(requestMethods(), strings.ToUpper(c.Method)) {
		return request{}, usage("%q is not a method", c.Method).withHelp("one of: " + strings.Join(requestMethods(), ", "))
	}
	r := request{method: strings.ToUpper(c.Method), path: path, query: values, timeout: testTimeout}
	r.reads = r.method == http.MethodHead
	if len(c.Field) > 0 && c.Input != "" {
		return request{}, usage("-f and --input exclude each other")
	}
	if c.Input != "" {
		r.media, r.hidden = "application/json", true
		r.raw, err = c.readInput(in)
		return r, err
	}
	err = c.addFields(&r) // before r is returned, since it changes it
	return r, err
}

// noPath says what is missing where one word was given that is no path.
func (c *rawRequest) noPath() *failure {
	if slices.Contains(requestMethods(), strings.ToUpper(c.Method)) {
		return usage("the path is missing").withHelp("such as: belay api " + strings.ToUpper(c.Method) + " /api/environments")
	}
	return usage("%q is neither a method nor a path", c.Method).withHelp("such as: belay api GET /api/environments", "a path begins with /")
}

func requestMethods() []string {
	return []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
}

func (c *rawRequest) readInput(in *invocation) ([]byte, error) {
	var b []byte
	var err error
	if c.Input == "-" {
		b, err = io.ReadAll(io.LimitReader(in.Stdin, maxAnswer))
	} else {
		b, err = readBounded(c.Input)
	}
	if err != nil {
		return nil, usage("cannot read the input — %v", err)
	}
	return b, nil
}

func (c *rawRequest) addFields(r *request) error {
	body := map[string]any{}
	for _, f := range c.Field {
		key, value, ok := strings.Cut(f, "=")
		switch {
		case !ok:
			return usage("-f takes KEY=VALUE")
		case belay.NamesSecret(key):
			return secretOnCommandLine("-f "+key, bodyAdvice()...)
		case r.method == http.MethodGet:
			r.query.Add(key, value)
		default:
			body[key] = jsonOrText(value)
		}
	}
	if len(body) > 0 {
		b, err := json.Marshal(body)
		if err != nil {
			return usage("the fields cannot be sent")
		}
		r.raw, r.media = b, "application/json"
	}
	return nil
}
