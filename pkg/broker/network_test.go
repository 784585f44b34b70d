package broker_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"linkstart/pkg/broker"
	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/certificate"
	"linkstart/pkg/certificate/certtest"
	"linkstart/pkg/nettest"
	"linkstart/pkg/thinlink"
)

var subjects = bus.Subjects{Prefix: "linkstart"}

const secretWord = "correct-horse-battery-staple"

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

const (
	patience = 20 * time.Second       // for what is to cross
	moment   = 300 * time.Millisecond // for what is not to, where nothing else crosses that could be waited for
)

func subscribe(t *testing.T, nc *nats.Conn, subject string) *nats.Subscription {
	t.Helper()
	sub, err := nc.SubscribeSync(subject)
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

func publish(t *testing.T, nc *nats.Conn, subject, text string) {
	t.Helper()
	err := nc.Publish(subject, []byte(text))
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// crosses reports whether what from publishes comes to where to is within a time.
func crosses(t *testing.T, from, to *nats.Conn, subject string, within time.Duration) bool {
	t.Helper()
	sub := subscribe(t, to, subject)
	defer func() { _ = sub.Unsubscribe() }()
	for end := time.Now().Add(within); time.Now().Before(end); {
		publish(t, from, subject, "")
		if _, err := sub.NextMsg(30 * time.Millisecond); err == nil {
			return true
		}
	}
	return false
}

// leaks reports whether any of what from publishes has come to where to is when what it published after that, to another subject that
// crosses, has.
func leaks(t *testing.T, from, to *nats.Conn, subject, other string) bool {
	t.Helper()
	sub := subscribe(t, to, subject)
	defer func() { _ = sub.Unsubscribe() }()
	sure := subscribe(t, to, other) // the later one: who has heard of it has heard of the first
	defer func() { _ = sure.Unsubscribe() }()
	end := time.Now().Add(patience)
	for n := 0; n < 10; {
		publish(t, from, subject, "")
		publish(t, from, other, "")
		if _, err := sure.NextMsg(30 * time.Millisecond); err == nil {
			n++
		} else if time.Now().After(end) {
			t.Fatalf("%s does not cross", other)
		}
	}
	n, _, err := sub.Pending()
	if err != nil {
		t.Fatal(err)
	}
	return n > 0
}

// TestWhatCrossesToAHub: how a site's own cameras fare, and orders for it; no picture, nothing of another site, nothing that is stored.
func TestWhatCrossesToAHub(t *testing.T) {
	leaves := nettest.FreeAddr()
	_, hub := serve(t, broker.Network{Node: "hub", Leaves: leaves, Guests: []broker.Guest{
		broker.SiteGuest(subjects, "edge1", secretWord, []camera.ID{"a"}), broker.SiteGuest(subjects, "edge2", secretWord, nil),
	}})
	_, edge := serve(t, broker.Network{Node: "edge1", Hub: &broker.Hub{URL: "nats://" + leaves, User: "edge1", Password: secretWord}})
	if !crosses(t, edge, hub, subjects.Node("edge1"), patience) {
		t.Fatal("the site does not reach the hub")
	}
	passes := func(from, to *nats.Conn, expected bool, subject, other string) bool {
		if expected {
			return crosses(t, from, to, subject, patience)
		}
		return leaks(t, from, to, subject, other)
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
		if up := passes(edge, hub, c.up, c.subject, subjects.Node("edge1")); up != c.up {
			t.Errorf("%s crosses to the hub: %t", c.subject, up)
		}
		if down := passes(hub, edge, c.down, c.subject, subjects.Control("edge1", "sure")); down != c.down {
			t.Errorf("%s crosses to the site: %t", c.subject, down)
		}
	}
}

// TestClusterWithTLS: what is stored at one server is read at another, and a server without the password, or whose certificate nobody
// vouches for, is no part of it.
func TestClusterWithTLS(t *testing.T) {
	files, pool := certtest.Write(t, t.TempDir(), "cluster", time.Now().Add(30*24*time.Hour))
	strange, strangers := certtest.Write(t, t.TempDir(), "stranger", time.Now().Add(30*24*time.Hour))
	var routes []string
	for range 5 {
		routes = append(routes, nettest.FreeAddr())
	}
	join := func(i int, f certificate.Files, trusts *x509.CertPool, password string) (*broker.Server, *nats.Conn) {
		var others []string
		for j, route := range routes[:3] {
			if j != i {
				others = append(others, route)
			}
		}
		return serve(t, broker.Network{
			Node: fmt.Sprintf("n%d", i), TLS: &broker.TLS{Files: f, Authorities: trusts},
			Cluster: &broker.Cluster{Listen: routes[i], Routes: others, Password: password},
		})
	}
	var all []*nats.Conn
	for i := range 3 {
		_, nc := join(i, files, pool, secretWord)
		all = append(all, nc)
	}
	stop, err := broker.ShareBuckets(all[0], 3, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	open := func(nc *nats.Conn) jetstream.KeyValue {
		js, err := jetstream.New(nc)
		if err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
			kv, err := js.KeyValue(t.Context(), bus.SelectionBucket)
			if err == nil {
				return kv
			}
			if time.Now().After(end) {
				t.Fatal(err)
			}
		}
	}
	here := open(all[0])
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) { // the servers may be choosing who leads the bucket
		_, err := here.PutString(t.Context(), "main", "a")
		if err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	there := open(all[2])
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) { // another server may answer a moment later
		if e, err := there.Get(t.Context(), "main"); err == nil && string(e.Value()) == "a" {
			break
		}
		if time.Now().After(end) {
			t.Fatal("what is stored at one server is not there at another")
		}
	}
	for i, c := range []struct {
		files    certificate.Files
		trusts   *x509.CertPool
		password string
	}{{files, pool, "another password of the cluster"}, {strange, strangers, secretWord}} {
		_, outside := join(3+i, c.files, c.trusts, c.password)
		if crosses(t, all[0], outside, "linkstart.status.a", moment) || crosses(t, outside, all[0], "linkstart.status.a", moment) {
			t.Errorf("stranger %d is part of the cluster", i)
		}
	}
}

// TestSharedBucketsThatAreLost: they are made anew.
func TestSharedBucketsThatAreLost(t *testing.T) {
	t.Parallel()
	_, nc := serve(t, broker.Network{})
	stop, err := broker.ShareBuckets(nc, 1, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	there := func() {
		t.Helper()
		for _, bucket := range []string{bus.SelectionBucket, bus.TakeoverBucket} {
			for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
				if _, err := js.KeyValue(t.Context(), bucket); err == nil {
					break
				}
				if time.Now().After(end) {
					t.Fatalf("there is no bucket %s", bucket)
				}
			}
		}
	}
	there()
	for _, bucket := range []string{bus.SelectionBucket, bus.TakeoverBucket} {
		if err := js.DeleteKeyValue(t.Context(), bucket); err != nil {
			t.Fatal(err)
		}
	}
	there()
}

// TestSiteAnswersNobodyElse: what a site says to an inbox counts only as the answer to what it was asked itself.
func TestSiteAnswersNobodyElse(t *testing.T) {
	leaves := nettest.FreeAddr()
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
		if leaks(t, edge, hub, bus.InboxPrefix("admin")+inbox, subjects.Node("edge1")) {
			t.Errorf("a site can answer what others were asked, at %s", inbox)
		}
	}
}

// TestPlainGuestsAreRefused: who comes from another machine has to encrypt, and to be a guest; processes of this one have not.
func TestPlainGuestsAreRefused(t *testing.T) {
	link, err := thinlink.Open(t.Context(), 100_000_000)
	if errors.Is(err, thinlink.ErrNotRoot) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := link.Close(); err != nil {
			t.Error(err)
		}
	}()
	files, pool := certtest.Write(t, t.TempDir(), "hub", time.Now().Add(30*24*time.Hour), net.ParseIP(link.Host()))
	_, port, err := net.SplitHostPort(nettest.FreeAddr())
	if err != nil {
		t.Fatal(err)
	}
	s, _ := serve(t, broker.Network{
		Node: "hub", Listen: "0.0.0.0:" + port, TLS: &broker.TLS{Files: files},
		Guests: []broker.Guest{broker.ConsumerGuest(subjects, "eyes", secretWord, nil)},
	})
	password := s.AddUser("relay", broker.AllowAll)
	at := net.JoinHostPort(link.Host(), port)
	encrypted := nats.Secure(&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12})
	for name, c := range map[string]struct {
		options []nats.Option
		in      bool
	}{
		"a guest":                    {[]nats.Option{nats.UserInfo("eyes", secretWord), encrypted}, true},
		"a guest in the clear":       {[]nats.Option{nats.UserInfo("eyes", secretWord)}, false},
		"a wrong password":           {[]nats.Option{nats.UserInfo("eyes", secretWord+"x"), encrypted}, false},
		"nobody":                     {[]nats.Option{encrypted}, false},
		"a process of the machine":   {[]nats.Option{nats.UserInfo("relay", password), encrypted}, false},
		"that process, in the clear": {[]nats.Option{nats.UserInfo("relay", password)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			options := append(c.options, nats.SetCustomDialer(behind{link}), nats.Timeout(patience))
			nc, err := nats.Connect("nats://"+at, options...)
			for end := time.Now().Add(patience); c.in && err != nil && time.Now().Before(end); { // a busy server cuts who it has not come to look at
				nc, err = nats.Connect("nats://"+at, options...)
			}
			if err == nil {
				nc.Close()
			}
			if (err == nil) != c.in {
				t.Errorf("let in: %t, %v", err == nil, err)
			}
		})
	}
}

// behind dials from the far side of a link.
type behind struct{ *thinlink.Link }

func (b behind) Dial(network, address string) (net.Conn, error) {
	return b.DialContext(context.Background(), network, address)
}

// TestWhoIsNotInvitedAnyMoreIsCut: a password that has become known lets nobody go on.
func TestWhoIsNotInvitedAnyMoreIsCut(t *testing.T) {
	leaves, clients := nettest.FreeAddr(), nettest.FreeAddr()
	eyes := broker.ConsumerGuest(subjects, "eyes", secretWord, nil)
	stays := broker.ConsumerGuest(subjects, "stays", secretWord, nil)
	site := broker.SiteGuest(subjects, "edge1", secretWord, nil)
	s, hub := serve(t, broker.Network{Node: "hub", Leaves: leaves, Listen: clients, Guests: []broker.Guest{eyes, stays, site}})
	_, edge := serve(t, broker.Network{Node: "edge1", Hub: &broker.Hub{URL: "nats://" + leaves, User: "edge1", Password: secretWord}})
	come := func(user string) (*nats.Conn, chan struct{}) {
		for end := time.Now().Add(patience); ; {
			cut := make(chan struct{})
			nc, err := nats.Connect("nats://"+clients, nats.UserInfo(user, secretWord), nats.NoReconnect(), nats.Timeout(patience),
				nats.ClosedHandler(func(*nats.Conn) { close(cut) }))
			if err == nil {
				t.Cleanup(nc.Close)
				return nc, cut
			}
			if time.Now().After(end) { // a busy server cuts who it has not come to look at
				t.Fatal(err)
			}
		}
	}
	_, gone := come("eyes")
	here, _ := come("stays")
	said := subscribe(t, hub, subjects.Node("edge1"))
	comes := func(text string) bool {
		m, err := said.NextMsg(100 * time.Millisecond)
		return err == nil && string(m.Data) == text
	}
	for end := time.Now().Add(patience); !comes("before"); {
		if time.Now().After(end) {
			t.Fatal("the site does not reach the hub")
		}
		publish(t, edge, subjects.Node("edge1"), "before")
	}
	s.Invite([]broker.Guest{stays, site})
	publish(t, edge, subjects.Node("edge1"), "after") // if the site is cut that is lost, though it comes back
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Error("who was removed goes on")
	}
	if err := here.FlushTimeout(10 * time.Second); err != nil {
		t.Errorf("who stays is cut: %v", err)
	}
	for end := time.Now().Add(patience); !comes("after"); {
		if time.Now().After(end) {
			t.Fatal("the site is cut, though it stays")
		}
	}
	s.Invite([]broker.Guest{stays})
	for end := time.Now().Add(patience); crosses(t, edge, hub, subjects.Node("edge1"), moment); { // what it sent before may come
		if time.Now().After(end) {
			t.Fatal("a site that was removed goes on")
		}
	}
	s.Invite([]broker.Guest{stays, site})
	if !crosses(t, edge, hub, subjects.Node("edge1"), patience) {
		t.Fatal("the site does not come back")
	}
}
