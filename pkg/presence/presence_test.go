package presence_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"linkstart/pkg/camera"
	"linkstart/pkg/presence"
	"linkstart/pkg/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// relay is a board with what it has told.
type relay struct {
	*presence.Board
	name string
	die  func() // ends it without a word

	mu    sync.Mutex
	rooms map[camera.ID]wire.People
	told  int // lists
	said  int // messages to other relays
}

// start starts relays that hear each other, in virtual time.
func start(t *testing.T, names ...string) []*relay {
	var all []*relay
	for _, name := range names {
		r := &relay{name: name, rooms: make(map[camera.ID]wire.People)}
		all = append(all, r)
	}
	for _, r := range all {
		ctx, cancel := context.WithCancel(t.Context())
		dead := make(chan struct{})
		r.die = sync.OnceFunc(func() { close(dead); cancel() })
		t.Cleanup(r.die)
		r.Board = presence.New(func(b []byte) {
			select {
			case <-dead:
				return
			default:
			}
			r.mu.Lock()
			r.said++
			r.mu.Unlock()
			for _, other := range all {
				if other != r {
					if err := other.Hear(r.name, b); err != nil {
						t.Error(err)
					}
				}
			}
		}, func(lists []wire.People) {
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, p := range lists {
				r.rooms[p.Room] = p
				r.told++
			}
		})
		go r.Run(ctx)
	}
	return all
}

// sees is who is in a room, as was told last.
func (r *relay) sees(room camera.ID) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, p := range r.rooms[room].People {
		s := p.ID + "=" + p.Name
		if p.Following {
			s += " follows"
		}
		if !p.Selected.IsZero() {
			s += " drives"
		}
		all = append(all, s)
	}
	return strings.Join(all, ", ")
}

func (r *relay) counts() (told, said int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.told, r.said
}

func settle() { time.Sleep(time.Second); synctest.Wait() }

func TestRelaysSeeEachOthersPeople(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := start(t, "one", "two")
		expect := func(room camera.ID, want string) {
			t.Helper()
			settle()
			for _, r := range all {
				if got := r.sees(room); got != want {
					t.Errorf("%s sees %q in %s, want %q", r.name, got, room, want)
				}
			}
		}
		all[0].Join("a", "main", "Anna", true)
		expect("main", "a=Anna follows")
		all[1].Join("b", "main", "", false)
		expect("main", "a=Anna follows, b=")
		all[1].Join("b", "main", "Bo", false)
		all[1].Follow("b", true)
		all[1].Selected("b", "main")
		all[1].Selected("b", "other") // not the one that b is in
		all[0].Follow("nobody", true)
		expect("main", "a=Anna follows, b=Bo follows drives")
		all[0].Join("a", "other", "Anna", false)
		expect("main", "b=Bo follows drives")
		expect("other", "a=Anna")
		all[0].Join("a", "", "", false)
		expect("other", "")
		if all[0].Here() != 0 || all[1].Here() != 1 {
			t.Errorf("here are %d and %d", all[0].Here(), all[1].Here())
		}
	})
}

func TestSilentRelayIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := start(t, "one", "two", "three")
		for _, r := range all {
			r.Join(r.name, "main", "", false)
			settle()
		}
		time.Sleep(10 * presence.SilentAfter) // those that live say so
		synctest.Wait()
		if got := all[0].sees("main"); got != "one=, two=, three=" {
			t.Fatalf("one sees %q", got)
		}
		all[1].die()
		time.Sleep(presence.SilentAfter - presence.BeatEvery - time.Millisecond)
		synctest.Wait()
		if got := all[0].sees("main"); got != "one=, two=, three=" {
			t.Errorf("before its time is over one sees %q", got)
		}
		time.Sleep(2*presence.BeatEvery + time.Millisecond)
		synctest.Wait()
		for _, r := range []*relay{all[0], all[2]} {
			if got := r.sees("main"); got != "one=, three=" {
				t.Errorf("%s sees %q", r.name, got)
			}
		}
	})
}

func TestRelayThatStopsSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := start(t, "one", "two")
		ctx, cancel := context.WithCancel(t.Context())
		three := presence.New(func(b []byte) { _ = all[0].Hear("three", b) }, func([]wire.People) {})
		ended := make(chan struct{})
		go func() { three.Run(ctx); close(ended) }()
		three.Join("c", "main", "", false)
		settle()
		if got := all[0].sees("main"); got != "c=" {
			t.Fatalf("one sees %q", got)
		}
		cancel()
		<-ended
		settle()
		if got := all[0].sees("main"); got != "" {
			t.Errorf("one sees %q", got)
		}
	})
}

// What changes often is told seldom, and where nothing changes nobody is told; nor is the bus, where nobody is there.
func TestNewsAreFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := start(t, "one", "two")
		time.Sleep(time.Minute)
		if told, said := all[0].counts(); told+said != 0 {
			t.Errorf("without people %d lists were told, and others %d times", told, said)
		}
		for n := range 1000 {
			all[0].Join(fmt.Sprint("p", n), "main", "", false)
			time.Sleep(time.Millisecond)
		}
		settle()
		for _, r := range all {
			if told, _ := r.counts(); told > 25 {
				t.Errorf("%s told %d lists for 1000 changes in a second", r.name, told)
			}
			r.mu.Lock()
			if l := r.rooms["main"]; l.Count != 1000 || len(l.People) != 100 || l.People[0].ID != "p0" {
				t.Errorf("%s lists %d of %d", r.name, len(l.People), l.Count)
			}
			r.mu.Unlock()
		}
		before, _ := all[1].counts()
		time.Sleep(time.Minute)
		if told, _ := all[1].counts(); told != before {
			t.Errorf("without change %d lists were told", told-before)
		}
	})
}

// Rooms can be made up without end: what it takes to tell of them grows with the people, and not with both.
func TestManyRooms(t *testing.T) {
	const many = 20_000
	told := make(chan []wire.People, 1)
	board := presence.New(func([]byte) {}, func(p []wire.People) { told <- p })
	for n := range many {
		board.Join(fmt.Sprint("p", n), camera.ID(fmt.Sprint("r", n)), "", false)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { board.Run(ctx); close(ended) }()
	defer func() { cancel(); <-ended }()
	select {
	case lists := <-told:
		if len(lists) != many || lists[0].Count != 1 {
			t.Errorf("%d rooms are told of, with %d people in one", len(lists), lists[0].Count)
		}
	case <-time.After(time.Minute): // a fraction of a second is enough; looking through all people for each room took minutes
		t.Error("they are not told in time")
	}
}

func TestOddMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, "one")[0]
		for _, b := range []string{"", "null", "[]", `{"people":7}`, `{"people":[{"room":"a b","id":"x"}]}`,
			`{"people":[{"room":"main","id":"x","name":"\u0007"}]}`, `{"people":[{"room":"main","id":"` + strings.Repeat("x", 100) + `"}]}`,
		} {
			_ = r.Hear("odd", []byte(b))
		}
		settle()
		if told, _ := r.counts(); told != 0 {
			t.Errorf("%d lists were told", told)
		}
	})
}

func FuzzHear(f *testing.F) {
	f.Add([]byte(`{"people":[{"room":"main","id":"x","name":"Anna","following":true,"since":"2026-01-01T00:00:00Z"}]}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		board := presence.New(func([]byte) {}, func([]wire.People) {})
		if err := board.Hear("x", b); err == nil && !json.Valid(b) {
			t.Error("took what is no JSON")
		}
	})
}
