package relay_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/rooms"
)

func TestHelloComesFirst(t *testing.T) {
	w := newWorld(t, info("a", camera.Live), info("b", camera.Stopped))
	m := w.view().next()
	if m.kind() != "hello" || m.text["version"] != "1.2.3" || len(m.text["cameras"].([]any)) != 2 || len(m.text["rooms"].([]any)) != 3 {
		t.Errorf("first message is %s", m.raw)
	}
}

func TestSwitchShowsNoOldFrameAfterwards(t *testing.T) {
	w := newWorld(t, info("a", camera.Live), info("b", camera.Live))
	for _, id := range []camera.ID{"a", "b"} {
		w.grab(id).flow(t, 2*time.Millisecond, 0)
	}
	v := w.view()
	for n := range 20 {
		id := []string{"a", "b"}[n%2]
		v.say(`{"type":"watch","stream":7,"camera":%q}`, id)
		m := v.until(is("watching", "camera", id))
		if m.text["stream"] != 7.0 || m.text["rendition"] != "main" {
			t.Fatalf("watching is %s", m.raw)
		}
		for range 5 {
			m := v.untilKind("frame")
			if !bytes.HasSuffix(m.jpeg, []byte("/"+id)) || m.head.Stream != 7 || m.head.NotLive {
				t.Fatalf("after watching %s came frame %+v of %q", id, m.head, m.jpeg[len(m.jpeg)-2:])
			}
		}
	}
	v.say(`{"type":"unwatch","stream":7}`)
	v.say(`{"type":"ping","t":[1]}`)
	m := v.untilKind("pong")
	if !strings.Contains(string(m.raw), `"t":[1]`) {
		t.Errorf("pong is %s", m.raw)
	}
	w.eventually("nobody watches", func() bool {
		var i camera.Info
		w.getJSON("/api/v1/cameras/a", &i)
		return i.Viewers == 0
	})
}

func TestFirstFrameIsTheNewestKnown(t *testing.T) {
	w := newWorld(t, info("a", camera.Live))
	g := w.grab("a")
	g.publish(0) // to nobody
	v := w.view()
	v.say(`{"type":"watch","stream":1,"camera":"a"}`)
	if m := v.untilKind("frame"); m.head.Seq != 1 || m.head.Age <= 0 {
		t.Errorf("frame is %+v", m.head)
	}
	second := w.view()
	second.say(`{"type":"watch","stream":1,"camera":"a"}`)
	if m := second.untilKind("frame"); m.head.Seq != 1 {
		t.Errorf("the second viewer's frame is %+v", m.head)
	}
}

func TestAckWindow(t *testing.T) {
	w := newWorld(t, info("a", camera.Live))
	g := w.grab("a")
	g.publish(0)
	for range 10 {
		if w.keepsToTheWindow(g) {
			return
		}
	}
	t.Fatal("every try took so long that one more frame may come")
}

// keepsToTheWindow sees whether a viewer gets no frame beyond its window. It is false where that took so long that one may come.
func (w *world) keepsToTheWindow(g *grabber) (inTime bool) {
	w.t.Helper()
	const ackTimeout = 3 * time.Second
	v := w.view()
	v.say(`{"type":"watch","stream":1,"camera":"a"}`)
	m := v.untilKind("frame")
	v.say(`{"type":"ack","stream":1,"seq":%d}`, m.head.Seq)
	v.say(`{"type":"ping"}`) // the ack is in effect once this is answered
	v.untilKind("pong")
	w.eventually("it is subscribed", func() bool { return g.wanted() > 0 })
	witness := w.view()
	witness.say(`{"type":"watch","stream":1,"camera":"a"}`)
	witness.untilKind("frame")

	begun := time.Now()
	var last uint32
	for range 2 { // the window
		g.publish(0)
		last = v.untilKind("frame").head.Seq
	}
	for range 5 { // fewer than a feed holds
		g.publish(0)
	}
	newest := g.newest()
	witness.until(func(m message) bool { return m.kind() == "frame" && m.head.Seq == newest }) // it has come to all then
	v.say(`{"type":"ping","t":1}`)
	var beyond []uint32
	v.until(func(m message) bool {
		if m.kind() == "frame" {
			beyond = append(beyond, m.head.Seq)
		}
		return m.kind() == "pong"
	})
	if time.Since(begun) >= ackTimeout {
		return false
	}
	if len(beyond) > 0 {
		w.t.Errorf("frames %d came beyond the window", beyond)
	}
	v.say(`{"type":"ack","stream":1,"seq":%d}`, last+1000) // of no frame: changes nothing
	v.say(`{"type":"ack","stream":1,"seq":%d}`, last)
	if m := v.untilKind("frame"); m.head.Seq != newest || m.head.Skipped != 4 {
		w.t.Errorf("after the ack came %+v, want the newest, %d, with a gap", m.head, newest)
	}
	return true
}

func TestClientThatStopsToAckStillGetsAFrameNowAndThen(t *testing.T) {
	w := newWorld(t, info("a", camera.Live))
	w.grab("a").flow(t, 10*time.Millisecond, 0)
	v := w.view()
	v.say(`{"type":"ack","stream":1,"seq":0}`) // first, so that no frame comes before it
	v.say(`{"type":"watch","stream":1,"camera":"a"}`)
	var last message
	for range 4 { // the window, and two more
		last = v.untilKind("frame")
	}
	if last.head.Skipped < 20 {
		t.Errorf("frame %+v came without a pause", last.head)
	}
}

func TestSlowViewerHoldsUpNobody(t *testing.T) {
	w := newWorld(t, info("a", camera.Live))
	g := w.grab("a")
	g.flow(t, 5*time.Millisecond, 200<<10)
	fast := w.view()
	fast.say(`{"type":"watch","stream":1,"camera":"a"}`)
	var slow *viewer
	var begun time.Time
	var first, seq uint32
	for n := 0; n < 200 || seq < first+100; n++ {
		if time.Since(begun) > 8*time.Second { // the relay cuts who takes nothing for 10 s
			slow = w.slowView()
			slow.say(`{"type":"watch","stream":1,"camera":"a"}`)
			first, begun = slow.untilKind("frame").head.Seq, time.Now()
		}
		m := fast.untilKind("frame")
		if seq != 0 && m.head.Seq <= seq {
			t.Fatalf("frame %d after %d", m.head.Seq, seq)
		}
		seq = m.head.Seq
	}
	seq = 0
	slow.until(func(m message) bool { // what was in flight when it stopped reading, then what is new
		if m.kind() != "frame" {
			return false
		}
		if m.head.Seq <= seq {
			t.Fatalf("slow viewer: frame %d after %d", m.head.Seq, seq)
		}
		seq = m.head.Seq
		return m.head.Skipped > 50
	})
}

// slowView is a viewer with a small receive buffer.
func (w *world) slowView() *viewer {
	w.t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		if err == nil {
			err = c.(*net.TCPConn).SetReadBuffer(16 << 10)
		}
		return c, err
	}}
	w.t.Cleanup(transport.CloseIdleConnections)
	conn, _, err := websocket.Dial(w.t.Context(), w.url+"/ws", &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		w.t.Fatal(err)
	}
	conn.SetReadLimit(8 << 20)
	w.t.Cleanup(func() { _ = conn.CloseNow() })
	return &viewer{w.t, conn}
}

func TestRoomIsFollowedByAll(t *testing.T) {
	w := newWorld(t, info("a", camera.Live), info("b", camera.Live))
	for _, id := range []camera.ID{"a", "b"} {
		w.grab(id).flow(t, 5*time.Millisecond, 0)
	}
	one, two := w.view(), w.view()
	for _, v := range []*viewer{one, two} {
		v.say(`{"type":"follow","stream":1,"room":"main"}`)
		v.until(is("watching", "camera", "a")) // the first of the configuration: nobody has chosen yet
	}
	two.say(`{"type":"select","room":"main","camera":"b"}`)
	for _, v := range []*viewer{one, two} {
		room, watching := false, false
		v.until(func(m message) bool {
			room = room || is("room", "room", "main", "camera", "b")(m)
			watching = watching || is("watching", "camera", "b")(m)
			return room && watching
		})
		if m := v.untilKind("frame"); !bytes.HasSuffix(m.jpeg, []byte("/b")) {
			t.Error("frame of the old camera after watching the new one")
		}
	}
	js, err := jetstream.New(w.admin)
	if err != nil {
		t.Fatal(err)
	}
	if err := rooms.Select(t.Context(), js, "main", "a"); err != nil {
		t.Fatal(err)
	}
	one.until(is("watching", "camera", "a"))
	if resp, b := w.do("PUT", "/api/v1/rooms/main", []byte(`{"camera":"b"}`)); resp.StatusCode != 200 {
		t.Fatalf("PUT room: %d %s", resp.StatusCode, b)
	}
	two.until(is("watching", "camera", "b"))
}

func TestAlarmTakesRoomsOver(t *testing.T) {
	w := newWorld(t, info("a", camera.Live), info("b", camera.Live), info("c", camera.Live))
	v := w.view()
	v.say(`{"type":"follow","stream":1,"room":"main"}`)
	v.say(`{"type":"follow","stream":2,"room":"calm"}`)
	v.say(`{"type":"follow","stream":3,"room":"short"}`)
	for stream := range 3 {
		v.until(is("watching", "stream", stream+1, "camera", "a"))
	}
	raise := func(id, level string) {
		t.Helper()
		resp, b := w.do("POST", "/api/v1/cameras/"+id+"/alarm", []byte(`{"kind":"smoke","level":"`+level+`","text":"roof\u0007 \u202eburns"}`))
		if resp.StatusCode != http.StatusAccepted {
			t.Fatalf("alarm: %d %s", resp.StatusCode, b)
		}
	}
	raise("b", "high")
	seen := map[string]message{}
	v.until(func(m message) bool {
		switch {
		case is("alarm", "camera", "b")(m):
			seen["alarm"] = m
		case is("watching", "stream", 1, "camera", "b")(m):
			seen["main"] = m
		case is("watching", "stream", 3, "camera", "a")(m) && seen["short"].text != nil:
			seen["over"] = m
		case is("watching", "stream", 3, "camera", "b")(m):
			seen["short"] = m
		case is("watching", "stream", 2)(m):
			t.Error("an alarm took over a room that does not allow it")
		}
		return len(seen) == 4
	})
	if seen["alarm"].text["text"] != "roof burns" {
		t.Errorf("alarm is %s", seen["alarm"].raw)
	}

	// A click is kept for later, a lesser alarm changes nothing, a graver one does.
	v.say(`{"type":"select","room":"main","camera":"c"}`)
	raise("a", "low")
	v.until(is("alarm", "camera", "a"))
	raise("a", "critical")
	v.until(func(m message) bool {
		if is("watching", "stream", 1, "camera", "c")(m) {
			t.Error("a click outranked the alarm")
		}
		return is("watching", "stream", 1, "camera", "a")(m)
	})
	if resp, b := w.do("DELETE", "/api/v1/cameras/a/alarm", nil); resp.StatusCode != http.StatusNoContent {
		t.Fatalf("acknowledge: %d %s", resp.StatusCode, b)
	}
	v.until(is("watching", "stream", 1, "camera", "c"))

	// Until it is acknowledged an alarm is open, whatever became of its takeover, also for those who come later.
	v.until(is("acknowledged", "camera", "a"))
	later := w.view()
	open := later.untilKind("hello").text["alarms"].([]any)
	if len(open) != 1 || open[0].(map[string]any)["camera"] != "b" {
		t.Errorf("open alarms are %v", open)
	}
	if resp, b := w.do("DELETE", "/api/v1/cameras/b/alarm", nil); resp.StatusCode != http.StatusNoContent {
		t.Fatalf("acknowledge: %d %s", resp.StatusCode, b)
	}
	later.until(is("acknowledged", "camera", "b"))
	if open := w.view().untilKind("hello").text["alarms"].([]any); len(open) != 0 {
		t.Errorf("open alarms are %v", open)
	}
}

func TestCameraGoesAwayAndComesBack(t *testing.T) {
	w := newWorld(t, info("a", camera.Live))
	g := w.grab("a")
	g.publish(0)
	v := w.view()
	v.say(`{"type":"watch","stream":1,"camera":"a"}`)
	v.untilKind("frame")
	g.nc.Close()
	w.announce(info("a", camera.Reconnecting))
	v.until(is("status", "camera", "a", "state", "reconnecting"))

	other := w.view() // sees the last picture, marked
	other.say(`{"type":"watch","stream":1,"camera":"a"}`)
	if m := other.untilKind("frame"); !m.head.NotLive {
		t.Errorf("frame of a camera that is away is %+v", m.head)
	}
	resp, _ := w.do("GET", "/api/v1/cameras/a/snapshot.jpg", nil)
	if resp.StatusCode != 200 || resp.Header.Get("X-Frame-Seq") != "1" {
		t.Errorf("snapshot: %d %v", resp.StatusCode, resp.Header)
	}

	g = w.grab("a")
	w.announce(info("a", camera.Live))
	v.until(is("status", "camera", "a", "state", "live"))
	g.publish(0)
	if m := v.untilKind("frame"); m.head.NotLive || m.head.Seq != 1 {
		t.Errorf("frame after it came back is %+v", m.head)
	}
}

func TestCamerasComeAndGo(t *testing.T) {
	w := newWorld(t, info("a", camera.Live))
	v := w.view()
	v.untilKind("hello")
	w.announce(info("b", camera.Starting))
	if m := v.untilKind("cameras"); len(m.text["cameras"].([]any)) != 2 {
		t.Errorf("cameras is %s", m.raw)
	}
	gone := &nats.Msg{Subject: subjects.Camera("b"), Header: nats.Header{bus.HeaderNode: {"here"}}}
	if err := w.admin.PublishMsg(gone); err != nil {
		t.Fatal(err)
	}
	if m := v.untilKind("cameras"); len(m.text["cameras"].([]any)) != 1 {
		t.Errorf("cameras is %s", m.raw)
	}
}

func TestBadOrdersLeaveTheConnectionOpen(t *testing.T) {
	w := newWorld(t, info("a", camera.Live))
	v := w.view()
	for _, c := range []struct{ say, code string }{
		{`{"type":`, "bad_json"},
		{`{"type":"dance"}`, "unknown_type"},
		{`{"type":"watch","stream":1,"camera":"nobody"}`, "unknown_camera"},
		{`{"type":"select","room":"main","camera":"nobody"}`, "unknown_camera"},
		{`{"type":"watch","stream":70000,"camera":"a"}`, "bad_message"},
	} {
		v.say("%s", c.say)
		if m := v.untilKind("error"); m.text["code"] != c.code {
			t.Errorf("%s: error is %s, want %s", c.say, m.raw, c.code)
		}
	}
	for n := range 257 {
		v.say(`{"type":"watch","stream":%d,"camera":"a"}`, n)
	}
	if m := v.untilKind("error"); m.text["code"] != "too_many_streams" || m.text["stream"] != 256.0 {
		t.Errorf("error is %s", m.raw)
	}
	v.say(`{"type":"ping"}`)
	v.untilKind("pong")
}

func TestShutdownClosesWithGoingAway(t *testing.T) {
	w := newWorld(t, info("a", camera.Live))
	w.grab("a").flow(t, 5*time.Millisecond, 0)
	v := w.view()
	v.say(`{"type":"watch","stream":1,"camera":"a"}`)
	v.untilKind("frame")
	stopped := make(chan struct{})
	go func() { defer close(stopped); w.stop() }()
	for {
		_, _, err := v.conn.Read(t.Context())
		if err == nil {
			continue
		}
		var closed websocket.CloseError
		if !errors.As(err, &closed) || closed.Code != websocket.StatusGoingAway {
			t.Errorf("connection ended with %v", err)
		}
		break
	}
	<-stopped
}

func TestForeignOriginIsRefused(t *testing.T) {
	w := newWorld(t, info("a", camera.Live))
	host := strings.TrimPrefix(w.url, "http://")
	for origin, want := range map[string]int{
		"":                          http.StatusSwitchingProtocols,
		"http://" + host:            http.StatusSwitchingProtocols,
		"https://control.example":   http.StatusSwitchingProtocols,
		"https://evil.example":      http.StatusForbidden,
		"null":                      http.StatusForbidden,
		"http://" + host + ".evil":  http.StatusForbidden,
		"https://control.example.x": http.StatusForbidden,
	} {
		header := http.Header{}
		if origin != "" {
			header.Set("Origin", origin)
		}
		conn, resp, err := websocket.Dial(t.Context(), w.url+"/ws", &websocket.DialOptions{HTTPHeader: header})
		if err == nil {
			_ = conn.CloseNow()
		}
		if resp == nil || resp.StatusCode != want {
			t.Errorf("origin %q: %v, %v; want %d", origin, resp, err, want)
		}
	}
}
