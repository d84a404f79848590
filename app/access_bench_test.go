package app

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"belay"
	"belay/secret"
	"belay/store"
)

// population is an organization with so many workspaces, ten environments in
// each and ten connections in each of those. all has a role in every
// workspace, few in two of them.
type population struct {
	*App
	org, all, few belay.ID
	connections   []belay.ID
}

func populate(b *testing.B, workspaces int) *population {
	b.Helper()
	file := filepath.Join(b.TempDir(), "belay.db")
	st, err := store.Open(b.Context(), file)
	must(b, err)
	keyring, err := OpenKeyring(b.Context(), st, secret.Source{Dir: b.TempDir()}, time.Now())
	must(b, err)
	c := Config{
		Store: st, Keyring: keyring, Clock: time.Now, Log: slog.New(slog.DiscardHandler),
		NewID: func() belay.ID { return belay.ID(uuid.NewString()) },
	}
	first, err := SetUp(b.Context(), c, func(belay.Secret) error { return nil })
	must(b, err)
	p := &population{App: New(c), org: first.Organization.ID, all: c.NewID(), few: c.NewID()}
	b.Cleanup(func() {
		p.Close()
		must(b, st.Close())
	})
	p.seeds(b, st, first.User.ID)
	p.multiply(b, file, workspaces)
	return p
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// seeds stores one object of each sort, of which the others are copies, and
// the users.
func (p *population) seeds(b *testing.B, st *store.Store, owner belay.ID) {
	b.Helper()
	now := time.Now()
	must(b, st.Write(b.Context(), func(ctx context.Context, tx *store.Tx) error {
		for _, id := range []belay.ID{p.all, p.few} {
			u := &belay.User{ID: id, Provider: "local", Subject: string(id), Version: 1}
			if err := tx.CreateUser(ctx, u); err != nil {
				return err
			}
			if err := tx.SetMembership(ctx, belay.Membership{OrganizationID: p.org, UserID: id, Role: belay.OrganizationMember}, now); err != nil {
				return err
			}
		}
		if err := tx.CreateWorkspace(ctx, &belay.Workspace{ID: "w", OrganizationID: p.org, OwnerID: owner, Name: "w", Version: 1}); err != nil {
			return err
		}
		if err := tx.CreateEnvironment(ctx, &belay.Environment{ID: "e", OrganizationID: p.org, OwnerID: owner, Name: "e", Version: 1}); err != nil {
			return err
		}
		return tx.CreateConnection(ctx, &belay.Connection{
			ID: "c", OrganizationID: p.org, OwnerID: owner, Name: "c", Kind: "http", Endpoint: "https://x.test", Management: belay.Unmanaged,
			Status: belay.StatusRegistered, Health: belay.Health{Status: belay.HealthUnchecked}, Version: 1,
		})
	}))
}

func (p *population) multiply(b *testing.B, file string, workspaces int) {
	b.Helper()
	db, err := sql.Open("sqlite", file)
	must(b, err)
	defer db.Close()
	for table, copies := range map[string]int{"workspaces": workspaces, "environments": 10 * workspaces, "connections": 100 * workspaces} {
		columns := columnsOf(b, db, table)
		values := slices.Clone(columns)
		for i, name := range columns {
			if name == "id" || name == "name" || name == "name_fold" {
				values[i] = "substr('" + table + "', 1, 1) || '-' || n"
			}
		}
		execute(b, db, "insert into "+table+" ("+strings.Join(columns, ", ")+") select "+strings.Join(values, ", ")+" from "+table+`,
			(with recursive r(n) as (select 0 union all select n + 1 from r where n < $1 - 1) select n from r)`, copies)
	}
	const n = "cast(substr(id, 3) as integer)"
	for _, statement := range []string{
		"insert into workspace_environments select id, 'w-' || (" + n + " / 10), id, 0 from environments where id <> 'e'",
		"insert into environment_connections select id, 'e-' || (" + n + " / 10), id, 0 from connections where id <> 'c'",
	} {
		execute(b, db, statement)
	}
	execute(b, db, "insert into workspace_users select 'all-' || id, id, $1, 'operator', 0 from workspaces where id <> 'w'", p.all)
	execute(b, db, "insert into workspace_users select 'few-' || id, id, $1, 'operator', 0 from workspaces where id in ('w-1', 'w-2')", p.few)
	for i := range 100 * workspaces {
		p.connections = append(p.connections, belay.ID(fmt.Sprint("c-", i)))
	}
}

func execute(b *testing.B, db *sql.DB, query string, args ...any) {
	b.Helper()
	_, err := db.ExecContext(b.Context(), query, args...)
	must(b, err)
}

func columnsOf(b *testing.B, db *sql.DB, table string) []string {
	b.Helper()
	rows, err := db.QueryContext(b.Context(), "select * from "+table+" where 1 = 0")
	must(b, err)
	defer rows.Close()
	columns, err := rows.Columns()
	must(b, err)
	must(b, rows.Err())
	return columns
}

func (p *population) as(ctx context.Context, user belay.ID) context.Context {
	return belay.WithPrincipal(ctx, &belay.Principal{UserID: user, Roles: map[belay.ID]belay.OrganizationRole{p.org: belay.OrganizationMember}})
}

// quantiles reports the median and the 99th percentile of what was measured.
func quantiles(b *testing.B, all []time.Duration) {
	b.Helper()
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Nanoseconds()), "p50-ns")
	b.ReportMetric(float64(all[len(all)*99/100].Nanoseconds()), "p99-ns")
}

// BenchmarkDecision decides on single connections among 100,000, in 10,000
// environments of 1,000 workspaces, for a user who reaches them all: from the
// authorization of the request on, but for reading the connection itself.
func BenchmarkDecision(b *testing.B) {
	p := populate(b, 1000)
	ctx := p.as(b.Context(), p.all)
	begin := time.Now()
	c, err := p.authorize(ctx, p.org, belay.PermissionConnectionUse)
	must(b, err)
	_, err = p.rights(ctx, c)
	must(b, err)
	b.Logf("compiled %d entries in %v", p.compiled.entries, time.Since(begin).Round(time.Millisecond))
	holders, err := p.store.HoldersOf(ctx, p.org, p.connections...)
	must(b, err)
	took := make([]time.Duration, 0, 1_000_000)
	for b.Loop() {
		id := p.connections[rand.IntN(len(p.connections))] //nolint:gosec // any will do
		begin := time.Now()
		c, err := p.authorize(ctx, p.org, belay.PermissionConnectionUse)
		must(b, err)
		r, err := p.rights(ctx, c)
		must(b, err)
		must(b, allow(r.toConnection("owner", holders[id]), belay.PermissionConnectionRead, belay.PermissionConnectionUse, "connection"))
		took = append(took, time.Since(begin))
	}
	quantiles(b, took)
}

// BenchmarkCompile compiles the grants of a user who reaches 1,000 workspaces
// and 10,000 environments, again and again as after changes in the
// organization.
func BenchmarkCompile(b *testing.B) {
	p := populate(b, 1000)
	c, err := p.authorize(p.as(b.Context(), p.all), p.org, belay.PermissionConnectionUse)
	must(b, err)
	var took []time.Duration
	for b.Loop() {
		begin := time.Now()
		access, err := p.store.Access(b.Context(), c.viewer())
		must(b, err)
		took = append(took, time.Since(begin))
		if n := len(access.Workspaces) + len(access.Environments); n != 11_000 {
			b.Fatalf("%d entries", n)
		}
	}
	b.Logf("the first in %v", took[0].Round(time.Millisecond))
	quantiles(b, took)
}

// pagesOfRound is how many pages each arm of a round reads.
const pagesOfRound = 50

// BenchmarkListOfMember reads a member's first page in an organization of
// 1,000 connections and in one of 100,000, in turn: who sees two hundred of
// them, and who sees all. What it reports is the ratio of the two, the median
// of the rounds with the least and the greatest.
func BenchmarkListOfMember(b *testing.B) {
	small, large := populate(b, 10), populate(b, 1000)
	for _, who := range []string{"few", "all"} {
		b.Run(who, func(b *testing.B) {
			read := func(p *population) (took, cpu float64) {
				b.Helper()
				user := map[string]belay.ID{"few": p.few, "all": p.all}[who]
				ctx, begin, before := p.as(b.Context(), user), time.Now(), processorTime(b)
				for range pagesOfRound {
					page, err := p.Connections(ctx, p.org, belay.ConnectionFilter{}, belay.Query{Size: 25})
					must(b, err)
					if len(page.Items) != 25 || len(page.Items[0].Environments) != 1 {
						b.Fatalf("%d items", len(page.Items))
					}
				}
				return float64(time.Since(begin)), float64(processorTime(b) - before)
			}
			read(small) // grants are compiled, statements prepared
			read(large)
			var times, cpus, pages []float64
			for b.Loop() {
				took, cpu := read(small)
				tookLarge, cpuLarge := read(large)
				times, cpus = append(times, tookLarge/took), append(cpus, cpuLarge/cpu)
				pages = append(pages, cpuLarge/pagesOfRound/1000)
			}
			b.ReportMetric(middle(cpus), "cpu-ratio")
			b.ReportMetric(slices.Min(cpus), "least")
			b.ReportMetric(slices.Max(cpus), "greatest")
			b.ReportMetric(middle(times), "time-ratio")
			b.ReportMetric(middle(pages), "cpu-µs/page-of-100000")
		})
	}
}

func middle(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

// processorTime is what this process has used of the processors: it says more
// than the clock where others use them too.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
