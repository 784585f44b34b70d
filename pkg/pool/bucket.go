package pool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
)

// lease is an entry of the bucket.
type lease struct {
	Node string `json:"node"` // "" for nobody
	term uint64
}

// news tell of an entry that has changed.
type news struct {
	Node     string `json:"node"`
	Term     uint64 `json:"term"`
	Presumed bool   `json:"presumed,omitempty"` // it has not changed yet, as the bucket does not answer, but will
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
	if now.Sub(p.proven) >= proveEvery {
		if err := p.prove(ctx, now); err != nil {
			return err
		}
	}
	if now.Sub(p.read) >= readEvery {
		if err := p.readTable(ctx); err != nil {
			return err
		}
		p.mu.Lock()
		p.read = now
		p.mu.Unlock()
	}
	return nil
}

// prove puts on record that this supervisor reaches the bucket.
func (p *Pool) prove(ctx context.Context, now time.Time) error {
	proof, err := p.kv.Update(ctx, nodeKey(p.Node), nil, p.proof)
	if errors.Is(err, jetstream.ErrKeyRevisionMismatch) { // the last proof is not there: it is another bucket than before
		p.another = true
		p.readAnew()
		proof, err = p.kv.Put(ctx, nodeKey(p.Node), nil)
	}
	if errors.Is(err, jetstream.ErrNoStreamResponse) {
		p.miss(ctx)
	}
	if err != nil {
		return fmt.Errorf("prove that this machine is on the bus: %w", err)
	}
	p.proof = proof
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cutOff() {
		p.started = now // the others were too, it may be, and are about to prove that they are there
	}
	p.proven = now
	return nil
}

// miss has the bucket made anew at the next step if it is gone, and not merely without a leader.
func (p *Pool) miss(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, missTime)
	defer cancel()
	if _, err := p.js.KeyValue(ctx, p.kv.Bucket()); errors.Is(err, jetstream.ErrBucketNotFound) {
		p.mu.Lock()
		p.kv = nil
		p.mu.Unlock()
	}
}

const (
	nodePrefix   = "node."
	cameraPrefix = "camera."
)

func nodeKey(node string) string { return nodePrefix + node }

func cameraKey(id camera.ID) string { return cameraPrefix + string(id) }

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
	read := make(map[camera.ID]lease)
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("read leases: %w", ctx.Err())
		case e := <-w.Updates():
			if e == nil {
				p.forget()
				for id, l := range read {
					p.learn(id, l)
				}
				return nil
			}
			node := ""
			if e.Operation() == jetstream.KeyValuePut {
				node = decode(e.Value())
			}
			read[camera.ID(strings.TrimPrefix(e.Key(), cameraPrefix))] = lease{node, e.Revision()}
		}
	}
}

// forget takes out of the table what no bucket says any more. The terms of a bucket that was lost are worth nothing; who ran what is, until
// the table is read again: whoever did still does, and is about to say so in the new one.
func (p *Pool) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.table, func(_ camera.ID, l lease) bool { return l.term == 0 })
	if p.another {
		for id, l := range p.table {
			p.table[id] = lease{Node: l.Node}
		}
	}
	p.another = false
}

func (p *Pool) heard(id camera.ID, data []byte) {
	var n news
	if json.Unmarshal(data, &n) != nil {
		return
	}
	if n.Presumed {
		p.leave(id, n.Node)
		return
	}
	p.mu.Lock()
	known := p.table[id] == lease{n.Node, n.Term} // as it was this supervisor that said so
	p.mu.Unlock()
	if known {
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
	if l.term > p.table[id].term {
		delete(p.presumed, id)
	}
	p.table[id] = l
	switch {
	case l.Node == p.Node && p.may[id] && !p.giving[id]:
		p.held[id] = l.term
	case l.Node != p.Node && l.term >= p.held[id]: // else it is what was there before this supervisor presumed
		delete(p.held, id)
	}
}

// take takes a camera over, unless somebody else has it: one who is alive or there. It notes who is there.
func (p *Pool) take(ctx context.Context, id camera.ID, alive, there map[string]bool) (bool, error) {
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
		if _, asked := there[node]; !asked && !alive[node] {
			if there[node], err = p.proves(ctx, node); err != nil {
				return false, err
			}
		}
		if alive[node] || there[node] {
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
	if errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return false, nil // somebody was faster
	}
	if err != nil {
		return false, fmt.Errorf("take camera %s over: %w", id, err)
	}
	p.learn(id, lease{p.Node, term})
	p.say(id, news{Node: p.Node, Term: term})
	return true, nil
}

// proves reports whether a node that is not heard still reaches the bucket: by the clock of the bucket's server, to which this node's
// proof tells what time it is.
func (p *Pool) proves(ctx context.Context, node string) (bool, error) {
	if err := p.prove(ctx, time.Now()); err != nil {
		return false, err
	}
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
	return mine.Created().Sub(its.Created()).Abs() < goneAfter, nil // one of a time to come is older than a change of the server's clock
}

func (p *Pool) say(id camera.ID, n news) {
	b, err := json.Marshal(n)
	if err == nil {
		_ = p.Conn.Publish(p.Subjects.Lease(id), b) // who misses it reads the table
	}
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
	p.say(id, news{Node: to, Term: next})
	return nil
}
