package main

import (
	"strings"
	"testing"

	"linkstart/pkg/camera"
	"linkstart/pkg/v4l2"
)

func TestFormatsArePrinted(t *testing.T) {
	var out strings.Builder
	printFormats(&out, v4l2.Device{Path: "/dev/video0", Name: "HD Pro Webcam C920", Driver: "uvcvideo", Formats: []v4l2.Format{
		{Code: "YUYV", Name: "YUYV 4:2:2", Sizes: []v4l2.Size{{Width: 2592, Height: 1944, MinWidth: 32, MinHeight: 32, Rates: []float64{90, 1}}}},
		{Code: "MJPG", Name: "Motion-JPEG", Sizes: []v4l2.Size{{Width: 1920, Height: 1080, Rates: []float64{30, 7.5}}}},
	}})
	want := `/dev/video0  HD Pro Webcam C920 (uvcvideo)
  YUYV  YUYV 4:2:2
    32x32 to 2592x1944 90 to 1 fps
  MJPG  Motion-JPEG, passed on as it is
    1920x1080    30, 7.5 fps
  source: v4l2:/dev/video0?size=1920x1080&fps=30
`
	if out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
	}
}

func TestFormatsOfWhatIsNotThere(t *testing.T) {
	for _, name := range []string{"v4l2:250", "250", "v4l2:/dev/video250?size=1280x720"} {
		if _, err := look([]string{name}); err == nil || !strings.Contains(camera.Say(err), "there is no video device /dev/video250") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := look([]string{"v4l2:/dev/null"}); err == nil || !strings.Contains(camera.Say(err), "is no video device") {
		t.Errorf("got %v", err)
	}
}
