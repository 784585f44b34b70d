//go:build opencv

package opencv

import (
	"math"
	"testing"
	"time"
)

func TestSize(t *testing.T) {
	for _, tt := range []struct{ w, h, limit, wantW, wantH int }{
		{1920, 1080, 0, 1920, 1080},
		{1920, 1080, 640, 640, 360},
		{1921, 1081, 4000, 1921, 1081},
		{768, 432, 501, 500, 282},
		{4, 4000, 3, 2, 3000},
		{4000, 4, 10, 10, 2},
	} {
		if w, h := size(tt.w, tt.h, tt.limit); w != tt.wantW || h != tt.wantH {
			t.Errorf("%d×%d in %d: %d×%d, want %d×%d", tt.w, tt.h, tt.limit, w, h, tt.wantW, tt.wantH)
		}
	}
}

func TestMilliseconds(t *testing.T) {
	for ms, want := range map[float64]time.Duration{40: 40 * time.Millisecond, -9.2e18: 0, math.Inf(1): 0, math.NaN(): 0} {
		if got := milliseconds(ms); got != want {
			t.Errorf("%v ms: %v, want %v", ms, got, want)
		}
	}
}
