package execcam_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/capture/execcam"
)

// Each of these opens the FIFO, so that all it starts holds it, and says so when all of that runs. The FIFO's end is then
// the end of the last of them.
var families = map[string]string{
	"plain":           `exec 9>held; echo up >&9; sleep 3600`,
	"deaf to TERM":    `exec 9>held; trap '' TERM; echo up >&9; while :; do sleep 3600; done`,
	"deaf child":      `exec 9>held; (trap '' TERM HUP INT; echo up >&9; while :; do sleep 3600; done) & sleep 3600`,
	"daemon":          `exec 9>held; setsid sh -c '(setsid sh -c "trap \"\" TERM HUP; echo up >&9; sleep 3600; sleep 3600" &)'; sleep 3600`,
	"daemon and exit": `exec 9>held; setsid sh -c 'echo up >&9; >runs; exec sleep 3600' <&- >&- 2>&- & sleep 3600 & cat a.jpg; until [ -e runs ]; do sleep 0.01; done`,
	"kills its group": `exec 9>held; setsid sleep 3600 & echo up >&9; kill 0; sleep 3600`,
}

// watch waits for "up" and returns what to wait with for the end of everybody who holds the FIFO.
func watch(t *testing.T, dir string) (up <-chan error, gone func() error) {
	t.Helper()
	started := make(chan error, 1)
	var fifo *os.File
	go func() {
		var err error
		if fifo, err = os.Open(filepath.Join(dir, "held")); err == nil { // waits for a writer
			_, err = bufio.NewReaderSize(fifo, 16).ReadString('\n')
		}
		started <- err
	}()
	return started, func() error {
		defer fifo.Close()
		if err := fifo.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			return err
		}
		_, err := io.Copy(io.Discard, fifo)
		return err
	}
}

func TestNobodySurvivesTheContext(t *testing.T) {
	for name, command := range families {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t)
			s, err := execcam.New(spec(dir, command), slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			up, gone := watch(t, dir)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() { ended <- s.Stream(ctx, func(camera.Picture) {}) }()
			if err := <-up; err != nil {
				t.Fatal(err)
			}
			cancel()
			// The guard's own limits add up to 4.5 s. Time in which the whole machine, or this process, gets no turn does not count.
			for step := 0; len(ended) == 0 && step < 100; step++ {
				time.Sleep(50 * time.Millisecond)
			}
			if len(ended) == 0 {
				t.Error("Stream has not ended after 5 s")
			}
			if err := <-ended; err == nil {
				t.Error("Stream returned nil")
			}
			if err := gone(); err != nil {
				t.Errorf("somebody still runs: %v", err)
			}
		})
	}
}

func TestNobodySurvivesAKill(t *testing.T) {
	for name, command := range families {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t)
			up, gone := watch(t, dir)
			parent := exec.Command("/proc/self/exe", parentArg, dir, command)
			if err := parent.Start(); err != nil {
				t.Fatal(err)
			}
			if err := <-up; err != nil {
				t.Fatal(err)
			}
			if err := parent.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Fatal(err)
			}
			parent.Wait()
			if err := gone(); err != nil {
				t.Errorf("somebody still runs: %v", err)
			}
		})
	}
}
