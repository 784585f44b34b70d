package access

import (
	"math"
	"net/netip"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// Attempts that fail, by address and by account: so many at once, then one in a while.
const (
	addressBurst = 10
	addressEvery = 10 * time.Second
	accountBurst = 20
	accountEvery = 30 * time.Second

	throttled = 16 << 10 // addresses, and accounts, that are remembered
	waiters   = 8        // attempts of one address at a time
)

// throttle slows down who guesses. Somebody else's wrong guesses keep nobody out of his account who has logged in from his address
// before.
type throttle struct {
	now func() time.Time

	mu        sync.Mutex
	addresses *lru.Cache[netip.Prefix, *rate.Limiter]
	accounts  *lru.Cache[string, *rate.Limiter]
	home      *lru.Cache[visit, struct{}]
	waiting   map[netip.Prefix]int
}

// visit is an account that was used from a network.
type visit struct {
	from    netip.Prefix
	account string
}

func newThrottle(now func() time.Time) *throttle {
	t := &throttle{now: now, waiting: make(map[netip.Prefix]int)}
	t.addresses, _ = lru.New[netip.Prefix, *rate.Limiter](throttled) // fails only where there is no room for one
	t.accounts, _ = lru.New[string, *rate.Limiter](throttled)
	t.home, _ = lru.New[visit, struct{}](throttled)
	return t
}

// network is what counts as one address: with IPv6, whoever has one has 2^64.
func network(a netip.Addr) netip.Prefix {
	a = a.Unmap()
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.WithZone("").Prefix(bits) // the zero Prefix for no address
	return p
}

// queue lets few attempts of an address wait at a time: *TooMany beyond. The caller calls leave.
func (t *throttle) queue(from netip.Addr) (leave func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	net := network(from)
	if t.waiting[net] >= waiters {
		return nil, &TooMany{Wait: time.Second}
	}
	t.waiting[net]++
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.waiting[net]--; t.waiting[net] == 0 {
			delete(t.waiting, net)
		}
	}, nil
}

// ask refuses an attempt with a *TooMany; account may be "".
func (t *throttle) ask(from netip.Addr, account string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, net := t.now(), network(from)
	wait := time.Duration(0)
	if l, ok := t.addresses.Get(net); ok {
		wait = missing(l, now)
	}
	if l, ok := t.accounts.Get(account); ok && !t.home.Contains(visit{net, account}) {
		wait = max(wait, missing(l, now))
	}
	if wait > 0 {
		return &TooMany{Wait: wait}
	}
	return nil
}

// missing is how long it takes until l has one.
func missing(l *rate.Limiter, now time.Time) time.Duration {
	lack := 1 - l.TokensAt(now)
	if lack <= 0 {
		return 0
	}
	return time.Duration(math.Ceil(lack/float64(l.Limit()))) * time.Second
}

func (t *throttle) failed(from netip.Addr, account string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	count(t.addresses, network(from), addressEvery, addressBurst, now)
	if account != "" {
		count(t.accounts, account, accountEvery, accountBurst, now)
	}
}

func count[K comparable](all *lru.Cache[K, *rate.Limiter], key K, every time.Duration, burst int, now time.Time) {
	l, ok := all.Get(key)
	if !ok {
		l = rate.NewLimiter(rate.Every(every), burst)
		all.Add(key, l)
	}
	l.AllowN(now, 1)
}

func (t *throttle) succeeded(from netip.Addr, account string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.home.Add(visit{network(from), account}, struct{}{})
}
