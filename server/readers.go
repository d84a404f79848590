package server

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"belay"
)

// warnOfReaders tells of files with secrets that other users of this machine
// can read. It is no refusal, as it is for the key's file: what a container is
// given to read may be like that, with nobody else inside. For that reason too a
// client's secret may be open to a group, and admin.token, which the server has
// made itself, to nobody.
func (s *Server) warnOfReaders(ctx context.Context) {
	if runtime.GOOS == "windows" {
		return // who may read a file is not in its mode
	}
	s.warnOfReader(ctx, "the token of the first administrator", filepath.Join(s.config.DataDir, AdminTokenFile), 0o077)
	for _, key := range slices.Sorted(maps.Keys(s.config.Providers)) {
		s.warnOfReader(ctx, "the client secret of the provider "+key, s.config.Providers[key].ClientSecretFile, 0o007)
	}
}

func (s *Server) warnOfReader(ctx context.Context, what, file string, others fs.FileMode) {
	i, err := os.Stat(file)
	if file == "" || err != nil || !i.Mode().IsRegular() || i.Mode().Perm()&others == 0 {
		return
	}
	s.config.Log.WarnContext(ctx, "other users of this machine can read a file that holds a secret",
		"secret", what, "file", file, "mode", fmt.Sprintf("%04o", i.Mode().Perm()), "fix", belay.CommandLine("chmod", "600", file))
}
