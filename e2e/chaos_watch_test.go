package e2e

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// audience watches cameras over one connection, and connects again by itself as the page does.
type audience struct {
	t       *testing.T
	address string
	cameras []string // by number of the stream

	mu   sync.Mutex
	last map[string]time.Time // when the newest live picture was captured
	gaps map[string][]gap
	came map[string]time.Time
	connected,
	lost int
	done sync.WaitGroup
}

// gap is a time without live pictures of a camera.
type gap struct{ from, to time.Time }

// longGap is what counts as a disturbance.
const longGap = 2 * time.Second

func (s *system) audience(t *testing.T, cameras []string) *audience {
	t.Helper()
	a := &audience{
		t: t, address: "ws://" + s.addr + "/ws", cameras: cameras,
		last: make(map[string]time.Time), came: make(map[string]time.Time), gaps: make(map[string][]gap),
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); a.done.Wait() })
	a.done.Go(func() {
		for ctx.Err() == nil {
			a.watch(ctx)
			select {
			case <-ctx.Done():
			case <-time.After(200 * time.Millisecond):
			}
		}
	})
	return a
}

// watch looks on until the connection ends.
func (a *audience) watch(ctx context.Context) {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	dialing, cancel := context.WithTimeout(ctx, 5*time.Second)
	conn, _, err := websocket.Dial(dialing, a.address, &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
	cancel()
	if err != nil {
		return
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(16 << 20)
	a.mu.Lock()
	a.connected++
	a.mu.Unlock()
	for i, id := range a.cameras {
		if err := conn.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"type":"watch","stream":%d,"camera":%q}`, i, id)); err != nil {
			return
		}
	}
	for {
		kind, b, err := conn.Read(ctx)
		if err != nil {
			a.mu.Lock()
			a.lost++
			a.mu.Unlock()
			return
		}
		if kind != websocket.MessageBinary || len(b) < 24 {
			continue
		}
		stream := binary.BigEndian.Uint16(b[2:])
		if int(stream) >= len(a.cameras) {
			a.t.Errorf("a picture of stream %d", stream)
			return
		}
		if b[1]&1 == 0 {
			a.saw(a.cameras[stream], time.UnixMicro(int64(binary.BigEndian.Uint64(b[8:]))), time.Now())
		}
		if err := conn.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"type":"ack","stream":%d,"seq":%d}`, stream, binary.BigEndian.Uint32(b[4:]))); err != nil {
			return
		}
	}
}

func (a *audience) saw(id string, captured, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if before := a.came[id]; !before.IsZero() && now.Sub(before) > longGap {
		a.gaps[id] = append(a.gaps[id], gap{before, now})
	}
	a.last[id], a.came[id] = captured, now
}

// newest returns when the newest live picture was captured, and when it came; zero for none.
func (a *audience) newest(id string) (captured, came time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last[id], a.came[id]
}

// again waits for a picture captured after t and returns how long that took from then.
func (a *audience) again(t *testing.T, what, id string, from time.Time) time.Duration {
	t.Helper()
	var took time.Duration
	eventually(t, what+": pictures of "+id, func() error {
		captured, came := a.newest(id)
		if !captured.After(from) {
			return fmt.Errorf("the newest was captured %s before", from.Sub(captured))
		}
		took = came.Sub(from)
		return nil
	})
	return took
}
