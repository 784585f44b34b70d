package relay

import (
	"container/list"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

const (
	loopbackShare = 4   // times the limit of another address: reverse proxies live there
	ownFiles      = 256 // descriptors that are kept for other things than viewers
)

// Causes of a connection that is closed before its time, as the metric has them.
const (
	causeAll     = "all"
	causeAddress = "address"
)

// crowd bounds how many connections there are, in all and from one address. When there is no room, the connection that has been
// waiting longest without a request under way makes some: so who opens thousands and says nothing keeps out nobody. A
// connection with a request, and one that watches, is never closed for another.
type crowd struct {
	most, perAddress int
	log              *slog.Logger
	refused          map[string]*refusals // by cause

	mu      sync.Mutex
	exempt  []netip.Prefix // trusted proxies: many come through one address
	all     int
	by      map[netip.Addr]int
	waiting list.List // of *lingering, the longest first
}

// refusals are counted each, and told now and then.
type refusals struct {
	count atomic.Uint64
	seldom
}

// newCrowd takes 0 for no limit.
func newCrowd(most, perAddress int, log *slog.Logger) *crowd {
	if most == 0 {
		most = math.MaxInt32
	}
	if perAddress == 0 {
		perAddress = most
	}
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err == nil && most < math.MaxInt32 && files.Cur < uint64(most+ownFiles) {
		most = max(int(files.Cur)-ownFiles, 1)
		log.Warn("fewer connections than configured: raise the limit of open files (LimitNOFILE, ulimit -n)", "connections", most, "files", files.Cur)
	}
	return &crowd{
		most: most, perAddress: min(perAddress, most), log: log, by: make(map[netip.Addr]int),
		refused: map[string]*refusals{causeAll: {}, causeAddress: {}},
	}
}

// bed is what an address counts as. A host on IPv6 has a whole network of 64 bits to itself.
func bed(c net.Conn) netip.Addr {
	tcp, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	a := tcp.AddrPort().Addr().Unmap().WithZone("")
	if a.Is6() && !a.IsLoopback() && !a.IsLinkLocalUnicast() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

// trust has these networks not counted by address.
func (w *crowd) trust(exempt []netip.Prefix) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.exempt = exempt
}

// limit is how many connections an address may have. The mutex is held.
func (w *crowd) limit(a netip.Addr, c net.Conn) int {
	whole := a // not its network
	if tcp, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		whole = tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	switch {
	case slices.ContainsFunc(w.exempt, func(p netip.Prefix) bool { return p.Contains(whole) }):
		return w.most
	case a.IsLoopback():
		return loopbackShare * w.perAddress
	}
	return w.perAddress
}

// enter lets a connection in, nil when its address has too many. Its Close calls leave.
func (w *crowd) enter(c net.Conn) *lingering {
	l := &lingering{Conn: c, crowd: w, address: bed(c)}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.by[l.address] >= w.limit(l.address, c) {
		w.refuse(causeAddress, l.address)
		return nil
	}
	if w.all >= w.most {
		w.refuse(causeAll, l.address)
		if !w.makeRoom() {
			return nil
		}
	}
	w.all++
	w.by[l.address]++
	l.place = w.waiting.PushBack(l)
	return l
}

// makeRoom closes the connection that has been waiting longest. The mutex is held.
func (w *crowd) makeRoom() bool {
	first := w.waiting.Front()
	if first == nil {
		return false
	}
	l := first.Value.(*lingering)
	w.remove(l)
	_ = l.Conn.Close() // whoever reads from it closes the rest
	return true
}

func (w *crowd) refuse(cause string, address netip.Addr) {
	refused := w.refused[cause]
	refused.count.Add(1)
	if !refused.due() {
		return
	}
	if cause == causeAddress {
		w.log.Warn("connections are refused: one address has as many as it may (server.max_connections_per_address)",
			"address", address, "connections", w.perAddress)
		return
	}
	w.log.Warn("connections that wait are closed, and others refused: there are as many as may be (server.max_connections)", "connections", w.most)
}

// leave forgets a connection.
func (w *crowd) leave(l *lingering) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.remove(l)
}

func (w *crowd) remove(l *lingering) {
	if l.gone {
		return
	}
	l.gone = true
	w.occupy(l)
	w.all--
	if w.by[l.address]--; w.by[l.address] == 0 {
		delete(w.by, l.address)
	}
}

// busy says that a request has come on the connection, idle that it is answered.
func (w *crowd) busy(l *lingering) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.occupy(l)
}

func (w *crowd) occupy(l *lingering) {
	if l.place != nil {
		w.waiting.Remove(l.place)
		l.place = nil
	}
}

func (w *crowd) idle(l *lingering) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !l.gone && l.place == nil {
		l.place = w.waiting.PushBack(l)
	}
}

// size is how many connections there are.
func (w *crowd) size() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all
}
