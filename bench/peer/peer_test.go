package peer_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"linkstart/bench/peer"
	"linkstart/bench/stamp"
	"linkstart/bench/view"
)

const fakeRole = "LINKSTART_BENCH_FAKE_GO2RTC"

func TestMain(m *testing.M) {
	if os.Getenv(fakeRole) != "" {
		if err := fake(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

var picture = func() []byte {
	mark := stamp.Mark(3, time.Now())
	return append(append([]byte{0xff, 0xd8}, mark[:]...), make([]byte, 5000)...)
}()

// fake is what go2rtc's documentation describes, as far as it is used: -config, api.listen, /api/stream.mjpeg, /api/ws.
func fake() error {
	if len(os.Args) != 3 || os.Args[1] != "-config" {
		return fmt.Errorf("arguments %q", os.Args)
	}
	conf, err := os.ReadFile(os.Args[2])
	if err != nil {
		return err
	}
	api := regexp.MustCompile(`api: \{listen: "([^"]+)"\}`).FindSubmatch(conf)
	if api == nil || !regexp.MustCompile(`(?m)^  camera1: "http://camera/one"$`).Match(conf) {
		return fmt.Errorf("configuration %s", conf)
	}
	http.HandleFunc("/api/stream.mjpeg", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("src") != "camera1" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=frame")
		for r.Context().Err() == nil {
			fmt.Fprintf(w, "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n", len(picture), picture)
			_ = http.NewResponseController(w).Flush()
			time.Sleep(time.Millisecond)
		}
	})
	http.HandleFunc("/api/ws", func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer conn.CloseNow()
		if _, order, err := conn.Read(r.Context()); err != nil || string(order) != `{"type":"mjpeg"}` || r.FormValue("src") != "camera1" {
			return
		}
		_ = conn.Write(r.Context(), websocket.MessageText, []byte(`{"type":"mjpeg","value":"x"}`))
		for conn.Write(r.Context(), websocket.MessageBinary, picture) == nil {
			time.Sleep(time.Millisecond)
		}
	})
	l, err := net.Listen("tcp", string(api[1]))
	if err != nil {
		return err
	}
	return http.Serve(l, nil)
}

func find(t *testing.T, name, go2rtc string) peer.Peer {
	t.Helper()
	for _, p := range peer.All(go2rtc, "") {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("there is no %s", name)
	return peer.Peer{}
}

func TestServerIsStartedViewedAndStopped(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(fakeRole, "1")
	p := find(t, "go2rtc", self)
	running, err := p.JPEG(t.Context(), peer.Loopback, "http://camera/zero", "http://camera/one")
	if err != nil {
		t.Fatal(err)
	}
	defer running.Stop()
	for name, open := range map[string]func(context.Context, int, int) (view.Viewer, error){"multipart": running.Open, "WebSocket": running.OpenWS} {
		v, err := open(t.Context(), 1, 64)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for range 3 {
			f, err := v.Picture()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if _, ok := f.Age(); !ok || f.Bytes != len(picture) {
				t.Errorf("%s: picture of %d bytes, stamped: %v", name, f.Bytes, ok)
			}
		}
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	}
	pid := running.PIDs()[0]
	running.Stop()
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err == nil {
		t.Errorf("process %d runs on", pid)
	}
}

func TestServerThatEndsSaysWhy(t *testing.T) {
	t.Setenv(fakeRole, "1")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	_, err = find(t, "go2rtc", self).JPEG(t.Context(), peer.Loopback, "http://camera/only")
	if err == nil || !regexp.MustCompile(`ended: exit status 1: configuration`).MatchString(err.Error()) {
		t.Errorf("error %v, want how it ended and its complaint", err)
	}
}

func TestWhatIsNotThereIsNotInstalled(t *testing.T) {
	if p := find(t, "go2rtc", filepath.Join(t.TempDir(), "nothing")); p.Path != "" {
		t.Errorf("found at %s", p.Path)
	}
}
