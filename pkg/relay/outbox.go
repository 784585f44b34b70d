package relay

import (
	"errors"
	"sync"
)

// outboxLimit is how many texts of which each counts may wait for a client.
const outboxLimit = 256

var errOverflow = errors.New("the client does not take its messages")

// outbox holds the texts that wait for one client. A text with a key replaces the one with the same key that still waits
// there, so a slow client's outbox cannot grow with the number of changes; one that is full of others is an error, and the
// connection ends.
type outbox struct {
	mu       sync.Mutex
	waiting  []*text
	keyed    map[string]*text
	plain    int // texts without key in waiting
	overflow bool
	wake     func() // never blocks
}

type text struct {
	key  string
	kind string // the event's name
	body []byte // shared: not written to
}

// put adds a text; key "" is never replaced.
func (o *outbox) put(key, kind string, body []byte) {
	o.mu.Lock()
	switch t := o.keyed[key]; {
	case t != nil:
		t.body = body
	case key == "" && o.plain >= outboxLimit:
		o.overflow = true
	default:
		t = &text{key, kind, body}
		o.waiting = append(o.waiting, t)
		if key == "" {
			o.plain++
			break
		}
		if o.keyed == nil {
			o.keyed = make(map[string]*text)
		}
		o.keyed[key] = t
	}
	o.mu.Unlock()
	o.wake()
}

// next takes the oldest text, nil when none waits.
func (o *outbox) next() (*text, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.overflow {
		return nil, errOverflow
	}
	if len(o.waiting) == 0 {
		return nil, nil
	}
	t := o.waiting[0]
	o.waiting[0] = nil
	o.waiting = o.waiting[1:]
	if t.key == "" {
		o.plain--
	} else {
		delete(o.keyed, t.key)
	}
	return t, nil
}

// waker returns a channel with one place and a function that fills it without blocking.
func waker() (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	return c, func() {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}
