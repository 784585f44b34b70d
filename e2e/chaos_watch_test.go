package e2e

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"linkstart/bench/stamp"
)

// audience is some viewers who together watch all cameras, each of them over one connection. They connect again by themselves
// as the page does.
type audience struct {
	t       *testing.T
	address string
	shares  [][]string // cameras of each viewer, by number of the stream

	mu      sync.Mutex
	cameras map[string]*seen
	lost    []int // connections that ended, by viewer
	done    sync.WaitGroup
}

// seen is what is known of the live pictures of one camera.
type seen struct {
	made, came time.Time // of the newest: by the camera where it says so, else by the grabber; and here
	seq        uint32
	began      time.Time // when the first picture of its present process came
	gaps       []gap
}

// gap is a time without live pictures of a camera.
type gap struct{ from, to time.Time }

func (g gap) meets(o gap) bool { return g.from.Before(o.to) && g.to.After(o.from) }

const (
	viewers = 4
	longGap = 2 * time.Second // what counts as a disturbance
	enough  = 50              // pictures of a process, so that the next one is known by a smaller number though the first ones be missed
)

// audience returns when enough pictures of each camera have come.
func (s *system) audience(t *testing.T, cameras []string) *audience {
	t.Helper()
	a := &audience{
		t: t, address: "ws://" + s.addr + "/ws",
		shares: make([][]string, viewers), lost: make([]int, viewers), cameras: make(map[string]*seen),
	}
	for i, id := range cameras {
		a.shares[i%viewers] = append(a.shares[i%viewers], id)
		a.cameras[id] = &seen{}
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); a.done.Wait() })
	for n := range viewers {
		a.done.Go(func() {
			for ctx.Err() == nil {
				a.watch(ctx, n)
				select {
				case <-ctx.Done():
				case <-time.After(200 * time.Millisecond):
				}
			}
		})
	}
	for _, id := range cameras {
		if _, err := s.camera(id); err != nil {
			continue // it will be added
		}
		eventually(t, "enough pictures of "+id, func() error {
			a.mu.Lock()
			defer a.mu.Unlock()
			if n := a.cameras[id].seq; n < enough {
				return fmt.Errorf("%d", n)
			}
			return nil
		})
	}
	return a
}

// watch looks on as viewer n until the connection ends.
func (a *audience) watch(ctx context.Context, n int) {
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
	there := make(map[string]bool) // cameras that the relay has told of
	for err == nil {
		var kind websocket.MessageType
		var b []byte
		kind, b, err = conn.Read(ctx)
		switch {
		case err != nil:
		case kind == websocket.MessageText:
			err = a.text(ctx, conn, a.shares[n], there, b)
		default:
			err = a.picture(ctx, conn, a.shares[n], b)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lost[n]++
}

// text watches the cameras that were not there before.
func (a *audience) text(ctx context.Context, conn *websocket.Conn, share []string, there map[string]bool, b []byte) error {
	var m message
	if err := json.Unmarshal(b, &m); err != nil || m.Type != "hello" && m.Type != "cameras" {
		return err
	}
	before := make(map[string]bool)
	for id := range there {
		before[id] = true
	}
	clear(there)
	for _, c := range m.Cameras {
		there[c.ID] = true
		stream := slices.Index(share, c.ID)
		if stream < 0 || before[c.ID] {
			continue
		}
		if err := conn.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"type":"watch","stream":%d,"camera":%q}`, stream, c.ID)); err != nil {
			return err
		}
	}
	return nil
}

// picture notes and acknowledges it.
func (a *audience) picture(ctx context.Context, conn *websocket.Conn, share []string, b []byte) error {
	if len(b) < 24 || int(binary.BigEndian.Uint16(b[2:])) >= len(share) {
		return fmt.Errorf("a message of %d bytes that is no picture", len(b))
	}
	stream, seq := binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[4:])
	if b[1]&1 == 0 {
		_, made, ok := stamp.Find(b[24:])
		if !ok {
			made = time.UnixMicro(int64(binary.BigEndian.Uint64(b[8:])))
		}
		a.saw(share[stream], seq, made, time.Now())
	}
	return conn.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"type":"ack","stream":%d,"seq":%d}`, stream, seq))
}

func (a *audience) saw(id string, seq uint32, made, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.cameras[id]
	if !c.came.IsZero() && now.Sub(c.came) > longGap {
		c.gaps = append(c.gaps, gap{c.came, now})
	}
	if c.began.IsZero() || seq < c.seq { // a process counts its pictures from 1
		c.began = now
	}
	c.made, c.came, c.seq = made, now, seq
}

// forget is for a camera that was taken away: that it has no pictures disturbs nobody.
func (a *audience) forget(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cameras[id] = &seen{gaps: a.cameras[id].gaps}
}

// again waits for a picture made after from, and returns how long that took from then.
func (a *audience) again(t *testing.T, what, id string, from time.Time) time.Duration {
	t.Helper()
	return a.await(t, what+": pictures of "+id, id, from, func(c *seen) time.Time { return c.made })
}

// anew is again for a picture by another process than that which ran at from.
func (a *audience) anew(t *testing.T, what, id string, from time.Time) time.Duration {
	t.Helper()
	return a.await(t, what+": pictures by a new process of "+id, id, from, func(c *seen) time.Time { return c.began })
}

func (a *audience) await(t *testing.T, what, id string, from time.Time, moment func(*seen) time.Time) time.Duration {
	t.Helper()
	var took time.Duration
	eventually(t, what, func() error {
		a.mu.Lock()
		defer a.mu.Unlock()
		c := a.cameras[id]
		if at := moment(c); !at.After(from) {
			return fmt.Errorf("the newest is of %s before", from.Sub(at))
		}
		took = c.came.Sub(from)
		return nil
	})
	return took
}
