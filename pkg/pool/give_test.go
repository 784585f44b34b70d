package pool_test

import (
	"context"
	"testing"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/pool"
)

// TestCameraWhoseProcessCannotBeEndedMoves: else it would run nowhere.
func TestCameraWhoseProcessCannotBeEndedMoves(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.stops = func(ctx context.Context, _ camera.ID) { <-ctx.Done() }
	a := r.machine("a", pool.Camera{ID: "x", May: only("ab")})
	a.holds(t, patience, "x")
	b := r.machine("b", pool.Camera{ID: "x", May: only("ab")})
	for end := time.Now().Add(patience); !a.board.Here("b"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("b is not heard")
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := a.Give(ctx, "x", "b"); err != nil {
		t.Error(err)
	}
	b.holds(t, patience, "x")
	a.holds(t, 0)
}
