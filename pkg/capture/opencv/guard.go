//go:build opencv

package opencv

import (
	"context"
	"errors"
	"fmt"
	"time"

	"linkstart/pkg/camera"
)

// ErrStuck says that a call into OpenCV did not come back within its time limit and the grace after it. Nothing can end
// such a call but the end of the process: the grabber exits, and its supervisor starts a fresh one. Until then the
// call's goroutine, capture and picture memory stay as they are, because the call still uses them.
var ErrStuck = fmt.Errorf("a call into OpenCV does not return: %w", camera.ErrStuck)

// errLimit says that a call took longer than its limit, but did come back.
var errLimit = errors.New("time limit reached")

// grace is how long a call that should have ended may take to come back. FFmpeg's own limits end it by then.
const grace = 2 * time.Second

// guard runs call on a goroutine of its own and waits until it has returned: for limit, or less where ctx ends, and
// then for grace. It returns nil, ctx's error, errLimit or ErrStuck. After ErrStuck what call uses must not be touched.
func guard(ctx context.Context, limit time.Duration, call func()) error {
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
		cause = errLimit
	}
	timer.Reset(grace)
	select {
	case <-done:
		return cause
	case <-timer.C:
		return fmt.Errorf("%w: %w", ErrStuck, cause)
	}
}
