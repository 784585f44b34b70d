package gst_test

import (
	"errors"
	"testing"
	"time"

	"linkstart/pkg/gst"
)

const (
	h264Caps  = "video/x-h264,stream-format=byte-stream,alignment=au"
	h264Words = "h264parse config-interval=-1 ! capsfilter caps=" + h264Caps
)

// units are those of H.264 with a keyframe at each tenth.
func units(t *testing.T, count int) [][]byte {
	t.Helper()
	p := pipeline(t, compress(count, "x264enc tune=zerolatency key-int-max=10"), h264Words)
	var all [][]byte
	for {
		u, err := p.Pull(limit)
		if errors.Is(err, gst.ErrEnd) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, u.Bytes(0))
		u.Free()
	}
}

func pushed(t *testing.T, ahead int) *gst.Pipeline {
	t.Helper()
	p, err := gst.NewPushed(h264Caps, h264Words, ahead)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	p.Start()
	return p
}

func TestPushedUnitsComeOutAtOnce(t *testing.T) {
	p := pushed(t, 8)
	for i, b := range units(t, 25) {
		if !p.Push(b) {
			t.Fatalf("unit %d is not taken", i)
		}
		u, err := p.Pull(limit) // before the next one is there
		if err != nil {
			t.Fatal(err)
		}
		if w, h := u.Dimensions(); w != 640 || h != 360 || u.Key != (i%10 == 0) || u.Kind() != "video/x-h264" {
			t.Errorf("unit %d: %s of %d×%d px, keyframe %v", i, u.Kind(), w, h, u.Key)
		}
		u.Free()
	}
	p.End()
	if _, err := p.Pull(limit); !errors.Is(err, gst.ErrEnd) {
		t.Errorf("after the end: %v", err)
	}
}

// Push comes from threads that must not be held up, so what nobody pulls is thrown away.
func TestPushNeverWaits(t *testing.T) {
	p := pushed(t, 4)
	all := units(t, 10)
	refused := 0
	for end := time.Now().Add(limit); refused < 3; {
		if time.Now().After(end) {
			t.Fatal("everything is taken, and kept")
		}
		for _, b := range all {
			if !p.Push(b) {
				refused++
			}
		}
	}
	p.End()
	for n := 0; ; n++ {
		u, err := p.Pull(limit)
		if errors.Is(err, gst.ErrEnd) {
			return
		}
		if err != nil || n > 8 { // in the source and in the sink
			t.Fatalf("unit %d is kept: %v", n, err)
		}
		u.Free()
	}
}

// What is left after some were thrown away begins with a keyframe: all that was decoded from the last one is gone.
func TestWhatIsLeftCanBeDecoded(t *testing.T) {
	all := units(t, 10)
	for range 20 {
		p := pushed(t, 3)
		for i := 0; p.Push(all[i%10]); i++ {
		}
		p.End()
		for n := 0; ; n++ {
			u, err := p.Pull(limit)
			if errors.Is(err, gst.ErrEnd) {
				break
			}
			if err != nil || n == 0 && !u.Key {
				t.Fatalf("unit %d is no keyframe: %v", n, err)
			}
			u.Free()
		}
	}
}
