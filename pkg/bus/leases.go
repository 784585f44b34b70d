package bus

import (
	"sync"
	"time"

	"linkstart/pkg/camera"
)

// maxLeases bounds how many different rates of one rendition are told apart; beyond it the lease is for all frames.
const maxLeases = 32

// Leases remembers who wants frames: for each rendition the rates asked for and until when. A want carries no name, so
// equal rates share a lease, and the fastest that has not run out counts.
type Leases struct {
	mu    sync.Mutex
	until map[camera.Rendition]map[float64]time.Time
}

// Renew holds a lease of fps frames per second from now on; 0 or less: as many as there are.
func (l *Leases) Renew(r camera.Rendition, fps float64, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.until == nil {
		l.until = make(map[camera.Rendition]map[float64]time.Time)
	}
	rates := l.until[r]
	if rates == nil {
		rates = make(map[float64]time.Time)
		l.until[r] = rates
	}
	for rate, end := range rates {
		if !end.After(now) {
			delete(rates, rate)
		}
	}
	if !(fps > 0) || len(rates) >= maxLeases { // also NaN
		fps = 0
	}
	rates[fps] = now.Add(LeaseTime)
}

// Wanted returns the fastest rate that is leased at now, 0 for all frames, and whether there is one at all.
func (l *Leases) Wanted(r camera.Rendition, now time.Time) (fps float64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for rate, end := range l.until[r] {
		if !end.After(now) {
			continue
		}
		if rate == 0 {
			return 0, true
		}
		fps, ok = max(fps, rate), true
	}
	return fps, ok
}
