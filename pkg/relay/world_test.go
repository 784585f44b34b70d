package relay_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/coder/websocket"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"linkstart/pkg/access"
	"linkstart/pkg/broker"
	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/child"
	"linkstart/pkg/control"
	"linkstart/pkg/relay"
	"linkstart/pkg/wire"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),    // one for the life of the process
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"), // sleeps for up to 10 s more
	)
}

// patience is how long a test waits for what must come; nothing is as slow as that unless it is broken.
const patience = 20 * time.Second

const maxBytes = 64 << 10

var subjects = bus.Subjects{Prefix: "linkstart"}

// world is a whole installation without hardware: the real bus with its permissions, the real relay, a small supervisor.
type world struct {
	t      testing.TB
	server *broker.Server
	admin  *nats.Conn
	boss   *boss
	url    string
	client *http.Client
	trust  *tls.Config // nil without TLS
	stop   func()      // ends the relay and waits
}

func newWorld(t testing.TB, cameras ...camera.Info) *world {
	t.Helper()
	return newWorldAt(t, "127.0.0.1", cameras...)
}

// newWorldAt serves on another address.
func newWorldAt(t testing.TB, host string, cameras ...camera.Info) *world {
	t.Helper()
	return newWorldWith(t, func(c *child.Relay) { c.Listen = host + ":0" }, http.DefaultClient, io.Discard, cameras...)
}

// newWorldWith tells the relay something else than usual, and has its log.
func newWorldWith(t testing.TB, change func(*child.Relay), client *http.Client, out io.Writer, cameras ...camera.Info) *world {
	t.Helper()
	log := slog.New(slog.NewTextHandler(out, nil))
	server, err := broker.Start(broker.Options{Dir: t.TempDir(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	logins, err := access.Open("")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, server: server, client: client, boss: &boss{cameras: cameras, logins: logins}}
	w.admin = w.join("admin", broker.AllowAll)
	if err := bus.CreateBuckets(t.Context(), w.admin); err != nil {
		t.Fatal(err)
	}
	stopBoss, err := control.Serve(context.Background(), w.admin, subjects, "here", w.boss)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stopBoss() })
	w.startRelay(log, change)
	w.eventually("the relay knows its cameras", func() bool {
		var list []camera.Info
		w.getJSON("/api/v1/cameras", &list)
		return len(list) == len(cameras)
	})
	return w
}

func (w *world) access(user string, p broker.Permissions) bus.Access {
	return bus.Access{URL: w.server.URL(), User: user, Password: w.server.AddUser(user, p), Prefix: "linkstart", Node: "here"}
}

func (w *world) join(user string, p broker.Permissions) *nats.Conn {
	w.t.Helper()
	nc, err := bus.Connect(w.t.Context(), w.access(user, p), slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(nc.Close)
	return nc
}

func (w *world) startRelay(log *slog.Logger, change func(*child.Relay)) {
	config := child.Relay{
		Bus: w.access(broker.RelayUser, broker.RelayPermissions(subjects)), Listen: "127.0.0.1:0",
		Origins:  []string{"https://control.example"},
		Rooms:    []child.Room{{ID: "main", AlarmTakeover: time.Hour}, {ID: "short", AlarmTakeover: 5 * time.Second}, {ID: "calm"}},
		MaxBytes: maxBytes, MaxPixels: 1 << 20, Version: "1.2.3",
	}
	change(&config)
	scheme := "http://"
	if config.TLS != nil {
		scheme = "https://"
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		ended <- relay.Run(ctx, relay.Options{
			Config: config,
			Viewer: fstest.MapFS{
				"index.html": {Data: []byte("<!doctype html><title>viewer</title>" + strings.Repeat("<p>much the same</p>", 50))},
				"app.js":     {Data: []byte("let a=1")},
			},
			Log: log, Ready: func(a net.Addr) { ready <- a },
		})
	}()
	select {
	case a := <-ready:
		w.url = scheme + a.String()
	case err := <-ended:
		w.t.Fatal(err)
	}
	w.stop = sync.OnceFunc(func() {
		cancel()
		w.client.CloseIdleConnections()
		if err := <-ended; err != nil {
			w.t.Errorf("relay ended with %v", err)
		}
	})
	w.t.Cleanup(w.stop)
}

func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	w.t.Fatalf("never: %s", what)
}

// do sends a request and returns the answer with its body read.
func (w *world) do(method, path string, body []byte, header ...string) (*http.Response, []byte) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := w.client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp, b
}

func (w *world) getJSON(path string, v any) {
	w.t.Helper()
	resp, b := w.do("GET", path, nil)
	if resp.StatusCode != http.StatusOK {
		w.t.Fatalf("GET %s: %d %s", path, resp.StatusCode, b)
	}
	if err := json.Unmarshal(b, v); err != nil {
		w.t.Fatalf("GET %s: %v in %s", path, err, b)
	}
}

// announce tells a camera's state as the supervisor does.
func (w *world) announce(i camera.Info) {
	w.t.Helper()
	i.Node = "here"
	w.boss.set(i)
	b, err := json.Marshal(i)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.admin.Publish(string(subjects.Camera(i.ID)), b); err != nil {
		w.t.Fatal(err)
	}
}

// boss is the supervisor as far as a relay sees it.
type boss struct {
	mu      sync.Mutex
	cameras []camera.Info
	orders  []string
	rules   *access.Policy // nil: nobody has to log in
	logins  *access.Store
	asked   int // how often the relay has asked who is let in
}

// policy is who is let in. The mutex is held.
func (b *boss) policy() *access.Policy {
	rules := access.Policy{Open: true}
	if b.rules != nil {
		rules = *b.rules
	}
	p := b.logins.Complete(rules)
	return &p
}

// require has everybody log in by these rules from now on.
func (w *world) require(rules access.Policy) {
	w.t.Helper()
	w.boss.mu.Lock()
	w.boss.rules = &rules
	w.boss.mu.Unlock()
	w.tellAccess()
}

// tellAccess waits until the relay has learnt who is let in: when it asks again, it has taken the answer before.
func (w *world) tellAccess() {
	w.t.Helper()
	for range 2 {
		w.boss.mu.Lock()
		before := w.boss.asked
		w.boss.mu.Unlock()
		if err := w.admin.Publish(subjects.Access(), nil); err != nil {
			w.t.Fatal(err)
		}
		w.eventually("the relay asks who is let in", func() bool {
			w.boss.mu.Lock()
			defer w.boss.mu.Unlock()
			return w.boss.asked > before
		})
	}
}

// token makes an API token and returns the header that it is sent with.
func (w *world) token(t access.Token) (id, header string) {
	w.t.Helper()
	secret, made, err := w.boss.logins.Add(t, time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	return made.ID, "Bearer " + secret
}

func (b *boss) set(i camera.Info) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for n := range b.cameras {
		if b.cameras[n].ID == i.ID {
			b.cameras[n] = i
			return
		}
	}
	b.cameras = append(b.cameras, i)
}

func (b *boss) Handle(_ context.Context, verb string, r control.Request) (control.Reply, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch verb {
	case control.Status:
		return control.Reply{Cameras: append([]camera.Info(nil), b.cameras...)}, nil
	case control.Access:
		b.asked++
		return control.Reply{Policy: b.policy()}, nil
	case control.Token:
		secret, made, err := b.logins.Add(*r.Token, time.Now())
		return control.Reply{Secret: secret, Tokens: []access.Token{made}}, err
	case control.Tokens:
		return control.Reply{Tokens: b.logins.Tokens()}, nil
	case control.Revoke:
		gone, err := b.logins.Revoke(r.ID)
		if errors.Is(err, access.ErrNoToken) {
			return control.Reply{}, &control.Refusal{Code: control.UnknownToken, Say: err.Error()}
		}
		return control.Reply{Tokens: []access.Token{gone}}, err
	case control.EndSession:
		return control.Reply{}, b.logins.End(*r.Ended, time.Now())
	case control.Logs:
		return control.Reply{Lines: []string{"first line", "second line"}}, nil
	case control.Start:
		return control.Reply{}, &camera.Error{Say: "it runs already"}
	}
	b.orders = append(b.orders, verb+" "+string(r.Camera))
	return control.Reply{}, nil
}

func info(id camera.ID, state camera.State) camera.Info {
	return camera.Info{ID: id, Name: "Camera " + string(id), Source: "test:clock", State: state, AgeMs: -1}
}

// grabber is a camera as any NATS client can be one.
type grabber struct {
	id camera.ID
	nc *nats.Conn

	small int // bytes of the pictures of sub; 0: there are none

	mu    sync.Mutex
	seq   uint32
	last  *camera.Frame
	wants int
	subs  int           // those of sub
	ahead time.Duration // of its clock
}

func (w *world) grab(id camera.ID) *grabber {
	w.t.Helper()
	g := &grabber{id: id, nc: w.join(broker.GrabberUser(id), broker.GrabberPermissions(subjects, id))}
	_, err := g.nc.Subscribe(subjects.Want(id, bus.All), func(m *nats.Msg) {
		g.mu.Lock()
		g.wants++
		small := m.Subject == subjects.Want(id, camera.Sub)
		if small {
			g.subs++
		}
		last := g.last
		g.mu.Unlock()
		if m.Reply == "" {
			return
		}
		if last == nil || small {
			_ = m.Respond(nil)
			return
		}
		_ = m.RespondMsg(bus.EncodeFrame("", last))
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := g.nc.Flush(); err != nil {
		w.t.Fatal(err)
	}
	return g
}

// publish makes the next picture and publishes it.
func (g *grabber) publish(size int) {
	g.mu.Lock()
	g.seq++
	f := &camera.Frame{JPEG: picture(g.id, size), Seq: g.seq, Captured: time.Now().Add(g.ahead).Truncate(time.Microsecond), Width: 16, Height: 16}
	g.last = f
	g.mu.Unlock()
	_ = g.nc.PublishMsg(bus.EncodeFrame(subjects.Frame(g.id, camera.Main), f))
	if g.small > 0 {
		sub := *f
		sub.JPEG = picture(g.id, g.small)
		_ = g.nc.PublishMsg(bus.EncodeFrame(subjects.Frame(g.id, camera.Sub), &sub))
	}
}

// set sets its clock.
func (g *grabber) set(ahead time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ahead = ahead
}

// flow publishes a picture each period until the test ends or the returned function is called.
func (g *grabber) flow(t testing.TB, period time.Duration, size int) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for tick := time.NewTicker(period); ; {
			select {
			case <-done:
				tick.Stop()
				return
			case <-tick.C:
				g.publish(size)
			}
		}
	})
	stop = sync.OnceFunc(func() { close(done); wg.Wait() })
	t.Cleanup(stop)
	return stop
}

// newest is the number of the last picture.
func (g *grabber) newest() uint32 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.seq
}

func (g *grabber) wanted() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.wants
}

var smallJPEG = func() []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 16, 16)), nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}()

// picture is a JPEG that ends in its camera's name, at least size bytes long.
func picture(id camera.ID, size int) []byte {
	b := bytes.Clone(smallJPEG)
	if pad := size - len(b); pad > 0 {
		b = append(b, make([]byte, pad)...)
	}
	return append(b, "/"+string(id)...)
}

// viewer is a WebSocket client.
type viewer struct {
	t    testing.TB
	conn *websocket.Conn
}

func (w *world) view() *viewer {
	w.t.Helper()
	return w.viewAs("")
}

// viewAs shows who it is.
func (w *world) viewAs(authorization string) *viewer {
	w.t.Helper()
	options := &websocket.DialOptions{HTTPClient: w.client, HTTPHeader: http.Header{}}
	if authorization != "" {
		options.HTTPHeader.Set("Authorization", authorization)
	}
	conn, _, err := websocket.Dial(w.t.Context(), w.url+"/ws", options)
	if err != nil {
		w.t.Fatal(err)
	}
	conn.SetReadLimit(8 << 20)
	w.t.Cleanup(func() { _ = conn.CloseNow() })
	return &viewer{w.t, conn}
}

func (v *viewer) say(format string, a ...any) {
	v.t.Helper()
	if err := v.conn.Write(v.t.Context(), websocket.MessageText, fmt.Appendf(nil, format, a...)); err != nil {
		v.t.Fatal(err)
	}
}

// message is what came: a frame when jpeg is set, else a text.
type message struct {
	head wire.Header
	jpeg []byte
	text map[string]any
	raw  []byte
}

func (m message) kind() string {
	if m.jpeg != nil {
		return "frame"
	}
	return fmt.Sprint(m.text["type"])
}

func (v *viewer) next() message {
	v.t.Helper()
	m, err := v.read()
	if err != nil {
		v.t.Fatal(err)
	}
	return m
}

// read is next for any goroutine.
func (v *viewer) read() (message, error) {
	ctx, cancel := context.WithTimeout(v.t.Context(), patience)
	defer cancel()
	kind, b, err := v.conn.Read(ctx)
	if err != nil {
		return message{}, err
	}
	if kind == websocket.MessageBinary {
		h, j, err := wire.DecodeHeader(b)
		return message{head: h, jpeg: j}, err
	}
	m := message{raw: b}
	return m, json.Unmarshal(b, &m.text)
}

// until reads on to the first message that is right.
func (v *viewer) until(right func(message) bool) message {
	v.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if m := v.next(); right(m) {
			return m
		}
	}
	v.t.Fatal("what was waited for never came")
	return message{}
}

func (v *viewer) untilKind(kind string) message {
	v.t.Helper()
	return v.until(func(m message) bool { return m.kind() == kind })
}

func is(kind string, fields ...any) func(message) bool {
	return func(m message) bool {
		if m.kind() != kind {
			return false
		}
		for i := 0; i+1 < len(fields); i += 2 {
			if fmt.Sprint(m.text[fields[i].(string)]) != fmt.Sprint(fields[i+1]) {
				return false
			}
		}
		return true
	}
}
