package server

import (
	"maps"
	"slices"
	"time"

	"belay"
	"belay/app"
	"belay/egress"
	"belay/kind"
	"belay/kind/kubernetes"
)

// builtinKinds are the kinds that this program has, by name. Only where HTTP
// is not enough does a kind have a driver in code.
func builtinKinds(d *egress.Dialer, clock func() time.Time) (map[string]app.Kind, error) {
	loaded, err := kind.Load(d, clock, map[string]kind.Driver{
		"kubernetes": kubernetes.New(d, clock),
	})
	kinds := map[string]app.Kind{}
	for name, k := range loaded {
		kinds[name] = k
	}
	return kinds, err
}

// definitions are those of some kinds, by name.
func definitions(kinds map[string]app.Kind) []*belay.Kind {
	var out []*belay.Kind
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		out = append(out, kinds[name].Definition())
	}
	return out
}
