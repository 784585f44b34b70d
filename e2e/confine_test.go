package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"linkstart/pkg/camera"
)

const confinedCameras = `
cameras:
  - {id: clock, source: 'test:clock'}
  - {id: street, source: %q, standby: hot}
  - {id: command, source: 'exec:unshare -Ur id; mount -t tmpfs none /mnt; echo it may write >written; echo tried >&2; exec sleep 600', open_timeout: 10m}
`

// rights returns what the kernel says of each thread of a process.
func rights(t *testing.T, pid int) (threads []map[string]string) {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		thread := map[string]string{}
		for line := range strings.Lines(string(text)) {
			key, value, _ := strings.Cut(line, ":")
			thread[key] = strings.TrimSpace(value)
		}
		threads = append(threads, thread)
	}
	return threads
}

func TestGrabbersAreConfined(t *testing.T) {
	clip, err := filepath.Abs("../deploy/footage/street.mp4")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, fmt.Sprintf(confinedCameras, clip))
	s.becomes("clock", camera.Live)
	s.becomes("street", camera.Live)
	s.eventually("the command has tried what it may not do", func() error {
		out := s.out.String()
		for _, want := range []string{"unshare failed: Operation not permitted", "mount: /mnt: permission denied", "tried"} {
			if !strings.Contains(out, want) {
				return fmt.Errorf("nobody says %q", want)
			}
		}
		return nil
	})
	if _, err := os.Stat(filepath.Join(s.dir, "written")); err != nil {
		t.Errorf("the user's own command could not write: %v", err)
	}
	relay, none := s.relay(), "0000000000000000"
	children := s.children()
	if len(children) < 6 { // relay, three grabbers, guard, command
		t.Fatalf("only %d children", len(children))
	}
	for _, pid := range children {
		threads := rights(t, pid)
		if pid == relay {
			continue
		}
		if len(threads) == 0 {
			t.Errorf("process %d has no threads", pid)
		}
		for _, thread := range threads {
			want := map[string]string{"NoNewPrivs": "1", "Seccomp": "2", "CapEff": none, "CapPrm": none, "CapInh": none, "CapAmb": none}
			if os.Getuid() == 0 {
				want["CapBnd"] = none
			}
			for key, value := range want {
				if thread[key] != value {
					t.Errorf("%s, thread %s of %d: %s is %s", thread["Name"], thread["Pid"], pid, key, thread[key])
				}
			}
		}
		limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(limits)) {
			fields := strings.Fields(line)
			if strings.HasPrefix(line, "Max core file size") && !slices.Equal(fields[4:6], []string{"0", "0"}) ||
				strings.HasPrefix(line, "Max open files") && !slices.Equal(fields[3:5], []string{"1024", "1024"}) {
				t.Errorf("process %d: %s", pid, line)
			}
		}
	}
}

// A crash as a broken picture may cause it is told of the one camera that sent it, and no other notices.
func TestCrashInADecoderStaysInItsGrabber(t *testing.T) {
	t.Parallel()
	s := start(t, threeCameras)
	before, other := s.becomes("clock", camera.Live), s.becomes("ball", camera.Live)
	v, _ := s.view(t)
	v.send(`{"type":"watch","stream":1,"camera":"ball"}`)
	v.frames(1, 2)
	if err := syscall.Kill(before.PID, syscall.SIGSEGV); err != nil {
		t.Fatal(err)
	}
	s.eventually("the crash is told", func() error {
		info, err := s.camera("clock")
		if err == nil && (info.PID == before.PID || info.PID == 0 || info.Causes.Exit+info.Causes.Signal == 0) {
			err = fmt.Errorf("process %d, restarts %+v", info.PID, info.Causes)
		}
		return err
	})
	v.frames(1, 5)
	if after := s.becomes("ball", camera.Live); after.PID != other.PID || after.Restarts != 0 {
		t.Errorf("the other camera: %+v", after)
	}
	s.becomes("clock", camera.Live)
}
