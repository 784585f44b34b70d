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
	H265  Codec = "h265"  // RFC 7798
	MPEG4 Codec = "mpeg4" // RFC 6416
	MJPEG Codec = "mjpeg" // RFC 2435
)

// Mount is one stream of the server: a moving test picture, or a clip that starts over when it ends. Clients choose
// between TCP and UDP. All clients of a mount share one stream, which begins when the first one comes.
type Mount struct {
	Path   string  // begins with a slash
	Codec  Codec   // H264 where empty
	Width  int     // px, 640 where 0; the test picture only
	Height int     // px, 360 where 0; the test picture only
	FPS    int     // pictures per second, 25 where 0
	KeyInt int     // pictures from one keyframe to the next, FPS where 0; not M-JPEG
	Clip   string  // absolute path of an MP4 file with H.264 video; the test picture where empty
	Count  int     // the test picture ends after so many pictures; never where 0
	Change *Change // nil: it stays what it is; the test picture only
	Loss   float64 // the share of packets that never arrive
	Audio  bool    // it has sound as well, named before the video
}

// Change makes the test picture another one midway.
type Change struct {
	After         int     // pictures
	Width, Height int     // px
	FPS           float64 // down to 0.1
}

// pipelines returns what serves the mount, and what must have run before (empty: nothing), in the words of gst-launch.
func (m Mount) pipelines(dir string, number int) (serve, prepare string) {
	source := m.picture()
	if m.Clip != "" {
		// An MP4 file cannot be read in a circle, its bare H.264 can; that has no times, which decoding brings back.
		bare := filepath.Join(dir, fmt.Sprintf("clip%d.h264", number))
		prepare = fmt.Sprintf("filesrc location=%q ! qtdemux ! h264parse config-interval=-1 ! "+
			"video/x-h264,stream-format=byte-stream,alignment=au ! filesink location=%q", m.Clip, bare)
		source = fmt.Sprintf("multifilesrc loop=true location=%q caps=video/x-h264,stream-format=byte-stream,framerate=%d/1 ! "+
			"h264parse ! avdec_h264 max-threads=1 ! videoconvert", bare, cmp.Or(m.FPS, 25))
	}
	return fmt.Sprintf("( %s ! %s )", source, m.payload()), prepare
}

// picture makes raw pictures.
func (m Mount) picture() string {
	fps := cmp.Or(m.FPS, 25)
	size := fmt.Sprintf("width=%d,height=%d", cmp.Or(m.Width, 640), cmp.Or(m.Height, 360))
	if c := m.Change; c != nil {
		const part = "videotestsrc pattern=ball num-buffers=%d ! video/x-raw,format=I420,%s,framerate=%s"
		return fmt.Sprintf(part, c.After, size, fmt.Sprintf("%d/1", fps)) + " ! joined. " +
			fmt.Sprintf(part, -1, fmt.Sprintf("width=%d,height=%d", c.Width, c.Height), fmt.Sprintf("%.0f/10", c.FPS*10)) + " ! joined. concat name=joined"
	}
	return fmt.Sprintf("videotestsrc is-live=true pattern=ball num-buffers=%d ! video/x-raw,format=I420,%s,framerate=%d/1",
		cmp.Or(m.Count, -1), size, fps)
}

// payload compresses and packs raw pictures. The server sends what comes out of elements that are called pay0, pay1.
func (m Mount) payload() string {
	key := cmp.Or(m.KeyInt, m.FPS, 25)
	var words string
	switch m.Codec {
	case MJPEG:
		words = "jpegenc quality=80 ! rtpjpegpay"
	case MPEG4:
		words = fmt.Sprintf("avenc_mpeg4 gop-size=%d bitrate=1000000 ! identity name=untimed ! rtpmp4vpay config-interval=1", key)
	case H265:
		words = fmt.Sprintf("x265enc tune=zerolatency speed-preset=ultrafast key-int-max=%d ! rtph265pay config-interval=1", key)
	default:
		words = fmt.Sprintf("x264enc tune=zerolatency speed-preset=ultrafast key-int-max=%d ! rtph264pay config-interval=1", key)
	}
	name, sound := "pay0", ""
	if m.Audio {
		name, sound = "pay1", " audiotestsrc is-live=true ! mulawenc ! rtppcmupay name=pay0"
	}
	if m.Loss > 0 {
		return words + fmt.Sprintf(" ! identity name=%s drop-probability=%.3f", name, m.Loss) + sound
	}
	return words + " name=" + name + sound
}
