package cli

import (
	"context"
	"encoding/json"
	"net/url"
)

// refs are how the connections are named: a selection can be of several.
func (c *connectionTest) refs() []string {
	if len(c.Names) == 0 {
		return []string{"-"}
	}
	return c.Names
}

// foretellTests says what tests would do, none of which is made: each would
// contact a target, and sign in there.
func (in *invocation) foretellTests(ctx context.Context, refs []string, conns []item) error {
	in.nameAllCredentials(ctx, conns)
	return in.each(connections(), "tested", refs, conns, func(conn item) error {
		r := in.testRequest(conn)
		r.would = &outcome{
			text: "would test connection " + conn.name() + ": the server would contact " + contacted(conn.text("url"), credentialColumn().cell(conn, view{}).text),
			not:  "nothing was contacted", r: connections(), it: conn,
		}
		_, err := in.change(ctx, r)
		return err
	})
}

// contacted says where a test goes, and with which secret.
func contacted(address, credential string) string {
	if u, err := url.Parse(address); err == nil {
		address = u.Redacted() // a password in it is refused later
	}
	if credential == "" {
		return address + " without a credential"
	}
	return address + " with credential " + credential
}

// nameAllCredentials is nameCredentials for several connections, of which
// many can share a credential.
func (in *invocation) nameAllCredentials(ctx context.Context, conns []item) {
	names := map[string]string{}
	for _, conn := range conns {
		for _, use := range conn.objects("credentials") {
			fields, ok := use.fields.(map[string]any)
			if !ok {
				continue
			}
			id := use.id()
			if _, known := names[id]; !known {
				names[id] = id // of one that may not be seen
				if cred, _, err := in.get(ctx, credentials(), id); err == nil {
					names[id] = cred.name()
				}
			}
			fields["name"] = names[id]
		}
	}
}

// showNoTest gives a program the document of no test at all.
func (in *invocation) showNoTest() error {
	if !in.machine() {
		return nil
	}
	return in.show(checkDocument(json.RawMessage(`{"checks":[]}`), nil, nil))
}
