//go:build opencv

package opencv

/*
#cgo pkg-config: opencv4
#cgo CXXFLAGS: --std=c++11
void linkstart_opencv_quiet(void);
*/
import "C"

import (
	"fmt"
	"os"
	"time"
)

// prepare sets what OpenCV and FFmpeg know only as state of the whole process, before t is opened.
//
// Both are silenced: their complaints go to stderr as they please and repeat addresses with passwords in them.
func prepare(t target, limit time.Duration) error {
	C.linkstart_opencv_quiet()
	if err := os.Setenv("OPENCV_FFMPEG_LOGLEVEL", "-8"); err != nil { // AV_LOG_QUIET
		return fmt.Errorf("silence FFmpeg: %w", err)
	}
	if err := os.Setenv("OPENCV_FFMPEG_CAPTURE_OPTIONS", options(t, limit)); err != nil {
		return fmt.Errorf("set FFmpeg's options: %w", err)
	}
	return nil
}

// options returns FFmpeg's options for t. Its own time limit is a little longer than ours, so that a call which we gave
// up returns soon after.
func options(t target, limit time.Duration) string {
	if t.kind == address {
		us := (limit + 500*time.Millisecond).Microseconds()
		return fmt.Sprintf("rtsp_transport;tcp|timeout;%d|rw_timeout;%d|flags;low_delay", us, us)
	}
	return "" // not unset: OpenCV would choose options of its own
}
