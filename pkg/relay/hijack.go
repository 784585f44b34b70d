package relay

import (
	"context"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"linkstart/pkg/gate"
	"linkstart/pkg/wire"
)

// endless is an HTTP answer that goes on until the client leaves: multipart, events, logs. One goroutine writes it, and one
// reads what the client should not send, to notice that it has left.
type endless struct {
	gather
	guest
	gate   *gate.Gate
	sender *sender
	box    outbox
	woken  <-chan struct{}
	ctx    context.Context
	stopf  context.CancelFunc
	hello  func(*endless, wire.Hello)
	shows  picturesSent
}

// hijack takes the connection over and answers with status 200, the header lines in header and whatever serve writes until
// it returns. serve must return when e.ctx ends.
func (r *Relay) hijack(c *fiber.Ctx, kind, header string, hello func(*endless, wire.Hello), serve func(e *endless) error) error {
	path := c.Path()
	resource := "same-origin"
	if kind == kindMultipart {
		resource = everySite
	}
	who := r.guest(caller(c), kind, r.from(c).String(), c.Get(fiber.HeaderUserAgent))
	c.Context().HijackSetNoResponse(true)
	c.Context().Hijack(func(conn net.Conn) {
		defer func() {
			if p := recover(); p != nil {
				r.log.Error("stream panicked", "path", path, "panic", p, "stack", string(debug.Stack()))
			}
		}()
		ctx, cancelOnly := context.WithCancel(context.Background())
		woken, wake := waker()
		cancel := func() { cancelOnly(); wake() }
		g := gate.New(conn, wake)
		defer g.Stop()
		e := &endless{
			gather: gather{conn: rawConn(conn), drain: &g.Drain}, guest: who, gate: g, sender: newSender(rawConn(conn)),
			box: outbox{wake: wake}, woken: woken, ctx: ctx, stopf: cancel, hello: hello,
		}
		defer cancel()
		defer r.leave(e)
		if err := conn.SetReadDeadline(time.Time{}); err != nil || !r.enter(e) {
			return
		}
		var reader sync.WaitGroup
		reader.Go(func() {
			defer cancel()
			var b [512]byte
			for {
				if _, err := conn.Read(b[:]); err != nil {
					return
				}
			}
		})
		defer reader.Wait()
		defer gate.Abort(e.conn) // ends the reader
		err := e.put([]byte("HTTP/1.1 200 OK\r\n"+r.rawHeaders(resource)+"Connection: close\r\n"+header+"\r\n"), nil, nil)
		if err == nil {
			err = serve(e)
		}
		if err != nil {
			r.log.Debug("stream ended", "path", path, "err", err)
		}
	})
	return nil
}

// put writes the pieces in one go; body and tail may be nil.
func (e *endless) put(head, body, tail []byte) error {
	if err := e.ctx.Err(); err != nil {
		return err
	}
	return e.write(time.Now().Add(writeTime), head, body, tail)
}

// text, watches, joined, roomChanged and greet make it a client: only a stream of events takes texts.
func (e *endless) text(t text) {
	if e.hello != nil {
		e.box.put(t.key, t.kind, t.body)
	}
}
func (e *endless) watches(id cameraID) bool { return e.shows.is(id) || e.shows.isLog(id) }
func (e *endless) joined() cameraID         { return "" }
func (e *endless) roomChanged(cameraID)     {}
func (e *endless) greet(h wire.Hello) {
	if e.hello != nil {
		e.hello(e, h)
	}
}

// stop ends the stream; a write that hangs is given up soon.
func (e *endless) stop(int, string) {
	e.stopf()
	time.AfterFunc(closeGrace, func() { gate.Abort(e.conn) })
}
