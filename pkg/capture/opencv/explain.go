//go:build opencv

package opencv

import (
	"errors"
	"io/fs"
	"os"

	"linkstart/pkg/camera"
)

// errRefused stands for OpenCV's only answer, which is false.
var errRefused = errors.New("OpenCV cannot open it")

// reach finds out before the opening what OpenCV would not tell after it.
func (t target) reach() error {
	switch t.kind {
	case file:
		info, err := os.Stat(t.open)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return &camera.Error{Say: "there is no file " + t.name, Err: err}
		case err != nil:
			return &camera.Error{Say: "the file " + t.name + " cannot be read", Err: err}
		case info.IsDir():
			return &camera.Error{Say: t.name + " is a folder, not a video file"}
		}
	case device:
		if _, err := os.Stat(t.name); err != nil {
			return &camera.Error{Say: "there is no video device " + t.name, Err: err}
		}
	}
	return nil
}

// explain says what to look for where t could not be opened.
func (t target) explain() error {
	say := t.name + " holds no video that OpenCV can decode"
	switch t.kind {
	case address:
		say = "OpenCV cannot open the stream of " + t.name + ": without opencv: in front, the source says why"
	case pipeline:
		say = "the GStreamer pipeline does not start: try it with gst-launch-1.0; it must end in appsink"
	case sequence:
		say = "there are no images " + t.name
	case device:
		say = "the video device " + t.name + " cannot be opened: is it in use, or forbidden to this user?"
	}
	return &camera.Error{Say: say, Err: errRefused}
}
