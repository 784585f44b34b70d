package httpcam

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/tlspin"
)

func TestNewRefusesWhatCannotWork(t *testing.T) {
	for _, url := range []string{"", "http://", "rtsp://admin:s3cret@10.0.0.1/", "http://admin:s3cret%@10.0.0.1/", "http://admin:s3/cret@10.0.0.1:x/"} {
		_, err := New(specOf(url), nil)
		if !errors.Is(err, camera.ErrConfig) || strings.Contains(fmt.Sprint(err), "cret") {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestErrorsInWords(t *testing.T) {
	status := func(code int) string {
		return serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }).URL
	}
	tls := httptest.NewUnstartedServer(http.NotFoundHandler())
	tls.Config.ErrorLog = log.New(io.Discard, "", 0)
	tls.StartTLS()
	t.Cleanup(tls.Close)
	closed, err := net.Dial("tcp", tls.Listener.Addr().String()) // at the near end of a connection nobody listens, nor can before it is closed
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed.Close() })
	html := "HTTP/1.0 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html>"
	bad := strings.Repeat(part([]byte("rubbish")), 12)
	tests := []struct{ name, url, want string }{
		{"401", status(401), "asks for a user name"},
		{"403", status(403), "does not allow"},
		{"404", status(404), "nothing at this path"},
		{"503", status(503), "in trouble or busy"},
		{"400", status(400), "refused the request"},
		{"nobody listens", "http://" + closed.LocalAddr().String(), "refuses connections"},
		{"no such name", "http://no-such-camera.invalid/", "name no-such-camera.invalid"},
		{"a web page", rawCamera(t, html, 99, false), "answered with text/html instead of a picture"},
		{"not HTTP", rawCamera(t, "SSH-2.0-OpenSSH\r\n\r\n", 99, false), "failed"},
		{"empty answer", rawCamera(t, "", 99, false), "closed the connection"},
		{"endless header", rawCamera(t, "HTTP/1.0 200 OK\r\nX: "+strings.Repeat("x", 1<<20), 1<<16, false), "failed"},
		{"breaks off", rawCamera(t, "HTTP/1.0 200 OK\r\n"+mixed+"\r\n"+part(one)[:300], 99, false), "closed the connection"},
		{"only rubbish", rawCamera(t, "HTTP/1.0 200 OK\r\n"+mixed+"\r\n"+bad, 99, true), "no picture that can be shown"},
		{"only rubbish, polled", rawCamera(t, "HTTP/1.0 200 OK\r\nContent-Type: image/jpeg\r\n\r\nrubbish", 99, false), "no picture that can be shown"},
		{"unknown certificate", tls.URL, "tls_pin: " + tlspin.Of(tls.Certificate())},
		{"no TLS", strings.Replace(status(200), "http:", "https:", 1), "does not speak https"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := collect(t, newSource(t, specOf(tt.url+"?pwd=s3cret")), 1)
			if err == nil || !strings.Contains(camera.Say(err), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if strings.Contains(fmt.Sprintf("%v %+v", err, err), "s3cret") {
				t.Errorf("the password is in %v", err)
			}
		})
	}
}

// virtual gives a source whose camera is at the other end of a pipe, so that its time is virtual.
func virtual(t *testing.T, camera func(net.Conn)) *source {
	spec := specOf("http://camera/")
	spec.OpenTimeout, spec.ReadTimeout = 10*time.Second, 5*time.Second
	s := newSource(t, spec).(*source)
	var cameras sync.WaitGroup
	t.Cleanup(cameras.Wait)
	s.dial = func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		cameras.Go(func() {
			defer far.Close()
			far.Read(make([]byte, 4096))
			camera(far)
		})
		return near, nil
	}
	return s
}

// drip writes one byte a second until the other end goes.
func drip(c net.Conn, s string) {
	for i := 0; ; i++ {
		time.Sleep(time.Second)
		if _, err := io.WriteString(c, string(s[min(i, len(s)-1)])); err != nil {
			return
		}
	}
}

func TestTimeLimitsFireWhateverDrips(t *testing.T) {
	head := "HTTP/1.1 200 OK\r\n" + mixed + "\r\n"
	tests := []struct {
		name   string
		camera func(net.Conn)
		good   int
		after  time.Duration
	}{
		{"silence", func(c net.Conn) { io.Copy(io.Discard, c) }, 0, 10 * time.Second},
		{"headers drip", func(c net.Conn) { drip(c, head) }, 0, 10 * time.Second},
		{"first picture drips", func(c net.Conn) { io.WriteString(c, head); drip(c, part(one)[:20]) }, 0, 10 * time.Second},
		{"second picture drips", func(c net.Conn) { io.WriteString(c, head+part(one)); drip(c, part(two)[:20]) }, 1, 5 * time.Second},
		{"text drips", func(c net.Conn) {
			io.WriteString(c, head+part(one))
			for {
				time.Sleep(time.Second)
				if _, err := io.WriteString(c, "--b0undary\r\nContent-Type: text/plain\r\n\r\nalive\r\n"); err != nil {
					return
				}
			}
		}, 1, 5 * time.Second},
		{"single picture drips", func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 500\r\n\r\n")
			drip(c, string(one[:20]))
		}, 0, 10 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				got, err := collect(t, virtual(t, tt.camera), 99)
				if !errors.Is(err, errSilent) || len(got) != tt.good || time.Since(start) != tt.after {
					t.Errorf("%d pictures, %v after %v; want %d after %v", len(got), err, time.Since(start), tt.good, tt.after)
				}
			})
		})
	}
}

func TestEndOfContextEndsStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := virtual(t, func(c net.Conn) { io.Copy(io.Discard, c) }).Stream(ctx, func(camera.Picture) {})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, p := time.Now(), newPace(10)
		for i, tt := range []struct{ busy, want time.Duration }{ // ms
			{0, 100}, {30, 200}, {99, 300}, {250, 550}, {0, 650}, {0, 750},
		} {
			time.Sleep(tt.busy * time.Millisecond)
			if err := p.wait(t.Context()); err != nil || time.Since(start) != tt.want*time.Millisecond {
				t.Errorf("turn %d at %v, %v; want %d ms", i, time.Since(start), err, tt.want)
			}
		}
	})
}
