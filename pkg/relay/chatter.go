package relay

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// What one user does from one address is written down up to this rate, lest somebody fills the audit log until nothing else is in it.
const (
	chatterBurst = 300
	chatterEvery = time.Second
	chatterMost  = 4096 // users and addresses that are remembered
)

// chatter counts what is written down.
type chatter struct {
	mu sync.Mutex
	by *lru.Cache[string, *rate.Limiter]
}

func newChatter() *chatter {
	by, _ := lru.New[string, *rate.Limiter](chatterMost) // fails only where there is no room for one
	return &chatter{by: by}
}

func (c *chatter) allow(who string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, ok := c.by.Get(who)
	if !ok {
		l = rate.NewLimiter(rate.Every(chatterEvery), chatterBurst)
		c.by.Add(who, l)
	}
	return l.AllowN(now, 1)
}
