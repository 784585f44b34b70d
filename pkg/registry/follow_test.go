package registry

import (
	"testing"
	"testing/synctest"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/nodes"
)

// TestNobodyAsksWhoIsGone: nothing waits for a node that the board has forgotten.
func TestNobodyAsksWhoIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New("here", Events{Listed: func() {}}, func(camera.ID) int { return 0 })
		f := &follower{Registry: r, pokes: make(map[string]chan struct{})}
		pod := nodes.Node{Name: "pod", Away: true}
		f.Away(pod.Name, true)
		f.poke(t.Context(), pod.Name)
		ended := make(chan struct{})
		go func() { f.running.Wait(); close(ended) }()
		pod.Gone = true
		f.changed(t.Context(), pod)
		f.pokeAll()
		select {
		case <-ended:
		case <-time.After(time.Hour):
			t.Error("it is still asked for its list")
		}
		r.SetAll("here", nil, time.Now())
		if n := r.Nodes(); len(n) != 1 {
			t.Errorf("there are %v", n)
		}
	})
}
