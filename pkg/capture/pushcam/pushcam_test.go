package pushcam_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"linkstart/pkg/broker"
	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/capture/pushcam"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var subjects = bus.Subjects{Prefix: "linkstart"}

func picture(t *testing.T, width int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, width, 16)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// start returns a connection for pushing and what the source offers.
func start(t *testing.T, offer func(camera.Picture)) *nats.Conn {
	t.Helper()
	server, err := broker.Start(broker.Options{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	join := func(user string, p broker.Permissions) *nats.Conn {
		nc, err := bus.Connect(t.Context(), bus.Access{URL: server.URL(), User: user, Password: server.AddUser(user, p)}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return nc
	}
	grabber := join(broker.GrabberUser("a"), broker.GrabberPermissions(subjects, "a"))
	source := pushcam.New(camera.Spec{ID: "a", ReadTimeout: time.Hour, MaxBytes: 10_000, MaxPixels: 1000}, grabber, subjects)
	ctx, cancel := context.WithCancel(t.Context())
	if err := source.Stream(ctx, offer); !errors.Is(err, camera.ErrWaiting) {
		t.Fatalf("before anything was sent Stream returns %v", err)
	}
	if err := grabber.Flush(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = source.Stream(ctx, offer) }()
	t.Cleanup(func() { cancel(); <-done })
	return join(broker.RelayUser, broker.RelayPermissions(subjects))
}

func push(t *testing.T, nc *nats.Conn, b []byte) string {
	t.Helper()
	m, err := nc.Request(subjects.Push("a"), b, 30*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return string(m.Data)
}

func TestPicturesArriveOrAreRefusedInWords(t *testing.T) {
	offered := make(chan camera.Picture, 1)
	nc := start(t, func(p camera.Picture) { offered <- p })
	good := picture(t, 32)
	if said := push(t, nc, good); said != "" {
		t.Errorf("a good picture is refused: %s", said)
	}
	if p := <-offered; !bytes.Equal(p.JPEG, good) || p.Width != 32 || p.Height != 16 {
		t.Errorf("offered %dx%d", p.Width, p.Height)
	}
	for name, bad := range map[string][]byte{
		"no JPEG": []byte("<html>"), "too many bytes": make([]byte, 20_000), "too many pixels": picture(t, 160), "cut": good[:20],
	} {
		if said := push(t, nc, bad); said == "" {
			t.Errorf("%s is not refused", name)
		}
	}
}

func TestNewestPictureWinsAndEachIsAnswered(t *testing.T) {
	entered, proceed := make(chan int, 10), make(chan struct{})
	nc := start(t, func(p camera.Picture) { entered <- p.Width; <-proceed })
	answers := make(chan *nats.Msg, 10)
	sub, err := nc.ChanSubscribe(bus.InboxPrefix(broker.RelayUser)+".push.*", answers)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	send := func(width int) {
		t.Helper()
		if err := nc.PublishRequest(subjects.Push("a"), fmt.Sprintf("%s.push.%d", bus.InboxPrefix(broker.RelayUser), width), picture(t, width)); err != nil {
			t.Fatal(err)
		}
	}
	send(17)
	<-entered // the source is busy with it
	for width := 18; width <= 22; width++ {
		send(width)
	}
	for range 4 { // all but the first, which is being looked at, and the newest, which waits
		<-answers
	}
	close(proceed)
	if width := <-entered; width != 22 {
		t.Errorf("after a pause the picture of width %d is offered, want the newest, 22", width)
	}
	for range 2 {
		<-answers
	}
}
