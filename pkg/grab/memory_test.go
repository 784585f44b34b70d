package grab_test

import (
	"context"
	"testing"

	"linkstart/pkg/camera"
)

// lender is a source whose processes hold much memory.
type lender struct{ scripted }

const lent = 1 << 40 // bytes; more than the test has

func (*lender) Memory() int64 { return lent }

func TestHeartbeatTellsTheMemoryOfTheSourcesProcesses(t *testing.T) {
	s := &lender{}
	s.run = func(ctx context.Context, _ int, offer func(camera.Picture)) error { return flow(t, ctx, offer) }
	r := start(t, 0, s)
	if got := (<-r.statuses).RSS; got <= lent {
		t.Errorf("%d bytes are told: those of the grabber are missing, or of what its source has started", got)
	}
}
