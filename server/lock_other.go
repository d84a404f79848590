//go:build !unix

package server

import (
	"fmt"
	"os"
)

// lockFile opens the file only: where there is no advisory lock, a second
// server is not noticed.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the data directory: %w", err)
	}
	return f, nil
}
