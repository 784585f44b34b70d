package video

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"linkstart/pkg/camera"
	"linkstart/pkg/rtsptest"
)

// cpu is what this process has used of its processors.
func cpu() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// rss is the resident memory of the process, MB.
func rss() float64 {
	text, _ := os.ReadFile("/proc/self/status")
	var kb float64
	_, after, _ := strings.Cut(string(text), "VmRSS:")
	_, _ = fmt.Sscan(after, &kb)
	return kb / 1024
}

const warm = 75 // pictures until all is loaded

// BenchmarkRTSP is one 1080p25 H.264 camera at the speed at which it sends: ms of CPU for a picture, resident memory, and
// how long a picture is on its way from the last packet of it to the JPEG, while somebody watches and while nobody does.
func BenchmarkRTSP(b *testing.B) {
	server := rtsptest.Start(b, rtsptest.Mount{Path: "/a", Width: 1920, Height: 1080, KeyInt: 50})
	for _, awake := range []bool{false, true} {
		b.Run(fmt.Sprintf("watched=%v", awake), func(b *testing.B) {
			s, err := New(camera.Spec{ID: "cam", Source: server.URL("/a"), Quality: 80}, slog.New(slog.DiscardHandler))
			if err != nil {
				b.Fatal(err)
			}
			s.(camera.Watcher).Watch(awake)
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			debug.FreeOSMemory()
			n, begun, clock := 0, time.Duration(0), time.Time{}
			var ways []time.Duration
			_ = s.Stream(ctx, func(p camera.Picture) {
				if n == warm {
					begun, clock = cpu(), time.Now()
				}
				if awake && p.Encode != nil {
					if _, _, _, err := p.Encode(0); err != nil {
						b.Error(err)
					}
					ways = append(ways, time.Since(p.Captured))
				}
				if n++; n == b.N+warm+1 {
					b.ReportMetric(float64((cpu()-begun).Microseconds())/1000/float64(b.N), "cpu-ms/picture")
					b.ReportMetric(100*float64(cpu()-begun)/float64(time.Since(clock)), "%core")
					b.ReportMetric(rss(), "MB")
					cancel()
				}
			})
			if slices.Sort(ways); len(ways) > 0 {
				b.ReportMetric(float64(ways[len(ways)/2].Microseconds())/1000, "ms-p50")
				b.ReportMetric(float64(ways[len(ways)*99/100].Microseconds())/1000, "ms-p99")
			}
		})
	}
}

// BenchmarkFirstPicture is what a keyframe costs whoever watches first: the decoder and the JPEG.
func BenchmarkFirstPicture(b *testing.B) {
	server := rtsptest.Start(b, rtsptest.Mount{Path: "/a", Width: 1920, Height: 1080, KeyInt: 5})
	s, err := New(camera.Spec{ID: "cam", Source: server.URL("/a"), Quality: 80}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var took []time.Duration
	_ = s.Stream(ctx, func(p camera.Picture) {
		if p.Encode == nil {
			return
		}
		begun := time.Now()
		if _, _, _, err := p.Encode(0); err != nil {
			b.Error(err)
		}
		if took = append(took, time.Since(begun)); len(took) == b.N {
			cancel()
		}
	})
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-p50")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms-p99")
}
