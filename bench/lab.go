package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"linkstart/bench/clip"
	"linkstart/bench/peer"
	"linkstart/bench/report"
	"linkstart/bench/rig"
	"linkstart/bench/simcam"
	"linkstart/bench/stat"
)

// The camera of most rows.
const (
	fullWidth, fullHeight = 1920, 1080
	fullFPS               = 25
	gop                   = 2 * fullFPS
	clipKBits             = 4000
	jpegBytes             = 65 << 10
	quality               = 80
)

// section is a part of the run that can be chosen and that fails alone.
type section struct {
	name  string
	run   func(context.Context, *lab) error
	limit time.Duration // after which it has failed
}

var sections = []section{
	{"switch", switching, 6 * time.Minute},
	{"rtsp", rtspLatency, 6 * time.Minute},
	{"browser", browser, 4 * time.Minute},
	{"wall", wall, 8 * time.Minute},
	{"first", firstPicture, 6 * time.Minute},
	{"jpeg", jpegLatency, 5 * time.Minute},
	{"fanout", fanout, 5 * time.Minute},
	{"thin", thin, 5 * time.Minute},
	{"encode", encode, 4 * time.Minute},
	{"idle", idle, 4 * time.Minute},
	{"old", old, 6 * time.Minute},
	{"fleet", fleet, 15 * time.Minute},
	{"site", site, 5 * time.Minute},
	{"takeover", takeover, 20 * time.Minute},
}

func names() []string {
	var all []string
	for _, s := range sections {
		all = append(all, s.name)
	}
	return all
}

// choose returns the sections that are named with commas between, all for "".
func choose(only string) ([]section, error) {
	if only == "" {
		return sections, nil
	}
	var chosen []section
	for name := range strings.SplitSeq(only, ",") {
		at := slices.IndexFunc(sections, func(s section) bool { return s.name == strings.TrimSpace(name) })
		if at < 0 {
			return nil, fmt.Errorf("there is no section %q; there are %s", name, strings.Join(names(), ", "))
		}
		chosen = append(chosen, sections[at])
	}
	return chosen, nil
}

// lab is what the sections share: what to measure, beside whom, and where to write it down.
type lab struct {
	bin     string
	quick   bool
	out     io.Writer
	dir     string // removed at the end
	peers   []peer.Peer
	report  *report.Report
	section string
	facts   map[string]string // for the old framework's table
	video   string            // the H.264 clip, once it is made
}

func newLab(ctx context.Context, o options, out io.Writer) (*lab, error) {
	bin, err := filepath.Abs(o.bin)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "linkstart-bench-")
	if err != nil {
		return nil, err
	}
	l := &lab{bin: bin, quick: o.quick, out: out, dir: dir, facts: make(map[string]string)}
	l.peers = peer.All(os.Getenv("GO2RTC"), os.Getenv("MEDIAMTX"))
	programs := map[string][]string{}
	flags := map[string]string{"GStreamer": "--version", "ffmpeg": "-version", "motion": "-h", "go2rtc": "-version", "MediaMTX": "--version"}
	for _, p := range l.peers {
		programs[p.Name] = []string{p.Path, flags[p.Name]}
	}
	programs["libjpeg-turbo"] = []string{"pkg-config", "--modversion", "libturbojpeg"}
	programs["libavcodec"] = []string{"pkg-config", "--modversion", "libavcodec"}
	chromium, _ := findBrowser()
	programs["Chromium"] = []string{chromium, "--version"}
	l.report = &report.Report{Schema: report.Schema, Quick: o.quick, Started: time.Now().UTC(), Machine: report.ThisMachine(ctx, programs)}
	described, _ := exec.CommandContext(ctx, "git", "describe", "--tags", "--always", "--dirty").Output()
	l.report.Version = strings.TrimSpace(string(described))
	return l, nil
}

func (l *lab) close() { _ = os.RemoveAll(l.dir) }

func (l *lab) runAll(ctx context.Context, chosen []section) {
	fmt.Fprintln(l.out, l.report.Machine)
	for _, s := range chosen {
		if ctx.Err() != nil {
			break
		}
		l.section = s.name
		fmt.Fprintf(l.out, "\n== %s\n", s.name)
		began := time.Now()
		limited, cancel := context.WithTimeout(ctx, s.limit)
		if err := l.guarded(limited, s); err != nil {
			l.fail(err)
		}
		cancel()
		fmt.Fprintf(l.out, "   (%.0f s)\n", time.Since(began).Seconds())
	}
	l.report.Seconds = time.Since(l.report.Started).Round(time.Second).Seconds()
}

// guarded keeps a mistake in one section from ending the others.
func (l *lab) guarded(ctx context.Context, s section) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return s.run(ctx, l)
}

// fail notes what went wrong without ending the section.
func (l *lab) fail(err error) {
	fmt.Fprintf(l.out, "FAILED %s: %v\n", l.section, err)
	l.report.Failed = append(l.report.Failed, report.Failure{Section: l.section, Why: err.Error()})
}

// add notes a row and tells it.
func (l *lab) add(r report.Row) {
	r.Section = l.section
	if r.Who == "" {
		r.Who = report.Ours
	}
	r.Judge()
	l.report.Rows = append(l.report.Rows, r)
	fmt.Fprintln(l.out, r.Line())
}

// sample is a row of a distribution.
func sample(key, what, who, unit string, values []float64, goal ...report.Limit) report.Row {
	s := stat.Of(values)
	return report.Row{Key: key, What: what, Who: who, Unit: unit, Sample: &s, Goal: goal}
}

// value is a row of one number.
func value(key, what, who, unit string, v float64, goal ...report.Limit) report.Row {
	return report.Row{Key: key, What: what, Who: who, Unit: unit, Value: &v, Goal: goal}
}

// noted is r with a note.
func noted(r report.Row, format string, args ...any) report.Row {
	r.Note = fmt.Sprintf(format, args...)
	return r
}

// count is how often, and length how long, something is done: less in a short run.
func (l *lab) count(full, quick int) int {
	if l.quick {
		return quick
	}
	return full
}

func (l *lab) length(full, quick time.Duration) time.Duration {
	if l.quick {
		return quick
	}
	return full
}

// sleep waits, or says that the run is over.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// clipPictures is how many the clip has: whole groups.
func (l *lab) clipPictures() int { return l.count(5, 3) * gop }

// rtspCameras starts n simulated H.264 cameras; the clip is made once.
func (l *lab) rtspCameras(ctx context.Context, n int) (*simcam.Camera, error) {
	if l.video == "" {
		file := filepath.Join(l.dir, "clip.h264")
		v := clip.Video{Width: fullWidth, Height: fullHeight, FPS: fullFPS, Count: l.clipPictures(), GOP: gop, KBits: clipKBits}
		if err := clip.H264(ctx, v, file); err != nil {
			return nil, err
		}
		l.video = file
	}
	return simcam.StartRTSP(ctx, simcam.RTSPConfig{Clip: l.video, FPS: fullFPS, Cameras: n})
}

// jpegCameras starts n simulated Motion JPEG cameras of 1080p25.
func (l *lab) jpegCameras(ctx context.Context, n int) (*simcam.Camera, error) {
	return simcam.StartHTTP(ctx, simcam.HTTPConfig{Cameras: n, Width: fullWidth, Height: fullHeight, Bytes: jpegBytes, FPS: fullFPS, Tell: true})
}

// linkstart starts Linkstart with the first n cameras of a simulator, called camera0, camera1, …, and waits until all are live.
func (l *lab) linkstart(ctx context.Context, host string, cam *simcam.Camera, n int) (*rig.Rig, error) {
	var cameras []rig.Camera
	for i := range n {
		cameras = append(cameras, rig.Camera{ID: name(i), Source: cam.URL(i)})
	}
	return l.start(ctx, host, cameras...)
}

func (l *lab) start(ctx context.Context, host string, cameras ...rig.Camera) (*rig.Rig, error) {
	r, err := rig.Start(ctx, l.bin, host, cameras...)
	if err != nil {
		return nil, err
	}
	if err := r.Live(ctx); err != nil {
		r.Stop()
		return nil, err
	}
	return r, nil
}

func name(i int) string { return fmt.Sprintf("camera%d", i) }

// eachPeer measures every peer that has the function, and notes those that are not installed. One that fails does not end
// the section.
func (l *lab) eachPeer(ctx context.Context, key, what, unit string, function func(peer.Peer) peer.Start, measure func(peer.Peer, peer.Start) error) error {
	for _, p := range l.peers {
		start := function(p)
		if start == nil {
			continue
		}
		if p.Path == "" {
			l.add(report.Row{Key: key, What: what, Who: p.Name, Unit: unit, Note: "not installed"})
			continue
		}
		if err := measure(p, start); err != nil {
			if ctx.Err() != nil {
				return errors.Join(ctx.Err(), err)
			}
			l.fail(fmt.Errorf("%s: %w", p.Name, err))
			l.add(report.Row{Key: key, What: what, Who: p.Name, Unit: unit, Note: "no figure: " + strings.SplitN(err.Error(), "\n", 2)[0]})
		}
	}
	return nil
}

func rtspOf(p peer.Peer) peer.Start { return p.RTSP }
func jpegOf(p peer.Peer) peer.Start { return p.JPEG }
