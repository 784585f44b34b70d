// Package pool decides which of several supervisors runs a camera that any of them may run.
//
// Who runs it is written in a bucket on the bus that they share; the revision of that entry is the camera's term, which grows with
// each that takes it over. A supervisor proves every other second that it reaches the bucket. One that has not been able to for
// LeaseTime stops what it has got; the others take it over as soon as they neither hear that supervisor nor see it prove anything,
// which is after nodes.Silence. While the bucket does not answer, because the server that led it is gone and the others have not chosen
// another one, whoever hears most of the supervisors takes cameras over at once, and has that confirmed later. So a camera has two
// grabbers for LeaseTime at most, and only while the bus is torn apart.
package pool

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"maps"
	"slices"
	"strings"
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
	readEvery  = 10 * time.Second // the whole table, in case news were missed
	callTime   = time.Second
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
	js      jetstream.JetStream
	started time.Time
	poked   chan struct{}

	telling sync.Mutex // while Changed is called; taken before mu

	mu      sync.Mutex
	kv      jetstream.KeyValue // nil until the bucket is there
	cameras []Camera
	own     map[camera.ID]bool // that run here whatever the bucket says
	table   map[camera.ID]lease
	held    map[camera.ID]uint64
	giving  map[camera.ID]bool // not held any more, though the bucket does not say so yet
	told    map[camera.ID]uint64
	orphans map[camera.ID]time.Time // since when nobody runs it
	proven  time.Time
	tried   time.Time // to prove
	read    time.Time
	asked   time.Time
	failing bool
}

// lease is an entry of the bucket.
type lease struct {
	Node string `json:"node"` // "" for nobody
	term uint64
}

// news tell of an entry that has changed.
type news struct {
	Node string `json:"node"`
	Term uint64 `json:"term"`
}

// New makes a pool without cameras.
func New(o Options) (*Pool, error) {
	js, err := jetstream.New(o.Conn)
	if err != nil {
		return nil, fmt.Errorf("open JetStream: %w", err)
	}
	return &Pool{
		Options: o, js: js, started: time.Now(), poked: make(chan struct{}, 1),
		table: make(map[camera.ID]lease), held: make(map[camera.ID]uint64), giving: make(map[camera.ID]bool), orphans: make(map[camera.ID]time.Time),
	}, nil
}

// Set says which cameras there are, and which run here only: others may not have heard yet that such a one is not shared any more.
func (p *Pool) Set(cameras []Camera, own []camera.ID) {
	p.mu.Lock()
	p.cameras = slices.Clone(cameras)
	p.own = make(map[camera.ID]bool, len(own))
	for _, id := range own {
		p.own[id] = true
	}
	maps.DeleteFunc(p.held, func(id camera.ID, _ uint64) bool { return !p.may(id) })
	maps.DeleteFunc(p.orphans, func(id camera.ID, _ time.Time) bool { return !p.may(id) })
	p.mu.Unlock()
	p.poke()
}

// may reports whether a camera may run here. p.mu is held.
func (p *Pool) may(id camera.ID) bool {
	return slices.ContainsFunc(p.cameras, func(c Camera) bool { return c.ID == id && c.May(p.Node) })
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

// step does what is due.
func (p *Pool) step(ctx context.Context) {
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
	if !p.proven.IsZero() && time.Since(p.proven) > LeaseTime && len(p.held) > 0 {
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

// letGo lets others have what is written as this supervisor's and may not run here, as it did under another configuration.
func (p *Pool) letGo(ctx context.Context) {
	p.mu.Lock()
	gone := make(map[camera.ID]uint64)
	for id, l := range p.table {
		if l.Node == p.Node && !p.may(id) && !p.own[id] && !p.giving[id] {
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
			p.read = time.Time{} // somebody may have it
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

// reach proves that the bucket is reached, and reads it now and then.
func (p *Pool) reach(ctx context.Context, now time.Time) error {
	if p.bucket() == nil {
		call, cancel := context.WithTimeout(ctx, callTime)
		defer cancel()
		kv, err := bus.LeaseBucket(call, p.js, p.Replicas)
		if err != nil {
			return err
		}
		p.mu.Lock()
		p.kv = kv
		p.mu.Unlock()
	}
	if now.Sub(p.tried) >= proveEvery {
		p.tried = now
		call, cancel := context.WithTimeout(ctx, callTime)
		defer cancel()
		if _, err := p.kv.PutString(call, nodeKey(p.Node), ""); err != nil {
			return fmt.Errorf("prove that this machine is on the bus: %w", err)
		}
		p.mu.Lock()
		p.proven = now
		p.mu.Unlock()
	}
	if now.Sub(p.read) >= readEvery {
		if err := p.readTable(ctx); err != nil {
			return err
		}
		p.read = now
	}
	return nil
}

// wrongLastSequence is what a server says of a change that came too late while another one is being stored, since nats-server 2.12.
const wrongLastSequence jetstream.ErrorCode = 10164

const (
	nodePrefix   = "node."
	cameraPrefix = "camera."
)

func nodeKey(node string) string      { return nodePrefix + node }
func cameraKey(id camera.ID) string   { return cameraPrefix + string(id) }
func (l lease) value() (value []byte) { value, _ = json.Marshal(l); return value } // a lease always marshals
func decode(value []byte) (node string) {
	var l lease
	if json.Unmarshal(value, &l) != nil {
		return ""
	}
	return l.Node
}

// readTable reads who runs what.
func (p *Pool) readTable(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*callTime)
	defer cancel()
	w, err := p.kv.Watch(ctx, cameraPrefix+">")
	if err != nil {
		return fmt.Errorf("read leases: %w", err)
	}
	defer func() { _ = w.Stop() }() // fails only where the connection is gone
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("read leases: %w", ctx.Err())
		case e := <-w.Updates():
			if e == nil {
				return nil
			}
			id := camera.ID(strings.TrimPrefix(e.Key(), cameraPrefix))
			node := ""
			if e.Operation() == jetstream.KeyValuePut {
				node = decode(e.Value())
			}
			p.learn(id, lease{node, e.Revision()})
		}
	}
}

func (p *Pool) heard(id camera.ID, data []byte) {
	var n news
	if json.Unmarshal(data, &n) != nil {
		return
	}
	p.learn(id, lease{n.Node, n.Term})
	p.tell()
	p.poke()
}

// learn takes what is known of an entry, unless newer is.
func (p *Pool) learn(id camera.ID, l lease) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.term < p.table[id].term {
		return
	}
	p.table[id] = l
	switch {
	case l.Node == p.Node && p.may(id) && !p.giving[id]:
		p.held[id] = l.term
	case l.Node != p.Node && l.term >= p.held[id]: // else it is what was there before this supervisor presumed
		delete(p.held, id)
	}
}

// alive are the nodes that share cameras and are heard, this one among them; known is how many have ever been.
func (p *Pool) alive() (alive map[string]bool, known int) {
	alive = map[string]bool{p.Node: true}
	known = 1
	for _, n := range p.Board.All() {
		if !n.Shares || n.Name == p.Node { // sites of a hub take nothing over
			continue
		}
		known++
		if !n.Away {
			alive[n.Name] = true
		}
	}
	return alive, known
}

// claim takes over what nobody runs, and asks for this supervisor's share.
func (p *Pool) claim(ctx context.Context, now time.Time) error {
	if now.Sub(p.started) < settleTime {
		return nil
	}
	alive, _ := p.alive()
	for _, c := range p.due(alive, now) {
		ok, err := p.take(ctx, c, alive)
		if err != nil {
			return err
		}
		if ok {
			p.Log.Info("camera is taken over", "camera", c)
		}
	}
	if now.Sub(p.started) > calmTime && now.Sub(p.asked) > askEvery {
		if node, id := p.share(alive); id != "" {
			p.asked = now
			call, cancel := context.WithTimeout(ctx, callTime)
			defer cancel()
			if err := p.Ask(call, node, id); err != nil {
				p.Log.Debug("a camera is not given away", "camera", id, "node", node, "err", err)
			}
		}
	}
	return nil
}

// presume takes over what would be claimed if the bucket answered, as far as this supervisor is not the one that is cut off, and for as
// long as it may keep what it has got.
func (p *Pool) presume(now time.Time) {
	alive, known := p.alive()
	p.mu.Lock()
	proven := p.proven
	p.mu.Unlock()
	if now.Sub(p.started) < settleTime || now.Sub(proven) > LeaseTime || 2*len(alive) <= known {
		return
	}
	due := p.due(alive, now)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range due {
		if last := p.table[id]; last.Node != "" && p.held[id] == 0 {
			p.held[id] = last.term + 1 // the one that will be confirmed is no smaller
			p.Log.Info("camera is taken over, to be confirmed", "camera", id)
		}
	}
}

// due returns the cameras of which the bucket is to be asked: those that nobody runs and that it is this supervisor's turn to take over: each falls to the one with the
// fewest, and to the next ones if that does not take it.
func (p *Pool) due(alive map[string]bool, now time.Time) (due []camera.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	load := p.load(alive)
	for _, c := range p.cameras {
		if alive[p.table[c.ID].Node] {
			delete(p.orphans, c.ID)
			if p.held[c.ID] > p.table[c.ID].term { // presumed, and whoever had it is heard again: the bucket tells whose it is
				due = append(due, c.ID)
			}
			continue
		}
		since, known := p.orphans[c.ID]
		if !known {
			since = now
			p.orphans[c.ID] = now
		}
		var may []string
		for node := range alive {
			if c.May(node) {
				may = append(may, node)
			}
		}
		slices.SortFunc(may, func(a, b string) int {
			return cmp.Or(cmp.Compare(load[a], load[b]), cmp.Compare(weight(c.ID, a), weight(c.ID, b)))
		})
		if len(may) > 0 {
			load[may[0]]++
		}
		if rank := slices.Index(may, p.Node); rank >= 0 && now.Sub(since) >= time.Duration(rank)*rankTime {
			due = append(due, c.ID)
		}
	}
	return due
}

// load counts the cameras of each node. p.mu is held.
func (p *Pool) load(alive map[string]bool) map[string]int {
	load := make(map[string]int)
	for _, c := range p.cameras {
		if node := p.table[c.ID].Node; alive[node] {
			load[node]++
		}
	}
	return load
}

// weight puts nodes in an order of its own for each camera, lest all fall to the same one.
func weight(id camera.ID, node string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(string(id) + " " + node)) // never fails
	return h.Sum64()
}

// take takes a camera over, unless somebody else has it.
func (p *Pool) take(ctx context.Context, id camera.ID, alive map[string]bool) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	e, err := p.kv.Get(ctx, cameraKey(id))
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		term, err := p.kv.Create(ctx, cameraKey(id), lease{Node: p.Node}.value())
		return p.took(id, term, err)
	case err != nil:
		return false, fmt.Errorf("look up who runs camera %s: %w", id, err)
	}
	node := decode(e.Value())
	if node != "" && node != p.Node {
		there := alive[node]
		if !there {
			if there, err = p.proves(ctx, node); err != nil {
				return false, err
			}
		}
		if there {
			p.mu.Lock()
			delete(p.held, id)
			p.mu.Unlock()
			p.learn(id, lease{node, e.Revision()})
			return false, nil
		}
	}
	term, err := p.kv.Update(ctx, cameraKey(id), lease{Node: p.Node}.value(), e.Revision())
	return p.took(id, term, err)
}

func (p *Pool) took(id camera.ID, term uint64, err error) (bool, error) {
	refused := (*jetstream.APIError)(nil)
	if errors.Is(err, jetstream.ErrKeyExists) || errors.As(err, &refused) &&
		(refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || refused.ErrorCode == wrongLastSequence) {
		return false, nil // somebody was faster
	}
	if err != nil {
		return false, fmt.Errorf("take camera %s over: %w", id, err)
	}
	p.learn(id, lease{p.Node, term})
	p.say(id, news{p.Node, term})
	p.tell()
	return true, nil
}

// proves reports whether a node that is not heard still reaches the bucket: by the clock of the bucket's server, and this node's own
// last proof.
func (p *Pool) proves(ctx context.Context, node string) (bool, error) {
	mine, err := p.kv.Get(ctx, nodeKey(p.Node))
	if err != nil {
		return false, fmt.Errorf("look up own proof: %w", err)
	}
	its, err := p.kv.Get(ctx, nodeKey(node))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look up whether %s is there: %w", node, err)
	}
	return mine.Created().Sub(its.Created()).Abs() < proveEvery, nil // the server's clock may have been set back
}

func (p *Pool) say(id camera.ID, n news) {
	b, err := json.Marshal(n)
	if err == nil {
		_ = p.Conn.Publish(p.Subjects.Lease(id), b) // who misses it reads the table
	}
}

// share finds a camera of the node that has the most, if this one has fewer than its share.
func (p *Pool) share(alive map[string]bool) (node string, id camera.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	load := p.load(alive)
	least := len(p.cameras) / len(alive)
	if load[p.Node] >= least {
		return "", ""
	}
	var found uint64
	for _, c := range p.cameras {
		has := p.table[c.ID].Node
		if has == p.Node || !alive[has] || load[has] <= max(least, load[p.Node]+1) || !c.May(p.Node) {
			continue
		}
		w := weight(c.ID, p.Node)
		if id == "" || load[has] > load[node] || load[has] == load[node] && w < found {
			node, id, found = has, c.ID, w
		}
	}
	return node, id
}

// Give gives a camera to another node, which has asked for it.
func (p *Pool) Give(ctx context.Context, id camera.ID, to string) error {
	p.mu.Lock()
	term, held := p.held[id]
	may := slices.ContainsFunc(p.cameras, func(c Camera) bool { return c.ID == id && c.May(to) })
	p.mu.Unlock()
	if !held || !may || to == p.Node || !p.Board.Here(to) {
		return fmt.Errorf("camera %s is not given to %s", id, to)
	}
	p.Log.Info("camera moves to another machine", "camera", id, "node", to)
	p.mu.Lock()
	delete(p.held, id)
	p.giving[id] = true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.giving, id)
		p.mu.Unlock()
	}()
	p.tell()
	p.Stopped(ctx, id) // many cameras serve one connection only
	return p.hand(ctx, id, term, to)
}

// hand says whose a camera is that does not run here any more.
func (p *Pool) hand(ctx context.Context, id camera.ID, term uint64, to string) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	kv := p.bucket()
	if kv == nil {
		return fmt.Errorf("hand camera %s over: the bucket of leases is not there yet", id)
	}
	next, err := kv.Update(ctx, cameraKey(id), lease{Node: to}.value(), term)
	if err != nil {
		return fmt.Errorf("hand camera %s over: %w", id, err)
	}
	p.learn(id, lease{to, next})
	p.say(id, news{to, next})
	return nil
}

// Release lets the others have what this supervisor ran: it has stopped it.
func (p *Pool) Release(ctx context.Context) {
	for id, term := range p.Held() {
		if err := p.hand(ctx, id, term, ""); err != nil {
			p.Log.Debug("a camera is not given away", "camera", id, "err", err)
			return // the others would say the same, each after callTime
		}
	}
}
