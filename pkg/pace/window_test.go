package pace_test

import (
	"testing"
	"time"

	"linkstart/pkg/pace"
)

// view runs a viewer who acknowledges each picture, in virtual time: it takes work for each, one after the other, on a way with a
// round trip of trip. It returns how many pictures a second arrive in the second half, and how long they took at most.
func view(period, trip, work, during time.Duration) (fps float64, slowest time.Duration) {
	var w pace.Window
	type ack struct {
		seq uint32
		at  time.Time
	}
	var acks []ack
	var free time.Time // when the viewer has shown all it has
	var sent = map[uint32]time.Time{}
	seq, count := uint32(0), 0
	for now := epoch; now.Before(epoch.Add(during)); now = now.Add(time.Millisecond) {
		for len(acks) > 0 && !acks[0].at.After(now) {
			w.Ack(acks[0].seq, acks[0].at)
			if now.Sub(epoch) > during/2 {
				count++
				slowest = max(slowest, acks[0].at.Sub(sent[acks[0].seq]))
			}
			acks = acks[1:]
		}
		if now.Sub(epoch)%period != 0 || w.Full(now) {
			continue
		}
		seq++
		w.Fly(seq, now)
		sent[seq] = now
		begin := now.Add(trip / 2)
		if begin.Before(free) {
			begin = free
		}
		free = begin.Add(work)
		acks = append(acks, ack{seq, free.Add(trip / 2)})
	}
	return float64(count) / (during / 2).Seconds(), slowest
}

func TestWindowFollowsTheRoundTrip(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name             string
		trip, work, most time.Duration
		fps              float64
	}{
		{"near", 1 * ms, 5 * ms, 20 * ms, 24.5},
		{"far", 300 * ms, 5 * ms, 400 * ms, 23.5},
		{"slow to draw", 1 * ms, 100 * ms, 250 * ms, 9.5},
		{"far and slow to draw", 200 * ms, 100 * ms, 500 * ms, 9}, // 300 ms alone,
	} {
		t.Run(c.name, func(t *testing.T) {
			fps, slowest := view(40*ms, c.trip, c.work, 60*time.Second)
			t.Logf("%.1f pictures a second, acknowledged within %v", fps, slowest)
			if fps < c.fps || slowest > c.most {
				t.Errorf("want %v and %v", c.fps, c.most)
			}
		})
	}
}

func TestWindowOfAViewerWhoStopsToAcknowledge(t *testing.T) {
	var w pace.Window
	for seq := range uint32(pace.WindowMin) {
		if w.Full(epoch) {
			t.Fatalf("full with %d", seq)
		}
		w.Fly(seq, epoch)
	}
	if !w.Full(epoch.Add(2*time.Second)) || w.Full(epoch.Add(4*time.Second)) {
		t.Error("one more picture is due after 3 s, and not before")
	}
	w.Ack(99, epoch) // of none
	if !w.Full(epoch) {
		t.Error("an acknowledgement of no picture counts")
	}
	w.Ack(1, epoch) // and so of 0
	if w.Full(epoch) {
		t.Error("full with no picture on its way")
	}
}
