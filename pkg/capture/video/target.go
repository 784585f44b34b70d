package video

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// kind tells apart what is opened, paced and explained in different ways.
type kind int

const (
	rtsp   kind = iota // rtsp:// rtsps://: live
	rtmp               // rtmp://: live
	web                // http:// https://: live, or a file behind an address
	file               // a video file, looped
	device             // a camera at this machine
)

// target is a source in parts.
type target struct {
	kind kind
	path string   // of file and device
	name string   // what a user knows it by, without secrets
	url  *url.URL // of rtsp, rtmp and web. It holds secrets: never printed

	host   string // of url, as its certificate names it: without a port, and whatever address it is held to
	pinned string // the fingerprint of the only certificate that it may show, "": one that authorities vouch for

	width, height int     // of device, px; 0: as it likes
	fps           float64 // of device; 0: as it likes

	udp     bool          // of rtsp
	latency time.Duration // of rtsp: how long a packet that is out of order is waited for
}

var (
	schemes = map[string]kind{"rtsp": rtsp, "rtsps": rtsp, "rtmp": rtmp, "http": web, "https": web}
	ports   = map[string]string{"rtsp": "554", "rtsps": "322", "rtmp": "1935", "http": "80", "https": "443"}
)

const (
	udpLatency     = 50 * time.Millisecond
	longestLatency = 10 * time.Second
)

// parse reads a source of the configuration. Relative paths start at dir. Its errors do not repeat the source.
func parse(source, dir string) (target, error) {
	if source == "" {
		return target{}, errors.New("the source is empty")
	}
	if strings.ContainsRune(source, 0) {
		return target{}, errors.New("the source holds a zero byte")
	}
	if name, ok := strings.CutPrefix(source, "v4l2:"); ok {
		return parseDevice(name)
	}
	if scheme, _, ok := strings.Cut(source, "://"); ok && scheme != "file" && !strings.Contains(scheme, " ") {
		return parseURL(source)
	}
	path, isFile := strings.CutPrefix(source, "file://")
	if !isFile {
		path = strings.TrimPrefix(source, "file:")
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return target{}, fmt.Errorf("find %s: %w", path, err)
	}
	return target{kind: file, path: path, name: path}, nil
}

func parseDevice(source string) (target, error) {
	name, query, _ := strings.Cut(source, "?")
	t := target{kind: device}
	if err := t.takeFormat(query); err != nil {
		return target{}, err
	}
	if n, err := strconv.Atoi(name); err == nil {
		if n < 0 || n > 255 {
			return target{}, fmt.Errorf("%d is not the number of a video device", n)
		}
		name = fmt.Sprintf("/dev/video%d", n)
	}
	if !filepath.IsAbs(name) {
		return target{}, errors.New("a video device is written v4l2:0 or v4l2:/dev/video0")
	}
	t.path = filepath.Clean(name)
	t.name = t.path
	return t, nil
}

// takeFormat reads size=1280x720 and fps=30 of a device.
func (t *target) takeFormat(query string) error {
	if query == "" {
		return nil
	}
	for part := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "size":
			width, height, _ := strings.Cut(value, "x")
			w, wrongW := strconv.Atoi(width)
			h, wrongH := strconv.Atoi(height)
			if wrongW != nil || wrongH != nil || w < 16 || h < 16 || w > 8192 || h > 8192 {
				return errors.New("size is written like 1280x720, 16 to 8192 each")
			}
			t.width, t.height = w, h
		case "fps":
			fps, err := strconv.ParseFloat(value, 64)
			if err != nil || !(fps >= 0.05 && fps <= 1000) { // NaN is neither
				return errors.New("fps is a number, 0.05 to 1000")
			}
			t.fps = fps
		default:
			return fmt.Errorf("a video device has no option %q: there are size=1280x720 and fps=30", key)
		}
	}
	return nil
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
	t := target{kind: k, url: u, name: u.Host, host: u.Hostname()}
	if k == rtsp {
		err = t.takeOptions()
	}
	return t, err
}

// takeOptions removes our own transport=tcp|udp and latency=MS from the query, and leaves the camera's part untouched.
func (t *target) takeOptions() error {
	var kept []string
	latency := time.Duration(-1)
	for part := range strings.SplitSeq(t.url.RawQuery, "&") {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "transport":
			if value != "udp" && value != "tcp" {
				return errors.New("transport is udp or tcp")
			}
			t.udp = value == "udp"
		case "latency":
			ms, err := strconv.Atoi(value)
			if latency = time.Duration(ms) * time.Millisecond; err != nil || ms < 0 || latency > longestLatency {
				return fmt.Errorf("latency is a number of milliseconds, 0 to %d", longestLatency.Milliseconds())
			}
		default:
			kept = append(kept, part)
		}
	}
	t.url.RawQuery = strings.Join(kept, "&")
	switch {
	case latency >= 0:
		t.latency = latency
	case t.udp:
		t.latency = udpLatency
	}
	return nil
}

// pin has the host connected at one IP address. What can send us elsewhere by itself, a playlist say, cannot be pinned.
func (t *target) pin(addr string) error {
	if t.kind != rtsp && t.kind != rtmp {
		return errors.New("only rtsp and rtmp can be held to one address")
	}
	_, port, err := net.SplitHostPort(t.address())
	if err != nil {
		return errors.New("the address names no host that can be connected")
	}
	t.url.Host = net.JoinHostPort(addr, port)
	return nil
}

// bare is the address without user name and password.
func (t target) bare() string {
	u := *t.url
	u.User = nil
	return u.String()
}

// address is host:port to dial.
func (t target) address() string {
	port := t.url.Port()
	if port == "" {
		port = ports[t.url.Scheme]
	}
	return net.JoinHostPort(t.url.Hostname(), port)
}

// stream is the path of the address for a user to read. Some cameras take the password in it.
func (t target) stream() string {
	if before, _, found := strings.Cut(t.url.Path, "="); found {
		return before + "=***"
	}
	return t.url.Path
}
