package registry

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"linkstart/pkg/camera"
)

// sound reports whether what was sent can be a camera. Who may speak on the bus may send anything.
func sound(i camera.Info) bool {
	_, badID := camera.ParseID(string(i.ID))
	_, badNode := camera.ParseID(i.Node) // orders go to a subject with its name
	return badID == nil && badNode == nil && slices.Contains(camera.States, i.State)
}

// belongs reports whether what a node says of a camera counts: of one that another node has, only if that is away, or shares it and has
// had it for an older term. A camera that is not shared no term takes away. r.mu is held.
func (r *Registry) belongs(i camera.Info) bool {
	if r.OwnOnly && i.Node != r.node {
		return false
	}
	e := r.all[i.ID]
	if e == nil {
		return i.Node == r.node || len(r.all) < maxCameras
	}
	return e.info.Node == i.Node || e.info.Term > 0 && i.Term > e.info.Term || r.away[e.info.Node]
}

// refuse returns what tells of a camera that two nodes have, each on its own. r.mu is held.
func (r *Registry) refuse(i camera.Info) (tell func()) {
	e := r.all[i.ID]
	if e == nil || e.twice || r.events.Refused == nil || i.Term > 0 && e.info.Term > 0 {
		return func() {}
	}
	e.twice = true
	has := e.info.Node
	return func() { r.events.Refused(i.ID, has, i.Node) }
}

// forgetUnheard takes out nodes that are gone, and what was announced in the name of nodes that give no sign of life: nobody else would.
// r.mu is held.
func (r *Registry) forgetUnheard(now time.Time) {
	has := make(map[string]bool)
	for _, e := range r.all {
		has[e.info.Node] = true
	}
	for node, since := range r.gone {
		if !has[node] || now.Sub(since) > leftTime {
			delete(r.away, node)
			delete(r.gone, node)
		}
	}
	for id, e := range r.all {
		if _, heard := r.away[e.info.Node]; !heard && e.info.Node != r.node && now.Sub(e.announced) > unheardTime {
			delete(r.all, id)
		}
	}
}

// arrange puts cameras in order: first those of this relay's node, and those that may run on any, as the configuration has them, then
// the others, node by node. r.mu is held.
func (r *Registry) arrange() {
	r.order = slices.SortedFunc(maps.Keys(r.all), func(a, b camera.ID) int {
		x, y := r.all[a].info, r.all[b].info
		return cmp.Or(cmp.Compare(r.site(x), r.site(y)), cmp.Compare(x.Place, y.Place), cmp.Compare(a, b))
	})
}

func (r *Registry) site(i camera.Info) string {
	if i.Term > 0 || i.Node == r.node {
		return ""
	}
	return i.Node
}

// Away says whether a node is heard. Its cameras stay, and are not live.
func (r *Registry) Away(node string, away bool) {
	r.turn.Lock()
	defer r.turn.Unlock()
	r.mu.Lock()
	r.away[node] = away
	if !away {
		delete(r.gone, node)
	}
	var lost []camera.ID
	for _, id := range r.order {
		if away && r.all[id].info.Node == node {
			lost = append(lost, id)
		}
	}
	r.mu.Unlock()
	for _, id := range lost {
		r.lose(id, "the machine "+node+" that has it cannot be reached")
	}
}

// Forget says that a node is away for good, as far as is known, and is to be forgotten: one that has left when no camera is its own any
// more, for those of a site that was stopped are missed.
func (r *Registry) Forget(node string, left bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var since time.Time
	if left {
		since = time.Now()
	}
	r.gone[node] = since
}

// Nodes tells of each node that is heard or was whether it is.
func (r *Registry) Nodes() map[string]bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	here := map[string]bool{r.node: true}
	for node, away := range r.away {
		here[node] = !away
	}
	return here
}

// lose says of a camera that its process is not heard. The turn is held.
func (r *Registry) lose(id camera.ID, why string) {
	r.mu.Lock()
	e := r.all[id]
	if e.info.State == camera.Reconnecting && e.info.Error == why {
		r.mu.Unlock()
		return
	}
	e.info.State, e.info.Error, e.info.PID, e.info.Since = camera.Reconnecting, why, 0, time.Now()
	info := e.now()
	r.mu.Unlock()
	info.Viewers = r.viewers(id)
	r.events.Changed(info)
}
