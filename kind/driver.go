package kind

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"belay"
	"belay/egress"
	"belay/kind/httpkind"
)

// Driver tests targets of one kind.
type Driver interface {
	// Test always returns a report, within t.Timeout or soon after.
	Test(ctx context.Context, t belay.Target) belay.Report
}

// Kind is a definition with what makes it work. It may be used from many
// goroutines at once.
type Kind struct {
	definition belay.Kind
	schema     *jsonschema.Schema
	driver     Driver
}

// New joins a definition, which must be as Parse returns it, and its driver.
func New(definition belay.Kind, driver Driver) (*Kind, error) {
	schema, err := compile(definition.ConnectionSchema)
	if err != nil {
		return nil, err
	}
	return &Kind{definition: definition, schema: schema, driver: driver}, nil
}

// Generic makes the kind of a definition that brings its own test document,
// which the driver for HTTP carries out.
func Generic(definition belay.Kind, d *egress.Dialer, now func() time.Time) (*Kind, error) {
	driver, err := httpkind.New(definition, d, now)
	if err != nil {
		return nil, err
	}
	return New(definition, driver)
}

// Load returns the built-in kinds by name. Those without a test document get
// their driver from drivers; one that is absent there, or not needed, is an
// error.
func Load(d *egress.Dialer, now func() time.Time, drivers map[string]Driver) (map[string]*Kind, error) {
	definitions, err := Builtin()
	if err != nil {
		return nil, err
	}
	kinds, used := map[string]*Kind{}, 0
	for _, definition := range definitions {
		var k *Kind
		driver, own := drivers[definition.Name]
		switch {
		case own == (definition.Test != nil):
			return nil, fmt.Errorf("kind %s: needs either a test document or a driver", definition.Name)
		case own:
			used++
			k, err = New(definition, driver)
		default:
			k, err = Generic(definition, d, now)
		}
		if err != nil {
			return nil, fmt.Errorf("kind %s: %w", definition.Name, err)
		}
		kinds[definition.Name] = k
	}
	if used != len(drivers) {
		return nil, fmt.Errorf("%d of %d drivers belong to no built-in kind", len(drivers)-used, len(drivers))
	}
	return kinds, nil
}

// Definition describes the kind. The caller must not change it.
func (k *Kind) Definition() *belay.Kind { return &k.definition }

// CheckEndpoint is Endpoint for this kind.
func (k *Kind) CheckEndpoint(endpoint string) (string, error) {
	return Endpoint(k.definition, endpoint)
}

// CheckConfig is ValidateConfig for this kind, with the schema compiled once.
func (k *Kind) CheckConfig(config json.RawMessage) error { return validate(k.schema, config) }

// Test tests a target. Whatever goes wrong is in the report.
func (k *Kind) Test(ctx context.Context, t belay.Target) belay.Report { return k.driver.Test(ctx, t) }
