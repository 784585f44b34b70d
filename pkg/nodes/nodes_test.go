package nodes

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestNodesAreForgotten: one that has left after a minute, one that is silent after a day, and whoever follows the board is told. There is
// room for others then.
func TestNodesAreForgotten(t *testing.T) {
	var told []string
	b := &Board{all: make(map[string]*entry), changed: func(n Node) {
		told = append(told, fmt.Sprintf("%s away:%t gone:%t", n.Name, n.Away, n.Gone))
	}}
	now := time.Now()
	hear := func(name string, beat Beat) {
		t.Helper()
		data, err := json.Marshal(beat)
		if err != nil {
			t.Fatal(err)
		}
		b.heard(name, data, now)
	}
	after := func(d time.Duration, want ...string) {
		t.Helper()
		now = now.Add(d)
		told = nil
		b.look(now)
		if slices.Sort(told); !slices.Equal(told, want) {
			t.Errorf("told is %q, not %q", told, want)
		}
	}
	for n := range maxNodes - 2 {
		hear(fmt.Sprint("pod-", n), Beat{Leaving: true})
	}
	hear("left", Beat{Started: now})
	hear("silent", Beat{Started: now})
	hear("left", Beat{Started: now, Leaving: true})
	if hear("late", Beat{Started: now}); b.Here("late") {
		t.Error("the board has no bounds")
	}
	after(5*time.Second, "silent away:true gone:false")
	after(50 * time.Second)
	if len(b.All()) != maxNodes {
		t.Errorf("there are %d nodes", len(b.All()))
	}
	now = now.Add(10 * time.Second)
	if b.look(now); len(b.All()) != 1 || !slices.Contains(told, "left away:true gone:true") {
		t.Errorf("left are %v, told is %q", b.All(), told)
	}
	if hear("late", Beat{Started: now}); !b.Here("late") {
		t.Error("there is no room for another one")
	}
	after(23*time.Hour, "late away:true gone:false")
	after(time.Hour, "silent away:true gone:true")
	hear("silent", Beat{Started: now})
	after(time.Second, "late away:true gone:true")
	if !b.Here("silent") {
		t.Error("who is back is not known again")
	}
}
