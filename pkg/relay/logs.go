package relay

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/nats-io/nats.go"

	"linkstart/pkg/control"
)

const (
	maxLogLines = 10_000
	logsQueued  = 256 // lines that may wait for a slow reader; more are dropped
)

// logs answers with a camera's newest log lines as text, and with follow=1 goes on with each new one.
func (r *Relay) logs(c *fiber.Ctx) error {
	i, err := r.known(c)
	if err != nil {
		return err
	}
	lines, err := strconv.Atoi(c.Query("lines", "0"))
	if err != nil || lines < 0 || lines > maxLogLines {
		return refuse(codeBadRequest, "The parameter lines takes a number of 0 (all that are kept) to %d.", maxLogLines)
	}
	follow, err := strconv.ParseBool(c.Query("follow", "0"))
	if err != nil {
		return refuse(codeBadRequest, "The parameter follow takes 0 or 1.")
	}
	order := control.Request{Camera: i.ID, Lines: lines}
	if !follow || c.Method() == fiber.MethodHead {
		c.Set(fiber.HeaderContentType, fiber.MIMETextPlainCharsetUTF8)
		b, err := r.pastLogs(c.UserContext(), order)
		if err != nil {
			return err
		}
		return c.Send(b)
	}
	if _, err := r.pastLogs(c.UserContext(), control.Request{Camera: i.ID, Lines: 1}); err != nil {
		return err // while it can still be said as a problem
	}
	return r.hijack(c, kindLogs, "Content-Type: text/plain; charset=utf-8\r\n", nil, func(e *endless) error {
		return r.followLogs(e, order)
	})
}

// followLogs subscribes before it asks for the past: a line may come twice, none is lost.
func (r *Relay) followLogs(e *endless, order control.Request) (err error) {
	e.shows.beginLog(order.Camera)
	coming := make(chan *nats.Msg, logsQueued)
	sub, err := r.nc.ChanSubscribe(r.subjects.Log(order.Camera), coming)
	if err != nil {
		return fmt.Errorf("subscribe to logs: %w", err)
	}
	defer func() { err = errors.Join(err, sub.Unsubscribe()) }()
	past, err := r.pastLogs(e.ctx, order)
	if err != nil {
		return err
	}
	if err := e.put(past, nil, nil); err != nil {
		return err
	}
	for {
		select {
		case <-e.ctx.Done():
			return nil
		case m := <-coming:
			if err := e.put(bytes.TrimRight(m.Data, "\n"), newline, nil); err != nil {
				return err
			}
		}
	}
}

var newline = []byte("\n")

func (r *Relay) pastLogs(ctx context.Context, order control.Request) ([]byte, error) {
	i, _ := r.cameras.Get(order.Camera)
	reply, err := r.supervisor.At(cmp.Or(i.Node, r.supervisor.Node())).Do(ctx, control.Logs, order)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	for _, line := range reply.Lines {
		b.WriteString(line)
		b.WriteByte('\n')
	}
	return []byte(b.String()), nil
}
