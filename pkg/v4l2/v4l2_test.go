package v4l2

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"linkstart/pkg/camera"
)

// What a C program that includes linux/videodev2.h writes into the kernel's structures, on a little-endian machine.
const (
	capability = "757663766964656f000000000000000048442050726f2057656263616d204339323000000000000000000000000000007573622d303030303a30303a31342e302d310000000000000000000000000000020106000100a08401002004000000000000000000000000"
	metadata   = "757663766964656f000000000000000048442050726f2057656263616d204339323000000000000000000000000000007573622d303030303a30303a31342e302d310000000000000000000000000000020106000100a08400008004000000000000000000000000"
	yuyv       = "0000000001000000000000005955595620343a323a32000000000000000000000000000000000000000000005955595600000000000000000000000000000000"
	mjpg       = "0100000001000000010000004d6f74696f6e2d4a5045470000000000000000000000000000000000000000004d4a504700000000000000000000000000000000"
	mjpgSize   = "000000004d4a5047010000008007000038040000000000000000000000000000000000000000000000000000"
	yuyvSizes  = "00000000595559560300000020000000200a0000020000002000000098070000020000000000000000000000"
	mjpgRate   = "000000004d4a5047800700003804000001000000010000001e000000000000000000000000000000000000000000000000000000"
	mjpgRate2  = "010000004d4a5047800700003804000001000000020000000f000000000000000000000000000000000000000000000000000000"
	yuyvRates  = "0000000059555956200a00009807000002000000010000005a000000010000000100000001000000010000000000000000000000"
)

// driver answers as the kernel would: by the question, which must be one that it knows.
func driver(t *testing.T, entries map[string]string) caller {
	return func(request uint, data []byte) error {
		if len(data) != int(request>>16&0x3fff) {
			t.Fatalf("%d bytes for request %#x", len(data), request)
		}
		key := fmt.Sprintf("%x", request)
		switch request {
		case enumFormats:
			key += fmt.Sprintf(" %d", order.Uint32(data))
		case enumSizes, enumRates:
			key += fmt.Sprintf(" %d %s", order.Uint32(data), data[4:8])
		}
		if request == enumRates {
			key += fmt.Sprintf(" %dx%d", order.Uint32(data[8:]), order.Uint32(data[12:]))
		}
		answer, err := hex.DecodeString(entries[key])
		if err != nil || len(answer) == 0 {
			return unix.EINVAL
		}
		if len(answer) != len(data) {
			t.Fatalf("the answer to %s has %d bytes, the question %d", key, len(answer), len(data))
		}
		copy(data, answer)
		return nil
	}
}

func TestLook(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the recorded bytes are of a little-endian machine")
	}
	got, err := look(driver(t, map[string]string{
		"80685600": capability, "c0405602 0": yuyv, "c0405602 1": mjpg,
		"c02c564a 0 MJPG": mjpgSize, "c02c564a 0 YUYV": yuyvSizes,
		"c034564b 0 MJPG 1920x1080": mjpgRate, "c034564b 1 MJPG 1920x1080": mjpgRate2, "c034564b 0 YUYV 2592x1944": yuyvRates,
	}))
	want := Device{Name: "HD Pro Webcam C920", Driver: "uvcvideo", Formats: []Format{
		{Code: "YUYV", Name: "YUYV 4:2:2", Sizes: []Size{{Width: 2592, Height: 1944, MinWidth: 32, MinHeight: 32, Rates: []float64{90, 1}}}},
		{Code: "MJPG", Name: "Motion-JPEG", Sizes: []Size{{Width: 1920, Height: 1080, Rates: []float64{30, 7.5}}}},
	}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n%+v\nwant\n%+v", err, got, want)
	}
	if s := got.Sizes(); s != "1920x1080, 32x32 to 2592x1944" {
		t.Errorf("sizes %s", s)
	}
	small, large := got.Formats[1].Sizes[0], got.Formats[0].Sizes[0]
	if !small.Fits(1920, 1080) || small.Fits(1280, 720) || !large.Fits(1280, 720) || large.Fits(16, 16) || large.Fits(4000, 32) {
		t.Error("what fits is wrong")
	}
	if _, err := look(driver(t, map[string]string{"80685600": metadata})); !errors.Is(err, errNoCapture) {
		t.Errorf("a device for metadata: %v", err)
	}
}

// TestDriverThatNeverEnds: its lists are cut.
func TestDriverThatNeverEnds(t *testing.T) {
	answers := map[uint]string{queryCap: capability, enumFormats: mjpg, enumSizes: mjpgSize, enumRates: mjpgRate}
	calls := 0
	d, err := look(func(request uint, data []byte) error {
		calls++
		answer, err := hex.DecodeString(answers[request])
		copy(data, answer)
		return err
	})
	if err != nil || len(d.Formats) != most || len(d.Formats[0].Sizes) != most || calls > (most+1)*(most+1)*(most+1) {
		t.Errorf("%v, %d formats, %d calls", err, len(d.Formats), calls)
	}
}

func TestErrorsInWords(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/dev/video250": "there is no video device /dev/video250", "/dev/null": "/dev/null is no video device", file: "is no video device", "/dev": "/dev is no video device",
	} {
		if _, err := Look(path); err == nil || !strings.Contains(camera.Say(err), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{&fs.PathError{Op: "open", Err: unix.EACCES}, "group video"}, {unix.EBUSY, "in use by another program"}, {errNoCapture, "number before it"}, {unix.EIO, "cannot be used"},
	} {
		if got := camera.Say(Explain("/dev/video0", c.err)); !strings.Contains(got, c.want) {
			t.Errorf("%v: %s", c.err, got)
		}
	}
}
