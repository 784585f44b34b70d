// Package guard waits for calls into libraries that may never return, and only as long as it is told.
package guard

import (
	"context"
	"errors"
	"fmt"
	"time"

	"linkstart/pkg/camera"
)

// ErrStuck says that a call did not come back within its time limit and the grace after it. Nothing can end such a call
// but the end of the process: the grabber exits, and its supervisor starts a fresh one. Until then the call's goroutine
// and all it uses stay as they are. It wraps camera.ErrStuck.
var ErrStuck = fmt.Errorf("a call into a library does not return: %w", camera.ErrStuck)

// ErrLimit says that a call took longer than its limit, but did come back.
var ErrLimit = errors.New("time limit reached")

// Grace is how long a call that should have ended may take to come back.
const Grace = 2 * time.Second

// Call runs call on a goroutine of its own and waits until it has returned: for limit, or less where ctx ends, and then
// for Grace. It returns nil, ctx's error, ErrLimit or ErrStuck. After ErrStuck what call uses must not be touched.
func Call(ctx context.Context, limit time.Duration, call func()) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		call()
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var cause error
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		cause = ctx.Err()
	case <-timer.C:
		cause = ErrLimit
	}
	timer.Reset(Grace)
	select {
	case <-done:
		return cause
	case <-timer.C:
		return fmt.Errorf("%w: %w", ErrStuck, cause)
	}
}
