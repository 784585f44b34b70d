package pace

import "time"

const (
	leastFPS  = 5                // of the large rendition, or the small one is better
	tolerance = 0.9              // a rate that jitters counts as reached
	margin    = 1.2              // by which the large one must reach it when it is tried again
	spell     = 2 * time.Second  // over which rates are counted
	retryMin  = 10 * time.Second // before the large one is tried again
	retryMax  = 2 * time.Minute
	settled   = 30 * time.Second // with the large one: what failed before is forgotten
)

// Choice decides whether a viewer is shown the large or the small rendition of a camera. It begins with the large one; a viewer
// that takes fewer than five pictures a second of it, though the camera gives as many, gets the small one. The large one is
// tried again after 10 s; each try that fails doubles that, up to 2 min. It belongs to one goroutine.
type Choice struct {
	least float64 // pictures per second
	small bool
	trial bool // the large one is shown to see whether it works again

	began          time.Time // of the spell; zero before its first picture
	offered, taken int
	since          time.Time // when the large one was shown
	retry          time.Duration
	next           time.Time // when the large one is tried
	refused        time.Time // until then the other one need not be asked for
	wanted         float64   // pictures per second, at most; 0: all
}

// NewChoice makes one for a viewer who wants at most fps pictures per second, 0 for all.
func NewChoice(fps float64) *Choice {
	least := float64(leastFPS)
	if fps > 0 {
		least = min(least, fps)
	}
	return &Choice{least: least * tolerance, wanted: fps, retry: retryMin}
}

// Small tells which rendition is right at now.
func (c *Choice) Small(now time.Time) bool { return c.small && now.Before(c.next) }

// Took counts a picture of the rendition that is shown, and those that were passed over before it.
func (c *Choice) Took(now time.Time, passed uint32) {
	if c.small {
		return
	}
	if c.began.IsZero() {
		c.began = now
		return
	}
	c.offered += int(passed) + 1
	c.taken++
	if now.Sub(c.began) < c.spell() {
		return
	}
	c.judge(now)
	c.began, c.offered, c.taken = now, 0, 0
}

func (c *Choice) spell() time.Duration {
	if c.trial {
		return spell / 2
	}
	return spell
}

func (c *Choice) judge(now time.Time) {
	seconds := now.Sub(c.began).Seconds()
	offered, taken := float64(c.offered)/seconds, float64(c.taken)/seconds
	if c.wanted > 0 {
		offered = min(offered, c.wanted) // the rest was passed over because nobody asked for it
	}
	enough := c.least
	if c.trial {
		enough = min(c.least*margin, offered*tolerance)
	}
	slow := offered >= c.least && taken < enough
	switch {
	case slow && now.Before(c.next): // the small one was refused lately
	case slow:
		if now.Sub(c.since) < settled {
			c.retry = min(2*c.retry, retryMax)
		}
		c.small, c.next = true, now.Add(c.retry)
	case now.Sub(c.since) > settled:
		c.retry = retryMin
	}
	c.trial = false
}

// Shown says which rendition is shown from now on.
func (c *Choice) Shown(small bool, now time.Time) {
	c.trial = c.small && !small
	c.small, c.began, c.offered, c.taken = small, time.Time{}, 0, 0
	if !small {
		c.since = now
	}
}

// Refused says that the rendition which was right cannot be had: the one that is shown stays for a while.
func (c *Choice) Refused(small bool, now time.Time) {
	c.retry = min(2*c.retry, retryMax)
	c.next = now.Add(c.retry)
	c.refused = c.next
	c.small = !small
	c.began, c.offered, c.taken = now, 0, 0
}

// Lost says that no picture comes of the small rendition though the camera may have others: the large one is right now, unless
// it was refused lately.
func (c *Choice) Lost(now time.Time) {
	if !now.Before(c.refused) {
		c.next = now
	}
}
