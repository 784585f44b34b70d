package config

import (
	"fmt"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"linkstart/pkg/secret"
)

// Kind names the adapter that serves a source.
type Kind string

const (
	Test   Kind = "test"   // test:clock and other generated pictures
	HTTP   Kind = "http"   // http(s): multipart JPEG, or one JPEG that is polled
	Video  Kind = "video"  // rtsp(s), rtmp, video files, HTTP video, v4l2
	ONVIF  Kind = "onvif"  // a camera that is asked for its streams
	OpenCV Kind = "opencv" // whatever cv::VideoCapture opens
	Exec   Kind = "exec"   // a command with JPEGs on its standard output
	Push   Kind = "push"   // frames come by HTTP

	Hikvision Kind = "hikvision" // through the vendor's HCNetSDK
)

var (
	// schemePattern takes two characters at least.
	schemePattern = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]+):`)
	urlPattern    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]+://`)

	schemes      = []string{"rtsp", "rtsps", "rtmp", "http", "https", "onvif", "hikvision", "test", "exec", "v4l2", "opencv", "push", "file"}
	onvifOptions = []string{"profile", "substream", "transport", "latency"}

	patterns   = []string{"clock", "bars", "ball", "noise", "still"}
	videoFiles = []string{".mp4", ".mkv", ".avi", ".mov", ".ts", ".m3u8", ".webm", ".flv"}
)

const passwordHint = "put the password into the environment and write ${NAME} in its place"

// Kind tells which adapter serves the camera: "" for a source that no configuration can hold.
func (c *Camera) Kind() Kind { return kindOf(c.Source.Reveal()) }

// SubstreamKind tells which adapter serves the camera's substream: "" where it has none.
func (c *Camera) SubstreamKind() Kind {
	if c.Substream.Reveal() == "" {
		return ""
	}
	return kindOf(c.Substream.Reveal())
}

func kindOf(source string) Kind {
	switch scheme := schemeOf(source); scheme {
	case "", "file", "rtsp", "rtsps", "rtmp", "v4l2":
		return Video
	case "http", "https":
		u, err := url.Parse(source)
		if err == nil && slices.Contains(videoFiles, strings.ToLower(path.Ext(u.Path))) {
			return Video
		}
		return HTTP
	case "test", "exec", "opencv", "push", "hikvision", "onvif":
		return Kind(scheme)
	}
	return ""
}

// schemeOf returns the scheme in lower case, "" for a path.
func schemeOf(source string) string {
	if m := schemePattern.FindStringSubmatch(source); m != nil {
		return strings.ToLower(m[1])
	}
	return ""
}

// checkSource expands and checks a source of cam, which stands at where.
func (d *decoder) checkSource(cam *Camera, it *secret.Source, where string) {
	written := strings.TrimSpace(it.Reveal())
	complain := func(hint, format string, args ...any) {
		what := fmt.Sprintf(format, args...)
		if strings.Contains(written, "${") {
			what = quotedPattern.ReplaceAllString(what, "") // it may be a part of what the environment holds
		}
		d.add(d.position(where), hint, "%s", what)
	}
	before := len(d.problems)
	source := written
	if schemeOf(source) == "exec" {
		env := d.commandEnv(source, where)
		if cam.env != nil {
			maps.Copy(env, cam.env())
		}
		cam.env = func() map[string]string { return maps.Clone(env) }
	} else {
		source = d.expandSource(source, where)
	}
	scheme := schemeOf(source)
	source = scheme + source[len(scheme):] // in lower case
	*it = secret.NewSource(source)
	if len(d.problems) > before {
		return // what follows would come from the missing value
	}
	opaque := source[min(len(source), len(scheme)+1):]
	switch scheme {
	case "":
		if slices.Contains(schemes, source) {
			complain("write \""+source+":\" with the colon, in quotes", "%s is a file named %s", where, source)
		}
		checkPath(source, complain)
	case "file":
		if strings.HasPrefix(opaque, "//") && !strings.HasPrefix(opaque, "///") {
			complain("write file:PATH or file:///PATH", "a file: source names a host")
		}
		checkPath(opaque, complain)
	case "rtsp", "rtsps", "rtmp", "http", "https":
		checkURL(source, scheme, complain)
	case "hikvision":
		checkURL(source, scheme, complain)
		if len(d.problems) == before {
			checkHikvision(source, complain)
		}
	case "onvif":
		checkURL(source, scheme, complain)
		checkONVIF(source, complain)
	case "test":
		checkPattern(opaque, complain)
	case "v4l2":
		device, query, _ := strings.Cut(opaque, "?")
		if n, err := strconv.Atoi(device); !path.IsAbs(device) && (err != nil || n < 0 || n > 255) {
			complain("write v4l2:0 or v4l2:/dev/video0", "the v4l2: source names no video device")
		}
		checkPath(device, complain)
		checkFormat("video device", query, 1000, complain)
	case "exec", "opencv":
		if strings.TrimSpace(opaque) == "" {
			complain("write what to run or open after the colon", "%s: is empty", scheme)
		}
		if strings.ContainsRune(opaque, 0) {
			complain("", "the source holds a NUL character")
		}
	case "push":
		if opaque != "" {
			complain(`write "push:"`, "push: takes nothing after the colon")
		}
	default:
		if strings.Contains(source, "@") {
			complain("a URL begins with its kind, as in rtsp://", "the source is no URL and no file")
			return
		}
		complain(nearest(scheme, schemes)+" (a file with a colon in its name is written file:NAME)", "unknown kind of source %q", scheme+":")
	}
}

type complain = func(hint, format string, args ...any)

func checkPath(name string, complain complain) {
	if strings.TrimSpace(name) == "" {
		complain("write the path of a video file, or e.g. test:clock", "the source is empty")
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		complain("", "the path of the source holds a control character")
	}
}

// checkURL says nothing of what the URL holds: url.Parse quotes passwords in its errors.
func checkURL(source, scheme string, complain complain) {
	whole := source
	if info := secret.Userinfo(source); len(info) > 0 {
		u := info[0]
		if strings.ContainsAny(source[u.Start:u.End], "/?#@") {
			complain(passwordHint+" (an @ that belongs to the path or query is written %40)",
				"the user name or password in this URL holds / ? # or @, which end it too early")
			return
		}
		source = source[:u.Start] + source[min(len(source), u.End+1):]
	}
	form := "write " + scheme + "://HOST/PATH, with USER:${PASSWORD}@ before the host if there is one"
	bare, err := url.Parse(source)
	switch {
	case err != nil:
		complain(form, "the source is not a valid URL")
		return
	case bare.Hostname() == "":
		complain(form, "the source names no host")
		return
	case strings.Contains(bare.Hostname(), ":") && !strings.HasPrefix(bare.Host, "["):
		complain("write an IPv6 address in brackets, as in "+scheme+"://[fd00::1]/PATH", "the host of the source holds a colon")
		return
	}
	if port := bare.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			complain("1 to 65535 can be set", "the port of the source is out of range")
		}
	}
	if _, err := url.Parse(whole); err != nil {
		complain(passwordHint, "the user name or password in this URL holds a character, such as %% or a space, that cannot stand there")
	}
}

// checkHikvision checks what the address of a channel has besides those of others.
func checkHikvision(source string, complain complain) {
	const form = "write hikvision://USER:${PASSWORD}@HOST/CHANNEL, with ?stream=sub or ?mode=snapshot after it if that is wanted"
	u, err := url.Parse(source)
	if err != nil {
		return // checkURL has said so
	}
	if password, _ := u.User.Password(); u.User.Username() == "" || password == "" {
		complain(form, "the source names no user and password")
	}
	channel := strings.Trim(u.Path, "/")
	if n, err := strconv.Atoi(channel); channel != "" && (err != nil || n < 1 || n > 65535) {
		complain(form, "the channel of the source is no number from 1 to 65535")
	}
	options := strings.Split(u.RawQuery, "&")
	for _, option := range options {
		if !slices.Contains([]string{"", "stream=main", "stream=sub", "mode=video", "mode=snapshot"}, option) {
			complain(form, "after the ? of the source stands what is not known there")
		}
	}
	if slices.Contains(options, "stream=sub") && slices.Contains(options, "mode=snapshot") {
		complain("leave one of them out", "snapshots are of the main stream, and the source says stream=sub")
	}
}

// checkONVIF checks the options of an ONVIF address.
func checkONVIF(source string, complain complain) {
	_, query, _ := strings.Cut(source, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		complain("write it like onvif://HOST?profile=NAME", "the options of the ONVIF address cannot be read")
		return
	}
	for key, list := range values {
		switch {
		case len(list) > 1:
			complain("remove one", "the option %q of the ONVIF address is set twice", key)
		case key == "substream" && list[0] != "none":
			complain("write substream=none, or give the camera a key substream:", "the substream of the ONVIF address is %q", list[0])
		case key == "transport" && list[0] != "tcp" && list[0] != "udp":
			complain("write transport=tcp or transport=udp", "the transport of the ONVIF address is %q", list[0])
		case key == "latency" && !within(list[0], 0, 10_000):
			complain("write milliseconds, 0 to 10000", "the latency of the ONVIF address is %q", list[0])
		case !slices.Contains(onvifOptions, key):
			complain(nearest(key, onvifOptions), "unknown option %q of the ONVIF address", key)
		}
	}
}

var sizePattern = regexp.MustCompile(`^([0-9]{1,5})x([0-9]{1,5})$`)

// checkPattern checks what follows "test:".
func checkPattern(text string, complain complain) {
	name, query, _ := strings.Cut(text, "?")
	if !slices.Contains(patterns, name) {
		complain(nearest(name, patterns), "unknown test picture %q", name)
	}
	checkFormat("test picture", query, 120, complain)
}

// checkFormat checks size=1280x720 and fps=25 of what.
func checkFormat(what, query string, fastest float64, complain complain) {
	values, err := url.ParseQuery(query)
	if err != nil {
		complain("write it like ?size=1280x720&fps=25", "the options of the %s cannot be read", what)
		return
	}
	for key, list := range values {
		value := list[0]
		switch {
		case len(list) > 1:
			complain("remove one", "the option %q of the %s is set twice", key, what)
		case key == "size":
			m := sizePattern.FindStringSubmatch(value)
			if m == nil || !within(m[1], 16, 8192) || !within(m[2], 16, 8192) {
				complain("write it like size=1280x720; 16 to 8192 can be set", "the size of the %s is %q", what, value)
			}
		case key == "fps":
			if !within(value, 0.05, fastest) {
				complain(fmt.Sprintf("0.05 to %g can be set", fastest), "the fps of the %s is %q", what, value)
			}
		default:
			complain(nearest(key, []string{"size", "fps"}), "unknown option %q of the %s", key, what)
		}
	}
}

func within(text string, least, most float64) bool {
	f, err := strconv.ParseFloat(text, 64)
	return err == nil && f >= least && f <= most
}
