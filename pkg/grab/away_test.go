package grab_test

import (
	"context"
	"encoding/json"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/grab"
)

// serve is a bus that can be away: port -1 is any.
func serve(t *testing.T, port int) (*server.Server, int) {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the bus does not start")
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s, s.Addr().(*net.TCPAddr).Port
}

// Neither the grabber nor who watches it is told anything: both go on when the bus is back.
func TestBusIsAwayForAWhile(t *testing.T) {
	first, port := serve(t, -1)
	join := func(user string) *nats.Conn {
		nc, err := bus.Connect(t.Context(), bus.Access{URL: first.ClientURL(), User: user}, quiet)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return nc
	}
	consumer := join("relay")
	away := consumer.StatusChanged(nats.RECONNECTING)
	beats := make(chan camera.Status, 1000)
	if _, err := consumer.Subscribe(subjects.Status("cam"), func(m *nats.Msg) {
		var s camera.Status
		if json.Unmarshal(m.Data, &s) == nil {
			beats <- s
		}
	}); err != nil {
		t.Fatal(err)
	}
	g := grab.New(grab.Options{
		Spec:   camera.Spec{ID: "cam", FPS: 100, Quality: 80, MaxPixels: 1 << 20},
		Source: &scripted{run: func(ctx context.Context, _ int, offer func(camera.Picture)) error { return flow(t, ctx, offer) }},
		Conn:   join("grabber-cam"), Subjects: subjects, Log: quiet, Scrub: func(s string) string { return s },
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	defer func() { cancel(); <-ended }()

	frames := make(chan *camera.Frame, 10000)
	feed, err := bus.OpenFeed(consumer, subjects, "cam", camera.Main, 0, quiet, func(f *camera.Frame) { frames <- f })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { feed.Close(); <-feed.Done() }()
	next := func() *camera.Frame {
		t.Helper()
		select {
		case f := <-frames:
			return f
		case <-time.After(60 * time.Second):
			t.Fatal("no frame comes")
			return nil
		}
	}
	last := next()
	first.Shutdown()
	first.WaitForShutdown()
	<-away
	for len(frames) > 0 {
		last = <-frames
	}
	for len(beats) > 0 {
		<-beats
	}
	serve(t, port)
	back := next()
	if back.Seq <= last.Seq {
		t.Errorf("frame %d came after %d", back.Seq, last.Seq)
	}
	for f := back; f.Captured.Sub(back.Captured) < bus.LeaseTime+time.Second; { // so the lease is renewed
		f = next()
	}
	select {
	case s := <-beats:
		if s.State != camera.Live {
			t.Errorf("the heartbeat says %+v", s)
		}
	case <-time.After(60 * time.Second):
		t.Error("no heartbeat comes")
	}
}
