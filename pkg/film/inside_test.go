package film

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"linkstart/pkg/camera"
	"linkstart/pkg/gst"
	"linkstart/pkg/rtsptest"
)

const limit = time.Minute // a test that waits longer has failed, however busy the machine is

func TestMain(m *testing.M) {
	if err := gst.Init(os.Getenv("GST_TEST_CACHE")); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// from is the H.264 that an RTSP server sends.
func from(address string) Origin {
	return Origin{
		Name: "server",
		Open: func(context.Context, time.Duration) (*gst.Pipeline, error) {
			p, err := gst.New("rtspsrc name=src latency=0 protocols=tcp location="+address, []gst.Tail{{
				Caps:  "application/x-rtp,media=video,encoding-name=H264",
				Words: "rtph264depay ! capsfilter caps=video/x-h264,stream-format=byte-stream,alignment=au ! " + H264,
			}}, 256)
			if err == nil {
				p.Start()
			}
			return p, err
		},
		Close:   func(p *gst.Pipeline) error { p.Close(); return nil },
		Explain: func(_ context.Context, _ bool, err error) error { return err },
		Silent:  func(context.Context) error { return nil },
	}
}

func TestSize(t *testing.T) {
	for _, tt := range []struct{ w, h, limit, wantW, wantH int }{
		{1920, 1080, 0, 1920, 1080},
		{1920, 1080, 640, 640, 360},
		{1921, 1081, 4000, 1921, 1081},
		{768, 432, 501, 500, 282},
		{4, 4000, 3, 2, 3000},
		{4000, 4, 10, 10, 2},
	} {
		if w, h := size(tt.w, tt.h, tt.limit); w != tt.wantW || h != tt.wantH {
			t.Errorf("%d×%d in %d: %d×%d, want %d×%d", tt.w, tt.h, tt.limit, w, h, tt.wantW, tt.wantH)
		}
	}
}

// A group that is too large to keep is not kept. That costs nobody a picture who watches already; who begins to watch
// waits for the next keyframe.
func TestTooMuchToKeep(t *testing.T) {
	server := rtsptest.Start(t, rtsptest.Mount{Path: "/a", KeyInt: 100})
	for _, awake := range []bool{true, false} {
		source := New(camera.Spec{ID: "cam", Quality: 80, OpenTimeout: limit, ReadTimeout: limit}, from(server.URL("/a")), slog.New(slog.DiscardHandler))
		source.Watch(awake)
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		lives, kept, most := 0, 0, 0
		var p *player
		p = newPlayer(source, func(picture camera.Picture) {
			if g := p.film.group; g != nil { // on the goroutine that adds
				most = max(most, g.bytes-g.units[0].Size)
			}
			switch {
			case picture.Kept:
				kept++
			case picture.Decode > 0:
				lives++
			}
			if lives == 90 || kept == 90 {
				cancel()
			}
		})
		p.film.limit = 30_000
		err := p.play(ctx)
		for err == nil { // the decoder of a busy machine began so late that what came meanwhile could not be kept: it is connected anew
			lives, kept = 0, 0
			err = p.play(ctx)
		}
		p.end()
		cancel()
		if lives+kept != 90 || most > 30_000 {
			t.Errorf("watched %v: %d live and %d kept pictures, up to %d bytes; want 90 of one kind, at most 30000 bytes: %v", awake, lives, kept, most, err)
		}
	}
}
