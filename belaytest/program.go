package belaytest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// BuildProgram builds the program as users get it, but for its version, as
// belay in a directory. It is not watched for data races: what it serves is
// watched in the tests that start a Server.
func BuildProgram(dir string) error {
	c := exec.CommandContext(context.Background(), "go", "build", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, "belay"), "belay/cmd/belay")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return nil
}
