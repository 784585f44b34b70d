package guard_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/guard"
)

func TestCall(t *testing.T) {
	ended, end := context.WithCancel(context.Background())
	end()
	for _, tt := range []struct {
		name  string
		ctx   context.Context
		takes time.Duration
		want  []error
		waits time.Duration
	}{
		{"in time", context.Background(), 900 * time.Millisecond, nil, 900 * time.Millisecond},
		{"in the grace", context.Background(), 2 * time.Second, []error{guard.ErrLimit}, 2 * time.Second},
		{"never", context.Background(), time.Hour, []error{guard.ErrStuck, camera.ErrStuck, guard.ErrLimit}, time.Second + guard.Grace},
		{"context over", ended, time.Second, []error{context.Canceled}, time.Second},
		{"context over, never", ended, time.Hour, []error{guard.ErrStuck, context.Canceled}, guard.Grace},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				err := guard.Call(tt.ctx, time.Second, func() { time.Sleep(tt.takes) })
				if waited := time.Since(begun); waited != tt.waits {
					t.Errorf("returned after %v, want %v", waited, tt.waits)
				}
				if len(tt.want) == 0 && err != nil {
					t.Error(err)
				}
				for _, want := range tt.want {
					if !errors.Is(err, want) {
						t.Errorf("%v, want %v", err, want)
					}
				}
				time.Sleep(2 * time.Hour) // the call that never returned, does
			})
		})
	}
}
