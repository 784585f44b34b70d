package video_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/capture/video"
	"linkstart/pkg/rtsptest"
)

// elsewhere is an RTSP server that sends everyone to another address.
func elsewhere(t *testing.T, to string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(time.Minute))
				for r := textproto.NewReader(bufio.NewReader(c)); ; {
					if _, err := r.ReadLine(); err != nil {
						return
					}
					header, err := r.ReadMIMEHeader()
					if err != nil {
						return
					}
					fmt.Fprintf(c, "RTSP/1.0 302 Found\r\nCSeq: %s\r\nLocation: rtsp://%s/a?token=t0ken\r\n\r\n", header.Get("CSeq"), to)
				}
			}()
		}
	}()
	return l.Addr().String()
}

func TestRedirectIsNotFollowed(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan string, 100)
	go func() {
		defer close(heard)
		for {
			c, err := other.Accept()
			if err != nil {
				return
			}
			_ = c.SetDeadline(time.Now().Add(time.Minute))
			said, _ := io.ReadAll(io.LimitReader(c, 4096)) // until the other side goes
			_ = c.Close()
			heard <- string(said)
		}
	}()
	s := spec("rtsp://admin:" + secret + "@" + elsewhere(t, other.Addr().String()) + "/a")
	err = stream(t, newSource(t, s), func(camera.Picture) bool { return true })
	if want := "redirects to another address, rtsp://" + other.Addr().String() + "/…"; !strings.Contains(camera.Say(err), want) {
		t.Errorf("%v, want %q", err, want)
	}
	_ = other.Close()
	for said := range heard {
		if said != "" {
			t.Errorf("the other address was sent %q", said)
		}
	}
}

func TestPinnedHostLeadsNowhereElse(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	reached := make(chan struct{})
	go func() {
		if c, err := other.Accept(); err == nil {
			_ = c.Close()
			close(reached)
		}
	}()
	s := spec("rtsp://" + elsewhere(t, other.Addr().String()) + "/a")
	s.Pin = "127.0.0.1"
	source, err := video.New(s, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	err = source.Stream(t.Context(), func(camera.Picture) {})
	if !strings.Contains(camera.Say(err), "redirects") {
		t.Errorf("says %v", err)
	}
	select {
	case <-reached:
		t.Error("the other address was connected")
	default:
	}
}

func TestPinnedHostIsNotLookedUp(t *testing.T) {
	server := rtsptest.Start(t, rtsptest.Mount{Path: "/a", FPS: 10})
	u, err := url.Parse(server.URL("/a"))
	if err != nil {
		t.Fatal(err)
	}
	s := spec("rtsp://camera.invalid:" + u.Port() + "/a")
	s.Pin = "127.0.0.1"
	source, err := video.New(s, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	seen := false
	for ctx.Err() == nil { // as a grabber does: on a busy machine the server may not have a picture to describe yet
		err = source.Stream(ctx, func(p camera.Picture) {
			seen = seen || p.JPEG != nil || p.Encode != nil
			if seen {
				cancel()
			}
		})
	}
	if !seen {
		t.Errorf("no picture has come: %v", err)
	}
	for _, elsewhere := range []string{"http://camera.invalid/list.m3u8", "clip.mp4"} {
		s.Source = elsewhere
		if _, err := video.New(s, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%s can be pinned", elsewhere)
		}
	}
}
