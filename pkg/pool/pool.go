// Package pool decides which of several supervisors runs a camera that any of them may run.
//
// Who runs it is written in a bucket on the bus that they share; the revision of that entry is the camera's term, which grows with
// each that takes it over. A supervisor proves every other second that it reaches the bucket. One that has not been able to for
// LeaseTime stops what it has got, and says that it is cut off; the others take it over as soon as they hear that or do not hear that
// supervisor, which is after nodes.Silence, and do not see it prove anything either. While the bucket does not answer, because the server
// that led it is gone and the others have not chosen another one, whoever hears most of the supervisors takes cameras over at once, and
// has that confirmed later. So a camera has two grabbers for LeaseTime at most, and only while the bus is torn apart.
package pool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/nodes"
)

const (
	// LeaseTime is how long what was proven last lets a supervisor keep its cameras.
	LeaseTime = 15 * time.Second

	stepEvery  = 500 * time.Millisecond
	proveEvery = 2 * time.Second
	goneAfter  = 2 * proveEvery   // without a proof: one takes proveEvery, a step, and as long as the bus needs
	readEvery  = 10 * time.Second // the whole table, in case news were missed
	callTime   = time.Second
	missTime   = 250 * time.Millisecond // for looking whether there is a bucket
	claimTime  = 500 * time.Millisecond // for taking cameras over in one step
	settleTime = 3 * time.Second        // after the start: who else is there?
	rankTime   = 700 * time.Millisecond // that each supervisor leaves to the one before it
	calmTime   = 10 * time.Second       // after the start, before cameras of others are asked for
	askEvery   = time.Second            // for one of them
	stopTime   = 5 * time.Second        // that cameras which may not run here any more are waited for
)

// Camera is one that several supervisors may run.
type Camera struct {
	ID  camera.ID
	May func(node string) bool // run it
}

// Options are what New needs.
type Options struct {
	Conn     *nats.Conn
	Subjects bus.Subjects
	Node     string
	Replicas int
	Board    *nodes.Board
	Log      *slog.Logger
	// Changed is called with the cameras that this supervisor runs, and their terms, whenever that changes; one call at a time.
	Changed func(map[camera.ID]uint64)
	// Stopped waits until a camera of which Changed said that it is not run here any more is stopped.
	Stopped func(ctx context.Context, id camera.ID)
	// Ask asks another supervisor to give a camera to this one.
	Ask func(ctx context.Context, node string, id camera.ID) error
}

// Pool holds the cameras of one supervisor.
type Pool struct {
	Options
	js    jetstream.JetStream
	poked chan struct{}

	proof   uint64 // revision of the last one
	another bool   // than before is the bucket; the table is still of that one

	telling sync.Mutex // while Changed is called; taken before mu

	mu      sync.Mutex
	kv      jetstream.KeyValue // nil until the bucket is there
	cameras []Camera
	may     map[camera.ID]bool // run here
	own     map[camera.ID]bool // that run here whatever the bucket says
	table   map[camera.ID]lease
	held    map[camera.ID]uint64
	giving  map[camera.ID]bool // not held any more, though the bucket does not say so yet
	told    map[camera.ID]uint64
	// presumed are those of which another supervisor has said that it runs them and will have that confirmed.
	presumed map[camera.ID]presumption
	orphans  map[camera.ID]time.Time // since when nobody runs it
	started  time.Time               // to take part, first or after it was cut off
	proven   time.Time
	read     time.Time
	asked    time.Time
	failing  bool
}

type presumption struct {
	node string
	at   time.Time
}

// New makes a pool without cameras.
func New(o Options) (*Pool, error) {
	js, err := jetstream.New(o.Conn, jetstream.WithDefaultTimeout(callTime))
	if err != nil {
		return nil, fmt.Errorf("open JetStream: %w", err)
	}
	return &Pool{
		Options: o, js: js, started: time.Now(), poked: make(chan struct{}, 1),
		table: make(map[camera.ID]lease), held: make(map[camera.ID]uint64), giving: make(map[camera.ID]bool), orphans: make(map[camera.ID]time.Time), presumed: make(map[camera.ID]presumption),
	}, nil
}

// Set says which cameras there are, and which run here only: others may not have heard yet that such a one is not shared any more.
func (p *Pool) Set(cameras []Camera, own []camera.ID) {
	p.mu.Lock()
	p.cameras = slices.Clone(cameras)
	p.may = make(map[camera.ID]bool, len(cameras))
	for _, c := range cameras {
		if c.May(p.Node) {
			p.may[c.ID] = true
		}
	}
	p.own = make(map[camera.ID]bool, len(own))
	for _, id := range own {
		p.own[id] = true
	}
	maps.DeleteFunc(p.held, func(id camera.ID, _ uint64) bool { return !p.may[id] })
	maps.DeleteFunc(p.orphans, func(id camera.ID, _ time.Time) bool { return !p.may[id] })
	p.mu.Unlock()
	p.poke()
}

// bucket is nil until it is there.
func (p *Pool) bucket() jetstream.KeyValue {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.kv
}

// Held returns the cameras that this supervisor runs, with their terms.
func (p *Pool) Held() map[camera.ID]uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.held)
}

func (p *Pool) poke() {
	select {
	case p.poked <- struct{}{}:
	default:
	}
}

// Run takes part until ctx ends. What is held then stays held until Release.
func (p *Pool) Run(ctx context.Context) error {
	heard, err := p.Conn.Subscribe(p.Subjects.Lease(bus.All), func(m *nats.Msg) { p.heard(p.Subjects.CameraOf(m.Subject), m.Data) })
	if err != nil {
		return fmt.Errorf("listen for leases: %w", err)
	}
	defer func() { _ = heard.Unsubscribe() }() // fails only where the connection is gone
	tick := time.NewTicker(stepEvery)
	defer tick.Stop()
	for {
		p.step(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-p.poked:
		}
	}
}

// Shares reports whether there is anything that others have to take this supervisor into account for.
func (p *Pool) Shares() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.may) > 0 || len(p.own) > 0 && p.read.IsZero() { // others may take one of those for a camera that this supervisor shares
		return true
	}
	for _, l := range p.table {
		if l.Node == p.Node {
			return true
		}
	}
	return false
}

// CutOff reports whether this supervisor has not reached the bucket for so long that it runs no camera that others may run.
func (p *Pool) CutOff() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cutOff()
}

func (p *Pool) cutOff() bool {
	return time.Since(p.proven) > LeaseTime && time.Since(p.started) > LeaseTime
}

// step does what is due.
func (p *Pool) step(ctx context.Context) {
	if !p.Shares() {
		p.tell()
		return
	}
	now := time.Now()
	err := p.reach(ctx, now)
	if err == nil {
		err = p.claim(ctx, now)
	}
	if err != nil && ctx.Err() == nil {
		p.presume(now)
	}
	p.mu.Lock()
	failed := err != nil && ctx.Err() == nil
	tell := failed && !p.failing && now.Sub(p.started) > settleTime
	p.failing = failed && (p.failing || tell)
	if p.cutOff() && len(p.held) > 0 {
		p.Log.Error("cameras that other machines may run are stopped here, as it cannot be known whether they do", "cameras", len(p.held), "err", err)
		clear(p.held)
		p.read = time.Time{} // whoever has them is looked up as soon as that is possible
	}
	p.mu.Unlock()
	if tell {
		p.Log.Warn("which machine runs which camera cannot be looked up or changed, trying again", "err", err)
	}
	p.tell()
	if err == nil {
		p.letGo(ctx)
	}
}

// readAnew has the table read at the next step.
func (p *Pool) readAnew() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.read = time.Time{}
}

// letGo lets others have what is written as this supervisor's and may not run here, as it did under another configuration.
func (p *Pool) letGo(ctx context.Context) {
	p.mu.Lock()
	gone := make(map[camera.ID]uint64)
	for id, l := range p.table {
		if l.Node == p.Node && !p.may[id] && !p.own[id] && !p.giving[id] {
			gone[id] = l.term
		}
	}
	p.mu.Unlock()
	stop, cancel := context.WithTimeout(ctx, stopTime)
	defer cancel()
	for id, term := range gone {
		p.Stopped(stop, id)
		if err := p.hand(ctx, id, term, ""); err != nil {
			p.Log.Debug("a camera is not let go", "camera", id, "err", err)
			p.readAnew() // somebody may have it
			return
		}
		p.Log.Info("camera may not run here any more", "camera", id)
	}
}

// tell calls Changed if there is something to tell.
func (p *Pool) tell() {
	p.telling.Lock()
	defer p.telling.Unlock()
	p.mu.Lock()
	held := maps.Clone(p.held)
	same := maps.Equal(held, p.told)
	p.told = held
	p.mu.Unlock()
	if !same {
		p.Changed(held)
	}
}

// Release lets the others have what this supervisor ran: it has stopped it.
func (p *Pool) Release(ctx context.Context) {
	for id, term := range p.Held() {
		if err := p.hand(ctx, id, term, ""); err != nil {
			p.Log.Debug("a camera is not given away", "camera", id, "err", err)
			if !errors.Is(err, jetstream.ErrKeyRevisionMismatch) { // somebody has it already
				return // the others would say the same, each after callTime
			}
		}
	}
}
