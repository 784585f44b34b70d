package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"linkstart/bench/view"
	"linkstart/pkg/camera"
	"linkstart/pkg/certificate/certtest"
	"linkstart/pkg/control"
	"linkstart/pkg/thinlink"
)

const sitePassword = "of-the-site-and-nobody-else"

// pair is a site, and behind a link that is thin from the site on, a hub.
type pair struct {
	link      *thinlink.Link
	hub, edge *system
}

// newPair starts both, with TLS between them.
func newPair(t *testing.T, bitsPerSecond int, uplink, cameras string) *pair {
	t.Helper()
	link, err := thinlink.Open(t.Context(), bitsPerSecond)
	if errors.Is(err, thinlink.ErrNotRoot) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := link.Close(); err != nil {
			t.Error(err)
		}
	})
	p := &pair{link: link}
	p.hub = prepare(t, "")
	p.hub.exec = func(name string, args ...string) *exec.Cmd { return link.Command(t.Context(), name, args...) }
	transport := &http.Transport{DialContext: link.DialContext}
	p.hub.client = &http.Client{Transport: transport}
	files, _ := certtest.Write(t, p.hub.dir, "hub", time.Now().Add(24*time.Hour), net.ParseIP(link.Peer()))
	p.hub.configure(fmt.Sprintf(`
node: hub
bus:
  listen: "[::ffff:%[1]s]:4222" # an address that is written otherwise than the system tells it is known all the same
  leaves: %[1]s:7422
  tls: {cert: %[2]s, key: %[3]s}
  users: [{name: edge1, password: %[4]s, role: site}]
cameras: []
`, link.Peer(), files.Cert, files.Key, sitePassword))
	p.edge = prepare(t, fmt.Sprintf(`
node: edge1
bus: {hub: {url: "tls://%s:4222", user: edge1, password: "${SITE}", ca: %s}}
%s
cameras:
%s`, link.Peer(), files.Cert, uplink, cameras), "SITE="+sitePassword)
	for _, s := range []*system{p.hub, p.edge} {
		s.launch()
		t.Cleanup(s.stop)
	}
	return p
}

// uplink is how the site's uplink fares.
func (p *pair) uplink() control.Uplink {
	t := p.edge.t
	t.Helper()
	nc, access := p.edge.bus()
	defer nc.Close()
	var reply control.Reply
	p.edge.eventually("the supervisor tells of its uplink", func() (err error) {
		reply, err = control.NewClient(nc, access).Do(t.Context(), control.Status, control.Request{})
		if err == nil && (reply.System == nil || reply.System.Uplink == nil) {
			err = errors.New("it says nothing")
		}
		return err
	})
	return *reply.System.Uplink
}

// watch opens viewers at the hub, each of which reads all that comes until the test ends or stop is called. A picture on pictures is one
// that the first of them has got. A viewer bears the time that a site may take to be restarted.
func (p *pair) watch(id string, viewers int, query ...string) (pictures <-chan view.Frame, stop func()) {
	t := p.hub.t
	t.Helper()
	seen := make(chan view.Frame, 1)
	var all []*view.Multipart
	var reading sync.WaitGroup
	for n := range viewers {
		v, err := view.Get(t.Context(), p.hub.addr, "/api/v1/cameras/"+id+"/stream.mjpeg"+strings.Join(query, ""), view.Options{Dial: p.link.DialContext, Silence: 2 * patience})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
		reading.Go(func() {
			for {
				f, err := v.Picture()
				if err != nil {
					return
				}
				if n > 0 {
					continue
				}
				select {
				case seen <- f:
				default:
				}
			}
		})
	}
	stop = sync.OnceFunc(func() {
		for _, v := range all {
			_ = v.Close() // ends the reader
		}
		reading.Wait()
	})
	t.Cleanup(stop)
	return seen, stop
}

// next waits for pictures that come from now on.
func next(t *testing.T, pictures <-chan view.Frame, n int) {
	t.Helper()
	begin := time.Now()
	limit := time.After(patience)
	for n > 0 {
		select {
		case f := <-pictures:
			if f.At.After(begin) {
				n--
			}
		case <-limit:
			t.Fatal("no pictures come")
		}
	}
}

// sent is how many bytes the link has carried.
func (p *pair) sent() float64 {
	t := p.edge.t
	t.Helper()
	n, err := p.link.Sent()
	if err != nil {
		t.Fatal(err)
	}
	return float64(n)
}

// crossed has viewers watch a camera until at least so many pictures have crossed and none is under way any more, and returns how many
// it were, the bytes of their JPEGs, and those on the link without the idle ones, of which so many cross each second.
func (p *pair) crossed(id string, viewers int, atLeast uint64, idle float64) (pictures, jpeg, link float64) {
	p.edge.t.Helper()
	began, before, from := time.Now(), p.uplink(), p.sent()
	_, stop := p.watch(id, viewers)
	p.edge.eventually("pictures cross", func() error {
		if n := p.uplink().Frames - before.Frames; n < atLeast {
			return fmt.Errorf("%d have", n)
		}
		return nil
	})
	stop()
	var after control.Uplink
	p.edge.eventually("nobody watches", func() error {
		if after = p.uplink(); after.Streams != 0 {
			return fmt.Errorf("%d streams", after.Streams)
		}
		return nil
	})
	link = p.sent() - from - idle*time.Since(began).Seconds()
	return float64(after.Frames - before.Frames), float64(after.Bytes - before.Bytes), link
}

// TestHub: a site behind a thin link, whose cameras are watched and ordered at a hub.
func TestHub(t *testing.T) {
	t.Parallel()
	p := newPair(t, 40_000_000, "uplink: {main_fps: 10, sub_fps: 1}", `
  - {id: gate, name: Gate, source: "test:clock"}
  - {id: yard, source: "test:bars"}
`)
	p.hub.becomes("gate", camera.Live)
	if i := p.hub.becomes("yard", camera.Live); i.Node != "edge1" {
		t.Errorf("the camera is of %q", i.Node)
	}

	t.Run("orders", func(t *testing.T) {
		if status, _, body := p.hub.request("POST", "/api/v1/cameras/yard/restart", nil, "Content-Type", "application/json"); status != http.StatusAccepted {
			t.Errorf("restart: %d %s", status, body)
		}
		p.hub.eventually("it is restarted", func() error {
			i, err := p.hub.camera("yard")
			if err == nil && (i.Restarts != 1 || i.State != camera.Live) {
				err = fmt.Errorf("%d restarts, %s", i.Restarts, i.State)
			}
			return err
		})
		if _, _, body := p.hub.request("GET", "/api/v1/cameras/yard/logs", nil); !strings.Contains(string(body), "restart ordered") {
			t.Errorf("its log at the hub is %s", body)
		}
		if out, err := p.hub.command("status"); err != nil || !strings.Contains(out, "edge1") || !strings.Contains(out, "yard") {
			t.Errorf("status at the hub: %v\n%s", err, out)
		}
		if out, err := p.hub.command("stop", "yard"); err != nil {
			t.Errorf("stop: %v %s", err, out)
		}
		p.hub.becomes("yard", camera.Stopped)
		if out, err := p.hub.command("start", "yard"); err != nil {
			t.Errorf("start: %v %s", err, out)
		}
		p.hub.becomes("yard", camera.Live)
		if out, err := p.hub.command("select", "main", "yard"); err != nil {
			t.Errorf("select: %v %s", err, out)
		}
		p.hub.eventually("the hub's room shows it", func() error {
			_, _, body := p.hub.request("GET", "/api/v1/rooms/main", nil)
			var room struct{ Camera string }
			if err := json.Unmarshal(body, &room); err != nil || room.Camera != "yard" {
				return fmt.Errorf("%s", body)
			}
			return nil
		})
		if _, _, body := p.edge.request("GET", "/api/v1/rooms/main", nil); strings.Contains(string(body), "yard") {
			t.Errorf("the site's own room shows %s", body)
		}
	})

	t.Run("bytes", func(t *testing.T) {
		began, before := time.Now(), p.sent()
		time.Sleep(3 * time.Second) // in which 75 pictures are taken
		idle := (p.sent() - before) / time.Since(began).Seconds()
		for _, viewers := range []int{1, 10} {
			pictures, jpeg, link := p.crossed("gate", viewers, 25, idle)
			t.Logf("bytes on the link: %.0f a second that nobody watches; for each of %.0f pictures %.4f with %d viewers", idle, pictures, link/jpeg, viewers)
			if second := 10 * jpeg / pictures; 3*idle > 2.5*second/10 {
				t.Errorf("%.0f bytes cross each second that nobody watches; those of pictures are %.0f", idle, second)
			}
			if link > 1.10*jpeg {
				t.Errorf("with %d viewers %.3f bytes cross for each of a picture", viewers, link/jpeg)
			}
		}
	})

	t.Run("capped", func(t *testing.T) { // at one small picture a second, where the site's own viewers get as many as there are
		site, err := view.Get(t.Context(), p.edge.addr, "/api/v1/cameras/gate/stream.mjpeg?rendition=sub", view.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var here atomic.Int64
		var reading sync.WaitGroup
		reading.Go(func() {
			for {
				if _, err := site.Picture(); err != nil {
					return
				}
				here.Add(1)
			}
		})
		defer func() { _ = site.Close(); reading.Wait() }() // which ends the reader
		pictures, stop := p.watch("gate", 1, "?rendition=sub")
		defer stop()
		next(t, pictures, 3)
		before := here.Load()
		next(t, pictures, 10)
		if n := here.Load() - before; n < 20 {
			t.Errorf("10 pictures have crossed, while the site saw %d", n)
		}
	})
}

// TestUplinkCutForAMinute: the site works alone, the hub says so, and both find each other again.
func TestUplinkCutForAMinute(t *testing.T) {
	t.Parallel()
	p := newPair(t, 40_000_000, "", `  - {id: gate, source: "test:clock"}`)
	p.hub.becomes("gate", camera.Live)
	pictures, _ := p.watch("gate", 1)
	next(t, pictures, 3)
	if err := p.link.Cut(t.Context()); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if i := p.hub.becomes("gate", camera.Reconnecting); !strings.Contains(i.Error, "edge1") {
		t.Errorf("the hub says of it: %s", i.Error)
	}
	for time.Since(began) < time.Minute { // the site works alone
		before := p.edge.becomes("gate", camera.Live)
		if status, _, _ := p.edge.insist("GET", "/api/v1/cameras/gate/snapshot.jpg", nil); status != http.StatusOK {
			t.Errorf("a snapshot at the site: %d", status)
		}
		if before.Restarts != 0 {
			t.Errorf("the camera was restarted")
		}
		time.Sleep(2 * time.Second)
	}
	if u := p.uplink(); u.Connected {
		t.Error("the uplink thinks that it is connected")
	}
	if err := p.link.Mend(t.Context()); err != nil {
		t.Fatal(err)
	}
	mended := time.Now()
	next(t, pictures, 1)
	t.Logf("pictures come again %.1f s after the link was mended", time.Since(mended).Seconds())
	p.hub.becomes("gate", camera.Live)
}

// TestHubAndSiteRestart: whoever is restarted is found again, the viewers of the other notice no more than they must.
func TestHubAndSiteRestart(t *testing.T) {
	t.Parallel()
	p := newPair(t, 40_000_000, "", `  - {id: gate, source: "test:clock"}`)
	p.hub.becomes("gate", camera.Live)
	pid := p.edge.becomes("gate", camera.Live).PID
	p.hub.stop()
	p.hub.launch()
	p.hub.becomes("gate", camera.Live)
	pictures, stop := p.watch("gate", 1)
	next(t, pictures, 3)
	if i := p.edge.becomes("gate", camera.Live); i.PID != pid {
		t.Error("the restart of the hub has restarted the camera")
	}
	p.edge.stop()
	p.hub.becomes("gate", camera.Reconnecting)
	p.edge.launch()
	p.hub.becomes("gate", camera.Live)
	next(t, pictures, 3)
	stop()

	relay := p.edge.relay() // of the processes relay and uplink one
	if err := syscall.Kill(relay, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.edge.ready()
	pictures, _ = p.watch("gate", 1)
	next(t, pictures, 3)

	authorities := filepath.Join(p.hub.dir, "cert.pem")
	pem, err := os.ReadFile(authorities)
	if err != nil {
		t.Fatal(err)
	}
	uplinks := func() int { return strings.Count(p.edge.out.String(), "uplink started") }
	started := uplinks()
	for _, renewed := range []bool{false, true} {
		if renewed {
			if err := os.WriteFile(authorities, append(pem, '\n'), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if out, err := p.edge.command("reload"); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	p.edge.eventually("the uplink is told of renewed authorities, once", func() error {
		if n := uplinks() - started; n != 1 {
			return fmt.Errorf("it was started anew %d times", n)
		}
		return nil
	})
	next(t, pictures, 3)
}

// heavyCamera is a camera over HTTP whose pictures are some 70 KB, 20 of them a second, and cost a busy machine little.
func heavyCamera(t *testing.T) (source string) {
	t.Helper()
	var pictures [2][]byte // not the same one again, which is sent once a second only
	for i := range pictures {
		img := image.NewRGBA(image.Rect(0, 0, 320, 240))
		for j := range img.Pix {
			img.Pix[j] = byte(rand.IntN(256))
		}
		var b bytes.Buffer
		if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 90}); err != nil {
			t.Fatal(err)
		}
		pictures[i] = b.Bytes()
	}
	over, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=b")
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i ^= 1 {
			fmt.Fprintf(w, "--b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n", len(pictures[i]), pictures[i])
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-over.Done():
				return
			case <-tick.C:
			}
		}
	}))
	t.Cleanup(func() { cancel(); server.Close() })
	return server.URL
}

// TestSaturatedUplink: a link that cannot carry what is watched carries the newest pictures, and orders as ever.
func TestSaturatedUplink(t *testing.T) {
	t.Parallel()
	p := newPair(t, 1_000_000, "", fmt.Sprintf(`
  - {id: gate, source: %[1]q}
  - {id: yard, source: %[1]q}
`, heavyCamera(t)))
	p.hub.becomes("gate", camera.Live)
	p.hub.becomes("yard", camera.Live)
	gate, _ := p.watch("gate", 1)
	yard, _ := p.watch("yard", 1)
	next(t, gate, 5)
	next(t, yard, 5)
	for range 3 {
		if status, _, body := p.hub.request("POST", "/api/v1/cameras/yard/restart", nil, "Content-Type", "application/json"); status != http.StatusAccepted {
			t.Errorf("restart: %d %s", status, body)
		}
		p.hub.becomes("yard", camera.Live)
		next(t, yard, 2)
	}
	next(t, gate, 2)
	p.edge.eventually("the link does not carry all", func() error {
		u := p.uplink()
		if u.Shed == 0 {
			return fmt.Errorf("%d pictures have crossed, none was passed over", u.Frames)
		}
		t.Logf("%d pictures crossed, %d were passed over", u.Frames, u.Shed)
		return nil
	})
}
