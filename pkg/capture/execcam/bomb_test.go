package execcam_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/capture/execcam"
)

// Each holds the FIFO, writes a byte into the file started for each process, and would end by itself, at a few thousand.
const (
	count    = 4000
	opening  = `exec 9>held; echo up >&9; `
	sleepers = `i=0; while [ $i -lt 4000 ]; do printf x >>started; sleep 600 & i=$((i+1)); done; wait`
	doubling = `f() { printf x >>started; [ $1 -gt 0 ] && { f $(($1-1)) & f $(($1-1)) & }; wait; sleep 600; }; f 11`
	fleeing  = `i=0; while [ $i -lt 4000 ]; do printf x >>started; (setsid sh -c "trap '' TERM; sleep 600; sleep 600" &); i=$((i+1)); done; sleep 600`
)

func TestForkBombIsEnded(t *testing.T) {
	for name, bomb := range map[string]string{"sleepers": sleepers, "doubling": doubling, "fleeing": fleeing} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t)
			up, gone := watch(t, dir)
			_, log, err := stream(t, spec(dir, opening+bomb), 0)
			if e := <-up; e != nil {
				t.Fatal(e)
			}
			var said *camera.Error
			if !errors.As(err, &said) || !strings.HasSuffix(said.Say, "started more than 512 processes, so it was stopped with all of them") {
				t.Errorf("got %v\n%s", err, log)
			}
			if err := gone(); err != nil {
				t.Errorf("somebody still runs: %v", err)
			}
			if name != "doubling" || os.Getuid() == 0 { // who may not run before others may be late for one that takes every processor
				notAll(t, dir)
			}
		})
	}
}

// notAll tells that the bomb was ended before it came to its own end.
func notAll(t *testing.T, dir string) {
	t.Helper()
	started, err := os.Stat(filepath.Join(dir, "started"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d processes", started.Size())
	if started.Size() >= count {
		t.Errorf("the command has started all of its %d processes", count)
	}
}

// One that breaks out when it is told to end has only the time until it is too many.
func TestForkBombAtTheEnd(t *testing.T) {
	dir := folder(t)
	s, err := execcam.New(spec(dir, opening+`trap 'trap "" TERM; `+sleepers+`' TERM; while :; do sleep 0.1; done`), slog.New(slog.DiscardHandler))
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
	from := time.Now()
	<-ended
	t.Logf("took %v", time.Since(from))
	if err := gone(); err != nil {
		t.Errorf("somebody still runs: %v", err)
	}
	notAll(t, dir)
}
