package httpcam

import (
	"bytes"
	"context"
	"fmt"
	stdjpeg "image/jpeg"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/nettest"
)

const mixed = "Content-Type: multipart/x-mixed-replace; boundary=b0undary\r\n"

func TestAnswersAsCamerasGiveThem(t *testing.T) {
	unsized := "--b0undary\r\n\r\n" + string(one) + "\r\n--b0undary\r\n\r\n" + string(two)
	stream := part(one) + part(two)
	cut := string(two[:len(two)/2])
	tests := []struct {
		name, answer string
		want         [][]byte
	}{
		{"HTTP/1.0", "HTTP/1.0 200 OK\r\n" + mixed + "\r\n" + stream, [][]byte{one, two}},
		{"HTTP/1.1 until closed", "HTTP/1.1 200 OK\r\nConnection: close\r\n" + mixed + "\r\n" + stream, [][]byte{one, two}},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + mixed + "\r\n" + chunked(stream, 100), [][]byte{one, two}},
		{"no reason phrase", "HTTP/1.1 200\r\n" + mixed + "\r\n" + stream, [][]byte{one, two}},
		{"unsized parts", "HTTP/1.0 200 OK\r\n" + mixed + "\r\n" + unsized, [][]byte{one, two}},
		{"dashes in the boundary", "HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=--b0undary\r\n\r\n" + stream, [][]byte{one, two}},
		{"no Content-Type", "HTTP/1.0 200 OK\r\n\r\n" + stream, [][]byte{one, two}},
		{"octet-stream", "HTTP/1.0 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n" + stream, [][]byte{one, two}},
		{"text between", "HTTP/1.0 200 OK\r\n" + mixed + "\r\n" + part(one) + "--b0undary\r\nContent-Type: text/plain\r\n\r\nmotion\r\n" + part(two), [][]byte{one, two}},
		{"damaged ones between", "HTTP/1.0 200 OK\r\n" + mixed + "\r\n" + part(one) + part([]byte("no picture")) + part([]byte("\xFF\xD8\xFF\xD9")) + part(two), [][]byte{one, two}},
		{"concatenated", "HTTP/1.0 200 OK\r\nContent-Type: video/mjpeg\r\n\r\n" + string(one) + cut + string(one), [][]byte{one, one}},
		{"single", "HTTP/1.0 200 OK\r\nContent-Type: image/jpeg\r\n\r\n" + string(one), [][]byte{one, one, one}},
		{"single without Content-Type", "HTTP/1.0 200 OK\r\n\r\n" + string(one), [][]byte{one, one}},
		{"single, chunked", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: image/jpeg\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(string(one), 9), [][]byte{one, one}},
	}
	for _, tt := range tests {
		for _, step := range []int{1, 13, 1 << 20} {
			t.Run(fmt.Sprint(tt.name, " by ", step), func(t *testing.T) {
				wantPictures(t, newSource(t, specOf(rawCamera(t, tt.answer, step, false))), tt.want...)
			})
		}
	}
}

func TestMendsWhatIsMissing(t *testing.T) {
	url := rawCamera(t, "HTTP/1.0 200 OK\r\n"+mixed+"\r\n"+part(one[:len(one)-2])+part(two), 1<<20, false)
	wantPictures(t, newSource(t, specOf(url)), one, two)
}

func TestPictureIsOfferedBeforeTheNextBoundary(t *testing.T) {
	head := "HTTP/1.0 200 OK\r\n" + mixed + "\r\n"
	for _, answer := range []string{head + strings.TrimSuffix(part(one), "\r\n"), head + "--b0undary\r\n\r\n" + string(one)} {
		wantPictures(t, newSource(t, specOf(rawCamera(t, answer, 1<<20, true))), one)
	}
}

func TestFfmpegAsCamera(t *testing.T) {
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Fatalf("this test needs the Debian package ffmpeg: %v", err)
	}
	url := "http://" + nettest.FreeAddr() + "/" // ffmpeg cannot be told to choose a port
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, ffmpeg, "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc=s=320x240:r=25",
		"-f", "mpjpeg", "-listen", "1", url)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cancel(); cmd.Wait() }()

	s := newSource(t, specOf(url))
	var got []camera.Picture
	deadline := time.Now().Add(time.Minute)
	for err = fmt.Errorf("not tried"); err != nil && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond) // ffmpeg does not tell when it listens
		got, err = collect(t, s, 10)
	}
	if err != nil {
		t.Fatalf("%v; ffmpeg: %s", err, said.String())
	}
	for i, p := range got {
		img, err := stdjpeg.Decode(bytes.NewReader(p.JPEG))
		if err != nil || img.Bounds().Dx() != 320 || p.Width != 320 || p.Height != 240 {
			t.Errorf("picture %d: %v, %d x %d", i, err, p.Width, p.Height)
		}
	}
}

func TestPollingKeepsOneConnectionAndNeverOverlaps(t *testing.T) {
	var conns, running, most atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		most.Store(max(most.Load(), running.Add(1)))
		defer running.Add(-1)
		w.Header().Set("Content-Type", "image/jpeg")
		w.Write(one)
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	wantPictures(t, newSource(t, specOf(srv.URL)), one, one, one, one, one)
	if conns.Load() != 1 || most.Load() != 1 {
		t.Errorf("%d connections, %d requests at once", conns.Load(), most.Load())
	}
}

func TestUnchangedPictureIsNotFetchedAgain(t *testing.T) {
	var sent atomic.Int32
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "image/jpeg")
		w.Header().Set("ETag", `"1"`)
		if r.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		sent.Add(1)
		w.Write(one)
	})
	wantPictures(t, newSource(t, specOf(srv.URL)), one, one, one)
	if sent.Load() != 1 {
		t.Errorf("sent %d times", sent.Load())
	}
}

func TestStreamCanBeCalledAgain(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	s := newSource(t, specOf("http://"+addr))
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=b0undary")
		io.WriteString(w, part(one))
	})
	for round := range 3 {
		if round > 0 {
			if _, err := collect(t, s, 1); err == nil {
				t.Fatal("pictures from a dead camera")
			}
			if l, err = net.Listen("tcp", addr); err != nil {
				t.Fatal(err)
			}
		}
		srv := &httptest.Server{Listener: l, Config: &http.Server{Handler: handler}}
		srv.Start()
		wantPictures(t, s, one)
		srv.Close()
	}
}
