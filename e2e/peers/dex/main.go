// Dex runs a Dex server with everything in memory and without its choice of
// databases, for which it would need cgo: dex CONFIGURATION.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/dexidp/dex/connector"
	"github.com/dexidp/dex/server"
	"github.com/dexidp/dex/storage"
	"github.com/dexidp/dex/storage/memory"
	"github.com/dexidp/dex/web"
	"github.com/prometheus/client_golang/prometheus"
)

// configuration is what the file holds whose name is the argument.
type configuration struct {
	Issuer  string           `json:"issuer"`
	Listen  string           `json:"listen"`
	TTL     int              `json:"ttl"` // of ID tokens, in seconds
	Clients []storage.Client `json:"clients"`
	Users   users            `json:"users"`
}

// users are who can sign in, by name.
type users map[string]struct {
	Password      string   `json:"password"`
	Email         string   `json:"email"`
	EmailVerified bool     `json:"emailVerified"`
	Name          string   `json:"name"`
	Groups        []string `json:"groups"`
}

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var c configuration
	if err := json.Unmarshal(text, &c); err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	server.ConnectorsConfig["users"] = func() server.ConnectorConfig { return new(users) }
	handler, err := c.server(logger)
	if err != nil {
		return fmt.Errorf("configure dex: %w", err)
	}
	listener := http.Server{Addr: c.Listen, Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	return listener.ListenAndServe()
}

func (c configuration) server(logger *slog.Logger) (http.Handler, error) {
	people, err := json.Marshal(c.Users)
	if err != nil {
		return nil, err
	}
	store := storage.WithStaticClients(memory.New(logger), c.Clients)
	store = storage.WithStaticConnectors(store, []storage.Connector{
		{ID: "users", Type: "users", Name: "Users", Config: people},
	})
	const keepTokens = false // each use makes a new one; the parameter is misnamed
	refresh, err := server.NewRefreshTokenPolicy(logger, keepTokens, "", "", "")
	if err != nil {
		return nil, err
	}
	return server.NewServer(context.Background(), server.Config{
		Issuer:             c.Issuer,
		Storage:            store,
		SkipApprovalScreen: true,
		IDTokensValidFor:   time.Duration(c.TTL) * time.Second,
		RefreshTokenPolicy: refresh,
		Web:                server.WebConfig{WebFS: web.FS(), Issuer: "Dex"},
		Logger:             logger,
		PrometheusRegistry: prometheus.NewRegistry(),
	})
}

// Open returns the users themselves, which can check passwords.
func (u *users) Open(string, *slog.Logger) (connector.Connector, error) { return u, nil }

// Prompt names what is asked for beside the password.
func (u *users) Prompt() string { return "User" }

// Login returns who has that name and password.
func (u *users) Login(_ context.Context, s connector.Scopes, name, password string) (connector.Identity, bool, error) {
	user, ok := (*u)[name]
	if !ok || user.Password != password {
		return connector.Identity{}, false, nil
	}
	return u.identity(s, name), true, nil
}

// Refresh returns what is said of a user now.
func (u *users) Refresh(_ context.Context, s connector.Scopes, old connector.Identity) (connector.Identity, error) {
	if _, ok := (*u)[old.UserID]; !ok {
		return connector.Identity{}, fmt.Errorf("user %s is gone", old.UserID)
	}
	return u.identity(s, old.UserID), nil
}

func (u *users) identity(s connector.Scopes, name string) connector.Identity {
	user := (*u)[name]
	i := connector.Identity{UserID: name, Username: user.Name, Email: user.Email, EmailVerified: user.EmailVerified}
	if s.Groups {
		i.Groups = user.Groups
	}
	return i
}
