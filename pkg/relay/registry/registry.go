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

// Events are called one at a time, in the order of the changes. They may read the registry and must not block.
type Events struct {
	Listed  func()             // cameras came, went or changed places
	Changed func(camera.Info)  // a camera's description or state changed
	Figures func(camera.Info)  // each second while a camera's grabber runs
	Back    func(id camera.ID) // its grabber speaks again, or its pictures come again

	System func(control.System) // how the supervisor fares, with each of its lists; may be nil
}

// Registry is safe for use by many goroutines.
type Registry struct {
	events  Events
	viewers func(camera.ID) int

	turn  sync.Mutex // held while a change is made and told, so that changes are told in order
	mu    sync.RWMutex
	ready bool
	order []camera.ID
	all   map[camera.ID]*entry
}

type entry struct {
	info      camera.Info
	announced time.Time // when the bus last announced it
	beat      time.Time // last heartbeat
	untold    bool      // nothing has been told of it
}

// New makes an empty registry; viewers counts who watches a camera.
func New(e Events, viewers func(camera.ID) int) *Registry {
	return &Registry{events: e, viewers: viewers, all: make(map[camera.ID]*entry)}
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

// SetAll takes the supervisor's list, asked for at the time asked: what was announced since is newer.
func (r *Registry) SetAll(list []camera.Info, asked time.Time) {
	r.turn.Lock()
	defer r.turn.Unlock()
	order := make([]camera.ID, 0, len(list))
	for _, i := range list {
		if _, err := camera.ParseID(string(i.ID)); err == nil && !slices.Contains(order, i.ID) {
			order = append(order, i.ID)
		}
	}
	r.mu.Lock()
	for _, id := range r.order {
		if r.all[id].announced.After(asked) && !slices.Contains(order, id) {
			order = append(order, id)
		}
	}
	listed := !r.ready || !slices.Equal(order, r.order)
	r.ready, r.order = true, order
	for _, i := range list {
		if slices.Contains(order, i.ID) {
			r.enter(i)
		}
	}
	for id := range r.all {
		if !slices.Contains(order, id) {
			delete(r.all, id)
		}
	}
	r.mu.Unlock()
	for _, i := range list {
		if slices.Contains(order, i.ID) {
			r.merge(i, asked)
		}
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
		ID: i.ID, Name: i.Name, Group: i.Group, Source: i.Source, State: camera.Starting, Since: i.Since, AgeMs: -1,
	}}
	return true
}

// Announce takes a camera as the bus announces it.
func (r *Registry) Announce(i camera.Info) {
	r.turn.Lock()
	defer r.turn.Unlock()
	now := time.Now()
	r.mu.Lock()
	added := r.enter(i)
	if added {
		r.order = append(r.order, i.ID)
	}
	r.mu.Unlock()
	r.merge(i, now)
	r.mu.Lock()
	r.all[i.ID].announced = now
	r.mu.Unlock()
	if added {
		r.events.Listed()
	}
}

// Remove takes a camera out that left the configuration.
func (r *Registry) Remove(id camera.ID) {
	r.turn.Lock()
	defer r.turn.Unlock()
	r.mu.Lock()
	had := r.all[id] != nil
	delete(r.all, id)
	r.order = slices.DeleteFunc(r.order, func(o camera.ID) bool { return o == id })
	r.mu.Unlock()
	if had {
		r.events.Listed()
	}
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
