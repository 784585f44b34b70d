package relay_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/coder/websocket"

	"linkstart/pkg/camera"
	"linkstart/pkg/thinlink"
)

const (
	mainSize = 65 << 10
	subSize  = 8 << 10
	period   = 40 * time.Millisecond
)

// got is a picture as a viewer behind a thin link gets it.
type got struct {
	seq  uint32
	size int
	age  time.Duration
	at   time.Time
}

// source gives a viewer's next picture.
type source func() got

func thinWorld(t testing.TB, rate int) (*world, *thinlink.Link) {
	t.Helper()
	link, err := thinlink.Open(t.Context(), rate)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := link.Close(); err != nil {
			t.Error(err)
		}
	})
	return newWorldAt(t, link.Host(), info("a", camera.Live)), link
}

// thinSecureWorld is thinWorld with TLS.
func thinSecureWorld(t testing.TB, rate int) (*world, *thinlink.Link) {
	t.Helper()
	link, err := thinlink.Open(t.Context(), rate)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := link.Close(); err != nil {
			t.Error(err)
		}
	})
	return secureWorld(t, link.Host(), io.Discard, info("a", camera.Live)), link
}

func client(w *world, link *thinlink.Link) *http.Client {
	transport := &http.Transport{DialContext: link.DialContext, TLSClientConfig: w.trust}
	w.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (w *world) thinView(link *thinlink.Link) *viewer {
	w.t.Helper()
	conn, _, err := websocket.Dial(w.t.Context(), w.url+"/ws", &websocket.DialOptions{HTTPClient: client(w, link)})
	if err != nil {
		w.t.Fatal(err)
	}
	conn.SetReadLimit(8 << 20)
	w.t.Cleanup(func() { _ = conn.CloseNow() })
	return &viewer{w.t, conn}
}

func overWebSocket(acks bool) func(*world, *thinlink.Link) source {
	return func(w *world, link *thinlink.Link) source {
		v := w.thinView(link)
		v.say(`{"type":"watch","stream":1,"camera":"a"}`)
		return func() got {
			m := v.untilKind("frame")
			now := time.Now()
			if acks {
				v.say(`{"type":"ack","stream":1,"seq":%d}`, m.head.Seq)
			}
			return got{m.head.Seq, len(m.jpeg), now.Sub(m.head.Captured), now}
		}
	}
}

func overMultipart(w *world, link *thinlink.Link) source {
	return w.parts(client(w, link), "")
}

func (w *world) parts(c *http.Client, query string) source {
	w.t.Helper()
	next := w.openParts(c, query)
	return func() got {
		w.t.Helper()
		g, err := next()
		if err != nil {
			w.t.Fatal(err)
		}
		return g
	}
}

// openParts is parts for any goroutine.
func (w *world) openParts(c *http.Client, query string) func() (got, error) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+"/api/v1/cameras/a/stream.mjpeg"+query, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { cancel(); _ = resp.Body.Close() })
	parts := multipart.NewReader(bufio.NewReader(resp.Body), "linkstart-frame")
	return func() (got, error) {
		p, err := parts.NextRawPart()
		if err != nil {
			return got{}, err
		}
		size, err := io.Copy(io.Discard, p)
		if err != nil {
			return got{}, err
		}
		now := time.Now()
		seq, err := strconv.ParseUint(p.Header.Get("X-Frame-Seq"), 10, 32)
		if err != nil {
			return got{}, err
		}
		captured, err := time.Parse(time.RFC3339Nano, p.Header.Get("X-Frame-Captured"))
		if err != nil {
			return got{}, err
		}
		return got{uint32(seq), int(size), now.Sub(captured), now}, nil
	}
}

// crowd has twelve viewers, or more where open opens several, take pictures at once, since one that takes none is cut: ten each when
// all are there. What open returns takes one.
func (w *world) crowd(open func() []func() error) {
	w.t.Helper()
	all := make(chan struct{})
	ended := make(chan error, 100)
	count := 0
	for n := range 12 {
		for _, next := range open() {
			count++
			go func() {
				for left := 10; left > 0; {
					if err := next(); err != nil {
						ended <- fmt.Errorf("viewer %d: %w", n, err)
						return
					}
					select {
					case <-all:
						left--
					default:
					}
				}
				ended <- nil
			}()
		}
	}
	close(all)
	for range count {
		if err := <-ended; err != nil {
			w.t.Error(err)
		}
	}
}

// TestMultipartOfManyViewers is the same for each of them, though the kernel sends it.
func TestMultipartOfManyViewers(t *testing.T) {
	w := newWorld(t, info("a", camera.Live))
	w.grab("a").flow(t, period, mainSize)
	want := len(picture("a", mainSize))
	w.crowd(func() []func() error {
		client := &http.Client{Transport: &http.Transport{}}
		t.Cleanup(client.CloseIdleConnections)
		next, last := w.openParts(client, ""), uint32(0)
		return []func() error{func() error {
			got, err := next()
			if err == nil && (got.seq <= last || got.size != want) {
				err = fmt.Errorf("picture %d of %d bytes after %d, want %d", got.seq, got.size, last, want)
			}
			last = got.seq
			return err
		}}
	})
}

var ways = []struct {
	name  string
	world func(testing.TB, int) (*world, *thinlink.Link)
	open  func(*world, *thinlink.Link) source
}{
	{"WebSocket with acks", thinWorld, overWebSocket(true)},
	{"WebSocket without acks", thinWorld, overWebSocket(false)},
	{"multipart", thinWorld, overMultipart},
	{"WebSocket without acks over TLS", thinSecureWorld, overWebSocket(false)},
	{"multipart over TLS", thinSecureWorld, overMultipart},
}

// TestThinLinkCarriesOnlyNewPictures is what a viewer behind 6 Mbit/s gets of a camera that gives 13. A picture takes 87 ms on the
// link, in which the camera makes two; four have been made by the time that one arrives which was chosen in time, and twelve where
// the kernel and the link's buffer are filled.
func TestThinLinkCarriesOnlyNewPictures(t *testing.T) {
	const rate, warm, count = 6_000_000, 10, 60
	const behind = 8 // pictures
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			w, link := way.world(t, rate)
			camera := w.grab("a")
			camera.flow(t, period, mainSize)
			next := way.open(w, link)
			var came []got
			var behindNewest []uint32
			passed := 0
			// On a busy machine the camera may make too few pictures for a while.
			for n := 0; n < warm+count || passed < count/4 && n < 10*count; n++ {
				g := next()
				if n > 0 && g.seq <= came[n-1].seq {
					t.Fatalf("picture %d after %d", g.seq, came[n-1].seq)
				}
				came, behindNewest = append(came, g), append(behindNewest, camera.newest()-g.seq)
				passed = int(g.seq-came[max(0, n+1-count)].seq) - count + 1
			}
			judged := came[len(came)-count:]
			begin, last := judged[0], judged[count-1]
			lags := behindNewest[len(came)-count+1:]
			var ages []time.Duration
			bytes := 0
			for _, g := range judged[1:] {
				ages, bytes = append(ages, g.age), bytes+g.size
			}
			slices.Sort(ages)
			used := float64(bytes) * 8 / last.at.Sub(begin.at).Seconds() / rate
			t.Logf("age p50 %v p99 %v, %.0f %% of the link carries pictures", ages[len(ages)/2], ages[len(ages)*99/100], 100*used)
			slices.Sort(lags)
			if half := lags[len(lags)/2]; half > behind {
				t.Errorf("half of the pictures are %d or more behind the newest", half)
			}
			if passed < count/4 {
				t.Errorf("%d pictures were passed over: the link was not too thin for them all", passed)
			}
		})
	}
}
