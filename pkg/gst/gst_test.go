package gst_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"linkstart/pkg/gst"
)

const limit = time.Minute // a test that waits longer has failed, however busy the machine is

func TestMain(m *testing.M) {
	if err := gst.Init(os.Getenv("GST_TEST_CACHE")); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// compress is a source of 640×360 px in the words of gst-launch.
func compress(count int, encoder string) string {
	return fmt.Sprintf("videotestsrc pattern=ball num-buffers=%d", count) +
		" ! video/x-raw,format=I420,width=640,height=360,framerate=25/1 ! " + encoder + " ! identity name=src"
}

func pipeline(t *testing.T, words, tail string) *gst.Pipeline {
	t.Helper()
	p, err := gst.New(words, []gst.Tail{{Caps: "video/x-raw;image/jpeg;video/x-h264;video/x-h265;video/mpeg", Words: tail}}, 8)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	p.Start()
	return p
}

func TestEveryUnitGivesItsPictureAtOnce(t *testing.T) {
	for name, words := range map[string][2]string{
		"H.264":  {"x264enc tune=zerolatency key-int-max=10", "h264parse config-interval=-1 ! capsfilter caps=video/x-h264,stream-format=byte-stream,alignment=au"},
		"H.265":  {"x265enc tune=zerolatency speed-preset=ultrafast key-int-max=10", "h265parse config-interval=-1 ! capsfilter caps=video/x-h265,stream-format=byte-stream,alignment=au"},
		"MPEG-4": {"avenc_mpeg4 gop-size=10", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := pipeline(t, compress(25, words[0]), words[1])
			var d *gst.Decoder
			n := 0
			for {
				u, err := p.Pull(limit)
				if errors.Is(err, gst.ErrEnd) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if d == nil {
					if !u.Key {
						t.Fatal("the first unit is no keyframe")
					}
					if d, err = gst.NewDecoder(u); err != nil {
						t.Fatal(err)
					}
					defer d.Close()
				}
				n++
				picture, err := d.Decode(u, time.Duration(n)*time.Millisecond)
				u.Free()
				if err != nil || picture == nil {
					t.Fatalf("unit %d: no picture, %v", n, err)
				}
				if picture.Width != 640 || picture.Height != 360 || picture.Layout != gst.I420 || !picture.Limited || picture.Stamp != time.Duration(n)*time.Millisecond {
					t.Errorf("unit %d: %+v", n, picture)
				}
				picture.Free()
			}
			if n != 25 {
				t.Errorf("%d units, want 25", n)
			}
		})
	}
}

func TestLayoutsAndScaling(t *testing.T) {
	for format, want := range map[string]struct {
		layout  gst.Layout
		limited bool
	}{
		"I420": {gst.I420, true}, "Y42B": {gst.I422, true}, "Y444": {gst.I444, true}, "GRAY8": {gst.Gray, true},
		"NV12": {gst.Other, true}, "BGR": {gst.Other, false}, "I420_10LE": {gst.Other, true}, "YUY2": {gst.Other, true},
	} {
		t.Run(format, func(t *testing.T) {
			p := pipeline(t, "videotestsrc pattern=white num-buffers=1 ! video/x-raw,format="+format+",width=322,height=182 ! identity name=src", "")
			u, err := p.Pull(limit)
			if err != nil {
				t.Fatal(err)
			}
			picture := u.Picture()
			u.Free()
			defer picture.Free()
			if picture.Layout != want.layout || picture.Width != 322 || picture.Height != 182 {
				t.Errorf("%+v, want %v of 322×182 px", picture, want)
			}
			var scaler gst.Scaler
			defer scaler.Close()
			for range 3 {
				small, err := scaler.Scale(picture, 160, 90)
				if err != nil {
					t.Fatal(err)
				}
				luma, stride := small.Plane(0)
				white := 235
				if format == "BGR" { // the others are scaled in the range they have
					white = 255
				}
				if got := int(luma[45*stride+80]); small.Width != 160 || small.Height != 90 || small.Layout == gst.Other || got < white-3 || got > white {
					t.Errorf("scaled: %+v, white is %d, want %d", small, got, white)
				}
				small.Free()
			}
		})
	}
}

func TestErrors(t *testing.T) {
	var missing *gst.Missing
	if _, err := gst.New("nosuchelement name=src", nil, 1); !errors.As(err, &missing) || missing.Name != "nosuchelement" {
		t.Errorf("an element that is not there: %v", err)
	}
	p := pipeline(t, "filesrc name=in ! identity name=src", "")
	if _, err := p.Pull(limit); err == nil || errors.Is(err, gst.ErrTimeout) {
		t.Errorf("a file that has no name: %v", err)
	}
	if err := p.Set("in", "nonsense", "1"); err == nil {
		t.Error("a property that is not there can be set")
	}
	if err := p.Set("out", "location", "1"); err == nil {
		t.Error("an element that is not there can be set")
	}
	var unknown *gst.Unknown
	q, err := gst.New("videotestsrc num-buffers=1 ! jpegenc ! capsfilter caps=image/jpeg name=src", []gst.Tail{{Caps: "video/x-h264"}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	q.Start()
	if _, err := q.Pull(limit); !errors.As(err, &unknown) || unknown.Kind != "image/jpeg" {
		t.Errorf("video that no tail takes: %v", err)
	}
}

func TestSecretsAreNotRepeated(t *testing.T) {
	p, err := gst.New("filesrc name=in ! identity name=src", []gst.Tail{{Caps: "ANY"}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.SetSecret("in", "location", "/nowhere/geh3im"); err != nil {
		t.Fatal(err)
	}
	p.Start()
	if _, err := p.Pull(limit); err == nil || strings.Contains(err.Error(), "geh3im") {
		t.Errorf("%v; want an error without the path", err)
	}
}

func TestPullKeepsItsLimitAndWakes(t *testing.T) {
	p := pipeline(t, "appsrc name=src", "")
	if _, err := p.Pull(10 * time.Millisecond); !errors.Is(err, gst.ErrTimeout) {
		t.Errorf("%v, want ErrTimeout", err)
	}
	woken := make(chan error)
	go func() { _, err := p.Pull(limit); woken <- err }()
	p.Wake()
	if err := <-woken; !errors.Is(err, gst.ErrWoken) {
		t.Errorf("%v, want ErrWoken", err)
	}
}

// The sender waits where nobody pulls.
func TestAheadIsBounded(t *testing.T) {
	p := pipeline(t, "videotestsrc num-buffers=99 ! video/x-raw,width=320,height=240 ! identity name=src", "")
	n := 0
	for {
		u, err := p.Pull(limit)
		if errors.Is(err, gst.ErrEnd) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		u.Free()
		n++
	}
	if n != 99 {
		t.Errorf("%d of 99 pictures came", n)
	}
}

// TestListOfPlugins starts this test's program anew, because GStreamer starts once in a process.
func TestListOfPlugins(t *testing.T) {
	if os.Getenv("GST_TEST_CACHE") != "" {
		return // TestMain has started it
	}
	cache := filepath.Join(t.TempDir(), "a", "b")
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{cache, blocked, filepath.Join(blocked, "below")} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestListOfPlugins$")
		cmd.Env = append(os.Environ(), "GST_TEST_CACHE="+dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", dir, err, bytes.TrimSpace(out))
		}
	}
	if list, err := filepath.Glob(filepath.Join(cache, "*.bin")); err != nil || len(list) != 1 {
		t.Errorf("the list of plugins: %v, %v", list, err)
	}
}
