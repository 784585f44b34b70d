//go:build opencv

package opencv

import (
	"bufio"
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestPacer(t *testing.T) {
	const step = 40 * time.Millisecond
	ms := func(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }
	start := time.Unix(1000, 0)
	var p pacer
	for _, tt := range []struct {
		name   string
		again  bool
		now    time.Duration // since start
		stamp  time.Duration
		wantIn time.Duration // since start
	}{
		{name: "first", stamp: ms(500)},
		{name: "as stamped", now: ms(3), stamp: ms(580), wantIn: ms(80)},
		{name: "read late, due on the same clock", now: ms(130), stamp: ms(630), wantIn: ms(130)},
		{name: "no stamp", now: ms(131), stamp: 0, wantIn: ms(170)},
		{name: "still none", now: ms(171), stamp: 0, wantIn: ms(210)},
		{name: "a hole", now: ms(211), stamp: ms(1e6), wantIn: ms(250)},
		{name: "from the beginning", again: true, now: ms(251), stamp: ms(1e6 + 20), wantIn: ms(290)},
		{name: "far behind", now: ms(9000), stamp: ms(1e6 + 60), wantIn: ms(9000)},
		{name: "and on from there", now: ms(9001), stamp: ms(1e6 + 100), wantIn: ms(9040)},
	} {
		if tt.again {
			p.restart()
		}
		if got := p.next(start.Add(tt.now), tt.stamp, step).Sub(start); got != tt.wantIn {
			t.Errorf("%s: due after %v, want %v", tt.name, got, tt.wantIn)
		}
	}
}

func TestGuard(t *testing.T) {
	ended, end := context.WithCancel(context.Background())
	end()
	for _, tt := range []struct {
		name  string
		ctx   context.Context
		takes time.Duration
		want  []error
		waits time.Duration
	}{
		{"in time", context.Background(), 900 * time.Millisecond, nil, 900 * time.Millisecond},
		{"in the grace", context.Background(), 2 * time.Second, []error{errLimit}, 2 * time.Second},
		{"never", context.Background(), time.Hour, []error{ErrStuck, errLimit}, time.Second + grace},
		{"context over", ended, time.Second, []error{context.Canceled}, time.Second},
		{"context over, never", ended, time.Hour, []error{ErrStuck, context.Canceled}, grace},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				err := guard(tt.ctx, time.Second, func() { time.Sleep(tt.takes) })
				if waited := time.Since(begun); waited != tt.waits {
					t.Errorf("returned after %v, want %v", waited, tt.waits)
				}
				if len(tt.want) == 0 && err != nil {
					t.Error(err)
				}
				for _, want := range tt.want {
					if !errors.Is(err, want) {
						t.Errorf("%v, want %v", err, want)
					}
				}
				time.Sleep(2 * time.Hour) // the call that never returned, does
			})
		})
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

func TestMilliseconds(t *testing.T) {
	for ms, want := range map[float64]time.Duration{40: 40 * time.Millisecond, -9.2e18: 0, math.Inf(1): 0, math.NaN(): 0} {
		if got := milliseconds(ms); got != want {
			t.Errorf("%v ms: %v, want %v", ms, got, want)
		}
	}
}

func TestOptions(t *testing.T) {
	for source, want := range map[string]string{
		"rtsp://h/a":               "rtsp_transport;tcp|timeout;5500000|",
		"rtsp://h/a?transport=udp": "rtsp_transport;udp|timeout;5500000|",
		"http://h/a":               "rw_timeout;5500000|",
		"clip.mp4":                 "",
	} {
		target, err := parse(source, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := options(target, 5*time.Second); !strings.HasPrefix(got, want) || (want == "" && got != "") {
			t.Errorf("%s: %q, want %q first", source, got, want)
		}
	}
}

// FuzzParse: whatever a configuration holds, parse neither fails badly nor repeats a password.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"rtsp://admin:hunter22@10.41.0.208/Streaming/Channels/101?a=1&transport=udp&b=2", "rtsps://[fe80::1%25eth0]:322/", "http://h/%zz",
		"file:clip.mp4", "file:///tmp/a", "opencv:0", "opencv:a ! b ! appsink", "opencv:img_%03d.jpg", "opencv:rtmp://h/live", "", "opencv:",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		target, err := parse(source, "/dir")
		if err != nil {
			return
		}
		if target.url != nil {
			if password, ok := target.url.User.Password(); ok && len(password) > 4 && strings.Contains(target.name, password) && !strings.Contains(target.url.Host, password) {
				t.Errorf("the name %q tells the password", target.name)
			}
			if strings.Contains(target.url.RawQuery, "&transport=") || strings.HasPrefix(target.url.RawQuery, "transport=") {
				if target.kind == rtsp {
					t.Errorf("transport is left in %q", target.url.RawQuery)
				}
			}
		} else if target.kind == file && !strings.HasPrefix(target.open, "/") {
			t.Errorf("the file %q is not absolute", target.open)
		}
	})
}

// FuzzReadReply: a hostile camera cannot do more than be refused.
func FuzzReadReply(f *testing.F) {
	for _, seed := range []string{
		"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 4\r\n\r\nv=0\n",
		"RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Digest realm=\"cam\", nonce=\"1\"\r\nWWW-Authenticate: Basic realm=\"cam\"\r\n\r\n",
		"RTSP/1.0 404 Stream Not Found\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "RTSP/1.0 -1 \r\n\r\n", "RTSP/1.0 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, reply string) {
		status, header, err := readReply(bufio.NewReader(strings.NewReader(reply)))
		if err == nil && (status < 100 || status > 999 || header == nil) {
			t.Errorf("status %d, header %v without an error", status, header)
		}
	})
}
