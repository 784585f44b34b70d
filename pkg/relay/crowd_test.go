package relay_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/child"
	"linkstart/pkg/logtest"
)

// dial opens a connection from an address of this machine, which the test closes at its end; nil where it was refused at once.
func (w *world) dial(from string) net.Conn {
	w.t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: patience}
	c, err := dialer.DialContext(w.t.Context(), "tcp", strings.TrimPrefix(w.url, "http://"))
	if errors.Is(err, syscall.ECONNRESET) {
		return nil
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = c.Close() })
	return c
}

// ended tells whether the relay has closed a connection, and does not wait long where it has not.
func ended(c net.Conn) bool {
	if c == nil {
		return true
	}
	_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	_, err := c.Read(make([]byte, 1))
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)
}

func count(all []net.Conn, is func(net.Conn) bool) (n int) {
	for _, c := range all {
		if is(c) {
			n++
		}
	}
	return n
}

// TestConnectionsOfOneAddress: an address of this machine may have four times as many as others, and no more; other addresses are
// not concerned.
func TestConnectionsOfOneAddress(t *testing.T) {
	log := &logtest.Buffer{}
	w := newWorldWith(t, func(c *child.Relay) { c.MaxConnections, c.MaxPerAddress = 200, 5 }, &http.Client{Transport: &http.Transport{}}, log,
		info("a", camera.Live))
	w.grab("a").flow(t, 5*time.Millisecond, 1000)
	v := w.view()
	v.say(`{"type":"watch","stream":1,"camera":"a"}`)
	v.untilKind("frame")
	var all []net.Conn
	for range 50 {
		all = append(all, w.dial("127.0.0.9"))
	}
	// Those that are let in end as well when they have said nothing for long enough: how many are refused, the metric tells.
	w.eventually("those above 20 are closed", func() bool { return count(all, ended) >= 30 })
	v.untilKind("frame")
	w.eventually("the metric counts them", func() bool {
		_, b := w.do("GET", "/metrics", nil)
		return strings.Contains(string(b), `linkstart_sockets_refused_total{cause="address"} 30`)
	})
	if n := strings.Count(log.String(), "max_connections_per_address"); n != 1 {
		t.Errorf("the log tells %d times of it: %s", n, log)
	}
	for _, c := range all {
		if c != nil {
			_ = c.Close()
		}
	}
	w.eventually("there is room again", func() bool { return !ended(w.dial("127.0.0.9")) })
}

// TestThoseThatWaitMakeRoom: when there are as many connections as may be, the ones that say nothing go, and those that watch stay.
func TestThoseThatWaitMakeRoom(t *testing.T) {
	log := &logtest.Buffer{}
	w := newWorldWith(t, func(c *child.Relay) { c.MaxConnections, c.MaxPerAddress = 30, 30 }, &http.Client{Transport: &http.Transport{}}, log,
		info("a", camera.Live))
	w.grab("a").flow(t, 5*time.Millisecond, 1000)
	var watching []*viewer
	for range 5 {
		v := w.view()
		v.say(`{"type":"watch","stream":1,"camera":"a"}`)
		v.untilKind("frame")
		watching = append(watching, v)
	}
	for n := range 100 {
		c := w.dial("127.0.0.9")
		if n%2 == 0 {
			fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: localhost\r\n") // and never more
		}
		if n%10 == 0 { // who has something to ask is answered meanwhile
			if resp, _ := w.do("GET", "/healthz", nil); resp.StatusCode != 200 {
				t.Fatalf("status %d", resp.StatusCode)
			}
		}
	}
	for _, v := range watching {
		seq := v.untilKind("frame").head.Seq
		v.until(func(m message) bool { return m.jpeg != nil && m.head.Seq > seq+10 })
	}
	if n := strings.Count(log.String(), "(server.max_connections)"); n != 1 {
		t.Errorf("the log tells %d times of it: %s", n, log)
	}
}

// TestFullOfWatchers: where nobody waits, nobody has to go.
func TestFullOfWatchers(t *testing.T) {
	w := newWorldWith(t, func(c *child.Relay) { c.MaxConnections = 20 }, &http.Client{Transport: &http.Transport{}}, io.Discard, info("a", camera.Live))
	w.grab("a").flow(t, 5*time.Millisecond, 1000)
	var all [20]tally
	for n := range all {
		w.client.CloseIdleConnections()
		c := w.dial("127.0.0.1")
		fmt.Fprint(c, "GET /api/v1/cameras/a/stream.mjpeg HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if _, err := io.ReadFull(c, make([]byte, 500)); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.Copy(&all[n], c) }() // until the test ends: one that is not read from is cut
	}
	for range 20 {
		c := w.dial("127.0.0.1")
		w.eventually("it is closed", func() bool { return ended(c) })
	}
	var before [len(all)]int64
	for n := range all {
		before[n] = all[n].Load()
	}
	for n := range all {
		w.eventually(fmt.Sprintf("viewer %d goes on", n), func() bool { return all[n].Load() >= before[n]+100<<10 })
	}
}

// tally counts the bytes that are written to it.
type tally struct{ atomic.Int64 }

// Write implements io.Writer.
func (t *tally) Write(b []byte) (int, error) {
	t.Add(int64(len(b)))
	return len(b), nil
}

// TestSlowRequestsEnd: headers and bodies that do not come are not waited for, however steadily they drip.
func TestSlowRequestsEnd(t *testing.T) {
	w := newWorld(t, info("a", camera.Live))
	var drips sync.WaitGroup
	defer drips.Wait()
	for name, begin := range map[string]string{
		"headers": "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ",
		"body":    "PUT /api/v1/rooms/main HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n",
		"chunks":  "PUT /api/v1/rooms/main HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
	} {
		drips.Go(func() {
			c := w.dial("127.0.0.1")
			began := time.Now()
			fmt.Fprint(c, begin)
			drip := "a"
			if name == "chunks" {
				drip = "1\r\na\r\n"
			}
			_ = c.SetReadDeadline(time.Now().Add(time.Minute))
			gone := make(chan struct{})
			go func() { defer close(gone); _, _ = io.Copy(io.Discard, c) }()
			for tick := time.NewTicker(200 * time.Millisecond); ; {
				select {
				case <-tick.C:
					_, _ = io.WriteString(c, drip)
					continue
				case <-gone:
				}
				tick.Stop()
				break
			}
			if took := time.Since(began); took > 50*time.Second {
				t.Errorf("%s: waited for during %v", name, took)
			}
		})
	}
}

// TestConnectionsThatAreClosedWhileTheyAsk: who makes room may have sent a request at that moment. The relay goes on.
func TestConnectionsThatAreClosedWhileTheyAsk(t *testing.T) {
	w := newWorldWith(t, func(c *child.Relay) { c.MaxConnections = 3 }, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, io.Discard, info("own", camera.Live))
	var flood sync.WaitGroup
	for range 12 {
		flood.Go(func() {
			for range 250 {
				c, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
				if err != nil {
					continue // there is no room in the queue of the kernel either
				}
				_, _ = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
				_ = c.SetReadDeadline(time.Now().Add(time.Second))
				_, _ = c.Read(make([]byte, 64)) // an answer, or the end
				_ = c.Close()
			}
		})
	}
	flood.Wait()
	w.eventually("the relay answers", func() bool {
		resp, err := w.client.Get(w.url + "/healthz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}
