// Package registry knows every camera's description, state and figures, as the supervisor and the grabbers tell them.
package registry

import (
	"slices"
	"sync"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/control"
)

// silence is how long a grabber may say nothing before its figures count no more.
const silence = 3 * time.Second

// moveTime is how long a camera that its node gave away is waited for.
const moveTime = 30 * time.Second

// unheardTime is how long cameras stay of a node that has given no sign of life.
const unheardTime = 10 * time.Second

// leftTime is how long cameras stay of a node that has left, not live.
const leftTime = 24 * time.Hour

// maxCameras bounds what others may name; a relay's own node may have more.
const maxCameras = 10_000

// Events are called one at a time, in the order of the changes. They may read the registry and must not block.
type Events struct {
	Listed  func()             // cameras came, went or changed places
	Changed func(camera.Info)  // a camera's description or state changed
	Figures func(camera.Info)  // each second while a camera's grabber runs
	Back    func(id camera.ID) // its grabber speaks again, or its pictures come again

	System func(control.System) // how the supervisor fares, with each of its lists; may be nil

	// Refused is called, once for each camera, where another node says that it has the camera too; may be nil.
	Refused func(id camera.ID, has, too string)
}

// Registry is safe for use by many goroutines.
type Registry struct {
	OwnOnly bool // cameras of other nodes are left out; to be set before anything else is done

	node    string // whose supervisor's list makes it ready
	events  Events
	viewers func(camera.ID) int

	turn  sync.Mutex // held while a change is made and told, so that changes are told in order
	mu    sync.RWMutex
	ready bool
	order []camera.ID
	all   map[camera.ID]*entry
	away  map[string]bool      // by node, of those that are heard or were
	gone  map[string]time.Time // since when, of those that nothing more will be heard of
}

type entry struct {
	info      camera.Info
	announced time.Time // when the bus last announced it
	beat      time.Time // last heartbeat
	moved     time.Time // when its node gave it away
	untold    bool      // nothing has been told of it
	twice     bool      // another node has said that it has it too
}

// New makes an empty registry for a relay of node; viewers counts who watches a camera.
func New(node string, e Events, viewers func(camera.ID) int) *Registry {
	return &Registry{node: node, events: e, viewers: viewers, all: make(map[camera.ID]*entry), away: make(map[string]bool), gone: make(map[string]time.Time)}
}

// Ready reports whether the supervisor has listed its cameras.
func (r *Registry) Ready() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.ready
}

// List returns all cameras in the order of the configuration.
func (r *Registry) List() []camera.Info {
	list := r.list()
	for i := range list {
		list[i].Viewers = r.viewers(list[i].ID)
	}
	return list
}

func (r *Registry) list() []camera.Info {
	r.mu.RLock()
	defer r.mu.RUnlock()
	list := make([]camera.Info, 0, len(r.order))
	for _, id := range r.order {
		list = append(list, r.all[id].now())
	}
	return list
}

// Get returns one camera.
func (r *Registry) Get(id camera.ID) (camera.Info, bool) {
	r.mu.RLock()
	e := r.all[id]
	if e == nil {
		r.mu.RUnlock()
		return camera.Info{}, false
	}
	info := e.now()
	r.mu.RUnlock()
	info.Viewers = r.viewers(id)
	return info, true
}

// Known reports whether there is such a camera. Before the supervisor has listed them, any may be.
func (r *Registry) Known(id camera.ID) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return !r.ready || r.all[id] != nil
}

// Live reports whether a camera's pictures come.
func (r *Registry) Live(id camera.ID) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	e := r.all[id]
	return e != nil && e.info.State == camera.Live
}

// IDs returns every camera, in the order of the configuration. The caller may keep it.
func (r *Registry) IDs() []camera.ID {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Clone(r.order)
}

// First returns the first camera of the configuration, "" when there is none.
func (r *Registry) First() camera.ID {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if len(r.order) == 0 {
		return ""
	}
	return r.order[0]
}

// now is the entry as it stands: figures of a grabber that is silent count no more, and its picture grows older.
func (e *entry) now() camera.Info {
	i := e.info
	if e.beat.IsZero() {
		return i
	}
	since := time.Since(e.beat)
	if since > silence {
		i.FPS, i.Bitrate = 0, 0
		if i.AgeMs >= 0 {
			i.AgeMs += since.Milliseconds()
		}
	}
	return i
}

// SetAll takes a node's list, asked for at the time asked: what was announced since is newer.
func (r *Registry) SetAll(node string, list []camera.Info, asked time.Time) {
	r.turn.Lock()
	defer r.turn.Unlock()
	now := time.Now()
	r.mu.Lock()
	before := slices.Clone(r.order)
	taken := make([]camera.Info, 0, len(list))
	named := make(map[camera.ID]bool, len(list))
	var refused []func()
	for _, i := range list {
		i.Node = node
		if !sound(i) || named[i.ID] {
			continue
		}
		if !r.belongs(i) {
			refused = append(refused, r.refuse(i))
			continue
		}
		named[i.ID] = true
		r.enter(i)
		taken = append(taken, i)
	}
	for id, e := range r.all {
		if e.info.Node == node && !named[id] && !e.announced.After(asked) && now.Sub(e.moved) > moveTime {
			delete(r.all, id)
		}
	}
	if node == r.node {
		r.forgetUnheard(now)
	}
	r.arrange()
	listed := !slices.Equal(before, r.order)
	if node == r.node {
		listed = listed || !r.ready
		r.ready = true
	}
	r.mu.Unlock()
	for _, tell := range refused {
		tell()
	}
	for _, i := range taken {
		r.merge(i, asked)
	}
	if listed {
		r.events.Listed()
	}
}

// enter makes an entry for a camera that has none, and reports whether it did: who lists meanwhile finds it described, in
// a state that is then merged. r.mu is held.
func (r *Registry) enter(i camera.Info) bool {
	if r.all[i.ID] != nil {
		return false
	}
	r.all[i.ID] = &entry{untold: true, info: camera.Info{
		ID: i.ID, Name: i.Name, Group: i.Group, Source: i.Source, Node: i.Node, Term: i.Term, Place: i.Place,
		State: camera.Starting, Since: i.Since, AgeMs: -1,
	}}
	return true
}

// Announce takes a camera as its node announces it.
func (r *Registry) Announce(i camera.Info) {
	r.turn.Lock()
	defer r.turn.Unlock()
	now := time.Now()
	r.mu.Lock()
	if !sound(i) {
		r.mu.Unlock()
		return
	}
	if !r.belongs(i) {
		tell := r.refuse(i)
		r.mu.Unlock()
		tell()
		return
	}
	added := r.enter(i)
	r.mu.Unlock()
	r.merge(i, now)
	r.mu.Lock()
	before := r.order
	r.all[i.ID].announced = now
	r.arrange()
	added = added || !slices.Equal(before, r.order)
	r.mu.Unlock()
	if added {
		r.events.Listed()
	}
}

// Remove takes a camera out that left the configuration of its node; one that moves to another node stays until that has it.
func (r *Registry) Remove(id camera.ID, node string, moves bool) {
	r.turn.Lock()
	defer r.turn.Unlock()
	r.mu.Lock()
	e := r.all[id]
	if e == nil || e.info.Node != node {
		r.mu.Unlock()
		return
	}
	if moves {
		e.moved = time.Now()
		r.mu.Unlock()
		r.lose(id, "it moves to another machine")
		return
	}
	delete(r.all, id)
	r.arrange()
	r.mu.Unlock()
	r.events.Listed()
}

// merge takes what the supervisor says of a camera; figures stay the grabber's own. The turn is held.
func (r *Registry) merge(i camera.Info, at time.Time) {
	r.mu.Lock()
	e := r.all[i.ID]
	if e.announced.After(at) {
		r.mu.Unlock()
		return
	}
	before, untold := e.info, e.untold
	e.untold = false
	if !e.beat.IsZero() && i.PID != 0 && i.PID == before.PID { // the figures are of this process
		i.Width, i.Height, i.FPS, i.Bitrate, i.AgeMs = before.Width, before.Height, before.FPS, before.Bitrate, before.AgeMs
		i.DecodeMs, i.EncodeMs, i.RSS = before.DecodeMs, before.EncodeMs, before.RSS
	}
	if before.Node != i.Node {
		e.moved, e.twice = time.Time{}, false
	}
	e.info = i
	info := e.now()
	r.mu.Unlock()
	if before.State != camera.Live && i.State == camera.Live {
		r.events.Back(i.ID)
	}
	if untold || described(before) != described(i) {
		info.Viewers = r.viewers(i.ID)
		r.events.Changed(info)
	}
}

// described leaves only what is told at once when it changes.
func described(i camera.Info) camera.Info {
	i.Since = time.Time{}
	return i.Words()
}

// Beat takes a grabber's heartbeat.
func (r *Registry) Beat(id camera.ID, s camera.Status) {
	r.turn.Lock()
	defer r.turn.Unlock()
	now := time.Now()
	r.mu.Lock()
	e := r.all[id]
	if e == nil {
		r.mu.Unlock()
		return
	}
	back := now.Sub(e.beat) > silence
	e.beat = now
	e.info.SetFigures(s)
	info := e.now()
	r.mu.Unlock()
	if back {
		r.events.Back(id)
	}
	info.Viewers = r.viewers(id)
	r.events.Figures(info)
}
