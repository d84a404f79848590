package server

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"belay"
	"belay/app"
)

// adminToken sees to the token by which the command line on this machine is
// signed in: another one where that is asked for, else a word about one that
// is not there. After a first start it is.
func (s *Server) adminToken(ctx context.Context, parts app.Config) error {
	switch {
	case s.First != nil:
		return nil
	case s.config.NewAdminToken:
		return s.newAdminToken(ctx, parts)
	}
	why, err := s.adminTokenFault(ctx)
	if err != nil || why == "" {
		return err
	}
	s.NoToken = why
	s.config.Log.InfoContext(ctx, "the command line on this machine is not signed in by this data directory",
		"file", filepath.Join(s.config.DataDir, AdminTokenFile), "reason", why, "fix", "start once with --new-admin-token")
	return nil
}

// newAdminToken makes a token and its file, and a link for a browser. The file is written first: a crash
// in between leaves one that signs nobody in, which this can replace again.
func (s *Server) newAdminToken(ctx context.Context, parts app.Config) error {
	file := filepath.Join(s.config.DataDir, AdminTokenFile)
	made, err := app.MakeAdminToken(ctx, parts, func(token belay.Secret) error { return s.keepToken(file, token) })
	if err != nil {
		return err
	}
	s.NewToken, s.NewSignInLink = made.TokenName, s.signInLink(made.SignInCode)
	s.config.Log.InfoContext(ctx, "the first administrator has another token", "name", made.TokenName, "file", file)
	return nil
}

// adminTokenFault says why the file with the token signs nobody in, "" where
// it does.
func (s *Server) adminTokenFault(ctx context.Context) (string, error) {
	line, err := os.ReadFile(filepath.Join(s.config.DataDir, AdminTokenFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "it is not there", nil
	case err != nil:
		return "it cannot be read: " + bottom(err).Error(), nil
	}
	err = s.gate.Takes(ctx, belay.NewSecret(bytes.TrimSpace(line)))
	if refused, ok := errors.AsType[*belay.Error](err); ok && refused.Code == belay.CodeUnauthenticated {
		return refused.Message, nil
	}
	return "", err
}
