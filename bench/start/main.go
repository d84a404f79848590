// Command start measures how long belay takes from being started to
// answering, and what memory it then holds, on an empty directory and on a
// database of many connections.
//
//	go run ./bench/start [-connections 10000] [-rounds 7]
package main

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"belay"
	"belay/store"
)

func main() {
	connections := flag.Int("connections", 10_000, "how many connections the large database has")
	rounds := flag.Int("rounds", 7, "how often each start is measured")
	flag.Parse()
	if err := run(*connections, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "start:", err)
		os.Exit(1)
	}
}

func run(connections, rounds int) error {
	dir, err := os.MkdirTemp("", "belay-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program := filepath.Join(dir, "belay")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, "./cmd/belay")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	large := filepath.Join(dir, "large")
	if _, err := measure(program, large, 0); err != nil { // the first start makes it
		return err
	}
	if err := fill(filepath.Join(large, "belay.db"), connections); err != nil {
		return err
	}
	fmt.Printf("%-28s %10s %10s %10s %14s\n", "start", "min", "median", "max", "anonymous MB")
	for _, c := range []struct {
		name string
		dir  func(round int) string
	}{
		{"empty directory", func(n int) string { return filepath.Join(dir, "empty"+strconv.Itoa(n)) }},
		{strconv.Itoa(connections) + " connections", func(int) string { return large }},
	} {
		if err := report(c.name, program, rounds, c.dir); err != nil {
			return err
		}
	}
	return nil
}

// sample is one start.
type sample struct {
	took time.Duration
	anon float64 // MB
}

func report(name, program string, rounds int, dir func(int) string) error {
	var took []time.Duration
	var anon []float64
	for n := range rounds {
		s, err := measure(program, dir(n), time.Second)
		if err != nil {
			return err
		}
		took, anon = append(took, s.took), append(anon, s.anon)
	}
	slices.Sort(took)
	slices.Sort(anon)
	fmt.Printf("%-28s %10s %10s %10s %14.1f\n", name, took[0].Round(100*time.Microsecond),
		took[len(took)/2].Round(100*time.Microsecond), took[len(took)-1].Round(100*time.Microsecond), anon[len(anon)/2])
	return nil
}

// measure starts the program and stops it again. The time is until its first
// answer; the memory is that after it was left alone for idle.
func measure(program, dir string, idle time.Duration) (sample, error) {
	cmd := exec.Command(program, "serve", "--listen", "127.0.0.1:0", "--data-dir", dir, "--discover-kubeconfig=false")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return sample{}, err
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return sample{}, err
	}
	defer func() { _ = cmd.Wait() }()
	defer func() { _ = cmd.Process.Signal(os.Interrupt) }()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return sample{}, fmt.Errorf("the server did not start: %w\n%s", err, stderr.String())
	}
	words := strings.Fields(line)
	res, err := http.Get(words[len(words)-1] + "/healthz/ready")
	if err != nil {
		return sample{}, err
	}
	_ = res.Body.Close()
	s := sample{took: time.Since(begin)}
	time.Sleep(idle)
	s.anon, err = anonymous(cmd.Process.Pid)
	return s, err
}

// anonymous is RssAnon of a process, in MB.
func anonymous(pid int) (float64, error) {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1024, err
		}
	}
	return 0, fmt.Errorf("no RssAnon for process %d", pid)
}

// fill stores connections in a database that has its first organization.
func fill(path string, n int) error {
	ctx := context.Background()
	st, err := store.Open(ctx, path)
	if err != nil {
		return err
	}
	defer func() { _ = st.Close() }()
	org, owner, err := st.FirstOrganization(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	for done := 0; done < n; done += 1000 {
		err := st.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			for i := done; i < min(done+1000, n); i++ {
				if err := tx.CreateConnection(ctx, connection(org, owner, i, now)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func connection(org, owner belay.ID, i int, now time.Time) *belay.Connection {
	return &belay.Connection{
		ID: belay.ID(uuid.Must(uuid.NewV7()).String()), OrganizationID: org, OwnerID: owner,
		Name: fmt.Sprintf("connection-%06d", i), Kind: "http", Type: "platform", SubType: "service",
		Endpoint: fmt.Sprintf("http://127.0.0.1:%d/", 1024+i%60000), Config: []byte("{}"),
		Management: belay.Unmanaged, Origin: belay.OriginManual, Status: belay.StatusRegistered, StatusChangedAt: now,
		Health: belay.Health{Status: belay.HealthUnchecked}, Version: 1, CreatedAt: now, UpdatedAt: now,
		Policy: belay.CheckPolicy{Interval: belay.DefaultCheckInterval, Timeout: belay.DefaultCheckTimeout},
	}
}
