package replay_test

import (
	"testing"
	"time"

	"linkstart/pkg/replay"
)

func TestPacer(t *testing.T) {
	const step = 40 * time.Millisecond
	ms := func(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }
	start := time.Unix(1000, 0)
	var p replay.Pacer
	for _, tt := range []struct {
		name   string
		again  bool
		now    time.Duration // since start
		stamp  time.Duration
		wantIn time.Duration // since start
	}{
		{name: "first", stamp: ms(500)},
		{name: "as stamped", now: ms(3), stamp: ms(580), wantIn: ms(80)},
		{name: "read late, due on the same clock", now: ms(130), stamp: ms(630), wantIn: ms(130)},
		{name: "no stamp", now: ms(131), stamp: 0, wantIn: ms(170)},
		{name: "still none", now: ms(171), stamp: 0, wantIn: ms(210)},
		{name: "a hole", now: ms(211), stamp: ms(1e6), wantIn: ms(250)},
		{name: "from the beginning", again: true, now: ms(251), stamp: ms(1e6 + 20), wantIn: ms(290)},
		{name: "far behind", now: ms(9000), stamp: ms(1e6 + 60), wantIn: ms(9000)},
		{name: "and on from there", now: ms(9001), stamp: ms(1e6 + 100), wantIn: ms(9040)},
	} {
		if tt.again {
			p.Restart()
		}
		if got := p.Next(start.Add(tt.now), tt.stamp, step).Sub(start); got != tt.wantIn {
			t.Errorf("%s: due after %v, want %v", tt.name, got, tt.wantIn)
		}
	}
}
