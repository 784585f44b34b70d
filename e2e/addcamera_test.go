package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/nettest"
	"linkstart/pkg/rtsptest"
	"linkstart/pkg/tlspin"
	"linkstart/pkg/tryout"
)

// kept is a configuration whose comments must outlive every camera that is added.
const kept = "# the cameras of the house\nserver: {listen: %q, add_from: [127.0.0.0/8]} # for tests\nstate_dir: state\n\n" +
	"cameras:\t# all\n  - id: clock\n    source: \"test:clock?size=640x360\" # first\n\n  # - id: later\n  #   source: test:ball\n\nrooms: [{id: main}] # one\n"

// startWith runs a supervisor whose whole configuration is text, with one %q for the address.
func startWith(t *testing.T, text string, env ...string) *system {
	t.Helper()
	s := prepare(t, "", env...)
	if err := os.WriteFile(s.config, fmt.Appendf(nil, text, s.addr), 0o600); err != nil {
		t.Fatal(err)
	}
	s.launch()
	t.Cleanup(s.stop)
	return s
}

// red is a picture that no test pattern shows.
func red() []byte {
	img := image.NewRGBA(image.Rect(0, 0, 320, 240))
	for i := range img.Pix {
		img.Pix[i] = []uint8{220, 20, 20, 255}[i%4]
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// webCamera is a camera over HTTP: /video shows red to who knows the password, /open to everyone; further paths lead astray.
func webCamera(t *testing.T) (host string) {
	t.Helper()
	over := make(chan struct{})
	stream := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=b")
		for n := 0; ; n++ {
			picture := red()
			fmt.Fprintf(w, "--b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n", len(picture), picture)
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-over:
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/open", stream)
	mux.HandleFunc("/video", func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "admin" || password != "p@ss/${HOME}" {
			w.Header().Set("WWW-Authenticate", `Basic realm="camera"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		stream(w, r)
	})
	mux.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>hello") })
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusFound)
	})
	mux.HandleFunc("/silent", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-over:
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(func() { close(over); server.Close() })
	return server.Listener.Addr().String()
}

const (
	testPath = "/api/v1/cameras/test"
	late     = "no picture has come within" // what is said of a source that a busy machine cannot open in the time for a test
)

// test asks for a picture of a source, again while that comes late.
func (s *system) test(body map[string]any) (status int, header http.Header, answer []byte) {
	s.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	s.eventually("the source is tested in time", func() error {
		if status, header, answer = s.request(http.MethodPost, testPath, bytes.NewReader(b)); strings.Contains(string(answer), late) {
			return errors.New(late)
		}
		return nil
	})
	return status, header, answer
}

func (s *system) add(body map[string]any) (status int, answer []byte) {
	s.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	status, _, answer = s.request(http.MethodPost, "/api/v1/cameras", bytes.NewReader(b))
	return status, answer
}

// isRed fails the test unless the JPEG is what webCamera shows.
func isRed(t *testing.T, b []byte) {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if c := color.RGBAModel.Convert(img.At(100, 100)).(color.RGBA); img.Bounds().Dx() != 320 || c.R < 180 || c.G > 60 {
		t.Errorf("the picture is %v and %v", img.Bounds(), c)
	}
}

func TestSourcesAreTested(t *testing.T) {
	t.Parallel()
	host := webCamera(t)
	rtsp := rtsptest.Start(t, rtsptest.Mount{Path: "/Streaming/Channels/101", FPS: 10})
	s := startWith(t, kept, "HOME=/home/Verraten")
	s.becomes("clock", camera.Live)
	secret := map[string]any{"source": "http://" + host + "/video", "user": "admin", "password": "p@ss/${HOME}"}
	usual := map[string]any{"source": host, "user": "admin", "password": "p@ss/${HOME}"}
	for _, c := range []struct {
		ask  map[string]any
		from string
	}{
		{map[string]any{"source": "http://" + host + "/open"}, "http://" + host + "/open"},
		{secret, "http://" + host + "/video"},
		{usual, "http://" + host + "/video"},
		{map[string]any{"source": "http://admin:p%40ss%2F$%7BHOME%7D@" + host + "/video"}, "http://admin:***@" + host + "/video"},
	} {
		status, header, body := s.test(c.ask)
		if status != http.StatusOK || header.Get("Content-Type") != "image/jpeg" {
			t.Errorf("%v: %d %s", c.ask, status, body)
			continue
		}
		isRed(t, body)
		if header.Get("X-Source") != c.from || header.Get("X-Width") != "320" || header.Get("X-Height") != "240" {
			t.Errorf("%v answers with %v", c.ask, header)
		}
	}
	for _, source := range []string{fmt.Sprintf("rtsp://127.0.0.1:%d/Streaming/Channels/101", rtsp.Port()), fmt.Sprintf("127.0.0.1:%d", rtsp.Port())} {
		status, header, body := s.test(map[string]any{"source": source})
		if status != http.StatusOK || header.Get("X-Width") != "640" || !strings.HasSuffix(header.Get("X-Source"), "/Streaming/Channels/101") {
			t.Errorf("%s: %d %v %.200s", source, status, header, body)
		}
	}
	for _, c := range []struct {
		ask               map[string]any
		code, says, never string
	}{
		{map[string]any{"source": "http://" + host + "/video", "user": "admin", "password": "Geheim77"}, "login_refused", "admin", "Geheim77"},
		{map[string]any{"source": host}, "login_refused", "password", "Geheim77"},
		{map[string]any{"source": "http://" + host + "/page"}, "test_failed", "text/html", "meta-data"},
		{map[string]any{"source": "http://" + host + "/away"}, "test_failed", "redirects to another address, http://169.254.169.254/…", "meta-data"},
		{map[string]any{"source": "http://" + nettest.FreeAddr() + "/x"}, "test_failed", "", "Geheim77"},
		{map[string]any{"source": nettest.FreeAddr()}, "test_failed", "does not answer", "Geheim77"},
		{map[string]any{"source": "rtsp://u:Geheim77@" + nettest.FreeAddr() + "/x"}, "test_failed", "", "Geheim77"},
		{map[string]any{"source": "http://169.254.169.254/latest"}, "source_refused", "add_from", "Geheim77"},
		{map[string]any{"source": "http://[::1]:8080/"}, "source_refused", "add_from", "Geheim77"},
		{map[string]any{"source": "http://" + host + "/list.m3u8"}, "source_refused", "playlist", "Geheim77"},
		{map[string]any{"source": "exec:touch " + s.dir + "/ran"}, "source_refused", "", "Geheim77"},
		{map[string]any{"source": "exec:id"}, "source_refused", "exec:", "Geheim77"},
		{map[string]any{"source": "/etc/passwd"}, "source_refused", "rtsp://", "root"},
		{map[string]any{"source": "http://" + host + "/${HOME}"}, "test_failed", "", "Verraten"},
		{map[string]any{"source": "push:"}, "source_refused", "push:", "Geheim77"},
		{map[string]any{"source": "test:nothing"}, "bad_camera", "test picture", "Geheim77"},
	} {
		status, header, body := s.test(c.ask)
		var problem struct{ Code, Detail string }
		if err := json.Unmarshal(body, &problem); err != nil || header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%v: %d %.200s", c.ask, status, body)
			continue
		}
		if problem.Code != c.code || !strings.Contains(problem.Detail, c.says) || strings.Contains(string(body), c.never) {
			t.Errorf("%v: %s", c.ask, body)
		}
	}
	if text := s.out.String(); strings.Contains(text, "Geheim77") || strings.Contains(text, "p@ss") || strings.Contains(text, "Verraten") {
		t.Errorf("the log holds a secret:\n%s", text)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "ran")); err == nil {
		t.Error("a command was run")
	}
}

// TestATestEndsWithItsAsker: two at a time, in processes that are no cameras and end when nobody waits for them any more.
func TestATestEndsWithItsAsker(t *testing.T) {
	t.Parallel()
	host := webCamera(t)
	s := startWith(t, kept)
	s.becomes("clock", camera.Live)
	before := len(s.children())
	body := `{"source":"http://` + host + `/silent"}`
	for over := true; over; { // again where the tests have ended by themselves before all was seen
		asked := time.Now()
		var asking []io.Closer
		for range 2 {
			conn, err := net.Dial("tcp", s.addr)
			if err != nil {
				t.Fatal(err)
			}
			asking = append(asking, conn)
			if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s", testPath, s.addr, len(body), body); err != nil {
				t.Fatal(err)
			}
		}
		s.eventually("both are tested", func() error {
			if n := len(s.children()); n != before+2 {
				return fmt.Errorf("%d processes, %d before", n, before)
			}
			return nil
		})
		status, _, answer := s.test(map[string]any{"source": "test:bars"})
		_, _, list := s.request(http.MethodGet, "/api/v1/cameras", nil)
		if strings.Count(string(list), `"id"`) != 1 {
			t.Errorf("the cameras are %s", list)
		}
		for _, c := range asking {
			_ = c.Close()
		}
		over = time.Since(asked) > tryout.Limit
		if !over && (status != http.StatusTooManyRequests || !strings.Contains(string(answer), "too_many_tests")) {
			t.Errorf("a third: %d %.200s", status, answer)
		}
		s.eventually("their processes are gone", func() error {
			if n := len(s.children()); n != before {
				return fmt.Errorf("%d processes, %d before", n, before)
			}
			return nil
		})
	}
	if status, _, answer := s.test(map[string]any{"source": "test:bars"}); status != http.StatusOK {
		t.Errorf("afterwards: %d %.200s", status, answer)
	}
}

func TestCamerasAreAdded(t *testing.T) {
	t.Parallel()
	host := webCamera(t)
	s := startWith(t, kept, "HOME=/home/Verraten")
	s.becomes("clock", camera.Live)
	status, body := s.add(map[string]any{
		"name": "Hall ${HOME}", "group": "东", "source": "http://" + host + "/video", "user": "admin", "password": "p@ss/${HOME}", "fps": 5,
	})
	var info camera.Info
	if err := json.Unmarshal(body, &info); status != http.StatusCreated || err != nil || info.ID != "hall-home" || info.Name != "Hall ${HOME}" {
		t.Fatalf("adding answers %d %s", status, body)
	}
	if strings.Contains(string(body), "p%40ss") || strings.Contains(string(body), "p@ss") {
		t.Errorf("the answer holds the password: %s", body)
	}
	s.becomes("hall-home", camera.Live)
	_, _, shown := s.insist(http.MethodGet, "/api/v1/cameras/hall-home/snapshot.jpg", nil)
	isRed(t, shown)
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			if status, body := s.add(map[string]any{"name": "Twin", "source": "test:ball?size=320x180"}); status != http.StatusCreated {
				t.Errorf("%d %s", status, body)
			}
		})
	}
	all.Wait()
	s.becomes("twin", camera.Live)
	s.becomes("twin-2", camera.Live)

	written, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	before := fmt.Sprintf(kept, s.addr)
	head, rest, _ := strings.Cut(before, "\n\n  # - id: later")
	if text := string(written); !strings.HasPrefix(text, head) || !strings.HasSuffix(text, "\n\n  # - id: later"+rest) {
		t.Errorf("the file has become\n%s", text)
	}
	for _, c := range []struct {
		ask    map[string]any
		status int
		code   string
	}{
		{map[string]any{"id": "twin", "source": "test:clock"}, http.StatusConflict, "camera_exists"},
		{map[string]any{"id": "Ä", "source": "test:clock"}, http.StatusUnprocessableEntity, "bad_camera"},
		{map[string]any{"name": "x", "source": "exec:id"}, http.StatusUnprocessableEntity, "source_refused"},
		{map[string]any{"name": "x", "source": "10.0.0.1"}, http.StatusUnprocessableEntity, "source_refused"},
		{map[string]any{"name": "x", "source": "http://169.254.169.254/x"}, http.StatusUnprocessableEntity, "source_refused"},
		{map[string]any{"name": "x", "source": "test:clock", "substream": "exec:id"}, http.StatusUnprocessableEntity, "source_refused"},
		{map[string]any{"name": "x", "source": "test:clock", "fps": 1e6}, http.StatusUnprocessableEntity, "bad_camera"},
		{map[string]any{"name": "x"}, http.StatusBadRequest, "bad_request"},
	} {
		status, body := s.add(c.ask)
		if status != c.status || !strings.Contains(string(body), `"`+c.code+`"`) {
			t.Errorf("%v: %d %s", c.ask, status, body)
		}
	}
	s.refusesToSave(t, written)
}

// refusesToSave: a file that cannot be written, or has mistakes, stays as it is.
func (s *system) refusesToSave(t *testing.T, written []byte) {
	if err := os.Chmod(s.config, 0o400); err != nil {
		t.Fatal(err)
	}
	if status, body := s.add(map[string]any{"source": "test:clock"}); status != http.StatusInternalServerError || !strings.Contains(string(body), "not_saved") {
		t.Errorf("a file that is read-only: %d %s", status, body)
	}
	if err := os.Chmod(s.config, 0o600); err != nil {
		t.Fatal(err)
	}
	broken := append(bytes.Clone(written), "nonsense: [\n"...)
	if err := os.WriteFile(s.config, broken, 0o600); err != nil {
		t.Fatal(err)
	}
	if status, body := s.add(map[string]any{"source": "test:clock"}); status != http.StatusUnprocessableEntity || !strings.Contains(string(body), "bad_configuration") {
		t.Errorf("a file with mistakes: %d %s", status, body)
	}
	if now, err := os.ReadFile(s.config); err != nil || !bytes.Equal(now, broken) {
		t.Errorf("it has become %s, %v", now, err)
	}
}

// A camera that signs its own certificate is named by it, and then held to it.
func TestAddCameraWithACertificateOfItsOwn(t *testing.T) {
	camera := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/jpeg")
		_, _ = w.Write(red())
	}))
	camera.Config.ErrorLog = log.New(io.Discard, "", 0)
	camera.StartTLS()
	t.Cleanup(camera.Close)
	s := startWith(t, kept)
	source, pin := camera.URL+"/snapshot.jpg", tlspin.Of(camera.Certificate())
	status, _, answer := s.test(map[string]any{"source": source})
	if status == http.StatusOK || !strings.Contains(string(answer), "tls_pin: "+pin) {
		t.Fatalf("without a pin: %d %s", status, answer)
	}
	other := "sha256:" + strings.Repeat("0", 64)
	if status, _, answer = s.test(map[string]any{"source": source, "tls_pin": other}); status == http.StatusOK || !strings.Contains(string(answer), "another certificate") {
		t.Errorf("with another pin: %d %s", status, answer)
	}
	if status, _, answer = s.test(map[string]any{"source": source, "tls_pin": "sha256:12"}); status == http.StatusOK || !strings.Contains(string(answer), "64 hexadecimal digits") {
		t.Errorf("with half a pin: %d %s", status, answer)
	}
	if status, _, answer = s.test(map[string]any{"source": source, "tls_pin": pin}); status != http.StatusOK {
		t.Errorf("with its pin: %d %s", status, answer)
	}
	if status, answer := s.add(map[string]any{"source": source, "name": "Door", "tls_pin": pin}); status != http.StatusCreated {
		t.Fatalf("add: %d %s", status, answer)
	}
	s.becomes("door", "live")
	if text, err := os.ReadFile(s.config); err != nil || !strings.Contains(string(text), "tls_pin: \""+pin+"\"") {
		t.Errorf("%v\n%s", err, text)
	}
}
