package httpcam

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"linkstart/pkg/camera"
)

// flood answers each request with head and then with more, again and again, until the other side goes. It returns where, and what the
// heap of this process has been at most meanwhile.
func flood(t *testing.T, head, more string) (url string, most func() uint64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	more = strings.Repeat(more, 1+(64<<10)/len(more))
	var peak uint64
	done := make(chan struct{})
	look := func() {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapAlloc)
	}
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.SetDeadline(time.Now().Add(time.Minute))
			_, _ = c.Read(make([]byte, 4096))
			_, err = io.WriteString(c, head)
			for n := 0; err == nil; n++ {
				if _, err = io.WriteString(c, more); n%64 == 0 {
					look()
				}
			}
			look()
			_ = c.Close()
		}
	}()
	return "http://" + l.Addr().String() + "/", func() uint64 { _ = l.Close(); <-done; return peak }
}

// TestEndlessAnswers: whatever never ends costs a bounded amount of memory, and time.
func TestEndlessAnswers(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for _, tt := range []struct{ name, head, more, want string }{
		{"header", ok + "X: ", "x", "failed"},
		{"headers", ok, "X-Header: value\r\n", "failed"},
		{"provisional answers", "", "HTTP/1.1 100 Continue\r\n\r\n", "failed"},
		{"provisional answers with headers", "", "HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n", "failed"},
		{"refusal", "HTTP/1.1 404 Not Found\r\n\r\n", "x", "nothing at this path"},
		{"question", "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"", "x", "failed"},
		{"before the first part", ok + mixed + "\r\n", "x", ""},
		{"part", ok + mixed + "\r\n--b0undary\r\n\r\n\xFF\xD8", "x", ""},
		{"parts without a picture", ok + mixed + "\r\n", "--b0undary\r\nContent-Type: text/plain\r\n\r\nalive\r\n", "within"},
		{"headers of a part", ok + mixed + "\r\n--b0undary\r\n", "X-Header: value\r\n", ""},
		{"boundaries", ok + mixed + "\r\n", "--b0undary\r\n", ""},
		{"segments of a picture", ok + mixed + "\r\n--b0undary\r\n\r\n\xFF\xD8", "\xFF\xE0\x00\x02", ""},
		{"single picture", ok + "Content-Type: image/jpeg\r\n\r\n\xFF\xD8", "x", ""},
		{"single picture in chunks", ok + "Content-Type: image/jpeg\r\nTransfer-Encoding: chunked\r\n\r\n", "4\r\nxxxx\r\n", ""},
		{"extension of a chunk", ok + mixed + "Transfer-Encoding: chunked\r\n\r\n4;", "x", ""},
		{"trailer", ok + mixed + "Transfer-Encoding: chunked\r\n\r\n0\r\n", "X: x\r\n", ""},
		{"pictures in no container", ok + "Content-Type: video/mjpeg\r\n\r\n", "x", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			runtime.GC()
			var before runtime.MemStats
			runtime.ReadMemStats(&before)
			url, most := flood(t, tt.head, tt.more)
			spec := specOf(url)
			if tt.want == "" || tt.want == "within" { // the others are to end before a limit of time
				spec.OpenTimeout, spec.ReadTimeout = 2*time.Second, 2*time.Second
			}
			got, err := collect(t, newSource(t, spec), 1)
			if err == nil || len(got) != 0 || !strings.Contains(camera.Say(err), tt.want) {
				t.Errorf("%d pictures, %v; want %q", len(got), err, tt.want)
			}
			if peak := most(); peak > before.HeapAlloc+16<<20 {
				t.Errorf("the heap grew from %d to %d bytes", before.HeapAlloc, peak)
			}
		})
	}
}

// bomb is a small JPEG that declares a size.
func bomb(width, height int) []byte {
	b := bytes.Clone(one)
	i := bytes.Index(b, []byte{0xFF, 0xC0}) // SOF0: length, precision, lines, samples a line (ITU-T T.81, B.2.2)
	binary.BigEndian.PutUint16(b[i+5:], uint16(height))
	binary.BigEndian.PutUint16(b[i+7:], uint16(width))
	return b
}

func TestLies(t *testing.T) {
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	for range 1 << 10 {
		_, _ = zip.Write(make([]byte, 64<<10))
	}
	_ = zip.Close()
	const head = "HTTP/1.1 200 OK\r\nConnection: close\r\n"
	sized := func(length string) string {
		return "--b0undary\r\nContent-Type: image/jpeg\r\nContent-Length: " + length + "\r\n\r\n"
	}
	for _, tt := range []struct {
		name, answer string
		want         [][]byte // before it fails, if it does
	}{
		{"a picture of 65535 x 65535", head + mixed + "\r\n" + part(one) + part(bomb(65535, 65535)) + part(two), [][]byte{one, two}},
		{"nothing but such pictures", head + mixed + "\r\n" + strings.Repeat(part(bomb(65535, 65535)), 12), nil},
		{"a single one", head + "Content-Type: image/jpeg\r\n\r\n" + string(bomb(65535, 65535)), nil},
		{"a part that is shorter than it says", head + mixed + "\r\n" + sized("1000000") + string(one) + "\r\n" + part(two), [][]byte{one, two}},
		{"a part that is longer than it says", head + mixed + "\r\n" + sized("3") + string(one) + "\r\n" + part(two), [][]byte{one, two}},
		{"a part of more bytes than there are", head + mixed + "\r\n" + sized("99999999999999999999") + string(one) + "\r\n" + part(two), [][]byte{one, two}},
		{"a part of fewer than none", head + mixed + "\r\n" + sized("-5") + string(one) + "\r\n" + part(two), [][]byte{one, two}},
		{"a part beyond the limit", head + mixed + "\r\n" + sized("2000000") + string(one) + "\r\n" + part(two), [][]byte{two}},
		{"an answer of more bytes than there are", head + "Content-Type: image/jpeg\r\nContent-Length: 9223372036854775807\r\n\r\n" + string(one), nil},
		{"two lengths", head + "Content-Type: image/jpeg\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n" + string(one), nil},
		{"a bomb in gzip", head + mixed + "Content-Encoding: gzip\r\n\r\n" + packed.String(), nil},
		{"a single bomb in gzip", head + "Content-Type: image/jpeg\r\nContent-Encoding: gzip\r\n\r\n" + packed.String(), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got, err := collect(t, newSource(t, specOf(rawCamera(t, tt.answer, 1<<20, false))), len(tt.want)+1)
			runtime.ReadMemStats(&after)
			if err == nil || len(got) != len(tt.want) {
				t.Fatalf("%d pictures, %v; want %d and an error", len(got), err, len(tt.want))
			}
			for i, p := range got {
				if !bytes.Equal(p.JPEG, tt.want[i]) {
					t.Errorf("picture %d has %d bytes, want %d", i, len(p.JPEG), len(tt.want[i]))
				}
			}
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 32<<20 {
				t.Errorf("it took %d bytes", grown)
			}
			if strings.Contains(fmt.Sprint(err), "panic") {
				t.Error(err)
			}
		})
	}
}
