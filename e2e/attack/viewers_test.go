package attack

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// viewer is an honest one: it counts the pictures that it gets.
type viewer struct {
	name string
	mu   sync.Mutex
	at   []time.Time
	err  error
}

func (v *viewer) got() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.at = append(v.at, time.Now())
}

func (v *viewer) failed(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.err = err
}

// seen is how many pictures have come, and why no more do.
func (v *viewer) seen() (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.at), v.err
}

// watch opens the honest viewers: two over WebSocket that acknowledge, as the page does, and one over multipart. They end with the test.
func (g *target) watch() []*viewer {
	g.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	g.t.Cleanup(func() { cancel(); running.Wait() })
	var all []*viewer
	for name, run := range map[string]func(context.Context, *viewer) error{
		"WebSocket, clock": g.webSocket("clock"), "WebSocket, ball": g.webSocket("ball"), "multipart, clock": g.multipart("clock"),
	} {
		v := &viewer{name: name}
		all = append(all, v)
		running.Go(func() { v.failed(run(ctx, v)) })
	}
	g.flows(all)
	return all
}

// flows waits until every viewer has got some more pictures.
func (g *target) flows(all []*viewer) {
	g.t.Helper()
	for _, v := range all {
		before, _ := v.seen()
		g.eventually(v.name+" gets pictures", func() error {
			now, err := v.seen()
			if err != nil {
				g.t.Fatalf("%s was cut off: %v", v.name, err)
			}
			if now < before+5 {
				return fmt.Errorf("%d have come", now-before)
			}
			return nil
		})
	}
}

func (g *target) webSocket(camera string) func(context.Context, *viewer) error {
	return func(ctx context.Context, v *viewer) error {
		c, _, err := websocket.Dial(ctx, "ws://"+g.addr+"/ws", nil)
		if err != nil {
			return err
		}
		defer func() { _ = c.CloseNow() }()
		c.SetReadLimit(16 << 20)
		if err := c.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"type":"watch","stream":1,"camera":%q}`, camera)); err != nil {
			return err
		}
		for {
			kind, b, err := c.Read(ctx)
			if err != nil {
				return err
			}
			if kind != websocket.MessageBinary || len(b) < 24 {
				continue
			}
			v.got()
			ack := fmt.Appendf(nil, `{"type":"ack","stream":1,"seq":%d}`, binary.BigEndian.Uint32(b[4:]))
			if err := c.Write(ctx, websocket.MessageText, ack); err != nil {
				return err
			}
		}
	}
}

func (g *target) multipart(camera string) func(context.Context, *viewer) error {
	return func(ctx context.Context, v *viewer) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.addr+"/api/v1/cameras/"+camera+"/stream.mjpeg", nil)
		if err != nil {
			return err
		}
		resp, err := honest.Do(req)
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		for parts := multipart.NewReader(resp.Body, "linkstart-frame"); ; {
			p, err := parts.NextRawPart()
			if err != nil {
				return err
			}
			if _, err := io.Copy(io.Discard, p); err != nil {
				return err
			}
			v.got()
		}
	}
}
