//go:build opencv

package opencv

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"gocv.io/x/gocv"
)

// kind tells apart what is opened and paced in different ways.
type kind int

const (
	address  kind = iota // scheme://: live, or a file behind an address
	file                 // a video file, looped
	sequence             // numbered images, looped
	pipeline             // GStreamer's words
	device               // a webcam
)

// target is a source as OpenCV takes it.
type target struct {
	kind   kind
	api    gocv.VideoCaptureAPI
	open   string // what OpenCV is given. It holds secrets: never printed
	name   string // what a user knows it by, without secrets
	number int    // of device
}

var numbered = regexp.MustCompile(`%0?\d*d`)

// parse reads a source of the configuration. Relative paths start at dir. Its errors do not repeat the source.
func parse(source, dir string) (target, error) {
	what := strings.TrimPrefix(source, "opencv:")
	if what == "" {
		return target{}, errors.New("the source is empty")
	}
	if strings.ContainsRune(what, 0) {
		return target{}, errors.New("the source holds a zero byte")
	}
	if strings.Contains(what, " ! ") {
		return target{kind: pipeline, api: gocv.VideoCaptureGstreamer, open: what, name: "the GStreamer pipeline"}, nil
	}
	if n, err := strconv.Atoi(what); err == nil {
		if n < 0 || n > 255 {
			return target{}, fmt.Errorf("%d is not the number of a video device", n)
		}
		return target{kind: device, api: gocv.VideoCaptureV4L2, number: n, name: fmt.Sprintf("/dev/video%d", n)}, nil
	}
	if scheme, _, ok := strings.Cut(what, "://"); ok && scheme != "file" {
		u, err := url.Parse(what)
		if err != nil || u.Hostname() == "" { // the error repeats the address, password and all
			return target{}, errors.New("the address cannot be read: characters like # / ? % in a user name or password are written as %23 %2F %3F %25")
		}
		return target{kind: address, api: gocv.VideoCaptureFFmpeg, open: what, name: u.Host}, nil
	}
	return parsePath(what, dir)
}

func parsePath(what, dir string) (target, error) {
	path, isFile := strings.CutPrefix(what, "file://")
	if !isFile {
		path = strings.TrimPrefix(what, "file:")
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	path, err := filepath.Abs(path) // FFmpeg takes what begins with a slash for a path and nothing else
	if err != nil {
		return target{}, fmt.Errorf("find %s: %w", path, err)
	}
	if numbered.MatchString(path) {
		return target{kind: sequence, api: gocv.VideoCaptureImages, open: path, name: path}, nil
	}
	return target{kind: file, api: gocv.VideoCaptureFFmpeg, open: path, name: path}, nil
}
