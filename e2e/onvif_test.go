package e2e

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/nettest"
	"linkstart/pkg/onviftest"
	"linkstart/pkg/rtsptest"
)

// onvifCamera is a camera of that maker with two streams, of which it names paths that another host would have.
func onvifCamera(t *testing.T, maker onviftest.Maker, server *rtsptest.Server, host string) *onviftest.Server {
	uri := func(path string) string { return fmt.Sprintf("rtsp://%s:%d%s", host, server.Port(), path) }
	return onviftest.Start(t, onviftest.Device{
		Maker: maker, User: "admin", Password: "p@ss/w:rd", Digest: maker.Name == "Axis", Clock: 3 * time.Hour,
		Profiles: []onviftest.Profile{
			{Token: "main", Name: "mainStream", Width: 640, Height: 360, URI: uri("/main")},
			{Token: "small", Name: "subStream", Width: 320, Height: 180, URI: uri("/small")},
		},
	})
}

func TestONVIFCameras(t *testing.T) {
	server := rtsptest.StartLogin(t, rtsptest.Login{User: "admin", Password: "p@ss/w:rd"},
		rtsptest.Mount{Path: "/main", FPS: 10}, rtsptest.Mount{Path: "/small", Width: 320, Height: 180, FPS: 10})
	hik := onvifCamera(t, onviftest.Hikvision, server, "127.0.0.1")
	axis := onvifCamera(t, onviftest.Axis, server, "127.0.0.1")
	cheap := onvifCamera(t, onviftest.Nameless, server, "0.0.0.0")
	s := start(t, fmt.Sprintf(`
cameras:
  - {id: hik, source: "onvif://admin:${PW}@%s", fps: 10}
  - {id: axis, source: "onvif://admin:${PW}@%s/onvif/services?substream=none", fps: 10}
  - {id: cheap, source: "onvif://admin:${PW}@%s?profile=small", substream: "test:bars?size=160x120", fps: 10}
  - {id: wrong, source: "onvif://admin:guess77@%s"}
  - {id: none, source: "onvif://admin:guess77@%s"}
`, hik.Addr(), axis.Addr(), cheap.Addr(), hik.Addr(), nettest.FreeAddr()), "PW=p@ss/w:rd")
	s.says("wrong", camera.Reconnecting, "refused user admin")
	if n := hik.Refused(); n != 1 { // a minute later it is tried again
		t.Errorf("%d wrong logins were tried", n)
	}
	v, _ := s.view(t)
	stream := uint16(0)
	for _, c := range []struct {
		id, rendition string
		width, height int
	}{{"hik", "main", 640, 360}, {"hik", "sub", 320, 180}, {"axis", "main", 640, 360}, {"axis", "sub", 640, 360}, {"cheap", "main", 320, 180}, {"cheap", "sub", 160, 120}} {
		s.becomes(c.id, camera.Live)
		stream++
		v.send(`{"type":"watch","stream":%d,"camera":%q,"rendition":%q}`, stream, c.id, c.rendition)
		v.until(c.id+" as "+c.rendition, func(f *frame, _ *message) bool {
			if f == nil || f.stream != stream || !f.live {
				return false
			}
			size, err := jpeg.DecodeConfig(bytes.NewReader(f.jpeg))
			return err == nil && size.Width == c.width && size.Height == c.height
		})
	}
	s.says("none", camera.Reconnecting, "nothing listens")

	// The camera moves its streams while it is off: it is asked anew.
	server.Kill()
	s.becomes("hik", camera.Reconnecting)
	server.Restart()
	s.eventually("it is live again", func() error {
		if !server.Alive() {
			server.Restart()
		}
		info, err := s.camera("hik")
		if err == nil && info.State != camera.Live {
			err = fmt.Errorf("it is %s: %s", info.State, info.Error)
		}
		return err
	})
	if text := s.out.String(); strings.Contains(text, "p@ss") || strings.Contains(text, "guess77") || strings.Contains(text, "p%40ss") {
		t.Errorf("the log holds a password:\n%s", text)
	}
}

// TestONVIFCameraOfJPEGs names an HTTP address, which is played as any other camera over HTTP is.
func TestONVIFCameraOfJPEGs(t *testing.T) {
	_, port, err := net.SplitHostPort(webCamera(t))
	if err != nil {
		t.Fatal(err)
	}
	cam := onviftest.Start(t, onviftest.Device{Maker: onviftest.Dahua, Profiles: []onviftest.Profile{{Token: "t", Name: "n", Width: 320, Height: 240, URI: "http://10.255.255.1:" + port + "/open"}}})
	s := start(t, fmt.Sprintf("cameras: [{id: jpegs, source: %q}]", cam.Source("")))
	s.becomes("jpegs", camera.Live)
	_, _, shown := s.insist(http.MethodGet, "/api/v1/cameras/jpegs/snapshot.jpg", nil)
	isRed(t, shown)
}

// TestONVIFCameraIsAdded from the page: tried, seen, saved and live.
func TestONVIFCameraIsAdded(t *testing.T) {
	server := rtsptest.StartLogin(t, rtsptest.Login{User: "admin", Password: "p@ss/w:rd"}, rtsptest.Mount{Path: "/main", FPS: 10}, rtsptest.Mount{Path: "/small", Width: 320, Height: 180, FPS: 10})
	cam := onvifCamera(t, onviftest.Dahua, server, "10.255.255.1")
	s := startWith(t, kept)
	s.becomes("clock", camera.Live)
	source := map[string]any{"source": "onvif://" + cam.Addr(), "user": "admin", "password": "p@ss/w:rd"}
	if status, header, body := s.test(source); status != http.StatusOK || header.Get("X-Width") != "640" || header.Get("X-Source") != source["source"] {
		t.Errorf("%d %v %.300s", status, header, body)
	}
	wrong := map[string]any{"source": "onvif://" + cam.Addr(), "user": "admin", "password": "guess77"}
	if status, _, body := s.test(wrong); status == http.StatusOK || !strings.Contains(string(body), "login_refused") || strings.Contains(string(body), "guess77") {
		t.Errorf("%d %.300s", status, body)
	}
	source["name"] = "Door"
	if status, body := s.add(source); status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	s.becomes("door", camera.Live)
}
