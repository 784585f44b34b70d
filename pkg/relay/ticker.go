package relay

import "time"

// tick is how often a writer looks what time alone has made due: a ping, one more frame for a client that has stopped to ack,
// another rendition.
const tick = time.Second

// ticker wakes a writer each second. Only the writer uses it, so nothing of it is left once the writer has stopped it.
type ticker struct {
	timer *time.Timer
	due   time.Time
}

func newTicker(wake func()) *ticker {
	due := time.Now().Add(tick) // before the timer starts: a wake that comes before due would be the last
	return &ticker{timer: time.AfterFunc(tick, wake), due: due}
}

// rearm is called whenever the writer was woken, for whatever reason.
func (t *ticker) rearm(now time.Time) {
	if !now.Before(t.due) {
		t.due = now.Add(tick)
		t.timer.Reset(tick)
	}
}

func (t *ticker) stop() { t.timer.Stop() }
