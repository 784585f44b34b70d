package relay_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/certificate/certtest"
	"linkstart/pkg/child"
)

// secureWorld is a world with TLS, whose clients trust its certificate and no other.
func secureWorld(t testing.TB, host string, out io.Writer, cameras ...camera.Info) *world {
	t.Helper()
	files, pool := certtest.Write(t, t.TempDir(), "first", time.Now().AddDate(0, 1, 0))
	trust := &tls.Config{RootCAs: pool, ServerName: "localhost"}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: trust}}
	w := newWorldWith(t, func(c *child.Relay) {
		c.Listen, c.TLS = host+":0", &child.TLS{Cert: files.Cert, Key: files.Key}
	}, client, out, cameras...)
	w.trust = trust
	return w
}

// TestPicturesOverTLS: all ways that pictures take are encrypted, also those that the kernel takes over without TLS.
func TestPicturesOverTLS(t *testing.T) {
	w := secureWorld(t, "127.0.0.1", io.Discard, info("a", camera.Live))
	g := w.grab("a")
	g.flow(t, period, 100<<10) // which a busy machine can encrypt for all
	want := len(picture("a", 100<<10))

	resp, b := w.do("GET", "/api/v1/cameras/a/snapshot.jpg", nil)
	if resp.StatusCode != 200 || len(b) != want || resp.TLS == nil || resp.TLS.Version < tls.VersionTLS12 {
		t.Errorf("snapshot: %d, %d bytes, %+v", resp.StatusCode, len(b), resp.TLS)
	}
	if got := resp.Header.Get("Strict-Transport-Security"); !strings.HasPrefix(got, "max-age=") {
		t.Errorf("Strict-Transport-Security is %q", got)
	}
	w.crowd(func() []func() error { // so many that one would be sent by sendfile
		v, last := w.view(), uint32(0)
		v.say(`{"type":"watch","stream":1,"camera":"a"}`)
		part := w.openParts(w.client, "")
		return []func() error{
			func() error {
				m, err := v.read()
				for err == nil && m.kind() != "frame" {
					m, err = v.read()
				}
				if err == nil && (len(m.jpeg) != want || !bytes.HasSuffix(m.jpeg, []byte("/a")) || m.head.Seq <= last) {
					err = fmt.Errorf("frame %+v of %d bytes after %d", m.head, len(m.jpeg), last)
				}
				last = m.head.Seq
				return err
			},
			func() error {
				p, err := part()
				if err == nil && p.size != want {
					err = fmt.Errorf("part of %d bytes, want %d", p.size, want)
				}
				return err
			},
		}
	})
}

// TestPlainRequestToTLS: who forgets https:// is told so, however much it sends.
func TestPlainRequestToTLS(t *testing.T) {
	w := secureWorld(t, "127.0.0.1", io.Discard)
	plain := "http" + strings.TrimPrefix(w.url, "https")
	for _, body := range []string{"", strings.Repeat("x", 1<<20)} {
		transport := &http.Transport{}
		resp, err := (&http.Client{Transport: transport}).Post(plain+"/", "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatalf("%d bytes: %v", len(body), err)
		}
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 400 || !strings.Contains(string(b), "https://") {
			t.Errorf("%d bytes: %d %q, %v", len(body), resp.StatusCode, b, err)
		}
		_ = resp.Body.Close()
		transport.CloseIdleConnections()
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	w := secureWorld(t, "127.0.0.1", io.Discard)
	old := w.trust.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	c, err := tls.Dial("tcp", strings.TrimPrefix(w.url, "https://"), old)
	if err == nil {
		_ = c.Close()
		t.Fatal("TLS 1.1 is spoken")
	}
	if !strings.Contains(err.Error(), "protocol version") {
		t.Error(err)
	}
}

// TestHandshakesHoldUpNobody: clients that connect and say nothing, or half a greeting, do not keep others from being served.
func TestHandshakesHoldUpNobody(t *testing.T) {
	w := secureWorld(t, "127.0.0.1", io.Discard, info("a", camera.Live))
	address := strings.TrimPrefix(w.url, "https://")
	for n := range 100 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if n%2 == 0 {
			if _, err := c.Write([]byte{0x16, 3, 1, 2}); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.client.CloseIdleConnections()
	if resp, _ := w.do("GET", "/healthz", nil); resp.StatusCode != 200 {
		t.Errorf("status %d", resp.StatusCode)
	}
}

// TestRenewedCertificate is served without a restart, and those who watch notice nothing.
func TestRenewedCertificate(t *testing.T) {
	dir := t.TempDir()
	files, _ := certtest.Write(t, dir, "first", time.Now().AddDate(0, 1, 0))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	w := newWorldWith(t, func(c *child.Relay) { c.TLS = &child.TLS{Cert: files.Cert, Key: files.Key} }, client, io.Discard, info("a", camera.Live))
	w.grab("a").flow(t, 5*time.Millisecond, 1000)
	v := w.view()
	v.say(`{"type":"watch","stream":1,"camera":"a"}`)
	v.untilKind("frame")
	certtest.Write(t, dir, "second", time.Now().AddDate(0, 1, 0))
	w.eventually("the renewed certificate is served", func() bool {
		c, err := tls.Dial("tcp", strings.TrimPrefix(w.url, "https://"), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		return c.ConnectionState().PeerCertificates[0].Subject.CommonName == "second"
	})
	seq := v.untilKind("frame").head.Seq
	v.until(func(m message) bool { return m.jpeg != nil && m.head.Seq > seq+50 })
}

// TestRefusedBodyIsAnsweredOverTLS: the answer is not lost with the connection.
func TestRefusedBodyIsAnsweredOverTLS(t *testing.T) {
	w := secureWorld(t, "127.0.0.1", io.Discard, info("a", camera.Live))
	for range 10 {
		w.sendTooMuch()
	}
}

// TestStopOverTLS: a viewer that takes nothing does not hold up the end.
func TestStopOverTLS(t *testing.T) {
	w := secureWorld(t, "127.0.0.1", io.Discard, info("a", camera.Live))
	w.grab("a").flow(t, time.Millisecond, 500<<10)
	c, err := tls.Dial("tcp", strings.TrimPrefix(w.url, "https://"), w.trust)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, "GET /api/v1/cameras/a/stream.mjpeg HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
		t.Fatalf("%q, %v", line, err)
	}
	w.stop() // and goleak sees that nothing of it is left
}
