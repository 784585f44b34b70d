package bus

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/camera"
)

// Headers of a frame message.
const (
	headerSeq      = "Seq"      // decimal
	headerCaptured = "Captured" // µs since Unix epoch, decimal
	headerSize     = "Size"     // 1920x1080
	headerNotLive  = "Not-Live" // "1" on a reply whose picture is the last one known, not a present one
)

// ErrNoFrame is a reply to a want by a grabber that has had no picture yet.
var ErrNoFrame = errors.New("no picture yet")

// EncodeFrame returns f as a message for subject. The message shares f.JPEG.
func EncodeFrame(subject string, f *camera.Frame) *nats.Msg {
	h := nats.Header{
		headerSeq:      {strconv.FormatUint(uint64(f.Seq), 10)},
		headerCaptured: {strconv.FormatInt(f.Captured.UnixMicro(), 10)},
		headerSize:     {strconv.Itoa(f.Width) + "x" + strconv.Itoa(f.Height)},
	}
	if f.NotLive {
		h[headerNotLive] = []string{"1"}
	}
	return &nats.Msg{Subject: subject, Header: h, Data: f.JPEG}
}

// DecodeFrame reads a frame message, whoever published it: every header is checked. The frame shares m.Data.
// An empty message is ErrNoFrame.
func DecodeFrame(m *nats.Msg) (*camera.Frame, error) {
	if len(m.Data) == 0 {
		return nil, ErrNoFrame
	}
	if len(m.Data) < 4 || m.Data[0] != 0xFF || m.Data[1] != 0xD8 {
		return nil, fmt.Errorf("decode frame on %s: %w", m.Subject, camera.ErrNotJPEG)
	}
	seq, err := strconv.ParseUint(m.Header.Get(headerSeq), 10, 32)
	if err != nil {
		return nil, fmt.Errorf("decode frame on %s: header Seq: %w", m.Subject, err)
	}
	captured, err := strconv.ParseInt(m.Header.Get(headerCaptured), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("decode frame on %s: header Captured: %w", m.Subject, err)
	}
	w, h, err := parseSize(m.Header.Get(headerSize))
	if err != nil {
		return nil, fmt.Errorf("decode frame on %s: header Size: %w", m.Subject, err)
	}
	return &camera.Frame{
		JPEG: m.Data, Seq: uint32(seq), Captured: time.UnixMicro(captured), Width: w, Height: h,
		NotLive: m.Header.Get(headerNotLive) == "1",
	}, nil
}

func parseSize(s string) (w, h int, err error) {
	ws, hs, ok := strings.Cut(s, "x")
	if !ok {
		return 0, 0, fmt.Errorf("%q is not WIDTHxHEIGHT", s)
	}
	uw, err := strconv.ParseUint(ws, 10, 16)
	if err != nil {
		return 0, 0, err
	}
	uh, err := strconv.ParseUint(hs, 10, 16)
	if err != nil {
		return 0, 0, err
	}
	return int(uw), int(uh), nil
}
