package video_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/capture/video"
)

const sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"

// hostile is an RTSP server that answers OPTIONS as it should, and has answer deal with each DESCRIBE. It goes when the test ends.
func hostile(t *testing.T, answer func(w io.Writer, number string)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				defer context.AfterFunc(t.Context(), func() { _ = c.Close() })()
				for r := textproto.NewReader(bufio.NewReader(c)); ; {
					line, err := r.ReadLine()
					if err != nil {
						return
					}
					header, err := r.ReadMIMEHeader()
					if err != nil {
						return
					}
					number := header.Get("CSeq")
					if strings.HasPrefix(line, "OPTIONS") {
						fmt.Fprintf(c, "RTSP/1.0 200 OK\r\nCSeq: %s\r\nPublic: OPTIONS, DESCRIBE, SETUP, PLAY\r\n\r\n", number)
						continue
					}
					answer(c, number)
				}
			})
		}
	})
	return l.Addr().String()
}

// endless writes until the other side goes.
func endless(w io.Writer, text string, every time.Duration) {
	for {
		if _, err := io.WriteString(w, text); err != nil {
			return
		}
		time.Sleep(every)
	}
}

// TestHostileAnswers: whatever an RTSP server answers ends in time, and in words. What GStreamer itself cannot be stopped in ends with
// the process, whose memory the supervisor bounds: see TestHostileCameraStaysInItsGrabber in e2e.
func TestHostileAnswers(t *testing.T) {
	const ok = "RTSP/1.0 200 OK\r\nCSeq: %s\r\n"
	lines := strings.Repeat("a=x:y\r\n", 10<<10)
	for name, answer := range map[string]func(w io.Writer, number string){
		"drip":                func(w io.Writer, _ string) { endless(w, "R", time.Second) },
		"endless status line": func(w io.Writer, _ string) { endless(w, strings.Repeat("R", 64<<10), 0) },
		"endless headers": func(w io.Writer, number string) {
			fmt.Fprintf(w, ok, number)
			endless(w, strings.Repeat("X: y\r\n", 10<<10), 0)
		},
		"endless header": func(w io.Writer, number string) {
			fmt.Fprintf(w, ok+"X: ", number)
			endless(w, strings.Repeat("y", 64<<10), 0)
		},
		"endless description": func(w io.Writer, number string) {
			fmt.Fprintf(w, ok+"Content-Type: application/sdp\r\nContent-Length: 2147483647\r\n\r\n"+sdp, number)
			endless(w, lines, 0)
		},
		"length of a terabyte": func(w io.Writer, number string) {
			fmt.Fprintf(w, ok+"Content-Type: application/sdp\r\nContent-Length: 1099511627776\r\n\r\n"+sdp, number)
			endless(w, lines, 0)
		},
		"length below zero": func(w io.Writer, number string) {
			fmt.Fprintf(w, ok+"Content-Type: application/sdp\r\nContent-Length: -1\r\n\r\n"+sdp, number)
		},
		"description that drips": func(w io.Writer, number string) {
			fmt.Fprintf(w, ok+"Content-Type: application/sdp\r\nContent-Length: 100000\r\n\r\n", number)
			endless(w, "v", time.Second)
		},
		"a thousand streams": func(w io.Writer, number string) {
			body := sdp + strings.Repeat("m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:rtsp://127.0.0.1:1/\r\n", 1000)
			fmt.Fprintf(w, ok+"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", number, len(body), body)
		},
		"no description": func(w io.Writer, number string) {
			fmt.Fprintf(w, ok+"Content-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>", number)
		},
		"data nobody asked for": func(w io.Writer, _ string) { endless(w, "$\x00\xff\xff"+strings.Repeat("x", 65535), 0) },
		"redirect to itself": func(w io.Writer, number string) {
			fmt.Fprintf(w, "RTSP/1.0 302 Found\r\nCSeq: %s\r\nLocation: file:///etc/passwd\r\n\r\n", number)
		},
		"endless question": func(w io.Writer, number string) {
			fmt.Fprintf(w, "RTSP/1.0 401 Unauthorized\r\nCSeq: %s\r\nWWW-Authenticate: Digest realm=\"", number)
			endless(w, strings.Repeat("y", 64<<10), 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), tryName+"=rtsp://admin:"+secret+"@"+hostile(t, answer)+"/a")
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.HasPrefix(string(out), "says: ") || strings.Contains(string(out), secret) {
				t.Errorf("%v\n%s", err, out)
			}
			usage, _ := cmd.ProcessState.SysUsage().(*syscall.Rusage)
			t.Logf("%d MiB at most: %s", usage.Maxrss>>10, out)
		})
	}
}

// tryName is the variable of the environment that has this program open a source, as a grabber does, and print what goes wrong.
const tryName = "LINKSTART_TRY"

func try(address string) {
	s := spec(address)
	s.OpenTimeout = 3 * time.Second
	source, err := video.New(s, slog.New(slog.DiscardHandler))
	if err == nil {
		err = source.Stream(context.Background(), func(camera.Picture) {})
	}
	var said *camera.Error
	if !errors.As(err, &said) {
		fmt.Println("nothing in words:", err)
		os.Exit(1)
	}
	fmt.Println("says:", said.Say)
	os.Exit(0)
}
