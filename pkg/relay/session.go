package relay

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/gofiber/contrib/websocket"

	"linkstart/pkg/access"
	"linkstart/pkg/camera"
	"linkstart/pkg/gate"
	"linkstart/pkg/wire"
)

const (
	pingEvery  = 15 * time.Second
	readTime   = 45 * time.Second // without a pong or a message
	closeGrace = time.Second      // for the client to answer a close
)

// session is one WebSocket connection. Two goroutines serve it: the reader carries out orders, the writer alone writes,
// texts before frames. A slow client gets fewer frames; it holds up nobody.
type session struct {
	relay *Relay
	guest
	conn  *websocket.Conn
	raw   net.Conn
	log   *slog.Logger
	box   outbox
	woken <-chan struct{}
	done  chan struct{} // closed by stop

	now, lastPing time.Time // the writer's, and so is gate
	gate          *gate.Gate
	sender        *sender

	mu      sync.Mutex // may be held while a slot's or the outbox's is taken
	room    camera.ID  // joined, "" for none
	name    string     // that it joined with
	streams []*stream
	next    int  // where the writer goes on, so that every stream has its turn
	acks    bool // it has acknowledged a frame
	pong    []byte
	pinged  bool // pong is to be sent
	ended   bool
	closing []byte // payload of the close frame
}

func newSession(r *Relay, c *websocket.Conn) *session {
	who, _ := c.Locals(whoKey).(access.Identity)
	from, _ := c.Locals(fromKey).(string)
	woken, wake := waker()
	raw := rawConn(c.NetConn())
	return &session{
		relay: r, guest: r.guest(who, kindWebSocket, from, c.Headers("User-Agent")),
		conn: c, raw: raw, gate: gate.New(raw, wake), sender: newSender(raw), log: r.log, woken: woken,
		box: outbox{wake: wake}, done: make(chan struct{}),
	}
}

// serve runs the connection until it ends. Nothing of it runs afterwards.
func (s *session) serve() {
	defer s.relay.leave(s)
	if !s.relay.enter(s) {
		s.stop(websocket.CloseGoingAway, "the relay is stopping")
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		if err := s.write(); err != nil {
			s.log.Debug("viewer lost", "err", err)
			gate.Abort(s.raw) // ends the reader
		}
	}()
	s.read()
	s.stop(websocket.CloseNormalClosure, "")
	s.relay.people.Join(s.id, "", "", false)
	<-written
	s.mu.Lock()
	streams := s.streams
	s.streams = nil
	s.mu.Unlock()
	for _, st := range streams {
		closeView(st.view)
	}
}

func closeView(v *view) {
	if v != nil {
		v.close()
	}
}

// stop has the writer send a close frame and end. The first call decides on the code.
func (s *session) stop(code int, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.ended = true
	s.closing = websocket.FormatCloseMessage(code, reason)
	deadline := time.Now().Add(closeGrace)
	_ = s.raw.SetReadDeadline(deadline) // fails only where the connection is gone, and then both ends see it
	_ = s.raw.SetWriteDeadline(deadline)
	close(s.done)
	s.box.wake()
	time.AfterFunc(2*closeGrace, func() { gate.Abort(s.raw) }) // whatever deadline a write has set meanwhile
}

// extend gives the client time until it must be heard again, unless the session is ending.
func (s *session) extend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		_ = s.raw.SetReadDeadline(time.Now().Add(readTime))
	}
}

// send queues a text for this client alone.
func (s *session) send(key string, message any) {
	b, err := json.Marshal(message)
	if err != nil {
		s.log.Error("encode message", "err", err)
		return
	}
	s.box.put(key, "", b)
}

func (s *session) text(t text) { s.box.put(t.key, t.kind, t.body) }

// watches reports whether one of the streams shows a camera.
func (s *session) watches(id camera.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.streams {
		if st.view != nil && st.camera == id {
			return true
		}
	}
	return false
}

// read carries out orders until the connection ends.
func (s *session) read() {
	s.conn.SetReadLimit(wire.MaxOrder)
	s.conn.SetPingHandler(func(payload string) error {
		s.extend()
		s.mu.Lock()
		s.pong, s.pinged = []byte(payload), true // the newest ping alone needs an answer: RFC 6455 section 5.5.3
		s.mu.Unlock()
		s.box.wake()
		return nil
	})
	s.conn.SetPongHandler(func(string) error {
		s.extend()
		return nil
	})
	s.conn.SetCloseHandler(func(code int, _ string) error {
		if code == websocket.CloseNoStatusReceived {
			code = websocket.CloseNormalClosure
		}
		s.stop(code, "")
		return nil
	})
	s.extend()
	orders := s.newOrders()
	for {
		_, b, err := s.conn.ReadMessage()
		if err != nil {
			return
		}
		s.extend()
		order, err := wire.ParseOrder(b)
		if err == nil {
			err = orders.do(order)
		}
		var fault *wire.Fault
		if errors.As(err, &fault) {
			s.send("", wire.Error{Type: wire.TypeError, Code: fault.Code, Message: fault.Message, Stream: fault.Stream})
		} else if err != nil {
			return // the session has ended
		}
	}
}

// greet queues the first message.
func (s *session) greet(h wire.Hello) {
	h.You = s.id
	s.send("", h)
}
