package relay

import (
	"bytes"
	"net"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// How long a client may take. Nobody can hold a connection for long by saying little.
const (
	headerTime  = 10 * time.Second // for a request's headers, from its first byte; on a new connection from its beginning
	bodyGrace   = 5 * time.Second  // for its body, and as long as that takes at the least rate
	bodyRate    = 32 << 10         // bytes per second
	readTimeout = 30 * time.Second // for a body, whatever its size
	answerTime  = time.Minute      // to take an answer, where that is not endless
)

// ordinaryBody is the largest body that is no picture, bytes: memory is taken as soon as a length is told. More is
// taken only of who shows a good token, or a password that was right a while ago.
const ordinaryBody = 256 << 10

// bodyLimits is asked for how long and how large a body may be when its headers are there.
func (r *Relay) bodyLimits(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	t := readTimeout
	if n := h.ContentLength(); n >= 0 && n < bodyRate*int(readTimeout/time.Second) {
		t = min(t, bodyGrace+time.Duration(n)*time.Second/bodyRate)
	}
	most := r.config.MaxBytes + bodySpare
	if path, _, _ := bytes.Cut(h.RequestURI(), []byte("?")); !bytes.HasSuffix(path, []byte("/frames")) && string(path) != "/upload" || !r.mayPush(string(h.Peek(fiber.HeaderAuthorization))) {
		most = min(most, ordinaryBody)
	}
	return fasthttp.RequestConfig{ReadTimeout: t, MaxRequestBodySize: most}
}

// attend notes that a request has come.
func attend(c *fiber.Ctx) error {
	if l := lingeringOf(c.Context().Conn()); l != nil {
		l.crowd.busy(l)
	}
	return c.Next()
}

// connState notes that a connection waits for its next request.
func connState(c net.Conn, s fasthttp.ConnState) {
	if s != fasthttp.StateIdle {
		return
	}
	if l := lingeringOf(c); l != nil {
		l.crowd.idle(l)
	}
}
