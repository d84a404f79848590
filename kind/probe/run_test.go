package probe

import (
	"testing"

	"belay"
)

func TestEveryCauseHasASummary(t *testing.T) {
	for _, c := range belay.Causes() {
		if summaries[c] == "" {
			t.Errorf("%s has none", c)
		}
	}
	if len(summaries) != len(belay.Causes()) {
		t.Errorf("%d summaries for %d causes", len(summaries), len(belay.Causes()))
	}
}
