package video

import (
	"bytes"
	"image/jpeg"
	"strings"
	"testing"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/gst"
)

// TestFormatOfADevice: there is no camera here, so elements that can give any size and rate take its place before the filter that
// chooses. JPEGs are chosen where they are offered, and come out as they went in.
func TestFormatOfADevice(t *testing.T) {
	if err := gst.Init(""); err != nil {
		t.Fatal(err)
	}
	const jpegs, raw = "videotestsrc is-live=true ! jpegenc name=in ! capsfilter name=src", "videotestsrc is-live=true name=in ! capsfilter name=src"
	for _, c := range []struct {
		name, source, camera, kind string
		width, height              int
		between                    time.Duration
	}{
		{"JPEGs", "v4l2:/dev/video7?size=1280x720&fps=10", jpegs, "image/jpeg", 1280, 720, 100 * time.Millisecond},
		{"another size", "v4l2:7?fps=7.5&size=320x176", jpegs, "image/jpeg", 320, 176, 133 * time.Millisecond},
		{"raw pictures", "v4l2:7?size=640x480&fps=20", raw, "video/x-raw", 640, 480, 50 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			target, err := parse(c.source, "")
			if err != nil || target.path != "/dev/video7" {
				t.Fatalf("%+v, %v", target, err)
			}
			p, err := gst.New(c.camera, fromDevice, aheadFile)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			if err := target.chooseFormat(p); err != nil {
				t.Fatal(err)
			}
			p.Start()
			var stamps []time.Duration
			for range 3 {
				u, err := p.Pull(time.Minute)
				if err != nil {
					t.Fatal(err)
				}
				defer u.Free()
				if u.Kind() != c.kind {
					t.Fatalf("it gives %s", u.Kind())
				}
				if stamps = append(stamps, u.Stamp); c.kind == "image/jpeg" {
					b := u.Bytes(1 << 20)
					size, err := jpeg.DecodeConfig(bytes.NewReader(b))
					if err != nil || size.Width != c.width || size.Height != c.height {
						t.Errorf("%dx%d, %v", size.Width, size.Height, err)
					}
				} else if w, h := u.Dimensions(); w != c.width || h != c.height {
					t.Errorf("%dx%d", w, h)
				}
			}
			if between := (stamps[2] - stamps[0]) / 2; (between - c.between).Abs() > c.between/20 {
				t.Errorf("%v from one picture to the next, want %v", between, c.between)
			}
		})
	}
	both, err := gst.New("fakesrc sizetype=fixed sizemax=100 name=in ! capsfilter name=src", fromDevice, aheadFile) // it gives whatever is asked for
	if err != nil {
		t.Fatal(err)
	}
	defer both.Close()
	if err := (target{kind: device}).chooseFormat(both); err != nil {
		t.Fatal(err)
	}
	both.Start()
	u, err := both.Pull(time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer u.Free()
	if u.Kind() != "image/jpeg" {
		t.Errorf("of both kinds it takes %s", u.Kind())
	}
	target, err := parse("v4l2:/dev/null?size=1280x720&fps=30", "")
	if err != nil {
		t.Fatal(err)
	}
	p, err := gst.New("videotestsrc ! video/x-raw,width=640,height=480 ! capsfilter name=src", fromDevice, aheadFile)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := target.chooseFormat(p); err == nil || !strings.Contains(camera.Say(err), "/dev/null is no video device") {
		t.Errorf("a size that is not offered: %v", err)
	}
}
