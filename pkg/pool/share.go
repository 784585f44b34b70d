package pool

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"linkstart/pkg/camera"
)

// alive are the nodes that share cameras, are heard and can run some, this one among them; known is how many share cameras.
func (p *Pool) alive() (alive map[string]bool, known int) {
	alive = map[string]bool{p.Node: true}
	known = 1
	for _, n := range p.Board.All() {
		if !n.Shares || n.Name == p.Node { // sites of a hub take nothing over
			continue
		}
		known++
		if !n.Away && !n.CutOff {
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
	there := make(map[string]bool) // of the others: whether they prove that they are
	began := time.Now()
	for _, c := range p.due(alive, now) {
		if time.Since(began) > claimTime { // a proof may be due, and those taken are to be started
			p.poke()
			return nil
		}
		if there[p.ranBy(c)] {
			continue
		}
		ok, err := p.take(ctx, c, alive, there)
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

// ranBy returns the node that a camera is known to run on; "" for none, and for one of which only the bucket can tell.
func (p *Pool) ranBy(id camera.ID) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := p.table[id]; p.held[id] <= last.term {
		return last.Node
	}
	return ""
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
	taken := make(map[camera.ID]uint64)
	p.mu.Lock()
	for _, id := range due {
		if last := p.table[id]; last.Node != "" && p.held[id] == 0 {
			taken[id] = last.term + 1 // the one that will be confirmed is no smaller
			p.held[id] = taken[id]
		}
	}
	p.mu.Unlock()
	for id, term := range taken {
		p.Log.Info("camera is taken over, to be confirmed", "camera", id)
		p.say(id, news{Node: p.Node, Term: term, Presumed: true})
	}
}

// leave leaves a camera to a supervisor that has taken it over and will have that confirmed. Of two that have, the one that comes first by
// name goes on.
func (p *Pool) leave(id camera.ID, node string) {
	p.mu.Lock()
	mine := p.held[id] > p.table[id].term
	if node == p.Node || mine && p.Node < node {
		p.mu.Unlock()
		return
	}
	p.presumed[id] = presumption{node, time.Now()}
	if mine {
		delete(p.held, id)
	}
	p.mu.Unlock()
	p.tell()
}

// due returns the cameras of which the bucket is to be asked: those that nobody runs, when it is this supervisor's turn to take them
// over. Each falls to the supervisor with the fewest, and to the next ones if that does not take it.
func (p *Pool) due(alive map[string]bool, now time.Time) (due []camera.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	load := p.load(alive)
	for _, c := range p.cameras {
		if last := p.table[c.ID]; alive[last.Node] {
			delete(p.orphans, c.ID)
			presumed := p.held[c.ID] > last.term                         // and whoever had it is heard again: the bucket tells whose it is
			lost := last.term == 0 && last.Node == p.Node && p.may[c.ID] // with the bucket that said so
			if presumed || lost {
				due = append(due, c.ID)
			}
			continue
		}
		if by := p.presumed[c.ID]; alive[by.node] && now.Sub(by.at) < LeaseTime {
			load[by.node]++
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
	stop, cancel := context.WithTimeout(ctx, stopTime) // one whose process cannot be ended would run nowhere
	defer cancel()
	p.Stopped(stop, id) // many cameras serve one connection only
	return p.hand(ctx, id, term, to)
}
