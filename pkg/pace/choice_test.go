package pace_test

import (
	"testing"
	"time"

	"linkstart/pkg/pace"
)

// show runs a viewer in virtual time who takes at most able(large) pictures a second of a camera that gives fps, from at on. It
// returns when the rendition changed.
func show(c *pace.Choice, at time.Time, during time.Duration, fps float64, able func(small bool, at time.Time) float64) (changes []time.Duration) {
	small := false
	var took time.Time
	passed := uint32(0)
	for now := at; now.Before(at.Add(during)); now = now.Add(time.Duration(float64(time.Second) / fps)) {
		if want := c.Small(now); want != small {
			small, passed = want, 0
			changes = append(changes, now.Sub(at).Round(time.Second))
			c.Shown(small, now)
		}
		if now.Sub(took).Seconds() < 1/able(small, now)-1e-6 {
			passed++
			continue
		}
		c.Took(now, passed)
		took, passed = now, 0
	}
	return changes
}

func always(fps float64) func(bool, time.Time) float64 {
	return func(bool, time.Time) float64 { return fps }
}

func TestChoiceStaysWithTheLargeOne(t *testing.T) {
	for _, c := range []struct {
		name              string
		wanted, fps, able float64
	}{
		{"fast", 0, 25, 100},
		{"five a second are enough", 0, 25, 6},
		{"the camera gives few", 0, 1, 100},
		{"the camera gives few and the viewer takes fewer", 0, 3, 2},
		{"the viewer wants few", 1, 25, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if changes := show(pace.NewChoice(c.wanted), epoch, time.Hour, c.fps, always(c.able)); len(changes) != 0 {
				t.Errorf("it changed at %v", changes)
			}
		})
	}
}

func TestChoiceTriesLessAndLessOften(t *testing.T) {
	changes := show(pace.NewChoice(0), epoch, 30*time.Minute, 25, always(2))
	if len(changes) < 10 || changes[0] < time.Second || changes[0] > 4*time.Second {
		t.Fatalf("it changed at %v, want the first after about 2 s", changes)
	}
	var rests []time.Duration // with the small one
	for i := 1; i < len(changes); i += 2 {
		rests = append(rests, changes[i]-changes[i-1])
	}
	for i, want := range []time.Duration{10, 20, 40, 80, 120, 120} {
		if off := (rests[i] - want*time.Second).Abs(); off > 2*time.Second {
			t.Errorf("try %d came after %v, want %v s", i+1, rests[i], int(want))
		}
	}
	for i := 2; i < len(changes); i += 2 {
		if trial := changes[i] - changes[i-1]; trial > 3*time.Second {
			t.Errorf("a try took %v", trial)
		}
	}
}

func TestChoiceReturnsAndForgets(t *testing.T) {
	slow := func(from, to time.Duration) func(bool, time.Time) float64 {
		return func(_ bool, at time.Time) float64 {
			if d := at.Sub(epoch); d >= from && d < to {
				return 2
			}
			return 25
		}
	}
	c := pace.NewChoice(0)
	changes := show(c, epoch, 2*time.Minute, 25, slow(10*time.Second, 30*time.Second))
	if len(changes)%2 != 0 || len(changes) == 0 || changes[len(changes)-1] > time.Minute {
		t.Errorf("it changed at %v, want it to be with the large one from 1 min on", changes)
	}
	changes = show(c, epoch.Add(2*time.Minute), time.Minute, 25, slow(2*time.Minute+5*time.Second, 2*time.Minute+9*time.Second))
	if len(changes) != 2 || changes[1]-changes[0] > 11*time.Second {
		t.Errorf("later it changed at %v, want one short change", changes)
	}
}

func TestChoiceWithoutASmallOne(t *testing.T) {
	c, refused := pace.NewChoice(0), []time.Duration{}
	for now := epoch; now.Before(epoch.Add(5 * time.Minute)); now = now.Add(time.Second) {
		if c.Small(now) {
			refused = append(refused, now.Sub(epoch))
			c.Refused(true, now)
		}
		c.Took(now, 24)
	}
	if len(refused) < 2 || len(refused) > 6 || refused[1]-refused[0] < 10*time.Second {
		t.Errorf("the small one was asked for at %v", refused)
	}
}

func TestChoiceLeavesASmallOneThatIsSilent(t *testing.T) {
	c := pace.NewChoice(0)
	now := epoch
	for ; !c.Small(now); now = now.Add(time.Second) {
		c.Took(now, 24)
	}
	c.Shown(true, now)
	if c.Lost(now); c.Small(now) {
		t.Error("the small one is still right")
	}
}
