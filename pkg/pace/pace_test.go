package pace_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"linkstart/pkg/pace"
)

var epoch = time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)

// feed sends seconds of a source of fps, each picture up to jitter of a period off its time, and returns when some passed.
func feed(l *pace.Limiter, from time.Time, fps, jitter, seconds float64) (passed []time.Time) {
	random := rand.New(rand.NewPCG(1, 2))
	for i := range int(fps * seconds) {
		at := (float64(i) + (2*random.Float64()-1)*jitter) / fps
		if now := from.Add(time.Duration(at * 1e9)); l.Allow(now) {
			passed = append(passed, now)
		}
	}
	return passed
}

func TestLimiterRates(t *testing.T) {
	const seconds = 100
	for _, c := range []struct {
		source, jitter, limit, want float64
	}{
		{25, 0, 25, 25},
		{25, 0.3, 25, 25},
		{29.97, 0.3, 29.97, 29.97},
		{30, 0, 25, 25},
		{30, 0.3, 25, 25},
		{25, 0, 10, 10},
		{25, 0.3, 10, 10},
		{50, 0, 25, 25},
		{50, 0.3, 25, 25},
		{60, 0.3, 59, 59},
		{120, 0.3, 7, 7},
		{25, 0, 0.5, 0.5},
		{25, 0.3, 30, 25},
		{25, 0.3, 0, 25},
		{25, 0.3, -1, 25},
		{25, 0.3, math.NaN(), 25},
		{25, 0.3, math.Inf(1), 25},
	} {
		passed := feed(pace.NewLimiter(c.limit), epoch, c.source, c.jitter, seconds)
		if got := float64(len(passed)); math.Abs(got-c.want*seconds) > 2 {
			t.Errorf("%v fps ±%v through %v: %v of %v passed, want %v", c.source, c.jitter, c.limit, got, c.source*seconds, c.want*seconds)
		}
		if c.source == c.limit && len(passed) != int(c.source*seconds) {
			t.Errorf("%v fps ±%v through %v lost %d", c.source, c.jitter, c.limit, int(c.source*seconds)-len(passed))
		}
	}
}

func TestLimiterIsEven(t *testing.T) {
	for _, c := range []struct {
		source, limit float64
	}{{30, 25}, {50, 25}, {25, 10}, {60, 24}, {100, 30}} {
		passed := feed(pace.NewLimiter(c.limit), epoch, c.source, 0, 60)[3:]
		period, step := time.Duration(1e9/c.limit), time.Duration(1e9/c.source)
		for i := 1; i < len(passed); i++ {
			if gap := passed[i].Sub(passed[i-1]); (gap - period).Abs() > step {
				t.Fatalf("%v fps through %v: gap of %v after %v", c.source, c.limit, gap, passed[i].Sub(epoch))
			}
		}
	}
}

func TestLimiterForgetsPauses(t *testing.T) {
	l := pace.NewLimiter(25)
	feed(l, epoch, 25, 0, 1)
	if got := len(feed(l, epoch.Add(time.Hour), 100, 0, 1)); got > 25+3 {
		t.Errorf("after a pause %d passed in a second, want 25 and at most 3 more", got)
	}
	if got := len(feed(l, epoch.Add(-time.Hour), 100, 0, 1)); got < 25 || got > 25+3 {
		t.Errorf("after the clock was set back %d passed in a second, want 25", got)
	}
}

func TestSetFPSWorksAtOnce(t *testing.T) {
	l := pace.NewLimiter(0.01)
	feed(l, epoch, 25, 0, 1)
	l.SetFPS(10)
	if got := len(feed(l, epoch.Add(time.Second), 25, 0, 10)); got < 99 || got > 103 {
		t.Errorf("%d passed in 10 s after a change to 10 fps", got)
	}
	l.SetFPS(0)
	if got := len(feed(l, epoch.Add(11*time.Second), 25, 0, 10)); got != 250 {
		t.Errorf("%d of 250 passed without a limit", got)
	}
}

func TestMeter(t *testing.T) {
	const tolerance = 0.2 // an event more or less counts for much in a slow stream
	for _, c := range []struct {
		name          string
		fps           float64
		bytes         int
		seconds, idle float64
		events        float64 // want, per second
	}{
		{"steady", 25, 1000, 30, 0, 25},
		{"first second", 25, 1000, 1, 0, 25},
		{"slow", 2, 1000, 30, 0, 2},
		{"fast", 1000, 10, 5, 0, 1000},
		{"half the window idle", 25, 1000, 30, 1.5, 12.5},
		{"gone", 25, 1000, 30, 3.5, 0},
		{"long gone", 25, 1000, 30, 3600, 0},
	} {
		var m pace.Meter
		now := epoch
		for i := range int(c.fps * c.seconds) {
			now = epoch.Add(time.Duration(float64(i) / c.fps * 1e9))
			m.Add(now, c.bytes)
		}
		events, bytes := m.Rates(now.Add(time.Duration(c.idle * 1e9)))
		if math.Abs(events-c.events) > c.events*tolerance || math.Abs(bytes-events*float64(c.bytes)) > 1e-6*bytes {
			t.Errorf("%s: %v events/s and %v B/s, want %v events of %d bytes", c.name, events, bytes, c.events, c.bytes)
		}
	}
}

func TestMeterOddTimes(t *testing.T) {
	var m pace.Meter
	if e, b := m.Rates(epoch); e != 0 || b != 0 {
		t.Errorf("an unused meter reads %v, %v", e, b)
	}
	m.Add(epoch, 8)
	if e, _ := m.Rates(epoch); e <= 0 || e > 4 {
		t.Errorf("right after the first event it reads %v/s", e)
	}
	m.Add(epoch.Add(-time.Hour), 8) // the clock was set back
	if e, _ := m.Rates(epoch.Add(-time.Hour)); e <= 0 || e > 8 {
		t.Errorf("after the clock was set back it reads %v/s", e)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	l, m, now := pace.NewLimiter(25), new(pace.Meter), epoch
	if n := testing.AllocsPerRun(1000, func() {
		now = now.Add(7 * time.Millisecond)
		l.Allow(now)
		m.Add(now, 100)
		m.Rates(now)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
