package video_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"linkstart/pkg/camera"
	"linkstart/pkg/rtsptest"
	"linkstart/pkg/tlspin"
)

// secured puts TLS with a self-signed certificate before a server, and returns where, and the certificate's fingerprint.
func secured(t *testing.T, server string) (address, fingerprint string) {
	t.Helper()
	maker := httptest.NewTLSServer(nil) // for its certificate
	certificate := maker.TLS.Certificates[0]
	fingerprint = tlspin.Of(maker.Certificate())
	maker.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	all.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", server)
			if err != nil {
				_ = near.Close()
				continue
			}
			both := func() { _ = near.Close(); _ = far.Close() }
			all.Go(func() { defer both(); _, _ = io.Copy(near, far) })
			all.Go(func() { defer both(); _, _ = io.Copy(far, near) })
		}
	})
	return l.Addr().String(), fingerprint
}

func TestCertificateOfRTSPS(t *testing.T) {
	server := rtsptest.StartLogin(t, rtsptest.Login{User: "admin", Password: secret}, rtsptest.Mount{Path: "/a", KeyInt: 10})
	u, err := url.Parse(server.URL("/a"))
	if err != nil {
		t.Fatal(err)
	}
	address, fingerprint := secured(t, u.Host)
	u.Scheme, u.Host = "rtsps", address

	err = stream(t, newSource(t, spec(u.String())), func(camera.Picture) bool {
		t.Error("a picture has come from a camera that nobody vouches for")
		return false
	})
	if said := camera.Say(err); !strings.Contains(said, "tls_pin: "+fingerprint) || strings.Contains(err.Error(), secret) {
		t.Errorf("a certificate of the camera's own: %v", err)
	}

	s := spec(u.String())
	s.TLSPin = "sha256:" + strings.Repeat("0", 64)
	err = stream(t, newSource(t, s), func(camera.Picture) bool {
		t.Error("a picture has come from another camera")
		return false
	})
	var untrusted *tlspin.Untrusted
	if !errors.As(err, &untrusted) || !untrusted.Pinned || untrusted.Fingerprint != fingerprint {
		t.Errorf("another certificate than the one that is named: %v", err)
	}

	s.TLSPin = fingerprint
	_, frame := take(t, newSource(t, s), 2)
	decode(t, frame, 640, 360)
}

func TestServerWithoutTLS(t *testing.T) {
	server := rtsptest.Start(t, rtsptest.Mount{Path: "/a"})
	err := stream(t, newSource(t, spec(strings.Replace(server.URL("/a"), "rtsp:", "rtsps:", 1))), func(camera.Picture) bool { return false })
	if !strings.Contains(camera.Say(err), "does not speak TLS") {
		t.Errorf("got %v", err)
	}
}
