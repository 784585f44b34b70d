package relay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"linkstart/pkg/broker"
	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/child"
	"linkstart/pkg/wire"
)

// another starts a second relay in the same world.
func (w *world) another() *world {
	w.t.Helper()
	other := *w
	other.startRelay(slog.New(slog.DiscardHandler), func(*child.Relay) {})
	other.eventually("the other relay knows its cameras", func() bool {
		var list []camera.Info
		other.getJSON("/api/v1/cameras", &list)
		return len(list) > 0
	})
	return &other
}

// people waits for a list of people that is right.
func (v *viewer) people(what string, right func(wire.People) bool) wire.People {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.t.Context(), patience)
	defer cancel()
	var last wire.People
	for {
		_, b, err := v.conn.Read(ctx)
		if err != nil {
			v.t.Fatalf("never: %s; last came %+v", what, last)
		}
		var p wire.People
		if json.Unmarshal(b, &p) != nil || p.Type != wire.TypePeople {
			continue
		}
		if last = p; right(p) {
			return p
		}
	}
}

// named lists names and what is known of each.
func named(p wire.People) string {
	var all []string
	for _, one := range p.People {
		s := one.Name
		if one.Following {
			s += " follows"
		}
		if !one.Selected.IsZero() {
			s += " drives"
		}
		all = append(all, s)
	}
	return fmt.Sprint(p.Room, ": ", strings.Join(all, ", "))
}

func (v *viewer) seesPeople(want string) wire.People {
	v.t.Helper()
	return v.people(want, func(p wire.People) bool { return named(p) == want })
}

func TestPeopleOfTwoRelays(t *testing.T) {
	w := newWorld(t, info("a", camera.Live), info("b", camera.Live))
	other := w.another()
	anna, bo := w.view(), other.view()
	you := anna.next().text["you"]
	anna.say(`{"type":"follow","stream":1,"room":"main"}`)
	anna.say(`{"type":"join","room":"main","name":"Anna"}`)
	if p := anna.seesPeople("main: Anna follows"); p.Count != 1 || p.People[0].ID != you || p.People[0].Since.IsZero() {
		t.Errorf("people are %+v, the client is %v", p, you)
	}
	bo.say(`{"type":"join","room":"main"}`)
	anna.seesPeople("main: Anna follows, ")
	bo.seesPeople("main: Anna follows, ")
	bo.say(`{"type":"join","room":"main","name":"Bo"}`)
	bo.say(`{"type":"select","room":"main","camera":"b"}`)
	anna.seesPeople("main: Anna follows, Bo drives")
	anna.say(`{"type":"watch","stream":1,"camera":"a"}`)
	bo.seesPeople("main: Anna, Bo drives")
	anna.say(`{"type":"join","room":"calm","name":"Anna"}`)
	anna.seesPeople("calm: Anna")
	bo.seesPeople("main: Bo drives")
	anna.say(`{"type":"join","room":"main","name":"Anna"}`)
	bo.seesPeople("main: Bo drives, Anna")
	if err := anna.conn.CloseNow(); err != nil {
		t.Fatal(err)
	}
	bo.seesPeople("main: Bo drives")

	third := w.view()
	third.say(`{"type":"join","room":"main","name":"Cai"}`)
	bo.seesPeople("main: Bo drives, Cai")
	third.say(`{"type":"join","room":""}`)
	bo.seesPeople("main: Bo drives")
	third.say(`{"type":"ping"}`)
	third.until(func(m message) bool { // who has left is told nothing more
		return m.kind() == "pong"
	})
	third.say(`{"type":"join","room":"main","name":"Cai"}`)
	bo.seesPeople("main: Bo drives, Cai")
	w.stop()
	bo.seesPeople("main: Bo drives")
}

// A relay that was killed says no goodbye.
func TestPeopleOfAKilledRelayVanish(t *testing.T) {
	w := newWorld(t, info("a", camera.Live))
	v := w.view()
	v.say(`{"type":"join","room":"main","name":"Anna"}`)
	v.seesPeople("main: Anna")
	ghost := w.join(broker.RelayUser, broker.RelayPermissions(subjects))
	b := fmt.Sprintf(`{"people":[{"room":"main","id":"g","name":"Ghost","since":%q}]}`, time.Now().Add(time.Minute).Format(time.RFC3339))
	if err := ghost.Publish(subjects.People("ghost"), []byte(b)); err != nil {
		t.Fatal(err)
	}
	v.seesPeople("main: Anna, Ghost")
	v.seesPeople("main: Anna")
}

// room waits for a room that is shown as is right.
func (v *viewer) room(what string, right func(wire.Room) bool) wire.Room {
	v.t.Helper()
	var r wire.Room
	v.until(func(m message) bool {
		r = wire.Room{}
		return m.kind() == "room" && json.Unmarshal(m.raw, &r) == nil && r.Room == "main" && right(r)
	})
	return r
}

func TestPatrolOnTwoRelays(t *testing.T) {
	w := newWorld(t, info("a", camera.Live), info("b", camera.Live), info("c", camera.Live), info("d", camera.Live))
	other := w.another()
	here, there := w.view(), other.view()
	there.say(`{"type":"follow","stream":1,"room":"main"}`)
	there.until(is("watching", "camera", "a"))
	resp, b := w.do(http.MethodPut, "/api/v1/rooms/main/patrol", []byte(`{"cameras":["b","gone","c"],"every_s":2}`))
	if resp.StatusCode != http.StatusNotFound || !strings.Contains(string(b), "no camera gone") {
		t.Errorf("a patrol with an unknown camera: %d %s", resp.StatusCode, b)
	}
	begin := func(everyS int) (r wire.Room) {
		t.Helper()
		resp, b := w.do(http.MethodPut, "/api/v1/rooms/main/patrol", fmt.Appendf(nil, `{"cameras":["b","c","d"],"every_s":%d}`, everyS))
		if err := json.Unmarshal(b, &r); err != nil || resp.StatusCode != http.StatusOK || r.Patrol == nil {
			t.Fatalf("patrol: %d %s", resp.StatusCode, b)
		}
		return r
	}
	if r := begin(60); r.Camera != "b" { // long enough to be seen
		t.Errorf("the patrol begins with %s", r.Camera)
	}
	first := begin(2)
	for _, id := range []string{"b", "c", "d", "b"} {
		there.until(is("watching", "camera", id))
	}
	here.room("the patrol", func(r wire.Room) bool { return r.Patrol != nil && len(r.Patrol.Cameras) == 3 && r.Patrol.EveryS == 2 })
	var shown wire.Room
	w.getJSON("/api/v1/rooms/main", &shown)
	if shown.Patrol == nil || !shown.Patrol.Since.Equal(first.Patrol.Since) {
		t.Errorf("the room is %+v", shown)
	}

	// an alarm comes first, and the patrol goes on
	if resp, b := w.do(http.MethodPost, "/api/v1/cameras/a/alarm", []byte(`{"kind":"smoke"}`)); resp.StatusCode != http.StatusAccepted {
		t.Fatalf("alarm: %d %s", resp.StatusCode, b)
	}
	there.until(is("watching", "camera", "a"))
	there.room("the alarm and the patrol", func(r wire.Room) bool { return r.Alarm != nil && r.Camera == "a" && r.Patrol != nil })
	w.do(http.MethodDelete, "/api/v1/cameras/a/alarm", nil)
	there.until(func(m message) bool { return m.kind() == "watching" && m.text["camera"] != "a" })

	// who selects ends it, and it is never seen again
	here.say(`{"type":"select","room":"main","camera":"a"}`)
	there.room("a without patrol", func(r wire.Room) bool { return r.Camera == "a" && r.Patrol == nil })
	here.say(`{"type":"select","room":"main","camera":"c"}`)
	there.room("c", func(r wire.Room) bool {
		if r.Patrol != nil {
			t.Errorf("a patrol that has ended is shown: %+v", r)
		}
		return r.Camera == "c"
	})
}

func TestPatrolOfAllStaysWhereItIsStopped(t *testing.T) {
	w := newWorld(t, info("a", camera.Live), info("b", camera.Live), info("c", camera.Live))
	v := w.view()
	if resp, b := w.do(http.MethodPut, "/api/v1/rooms/main/patrol", []byte(`{"every_s":2}`)); resp.StatusCode != http.StatusOK {
		t.Fatalf("patrol: %d %s", resp.StatusCode, b)
	}
	js, err := jetstream.New(w.admin)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.KeyValue(t.Context(), bus.SelectionBucket)
	if err != nil {
		t.Fatal(err)
	}
	minute, err := json.Marshal(wire.Patrol{EveryS: 60, Since: time.Now().Add(-time.Minute)}) // b is due for as long
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(t.Context(), bus.PatrolKey("main"), minute); err != nil {
		t.Fatal(err)
	}
	v.room("b for a minute", func(r wire.Room) bool {
		return r.Camera == "b" && r.Patrol != nil && r.Patrol.EveryS == 60 && r.Patrol.Cameras == nil
	})
	for range 2 { // the second time none runs
		if resp, b := w.do(http.MethodDelete, "/api/v1/rooms/main/patrol", nil); resp.StatusCode != http.StatusNoContent {
			t.Fatalf("stop: %d %s", resp.StatusCode, b)
		}
	}
	v.room("b without patrol", func(r wire.Room) bool {
		if r.Camera != "b" {
			t.Errorf("the room went to %s", r.Camera)
		}
		return r.Patrol == nil
	})
	for _, body := range []string{`{}`, `{"every_s":1}`, `{"every_s":2.5}`, `{"every_s":5,"cameras":[]}`, `{"every_s":5,"cameras":["a"]}`, `[]`, ``} {
		if resp, b := w.do(http.MethodPut, "/api/v1/rooms/main/patrol", []byte(body)); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d %s", body, resp.StatusCode, b)
		}
	}
}

func TestViewersAreListed(t *testing.T) {
	w := newWorld(t, info("a", camera.Live), info("b", camera.Live))
	for _, id := range []camera.ID{"a", "b"} {
		w.grab(id).flow(t, 10*time.Millisecond, 0)
	}
	v := w.view()
	v.say(`{"type":"watch","stream":1,"camera":"a","fps":20}`)
	v.say(`{"type":"watch","stream":2,"camera":"b","rendition":"auto"}`)
	v.say(`{"type":"join","room":"main","name":"Anna"}`)
	v.untilKind("frame")
	go func() { // takes what comes, until the connection ends
		for {
			if _, _, err := v.conn.Read(context.Background()); err != nil {
				return
			}
		}
	}()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/api/v1/cameras/b/stream.mjpeg?fps=5", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("User-Agent", "wall\u202e "+strings.Repeat("x", 300))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	go func() { _, _ = io.Copy(io.Discard, resp.Body) }()

	type stream struct {
		Camera, Rendition string
		FPS               float64
		Skipped           int
	}
	type one struct {
		ID, Kind, Name, Address, Agent, Room string
		Since                                time.Time
		Streams                              []stream
	}
	var list []one
	w.eventually("both flow", func() bool {
		list = nil
		w.getJSON("/api/v1/viewers", &list)
		return len(list) == 2 && len(list[0].Streams) == 2 && len(list[1].Streams) == 1 &&
			list[0].Streams[0].FPS > 0 && list[0].Streams[1].FPS > 0 && list[1].Streams[0].FPS > 0 && list[1].Streams[0].Skipped > 5
	})
	ws, parts := list[0], list[1]
	if ws.Kind != "websocket" || ws.Name != "Anna" || ws.Room != "main" || ws.Address != "127.0.0.1" || ws.Since.IsZero() ||
		ws.Streams[0].Camera != "a" || ws.Streams[0].Rendition != "main" || ws.Streams[1].Camera != "b" {
		t.Errorf("the WebSocket is %+v", ws)
	}
	if parts.Kind != "multipart" || parts.ID == ws.ID || len(parts.Agent) != 200 || !strings.HasPrefix(parts.Agent, "wall") ||
		strings.Contains(parts.Agent, "\u202e") || parts.Streams[0].Camera != "b" || parts.Streams[0].FPS > 15 {
		t.Errorf("the multipart stream is %+v", parts)
	}
	if err := v.conn.CloseNow(); err != nil {
		t.Fatal(err)
	}
	w.eventually("who has left is gone", func() bool {
		list = nil
		w.getJSON("/api/v1/viewers", &list)
		return len(list) == 1
	})
}
