// Package standin makes a small library that answers as Hikvision's HCNetSDK does, for tests: it has the same functions and layouts, plays real
// footage, and refuses, stalls and crashes when it is told to.
package standin

import (
	"bytes"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"linkstart/pkg/gst"
)

//go:embed library
var sources embed.FS

const limit = time.Minute // for what takes seconds

// Library is the stand-in in a folder of its own.
type Library struct {
	tb     testing.TB
	Folder string
	Path   string
}

// Build compiles the library, with others that it needs, into a folder as a user would have it.
func Build(tb testing.TB) *Library {
	tb.Helper()
	folder := tb.TempDir()
	l := &Library{tb: tb, Folder: folder, Path: filepath.Join(folder, "libhcnetsdk.so")}
	from := tb.TempDir()
	if err := os.CopyFS(from, sources); err != nil {
		tb.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(folder, "HCNetSDKCom"), 0o700); err != nil {
		tb.Fatal(err)
	}
	l.compile(from, "hpr.c", "libhpr.so")
	l.compile(from, "core.c", "libHCCore.so", "-lhpr")
	l.compile(from, "preview.c", "HCNetSDKCom/libHCPreview.so")
	l.compile(from, "hcnetsdk.c", "libhcnetsdk.so", "-lHCCore", "-lpthread", "-ldl")
	return l
}

func (l *Library) compile(from, source, to string, needs ...string) {
	l.tb.Helper()
	args := []string{
		"-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", filepath.Join(l.Folder, to), "-Wl,-soname," + filepath.Base(to),
		filepath.Join(from, "library", source), "-L" + l.Folder, "-Wl,--allow-shlib-undefined",
	}
	out, err := exec.Command("cc", append(args, needs...)...).CombinedOutput()
	if err != nil {
		l.tb.Fatalf("compile %s: %v\n%s", source, err, out)
	}
}

// Order tells the library what to do from now on, see library/hcnetsdk.c; what was ordered before counts no more.
func (l *Library) Order(orders ...string) {
	l.tb.Helper()
	l.write("orders.new", []byte(strings.Join(orders, "\n")+"\n"))
	if err := os.Rename(filepath.Join(l.Folder, "orders.new"), filepath.Join(l.Folder, "orders")); err != nil {
		l.tb.Fatal(err)
	}
}

// Told returns what the library was called for so far.
func (l *Library) Told() []string {
	text, _ := os.ReadFile(filepath.Join(l.Folder, "told")) // there is none before the first call
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// Count is how many of the calls so far begin with call.
func (l *Library) Count(call string) (n int) {
	for _, line := range l.Told() {
		if line == call || strings.HasPrefix(line, call+" ") {
			n++
		}
	}
	return n
}

func (l *Library) write(name string, content []byte) {
	l.tb.Helper()
	if err := os.WriteFile(filepath.Join(l.Folder, name), content, 0o600); err != nil {
		l.tb.Fatal(err)
	}
}

const (
	// KeyInt is how many pictures there are from one keyframe of a clip to the next.
	KeyInt = 25
	// H264 and H265 are the compressors of clips.
	H264 = "x264enc tune=zerolatency speed-preset=ultrafast"
	H265 = "x265enc tune=zerolatency speed-preset=ultrafast option-string=log-level=none"
)

// Clip compresses the footage, a video file, into what the library plays when it is ordered "main NAME" or "sub NAME".
func (l *Library) Clip(name, footage, compressor string, width, height, pictures int) {
	l.tb.Helper()
	var clip bytes.Buffer
	parse := "h264parse"
	if compressor == H265 {
		parse = "h265parse"
	}
	words := fmt.Sprintf("%s key-int-max=%d ! %s config-interval=-1 ! capsfilter caps=video/x-%s,stream-format=byte-stream,alignment=au",
		compressor, KeyInt, parse, strings.TrimSuffix(parse, "parse"))
	l.convert(footage, words, width, height, pictures, func(u *gst.Unit) {
		kind := uint16(3)
		if u.Key {
			kind = 1
		}
		header := struct {
			Size                        uint32
			Kind, Width, Height, Unused uint16
		}{uint32(u.Size), kind, uint16(width), uint16(height), 0}
		_ = binary.Write(&clip, binary.LittleEndian, header) // a Buffer takes all
		clip.Write(u.Bytes(0))
	})
	l.write(name, clip.Bytes())
}

// JPEGs makes pictures of the footage, which the library gives out one after the other when it is ordered "jpegs COUNT", and returns them.
func (l *Library) JPEGs(footage string, width, height, count int) (all [][]byte) {
	l.tb.Helper()
	l.convert(footage, "jpegenc", width, height, count, func(u *gst.Unit) {
		b := u.Bytes(0)
		l.write(fmt.Sprintf("%d.jpg", len(all)), b)
		all = append(all, b)
	})
	return all
}

// convert calls each with what words of gst-launch make of so many pictures of footage.
func (l *Library) convert(footage, words string, width, height, pictures int, each func(*gst.Unit)) {
	l.tb.Helper()
	if err := gst.Init(os.Getenv("GST_TEST_CACHE")); err != nil {
		l.tb.Fatal(err)
	}
	source := fmt.Sprintf("filesrc location=%s ! decodebin ! videoconvert ! videoscale ! capsfilter caps=video/x-raw,format=I420,width=%d,height=%d ! %s ! identity name=src",
		footage, width, height, words)
	p, err := gst.New(source, []gst.Tail{{Caps: "video/x-h264;video/x-h265;image/jpeg"}}, 8)
	if err != nil {
		l.tb.Fatal(err)
	}
	defer p.Close()
	p.Start()
	for range pictures {
		u, err := p.Pull(limit)
		if errors.Is(err, gst.ErrEnd) {
			return
		}
		if err != nil {
			l.tb.Fatal(err)
		}
		each(u)
		u.Free()
	}
}

// Camera listens at an address, for the library to connect to, and returns it.
func Camera(tb testing.TB) (hostPort string) {
	tb.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	tb.Cleanup(func() { _ = listener.Close(); <-done })
	return listener.Addr().String()
}
