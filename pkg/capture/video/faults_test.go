package video_test

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/rtsptest"
)

func TestCodecs(t *testing.T) {
	server := rtsptest.Start(t,
		rtsptest.Mount{Path: "/h264", KeyInt: 10},
		rtsptest.Mount{Path: "/h265", Codec: rtsptest.H265, KeyInt: 10},
		rtsptest.Mount{Path: "/mpeg4", Codec: rtsptest.MPEG4, KeyInt: 10},
		rtsptest.Mount{Path: "/mjpeg", Codec: rtsptest.MJPEG},
		rtsptest.Mount{Path: "/sound", KeyInt: 10, Audio: true},
	)
	for _, path := range []string{"/h264", "/h265", "/mpeg4", "/mjpeg", "/sound"} {
		for _, transport := range []string{"tcp", "udp"} {
			t.Run(path[1:]+" "+transport, func(t *testing.T) {
				_, frame := take(t, newSource(t, spec(server.URL(path)+"?transport="+transport)), 12)
				decode(t, frame, 640, 360)
			})
		}
	}
}

// The picture of a unit comes when the unit does: none is held back for the next one, which here would be 5 s away.
func TestSpeedThatDrops(t *testing.T) {
	for _, codec := range []rtsptest.Codec{rtsptest.H264, rtsptest.H265} {
		t.Run(string(codec), func(t *testing.T) {
			server := rtsptest.Start(t, rtsptest.Mount{
				Path: "/a", Codec: codec, Change: &rtsptest.Change{After: 30, Width: 640, Height: 360, FPS: 0.2},
			})
			sp := spec(server.URL("/a"))
			var before, held time.Duration
			var last time.Time
			err := stream(t, newSource(t, sp), func(p camera.Picture) bool {
				if gap := p.Captured.Sub(last); !last.IsZero() && gap > 3*time.Second {
					before, held = gap, time.Since(p.Captured)
					return false
				}
				last = p.Captured
				return true
			})
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			if held > 3*time.Second {
				t.Errorf("a picture %v after the one before was offered %v after it had come: it waited for the next one", before, held)
			}
		})
	}
}

func TestSizeThatChangesMidway(t *testing.T) {
	for _, codec := range []rtsptest.Codec{rtsptest.H264, rtsptest.H265} {
		t.Run(string(codec), func(t *testing.T) {
			server := rtsptest.Start(t, rtsptest.Mount{
				Path: "/a", Codec: codec, Change: &rtsptest.Change{After: 40, Width: 322, Height: 182, FPS: 25},
			})
			var sizes []image.Point
			err := stream(t, newSource(t, spec(server.URL("/a"))), func(p camera.Picture) bool {
				frame, w, h, err := p.Encode(0)
				if err != nil {
					t.Error(err)
					return false
				}
				decode(t, frame, w, h)
				if size := image.Pt(p.Width, p.Height); len(sizes) == 0 || sizes[len(sizes)-1] != size {
					sizes = append(sizes, size)
				}
				return len(sizes) < 2
			})
			if !errors.Is(err, context.Canceled) || len(sizes) != 2 || sizes[0] != image.Pt(640, 360) || sizes[1] != image.Pt(322, 182) {
				t.Errorf("sizes %v, %v; want 640×360, then 322×182", sizes, err)
			}
		})
	}
}

// Whoever comes second to this camera never sees a keyframe: it made one for the first.
func TestKeyframeThatNeverComes(t *testing.T) {
	server := rtsptest.Start(t, rtsptest.Mount{Path: "/a", KeyInt: 1 << 20})
	ctx, cancel := context.WithCancel(t.Context())
	seen := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var once sync.Once
		_ = newSource(t, spec(server.URL("/a"))).Stream(ctx, func(camera.Picture) { once.Do(func() { close(seen) }) })
	}()
	defer func() { cancel(); <-ended }()
	<-seen
	for limit := 2 * time.Second; ; limit *= 2 {
		sp := spec(server.URL("/a"))
		sp.OpenTimeout = limit
		err := stream(t, newSource(t, sp), func(camera.Picture) bool { t.Error("a picture came"); return false })
		said := camera.Say(err)
		if strings.Contains(said, fmt.Sprint("no keyframe within ", limit)) {
			return
		}
		if !strings.Contains(said, fmt.Sprint("could not be opened within ", limit)) || limit > 8*time.Second { // which takes a busy machine long
			t.Fatalf("%v; want that no keyframe came", err)
		}
	}
}

func TestPacketLoss(t *testing.T) {
	server := rtsptest.Start(t, rtsptest.Mount{Path: "/a", KeyInt: 10, Loss: 0.02})
	for _, query := range []string{"?transport=udp", "?transport=udp&latency=0"} {
		n := 0
		err := stream(t, newSource(t, spec(server.URL("/a")+query)), func(p camera.Picture) bool {
			if _, _, _, err := p.Encode(0); err != nil {
				t.Error(err)
			}
			n++
			return n < 60
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: after %d pictures: %v", query, n, err)
		}
	}
}

// cut forwards connections to a port of 127.0.0.1 and ends each after so many bytes of answers.
func cut(t *testing.T, to string, after int64) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				client.Close()
				continue
			}
			all.Go(func() { _, _ = io.Copy(server, client); server.Close() })
			all.Go(func() { _, _ = io.CopyN(client, server, after); client.Close(); server.Close() })
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	return l.Addr().String()
}

func TestStreamCutOff(t *testing.T) {
	server := rtsptest.Start(t, rtsptest.Mount{Path: "/a", KeyInt: 10}, rtsptest.Mount{Path: "/j", Codec: rtsptest.MJPEG})
	host := strings.TrimSuffix(strings.TrimPrefix(server.URL(""), "rtsp://"), "/")
	for _, path := range []string{"/a", "/j"} {
		for _, after := range []int64{700, 1500, 50_001} {
			sp := spec("rtsp://" + cut(t, host, after) + path)
			sp.OpenTimeout, sp.ReadTimeout = 5*time.Second, 5*time.Second
			n := 0
			err := stream(t, newSource(t, sp), func(p camera.Picture) bool {
				n++
				if p.Encode != nil {
					if _, _, _, err := p.Encode(0); err != nil {
						t.Error(err)
					}
				}
				return n < 1000
			})
			var said *camera.Error
			if !errors.As(err, &said) || errors.Is(err, camera.ErrStuck) {
				t.Errorf("%s, cut after %d bytes and %d pictures: %v; want words", path, after, n, err)
			}
		}
	}
}
