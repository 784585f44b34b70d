package rtsptest

import (
	"cmp"
	"fmt"
	"path/filepath"
)

// Codec is what a mount sends.
type Codec string

// The codecs that cameras speak.
const (
	H264  Codec = "h264"  // RFC 6184
	MJPEG Codec = "mjpeg" // RFC 2435
)

// Mount is one stream of the server: a moving test picture, or a clip that starts over when it ends.
type Mount struct {
	Path   string // begins with a slash
	Codec  Codec  // H264 where empty
	Width  int    // px, 640 where 0; the test picture only
	Height int    // px, 360 where 0; the test picture only
	FPS    int    // pictures per second, 25 where 0
	KeyInt int    // pictures from one keyframe to the next, FPS where 0; H.264 only
	Clip   string // absolute path of an MP4 file with H.264 video; the test picture where empty
	Count  int    // the test picture ends after so many pictures; never where 0
}

// pipelines returns what serves the mount, and what must have run before (empty: nothing), in the words of gst-launch.
func (m Mount) pipelines(dir string, number int) (serve, prepare string) {
	fps := cmp.Or(m.FPS, 25)
	source := fmt.Sprintf("videotestsrc is-live=true pattern=ball num-buffers=%d ! video/x-raw,format=I420,width=%d,height=%d,framerate=%d/1",
		cmp.Or(m.Count, -1), cmp.Or(m.Width, 640), cmp.Or(m.Height, 360), fps)
	if m.Clip != "" {
		// An MP4 file cannot be read in a circle, its bare H.264 can; that has no times, which decoding brings back.
		bare := filepath.Join(dir, fmt.Sprintf("clip%d.h264", number))
		prepare = fmt.Sprintf("filesrc location=%q ! qtdemux ! h264parse config-interval=-1 ! "+
			"video/x-h264,stream-format=byte-stream,alignment=au ! filesink location=%q", m.Clip, bare)
		source = fmt.Sprintf("multifilesrc loop=true location=%q caps=video/x-h264,stream-format=byte-stream,framerate=%d/1 ! "+
			"h264parse ! avdec_h264 max-threads=1 ! videoconvert", bare, fps)
	}
	if m.Codec == MJPEG {
		return fmt.Sprintf("( %s ! jpegenc quality=80 ! rtpjpegpay name=pay0 )", source), prepare
	}
	return fmt.Sprintf("( %s ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=%d ! rtph264pay name=pay0 config-interval=1 )",
		source, cmp.Or(m.KeyInt, fps)), prepare
}
