package restart_test

import (
	"testing"
	"time"

	"linkstart/pkg/restart"
)

func near(t *testing.T, got, want time.Duration) {
	t.Helper()
	if low, high := time.Duration(float64(want)*0.8), time.Duration(float64(want)*1.2); got < low || got > high {
		t.Errorf("wait = %s, want %s ±20 %%", got, want)
	}
}

func TestBackoffDoublesToTheCap(t *testing.T) {
	var p restart.Policy
	now := time.Unix(0, 0)
	for i, want := range []time.Duration{0, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute, time.Minute} {
		now = now.Add(20 * time.Second) // never five within a minute
		wait, _ := p.Failed(now)
		if i == 0 && wait != 0 {
			t.Errorf("first restart waits %s, want at once", wait)
		}
		near(t, wait, want)
	}
}

func TestCrashLoop(t *testing.T) {
	var p restart.Policy
	now := time.Unix(0, 0)
	for i := 1; i < restart.LoopCount; i++ {
		if _, loop := p.Failed(now); loop {
			t.Fatalf("crash loop after %d failures", i)
		}
		now = now.Add(time.Second)
	}
	for range 20 {
		wait, loop := p.Failed(now)
		if !loop {
			t.Fatal("crash loop is not visible")
		}
		near(t, wait, restart.Longest)
		now = now.Add(wait)
	}
	p.Reset()
	if wait, loop := p.Failed(now); wait != 0 || loop {
		t.Errorf("after a reset: wait %s, loop %v", wait, loop)
	}
}

func TestHealthForgets(t *testing.T) {
	for _, c := range []struct {
		name    string
		healthy time.Duration
		forgets bool
	}{
		{"long enough", restart.Forget, true},
		{"too short", restart.Forget - time.Second, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var p restart.Policy
			now := time.Unix(0, 0)
			p.Failed(now)
			p.Failed(now)
			p.Healthy(now)
			wait, _ := p.Failed(now.Add(c.healthy))
			if forgot := wait == 0; forgot != c.forgets {
				t.Errorf("wait %s, forgets = %v, want %v", wait, forgot, c.forgets)
			}
		})
	}
}

func TestUnhealthyStartsTheClockAgain(t *testing.T) {
	var p restart.Policy
	now := time.Unix(0, 0)
	p.Failed(now)
	p.Healthy(now)
	now = now.Add(restart.Forget - time.Second)
	p.Unhealthy()
	p.Healthy(now)
	if wait, _ := p.Failed(now.Add(2 * time.Second)); wait == 0 {
		t.Error("health that was interrupted counted as a whole")
	}
}
