package cli

import (
	"context"
	"fmt"
	"net/http"

	"belay"
)

type userCommands struct {
	SignInLink userSignInLink `cmd:"" name:"sign-in-link" help:"Make a link that signs a user in once, on the server's machine."`
}

// userSignInLink takes its settings as serve does.
type userSignInLink struct {
	Email     string `arg:"" optional:"" help:"The user; without it, the owner of an organization who has been one for longest."`
	Config    string `type:"path" placeholder:"PATH" help:"Read the server's settings from this YAML file (BELAY_CONFIG)."`
	DataDir   string `setting:"" placeholder:"DIR" help:"Where the database and the key are (BELAY_DATA_DIR)."`
	Database  string `setting:"" secret:"" placeholder:"URL" help:"The PostgreSQL database, when the server uses one; with a password only in BELAY_DATABASE or BELAY_DATABASE_FILE."`
	KeyFile   string `setting:"" placeholder:"PATH" help:"The key-encryption key (BELAY_KEY_FILE); the one in the data directory otherwise."`
	Listen    string `setting:"" default:"127.0.0.1:9081" placeholder:"HOST:PORT" help:"Where the server listens, when it does not run (BELAY_LISTEN); ${default} without it."`
	PublicURL string `setting:"" name:"public-url" placeholder:"URL" help:"Where others reach the server (BELAY_PUBLIC_URL)."`
	TLSCert   string `setting:"" name:"tls-cert" placeholder:"PATH" help:"The certificate that the server speaks TLS with (BELAY_TLS_CERT)."`
}

// Help gives examples.
func (*userSignInLink) Help() string {
	return "It needs the database and its key, and no token: who has lost admin.token gets in again with it. The link works once, for a day; the server may run meanwhile.\n\n" + examples(
		"belay user sign-in-link", "belay user sign-in-link admin@localhost --public-url https://belay.example")
}

// Run prints the link, alone.
func (c *userSignInLink) Run(ctx context.Context, in *invocation) error {
	conf := ServeConfig{Listen: c.Listen, DataDir: c.DataDir, KeyFile: c.KeyFile, TLS: TLSFiles{Certificate: c.TLSCert}}
	s := serve{Listen: c.Listen, PublicURL: c.PublicURL, TLSCert: c.TLSCert, Database: c.Database}
	if err := s.whereabouts(in, &conf); err != nil {
		return err
	}
	link, email, err := in.SignInLink(ctx, conf, c.Email, in.Program)
	if err != nil {
		return err
	}
	in.say(good, "a link that signs %s in once, for a day", email)
	_, err = fmt.Fprintf(in.Stdout, "%s\n", link.Reveal())
	return err
}

type organizationInvite struct {
	Email     string `arg:"" help:"The e-mail address."`
	Role      string `enum:",owner,admin,member" default:"" placeholder:"ROLE" help:"owner, admin or member, of somebody who is no member yet; member without it."`
	FirstName string `placeholder:"NAME" help:"Of somebody who is no member yet."`
	LastName  string `placeholder:"NAME" help:"Of somebody who is no member yet."`
}

// Help gives examples.
func (*organizationInvite) Help() string {
	return "The link is printed, alone; hand it over by a way that you trust. It works once, for 7 days. Inviting a member again makes a new link with which a lost password is replaced.\n\n" + examples(
		"belay organization invite ann@northwind.example", "belay organization invite max@northwind.example --role admin --first-name Max",
		"belay organization invite ann@northwind.example --jq .invitation.expiresAt")
}

// Run invites somebody and prints the link.
func (c *organizationInvite) Run(ctx context.Context, in *invocation) error {
	body := map[string]any{"email": c.Email}
	for name, value := range map[string]string{"role": c.Role, "firstName": c.FirstName, "lastName": c.LastName} {
		if value != "" {
			body[name] = value
		}
	}
	it, err := in.change(ctx, request{
		method: http.MethodPost, path: users().path + "/invite", body: body,
		would: &outcome{text: c.Email + " would be invited to the organization", r: users(), it: item{fields: map[string]any{"email": c.Email}}},
	})
	if err != nil || in.flags.DryRun {
		return err
	}
	if in.machine() || in.flags.Output != "" || len(in.flags.Fields) > 0 {
		return in.show(document{raw: it.raw, items: []item{it}, columns: []column{
			field("EMAIL", "email"), field("ROLE", "role"), field("STATUS", "status"), field("ID", "id"), field("LINK", "invitation.link"),
		}, noun: "user", single: true})
	}
	in.say(good, "%s is invited as %s; the link works once, until %s", c.Email, it.text("role"), it.text("invitation.expiresAt"))
	_, err = fmt.Fprintln(in.Stdout, it.text("invitation.link"))
	return err
}

// SignInLinkMaker makes a link that signs a local user in once, "" for an
// owner, and tells his address.
type SignInLinkMaker func(ctx context.Context, c ServeConfig, email string, p *Program) (link belay.Secret, who string, err error)
