package hikvision_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"linkstart/pkg/camera"
	"linkstart/sdk/hikvision"
	"linkstart/sdk/hikvision/standin"
)

// BenchmarkWay is how long a picture of 1080p25 H.264 is on its way from the library's callback until it is whole in this process, and from
// there until it is a JPEG.
func BenchmarkWay(b *testing.B) {
	l, hostPort := standin.Build(b), standin.Camera(b)
	street, err := filepath.Abs(footage)
	if err != nil {
		b.Fatal(err)
	}
	l.Clip("clip", street, standin.H264, 1920, 1080, 75)
	l.Order("main clip", "note")
	s, err := hikvision.New(camera.Spec{ID: "cam", Source: at(hostPort, "1"), Quality: 80, Library: l.Path}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	s.(camera.Watcher).Watch(true)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var captured, encoded []time.Time
	_ = s.Stream(ctx, func(p camera.Picture) {
		if p.Encode == nil {
			return
		}
		if _, _, _, err := p.Encode(0); err != nil {
			b.Error(err)
		}
		if captured, encoded = append(captured, p.Captured), append(encoded, time.Now()); len(captured) >= b.N+25 {
			cancel()
		}
	})
	var sent []time.Time
	for _, line := range l.Told() {
		if us, ok := strings.CutPrefix(line, "packet "); ok {
			var n int64
			_, _ = fmt.Sscan(us, &n)
			sent = append(sent, time.UnixMicro(n))
		}
	}
	var in, whole []time.Duration
	for i, at := range captured[25:] { // the newest packet before it is its own
		n, _ := slices.BinarySearchFunc(sent, at, time.Time.Compare)
		if n > 0 {
			in, whole = append(in, at.Sub(sent[n-1])), append(whole, encoded[25+i].Sub(sent[n-1]))
		}
	}
	for name, all := range map[string][]time.Duration{"in": in, "whole": whole} {
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, name+"-ms-p50")
		b.ReportMetric(float64(all[len(all)*95/100].Microseconds())/1000, name+"-ms-p95")
	}
}
