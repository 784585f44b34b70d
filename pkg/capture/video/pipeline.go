package video

import (
	"fmt"
	"strconv"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/film"
	"linkstart/pkg/gst"
	"linkstart/pkg/guard"
	"linkstart/pkg/v4l2"
)

// fromRTP takes packets apart. The depayloader is told to give out whole access units, which it knows the end of by the
// marker of the last packet (RFC 6184, section 5.1): so no unit waits for the next one.
var fromRTP = []gst.Tail{
	{Caps: "application/x-rtp,media=video,encoding-name=H264", Words: "rtph264depay ! capsfilter caps=video/x-h264,stream-format=byte-stream,alignment=au ! " + film.H264},
	{Caps: "application/x-rtp,media=video,encoding-name=H265", Words: "rtph265depay ! capsfilter caps=video/x-h265,stream-format=byte-stream,alignment=au ! " + film.H265},
	{Caps: "application/x-rtp,media=video,encoding-name=MP4V-ES", Words: "rtpmp4vdepay"}, // a parser would wait for the next picture
	{Caps: "application/x-rtp,media=video,encoding-name=JPEG", Words: "rtpjpegdepay"},
}

// fromFile takes what a demultiplexer gives.
var fromFile = []gst.Tail{
	{Caps: "video/x-h264", Words: film.H264},
	{Caps: "video/x-h265", Words: film.H265},
	{Caps: "image/jpeg;video/x-raw;video/x-vp8;video/x-vp9;video/x-av1;video/x-theora;video/x-h263;video/x-flash-video;" +
		"video/mpeg,systemstream=false;video/x-divx;video/x-xvid;video/x-msmpeg;video/x-wmv;video/x-dirac;video/x-svq"},
}

// fromDevice takes what a camera gives.
var fromDevice = []gst.Tail{{Caps: "image/jpeg;video/x-raw"}}

const (
	aheadLive = 256 // units that may wait; more make the sender wait
	aheadFile = 4
)

// pipeline makes the pipeline that receives t, not yet started. Opening a device may block.
func (t target) pipeline(limit time.Duration) (*gst.Pipeline, error) {
	var p *gst.Pipeline
	var err error
	switch t.kind {
	case rtsp:
		p, err = gst.New("rtspsrc name=src", fromRTP, aheadLive)
	case rtmp:
		p, err = gst.New("rtmp2src name=in ! flvdemux name=src", fromFile, aheadLive)
	case web:
		p, err = gst.New("souphttpsrc name=in ! parsebin name=src", fromFile, aheadFile)
	case device:
		p, err = gst.New("v4l2src name=in ! capsfilter name=src", fromDevice, aheadFile)
	default:
		p, err = gst.New("filesrc name=in ! parsebin name=src", fromFile, aheadFile)
	}
	if err != nil {
		return nil, err
	}
	if err := t.setUp(p, limit); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// property is of an element of a pipeline.
type property struct{ element, name, value string }

// secrets are the properties that errors must not repeat.
var secrets = map[string]bool{"location": true, "user-id": true, "user-pw": true, "username": true, "password": true}

// setUp sets the properties of p for t.
func (t target) setUp(p *gst.Pipeline, limit time.Duration) error {
	var all []property
	switch t.kind {
	case rtsp:
		all = t.forRTSP(limit)
	case rtmp:
		password, _ := t.url.User.Password()
		all = []property{{"in", "location", t.bare()}, {"in", "username", t.url.User.Username()}, {"in", "password", password}}
	case web:
		password, _ := t.url.User.Password()
		all = []property{
			{"in", "location", t.bare()}, {"in", "user-id", t.url.User.Username()}, {"in", "user-pw", password},
			{"in", "automatic-redirect", "false"}, // the password would go there too
			{"in", "user-agent", "linkstart"}, {"in", "timeout", strconv.Itoa(int((limit + guard.Grace).Seconds()))},
		}
	case file:
		all = []property{{"in", "location", t.path}}
	case device:
		all = []property{{"in", "device", t.path}}
	}
	for _, one := range all {
		set := p.Set
		if secrets[one.name] && t.url != nil {
			set = p.SetSecret
		}
		if one.value == "" {
			continue
		}
		if err := set(one.element, one.name, one.value); err != nil {
			return err
		}
	}
	if t.kind != device {
		return nil
	}
	return t.chooseFormat(p)
}

// chooseFormat has a device give what is asked of it.
func (t target) chooseFormat(p *gst.Pipeline) error {
	for _, kind := range []string{"image/jpeg", "video/x-raw"} { // JPEGs are passed on, so they are preferred
		caps := t.caps(kind)
		offered, err := p.Offers(caps)
		if err != nil {
			return err
		}
		if offered {
			return p.Set("src", "caps", caps)
		}
	}
	return t.noSuchFormat()
}

// caps of a device's pictures. A rate is a range: what is called 30 is 29.97 in some.
func (t target) caps(kind string) string {
	if t.width > 0 {
		kind += fmt.Sprintf(",width=%d,height=%d", t.width, t.height)
	}
	if t.fps > 0 {
		const part = 1000
		kind += fmt.Sprintf(",framerate=[%d/%d,%d/%d]", int(t.fps*part*0.98), part, int(t.fps*part*1.02)+1, part)
	}
	return kind
}

// noSuchFormat says what the device has instead.
func (t target) noSuchFormat() error {
	d, err := v4l2.Look(t.path)
	if err != nil {
		return err
	}
	asked := "pictures of a kind that can be used"
	switch {
	case t.width > 0 && t.fps > 0:
		asked = fmt.Sprintf("%dx%d at %g pictures per second", t.width, t.height, t.fps)
	case t.width > 0:
		asked = fmt.Sprintf("%dx%d", t.width, t.height)
	case t.fps > 0:
		asked = fmt.Sprintf("%g pictures per second", t.fps)
	}
	return &camera.Error{Say: fmt.Sprintf("the video device %s does not give %s: it has %s (bin/supervisor formats v4l2:%s lists all)", t.name, asked, d.Sizes(), t.path)}
}

func (t target) forRTSP(limit time.Duration) []property {
	password, _ := t.url.User.Password()
	transport := "tcp"
	if t.udp {
		transport = "udp"
	}
	limit += guard.Grace // ours fires first
	return []property{
		{"src", "location", t.bare()}, {"src", "user-id", t.url.User.Username()}, {"src", "user-pw", password},
		{"src", "protocols", transport}, {"src", "latency", strconv.FormatInt(t.latency.Milliseconds(), 10)},
		{"src", "tcp-timeout", strconv.FormatInt(limit.Microseconds(), 10)}, {"src", "timeout", "0"},
		{"src", "user-agent", "linkstart"},
	}
}
