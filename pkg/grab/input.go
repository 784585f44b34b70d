package grab

import (
	"fmt"
	"sync/atomic"
	"time"

	"linkstart/pkg/camera"
)

// input is one stream of the camera: where it comes from, its newest picture and how it fares.
type input struct {
	name   string // in logs and texts; "" for the camera's own
	source camera.Source
	newest newest
	state  state
	offer  func(camera.Picture)

	watched atomic.Bool
	woken   chan struct{} // one slot: somebody watches, where nobody did
	restAt  time.Time     // see rest
}

func (g *Grabber) input(name string, source camera.Source) *input {
	in := &input{
		name: name, source: source, woken: make(chan struct{}, 1),
		newest: newest{quality: g.Spec.Quality, maxPixels: g.Spec.MaxPixels},
		state:  state{now: camera.Starting, news: g.news},
	}
	in.offer = func(p camera.Picture) { g.take(in, p) }
	return in
}

// watch says whether somebody watches the input.
func (in *input) watch(watched bool) {
	if in.watched.Swap(watched) == watched {
		return
	}
	if w, ok := in.source.(camera.Watcher); ok {
		w.Watch(watched)
	}
	if watched {
		select {
		case in.woken <- struct{}{}:
		default:
		}
	}
}

// say puts the input's name before what users are told of it.
func (in *input) say(text string) string {
	if in.name == "" || text == "" {
		return text
	}
	return fmt.Sprintf("%s: %s", in.name, text)
}

// take gets a picture from the source. Main is published before it returns, so that nothing waits for a wake-up; sub is
// scaled on its own goroutine where main is made from the same picture.
func (g *Grabber) take(in *input, p camera.Picture) {
	look, changed := in.newest.put(p)
	if p.JPEG == nil && p.Encode == nil && !p.Kept {
		return
	}
	now := time.Now()
	in.state.picture(now, changed, p.Decode)
	if p.Kept {
		return
	}
	if in == g.whole && g.due(g.main, in, now, look) {
		g.publish(g.main, in)
	}
	if g.from(camera.Sub) != in || !g.due(g.sub, in, now, look) {
		return
	}
	if in == g.small {
		g.publish(g.sub, in)
		return
	}
	select {
	case g.sub.pending <- struct{}{}:
	default:
	}
}
