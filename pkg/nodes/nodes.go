// Package nodes knows which supervisors there are on a bus, by their signs of life.
package nodes

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
)

const (
	beatEvery = time.Second
	lookEvery = 500 * time.Millisecond

	// Silence is how long a supervisor may say nothing before it counts as gone.
	Silence = 4 * time.Second

	leftTime = time.Minute    // after which one that has left is forgotten
	longTime = 24 * time.Hour // after which one that is silent is

	maxBeat  = 4 << 10 // bytes
	maxNodes = 4096    // whoever may speak on the bus could name more
)

// Beat is a supervisor's sign of life.
type Beat struct {
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	Cameras int       `json:"cameras"`           // that it runs
	Shares  bool      `json:"shares,omitempty"`  // it may run cameras of others
	CutOff  bool      `json:"cut_off,omitempty"` // but cannot: it does not reach the record of who runs what
	Leaving bool      `json:"leaving,omitempty"` // it is the last one
}

// Tell gives this node's sign of life each second until ctx ends, and then the last one.
func Tell(ctx context.Context, nc *nats.Conn, s bus.Subjects, node string, beat func() Beat) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		tell(nc, s, node, beat())
		select {
		case <-ctx.Done():
			last := beat()
			last.Leaving = true
			tell(nc, s, node, last)
			_ = nc.FlushTimeout(beatEvery) // a bus that is away says so itself
			return
		case <-tick.C:
		}
	}
}

func tell(nc *nats.Conn, s bus.Subjects, node string, b Beat) {
	data, err := json.Marshal(b)
	if err != nil {
		return // a Beat always marshals
	}
	_ = nc.Publish(s.Node(node), data) // a bus that is away says so itself
}

// Node is a supervisor as others see it.
type Node struct {
	Name string `json:"name"`
	Beat
	Away  bool      `json:"away"` // nothing is heard of it
	Since time.Time `json:"since"`
	Gone  bool      `json:"-"` // it is on the board no more
}

// Board remembers every node that is heard or was: for a minute if it has left, else for a day.
type Board struct {
	changed func(Node)

	turn sync.Mutex // held while a change is told, so that changes are told in order
	mu   sync.Mutex
	all  map[string]*entry
}

type entry struct {
	Node
	heard time.Time
}

// Follow keeps a board until stop, which waits. changed is called, one at a time, with each node that comes, goes, was
// started anew or is forgotten; it must not block.
func Follow(nc *nats.Conn, s bus.Subjects, changed func(Node)) (b *Board, stop func(), err error) {
	b = &Board{changed: changed, all: make(map[string]*entry)}
	sub, err := nc.Subscribe(s.Node(bus.All), func(m *nats.Msg) { b.heard(string(s.CameraOf(m.Subject)), m.Data, time.Now()) })
	if err != nil {
		return nil, nil, fmt.Errorf("listen for supervisors: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() { b.watch(ctx) })
	return b, func() {
		_ = sub.Unsubscribe() // fails only where the connection is gone
		cancel()
		ended.Wait()
	}, nil
}

func (b *Board) watch(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if late := now.Sub(last) - lookEvery; late > lookEvery { // it was this process that could hear nothing
				b.excuse(late)
			}
			last = now
			b.look(now)
		}
	}
}

func (b *Board) excuse(late time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.all {
		e.heard = e.heard.Add(late)
	}
}

func (b *Board) heard(name string, data []byte, now time.Time) {
	if _, err := camera.ParseID(name); err != nil || len(data) > maxBeat {
		return
	}
	var beat Beat
	if json.Unmarshal(data, &beat) != nil {
		return
	}
	b.turn.Lock()
	defer b.turn.Unlock()
	b.mu.Lock()
	e := b.all[name]
	if e == nil {
		if len(b.all) >= maxNodes {
			b.mu.Unlock()
			return
		}
		e = &entry{Node: Node{Name: name, Away: true}}
		b.all[name] = e
	}
	told := e.Away != beat.Leaving || !beat.Started.Equal(e.Started)
	if told {
		e.Since = now
	}
	e.heard, e.Beat, e.Away = now, beat, beat.Leaving
	n := e.Node
	b.mu.Unlock()
	if told {
		b.changed(n)
	}
}

func (b *Board) look(now time.Time) {
	b.turn.Lock()
	defer b.turn.Unlock()
	var changed []Node
	b.mu.Lock()
	for name, e := range b.all {
		silent := now.Sub(e.heard)
		switch {
		case !e.Away && silent > Silence:
			e.Away, e.Since = true, now
			changed = append(changed, e.Node)
		case e.Leaving && silent > leftTime || silent > longTime:
			delete(b.all, name)
			e.Gone = true
			changed = append(changed, e.Node)
		}
	}
	b.mu.Unlock()
	for _, n := range changed {
		b.changed(n)
	}
}

// All returns every node, by name.
func (b *Board) All() []Node {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]Node, 0, len(b.all))
	for _, name := range slices.Sorted(maps.Keys(b.all)) {
		all = append(all, b.all[name].Node)
	}
	return all
}

// Here reports whether a node is heard.
func (b *Board) Here(name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.all[name]
	return e != nil && !e.Away
}
