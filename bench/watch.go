package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"linkstart/bench/proc"
	"linkstart/bench/rig"
	"linkstart/bench/simcam"
	"linkstart/bench/stamp"
	"linkstart/bench/view"
)

// settle is how long a stream runs before it is measured.
func (l *lab) settle() time.Duration { return l.length(2*time.Second, time.Second) }

// watching is a period of one viewer.
type watching struct {
	frames  []view.Frame
	bytes   int64 // over the connection
	seconds float64
	cpu     time.Duration // of the processes that were asked about
}

// collect takes pictures for so long, after settling, and closes the viewer. CPU is that of the processes meanwhile.
func (l *lab) collect(ctx context.Context, v view.Viewer, length time.Duration, pids ...int) (w watching, err error) {
	stop := context.AfterFunc(ctx, func() { _ = v.Close() })
	defer stop()
	defer v.Close()
	if _, err := v.Picture(); err != nil { // some take seconds to their first
		return w, errors.Join(fmt.Errorf("first picture: %w", err), ctx.Err())
	}
	for until := time.Now().Add(l.settle()); time.Now().Before(until); {
		if _, err := v.Picture(); err != nil {
			return w, errors.Join(err, ctx.Err())
		}
	}
	began, before := time.Now(), v.Bytes()
	cpu, err := proc.CPUs(pids...)
	if err != nil {
		return w, err
	}
	for until := began.Add(length); time.Now().Before(until); {
		f, err := v.Picture()
		if err != nil {
			return w, errors.Join(err, ctx.Err())
		}
		w.frames = append(w.frames, f)
	}
	w.cpu, err = proc.CPUs(pids...)
	w.cpu -= cpu
	w.bytes, w.seconds = v.Bytes()-before, time.Since(began).Seconds()
	return w, err
}

// sentAt is when the camera sent the picture: by the mark in it, or by the number in its pixels.
func sentAt(f view.Frame, cam *simcam.Camera, i int) (time.Time, bool) {
	if _, at, ok := stamp.Find(f.Head); ok {
		return at, true
	}
	n, ok := stamp.Read(f.Head)
	if !ok {
		return time.Time{}, false
	}
	return cam.Sent(i, n, f.At)
}

// stamped tells whether the picture is whole, as far as its stamp shows.
func stamped(f view.Frame) bool {
	if _, ok := f.Age(); ok {
		return true
	}
	_, ok := stamp.Read(f.Head)
	return ok
}

// meanKB is the mean size of a JPEG, 1000 bytes.
func meanKB(frames []view.Frame) float64 {
	sum := 0
	for _, f := range frames {
		sum += f.Bytes
	}
	return float64(sum) / float64(max(len(frames), 1)) / 1e3
}

// news are the pictures that show something new: some programs send each picture again and again.
func news(frames []view.Frame) []view.Frame {
	last, some := uint16(0), false
	return slices.DeleteFunc(slices.Clone(frames), func(f view.Frame) bool {
		n, ok := stamp.Read(f.Head)
		again := ok && some && n == last
		if ok {
			last, some = n, true
		}
		return again
	})
}

// ages are how old the pictures of camera i were when they arrived, ms. Pictures whose stamp cannot be read are left out.
func ages(frames []view.Frame, cam *simcam.Camera, i int) ([]float64, error) {
	var all []float64
	for _, f := range frames {
		if at, ok := sentAt(f, cam, i); ok {
			all = append(all, ms(f.At.Sub(at)))
		}
	}
	if len(all)*2 < len(frames) || len(all) == 0 {
		return nil, fmt.Errorf("read stamps: only %d of %d pictures have one", len(all), len(frames))
	}
	return all, nil
}

func ms(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// viewer opens a viewer of a camera over the WebSocket.
func viewer(ctx context.Context, r *rig.Rig, camera string, o view.Options) (*view.WebSocket, error) {
	w, err := view.Open(ctx, r.Addr, "/ws", o)
	if err != nil {
		return nil, err
	}
	if err := w.Watch(1, camera, "main"); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// multipart opens a viewer of a camera over HTTP.
func multipart(ctx context.Context, r *rig.Rig, camera string, o view.Options) (*view.Multipart, error) {
	return view.Get(ctx, r.Addr, "/api/v1/cameras/"+camera+"/stream.mjpeg", o)
}
