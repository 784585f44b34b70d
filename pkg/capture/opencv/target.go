//go:build opencv

package opencv

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"gocv.io/x/gocv"
)

// kind tells apart what is opened, paced and explained in different ways.
type kind int

const (
	rtsp     kind = iota // rtsp:// rtsps://: live
	web                  // rtmp:// http:// https://: live, or a file behind an address
	file                 // a video file, looped
	sequence             // numbered images, looped
	pipeline             // GStreamer's words
	device               // a webcam
)

// target is a source as OpenCV takes it.
type target struct {
	kind   kind
	api    gocv.VideoCaptureAPI
	open   string   // what OpenCV is given. It holds secrets: never printed
	name   string   // what a user knows it by, without secrets
	url    *url.URL // of rtsp and web
	udp    bool     // of rtsp
	number int      // of device
}

var (
	numbered = regexp.MustCompile(`%0?\d*d`)
	schemes  = map[string]kind{"rtsp": rtsp, "rtsps": rtsp, "rtmp": web, "http": web, "https": web}
	ports    = map[string]string{"rtsp": "554", "rtsps": "322", "rtmp": "1935", "http": "80", "https": "443"}
)

// parse reads a source of the configuration. Relative paths start at dir. Its errors do not repeat the source.
func parse(source, dir string) (target, error) {
	what, isOpenCV := strings.CutPrefix(source, "opencv:")
	if what == "" {
		return target{}, errors.New("the source is empty")
	}
	if strings.ContainsRune(what, 0) {
		return target{}, errors.New("the source holds a zero byte")
	}
	if scheme, _, ok := strings.Cut(what, "://"); ok && scheme != "file" && !strings.Contains(scheme, " ") {
		return parseURL(what)
	}
	if isOpenCV {
		if n, err := strconv.Atoi(what); err == nil {
			if n < 0 || n > 255 {
				return target{}, fmt.Errorf("%d is not the number of a video device", n)
			}
			return target{kind: device, api: gocv.VideoCaptureV4L2, number: n, name: fmt.Sprintf("/dev/video%d", n)}, nil
		}
		if strings.Contains(what, " ! ") {
			return target{kind: pipeline, api: gocv.VideoCaptureGstreamer, open: what, name: "the GStreamer pipeline"}, nil
		}
	}
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
	if isOpenCV && numbered.MatchString(path) {
		return target{kind: sequence, api: gocv.VideoCaptureImages, open: path, name: path}, nil
	}
	return target{kind: file, api: gocv.VideoCaptureFFmpeg, open: path, name: path}, nil
}

func parseURL(source string) (target, error) {
	u, err := url.Parse(source)
	if err != nil { // which repeats the address, password and all
		return target{}, errors.New("the address cannot be read: characters like # / ? % in a user name or password are written as %23 %2F %3F %25")
	}
	k, ok := schemes[u.Scheme]
	if !ok {
		return target{}, fmt.Errorf("%s:// is not a scheme of video: it is rtsp, rtsps, rtmp, http or https", u.Scheme)
	}
	if u.Hostname() == "" {
		return target{}, errors.New("the address names no host")
	}
	t := target{kind: k, api: gocv.VideoCaptureFFmpeg, url: u, name: u.Host}
	if k == rtsp {
		if t.udp, err = takeTransport(u); err != nil {
			return target{}, err
		}
	}
	t.open = u.String()
	return t, nil
}

// takeTransport removes our own transport=udp or transport=tcp from the query, and leaves the camera's part untouched.
func takeTransport(u *url.URL) (udp bool, err error) {
	var kept []string
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		value, ours := strings.CutPrefix(part, "transport=")
		switch {
		case !ours:
			kept = append(kept, part)
		case value != "udp" && value != "tcp":
			return false, errors.New("transport is udp or tcp")
		default:
			udp = value == "udp"
		}
	}
	u.RawQuery = strings.Join(kept, "&")
	return udp, nil
}

// address is host:port to dial.
func (t target) address() string {
	port := t.url.Port()
	if port == "" {
		port = ports[t.url.Scheme]
	}
	return net.JoinHostPort(t.url.Hostname(), port)
}

// path is the path of the address for a user to read. Some cameras take the password in it.
func (t target) path() string {
	if before, _, found := strings.Cut(t.url.Path, "="); found {
		return before + "=***"
	}
	return t.url.Path
}
