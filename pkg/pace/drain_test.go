package pace_test

import (
	"testing"
	"time"

	"linkstart/pkg/pace"
)

// wire is a link in virtual time: what is written leaves at a rate, and is known to have left a round trip later.
type wire struct {
	rate  float64 // bytes per second
	trip  time.Duration
	now   time.Time
	sends []send // not all of them acknowledged
}

type send struct {
	size     int
	from, to time.Time // of leaving
}

func (w *wire) write(size int) (arrives time.Time) {
	from := w.now
	if n := len(w.sends); n > 0 && w.sends[n-1].to.After(from) {
		from = w.sends[n-1].to
	}
	to := from.Add(time.Duration(float64(size) / w.rate * 1e9))
	w.sends = append(w.sends, send{size, from, to})
	return to.Add(w.trip / 2)
}

func (w *wire) outstanding() (bytes int) {
	known := w.now.Add(-w.trip)
	for _, s := range w.sends {
		if left := known.Sub(s.from).Seconds() / s.to.Sub(s.from).Seconds(); left < 1 {
			bytes += int(float64(s.size) * (1 - max(left, 0)))
		}
	}
	return bytes
}

// watch sends pictures as Drain lets them, each as new as the camera's period allows, and returns how old they arrive at most and
// what part of the rate they use.
func (w *wire) watch(d *pace.Drain, size int, period, during time.Duration) (oldest time.Duration, used float64, looks int) {
	begin, next := w.now, w.now
	sum := 0
	var taken time.Time
	for w.now.Sub(begin) < during {
		captured := w.now.Truncate(period)
		if !captured.After(taken) {
			w.now = captured.Add(period)
			continue
		}
		looks++
		if wait := d.Look(w.now, w.outstanding(), w.trip); wait > 0 {
			w.now = w.now.Add(wait)
			continue
		}
		taken = captured
		age := w.write(size).Sub(captured)
		d.Write(size)
		if w.now.Sub(begin) > during/2 { // it has learned the rate
			oldest, sum = max(oldest, age), sum+size
			if next.Equal(begin) {
				next = w.now
			}
		}
	}
	return oldest, float64(sum) / w.now.Sub(next).Seconds() / w.rate, looks
}

func TestDrainFillsTheLinkAndNoMore(t *testing.T) {
	const size, period = 65 << 10, 40 * time.Millisecond
	for _, c := range []struct {
		name string
		mbit float64
		trip time.Duration
	}{
		{"6 Mbit/s near", 6, time.Millisecond},
		{"6 Mbit/s far", 6, 200 * time.Millisecond},
		{"2 Mbit/s", 2, 30 * time.Millisecond},
		{"12 Mbit/s", 12, 60 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &wire{rate: c.mbit * 1e6 / 8, trip: c.trip, now: epoch}
			oldest, used, looks := w.watch(new(pace.Drain), size, period, 20*time.Second)
			alone := time.Duration(size/w.rate*1e9) + c.trip/2
			if most := alone + period + 100*time.Millisecond; oldest > most {
				t.Errorf("a picture is %v old on arrival, want at most %v; alone on the way it takes %v", oldest, most, alone)
			}
			if used < 0.9 {
				t.Errorf("%.0f %% of the link are used", 100*used)
			}
			if looks > 20*100 {
				t.Errorf("it looked %d times in 20 s", looks)
			}
		})
	}
}

func TestDrainFollowsALinkThatBecomesThin(t *testing.T) {
	w := &wire{rate: 2e6, trip: 20 * time.Millisecond, now: epoch}
	d := new(pace.Drain)
	const size, period = 65 << 10, 40 * time.Millisecond
	w.watch(d, size, period, 5*time.Second)
	w.sends, w.rate = nil, 2e5
	w.watch(d, size, period, 5*time.Second)
	if oldest, _, _ := w.watch(d, size, period, 10*time.Second); oldest > 600*time.Millisecond { // alone: 335 ms
		t.Errorf("pictures are up to %v old", oldest)
	}
}

func TestDrainOfAConnectionThatStands(t *testing.T) {
	d, now, looks := new(pace.Drain), epoch, 0
	d.Write(1 << 20)
	for now.Before(epoch.Add(10 * time.Second)) {
		wait := d.Look(now, 1<<20, 0)
		if wait <= 0 {
			t.Fatal("another picture may be written though none has left")
		}
		now = now.Add(wait)
		looks++
	}
	if looks > 300 {
		t.Errorf("it looked %d times in 10 s", looks)
	}
	if d.Look(now, 0, 0) != 0 {
		t.Error("all has left, and the next picture still has to wait")
	}
}

func TestDrainOfAFastConnection(t *testing.T) {
	d := new(pace.Drain)
	for n := range 1000 {
		if wait := d.Look(epoch.Add(time.Duration(n)*time.Millisecond), 0, time.Millisecond); wait != 0 {
			t.Fatalf("picture %d has to wait %v", n, wait)
		}
		d.Write(100_000)
	}
}
