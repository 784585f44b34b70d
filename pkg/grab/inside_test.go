package grab

import (
	"testing"
	"time"

	"linkstart/pkg/camera"
)

const frozenAfter = time.Second

// inside is an input without a source, whose pictures come at the times that a test says.
type inside struct {
	newest
	state
	begin time.Time
}

func newInside() *inside {
	return &inside{state: state{now: camera.Starting, news: make(chan struct{}, 1)}, begin: time.Now()}
}

// take gets a picture at a time since the beginning, and then looks whether it is frozen.
func (in *inside) take(at time.Duration, p camera.Picture) camera.State {
	now := in.begin.Add(at)
	_, changed := in.newest.put(p)
	in.state.picture(now, changed, 0)
	in.state.thaw(now, frozenAfter)
	return in.state.now
}

func TestKeptIsNotFrozen(t *testing.T) {
	in := newInside()
	key := camera.Picture{JPEG: []byte("key")}
	in.take(0, key)
	var at time.Duration
	for ; at < 3*frozenAfter; at += frozenAfter / 10 {
		if s := in.take(at, camera.Picture{Kept: true}); s != camera.Live {
			t.Fatalf("after %v of pictures that are kept the camera is %s", at, s)
		}
	}
	for end := at + frozenAfter; at < end; at += frozenAfter / 10 { // the same picture is, when it is shown
		in.take(at, key)
	}
	if s := in.take(at, key); s != camera.Frozen {
		t.Errorf("of the same picture again and again the camera is %s", s)
	}
}

func TestSamePictureAfterAPauseIsNotFrozen(t *testing.T) {
	in := newInside()
	same := camera.Picture{JPEG: []byte("same")}
	var at time.Duration
	for range 3 {
		if s := in.take(at, same); s != camera.Live {
			t.Fatalf("a camera that sends the same picture now and then is %s after %v", s, at)
		}
		in.state.waiting()
		at += frozenAfter * 3 / 2
		in.state.thaw(in.begin.Add(at), frozenAfter)
		if s := in.state.now; s != camera.Waiting {
			t.Fatalf("a camera that sends nothing is %s after %v", s, at)
		}
	}
}
