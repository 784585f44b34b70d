package broker_test

import (
	"context"
	"log/slog"
	"net"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/broker"
	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
)

var subjects = bus.Subjects{Prefix: "linkstart"}

const secretWord = "correct-horse-battery-staple"

// free is an address of this machine that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func serve(t *testing.T, n broker.Network) (*broker.Server, *nats.Conn) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("SHOW") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	s, err := broker.Start(broker.Options{Dir: t.TempDir(), Log: log, Subjects: subjects, Network: n})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s, enter(t, s, "admin", broker.AllowAll)
}

func enter(t *testing.T, s *broker.Server, user string, p broker.Permissions) *nats.Conn {
	t.Helper()
	nc, err := bus.Connect(t.Context(), bus.Access{URL: s.URL(), User: user, Password: s.AddUser(user, p)}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// crosses reports whether what from publishes comes to where to is.
func crosses(t *testing.T, from, to *nats.Conn, subject string) bool {
	t.Helper()
	sub, err := to.SubscribeSync(subject)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := to.Flush(); err != nil {
		t.Fatal(err)
	}
	end := time.Now().Add(300 * time.Millisecond)
	for time.Now().Before(end) {
		if err := from.Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
		if err := from.Flush(); err != nil {
			t.Fatal(err)
		}
		if _, err := sub.NextMsg(30 * time.Millisecond); err == nil {
			return true
		}
	}
	return false
}

// TestWhatCrossesToAHub: how a site's own cameras fare, and orders for it; no picture, nothing of another site, nothing that is stored.
func TestWhatCrossesToAHub(t *testing.T) {
	leaves := free(t)
	_, hub := serve(t, broker.Network{Node: "hub", Leaves: leaves, Guests: []broker.Guest{
		broker.SiteGuest(subjects, "edge1", secretWord, []camera.ID{"a"}), broker.SiteGuest(subjects, "edge2", secretWord, nil),
	}})
	_, edge := serve(t, broker.Network{Node: "edge1", Hub: &broker.Hub{URL: "nats://" + leaves, User: "edge1", Password: secretWord}})
	for end := time.Now().Add(20 * time.Second); !crosses(t, edge, hub, subjects.Node("edge1")); {
		if time.Now().After(end) {
			t.Fatal("the site does not reach the hub")
		}
	}
	for _, c := range []struct {
		subject  string
		up, down bool
	}{
		{subjects.Status("a"), true, false},
		{subjects.Camera("a"), true, false},
		{subjects.Log("a"), true, false},
		{subjects.Alarm("a"), true, false},
		{subjects.Control("edge1", "restart"), false, true},
		{subjects.Push("a"), false, true},
		{subjects.Status("b"), false, false}, // not its own
		{subjects.Camera("b"), false, false},
		{subjects.Node("edge2"), false, false},
		{subjects.Control("hub", "restart"), false, false},
		{subjects.Control("edge2", "restart"), false, false},
		{subjects.Frame("a", "main"), false, false}, // by the uplink
		{subjects.Want("a", "main"), false, false},
		{subjects.Audit(), false, false},
		{subjects.Access(), false, false},
		{subjects.People("x"), false, false},
		{"$KV.selection.main", false, false},
		{"anything.else", false, false},
	} {
		if up := crosses(t, edge, hub, c.subject); up != c.up {
			t.Errorf("%s crosses to the hub: %t", c.subject, up)
		}
		if down := crosses(t, hub, edge, c.subject); down != c.down {
			t.Errorf("%s crosses to the site: %t", c.subject, down)
		}
	}
}

// TestSiteAnswersNobodyElse: what a site says to an inbox counts only as the answer to what it was asked itself.
func TestSiteAnswersNobodyElse(t *testing.T) {
	leaves := free(t)
	_, hub := serve(t, broker.Network{Node: "hub", Leaves: leaves, Guests: []broker.Guest{broker.SiteGuest(subjects, "edge1", secretWord, nil)}})
	_, edge := serve(t, broker.Network{Node: "edge1", Hub: &broker.Hub{URL: "nats://" + leaves, User: "edge1", Password: secretWord}})
	answering, err := edge.Subscribe(subjects.Control("edge1", "status"), func(m *nats.Msg) { _ = m.Respond([]byte("here")) })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answering.Unsubscribe() }()
	for end := time.Now().Add(20 * time.Second); ; {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		m, err := bus.RequestOf(ctx, hub, "edge1", &nats.Msg{Subject: subjects.Control("edge1", "status")})
		cancel()
		if err == nil && string(m.Data) == "here" {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the site does not answer: ", err)
		}
	}
	for _, inbox := range []string{".of.another.question", ".node.hub.question"} {
		if crosses(t, edge, hub, bus.InboxPrefix("admin")+inbox) {
			t.Errorf("a site can answer what others were asked, at %s", inbox)
		}
	}
}

// TestWhoIsNotInvitedAnyMoreIsCut: a password that has become known lets nobody go on.
func TestWhoIsNotInvitedAnyMoreIsCut(t *testing.T) {
	leaves, clients := free(t), free(t)
	eyes := broker.ConsumerGuest(subjects, "eyes", secretWord, nil)
	stays := broker.ConsumerGuest(subjects, "stays", secretWord, nil)
	site := broker.SiteGuest(subjects, "edge1", secretWord, nil)
	s, hub := serve(t, broker.Network{Node: "hub", Leaves: leaves, Listen: clients, Guests: []broker.Guest{eyes, stays, site}})
	_, edge := serve(t, broker.Network{Node: "edge1", Hub: &broker.Hub{URL: "nats://" + leaves, User: "edge1", Password: secretWord}})
	come := func(user string) (*nats.Conn, chan struct{}) {
		cut := make(chan struct{})
		nc, err := nats.Connect("nats://"+clients, nats.UserInfo(user, secretWord), nats.NoReconnect(), nats.ClosedHandler(func(*nats.Conn) { close(cut) }))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return nc, cut
	}
	_, gone := come("eyes")
	here, _ := come("stays")
	for end := time.Now().Add(20 * time.Second); !crosses(t, edge, hub, subjects.Node("edge1")); {
		if time.Now().After(end) {
			t.Fatal("the site does not reach the hub")
		}
	}
	s.Invite([]broker.Guest{stays, site})
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Error("who was removed goes on")
	}
	if err := here.FlushTimeout(10 * time.Second); err != nil {
		t.Errorf("who stays is cut: %v", err)
	}
	if !crosses(t, edge, hub, subjects.Node("edge1")) {
		t.Error("the site is cut, though it stays")
	}
	s.Invite([]broker.Guest{stays})
	if crosses(t, edge, hub, subjects.Node("edge1")) {
		t.Error("a site that was removed goes on")
	}
	s.Invite([]broker.Guest{stays, site})
	for end := time.Now().Add(20 * time.Second); !crosses(t, edge, hub, subjects.Node("edge1")); {
		if time.Now().After(end) {
			t.Fatal("the site does not come back")
		}
	}
}
