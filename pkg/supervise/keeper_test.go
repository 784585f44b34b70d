package supervise_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"linkstart/pkg/camera"
	"linkstart/pkg/process"
	"linkstart/pkg/supervise"
)

// The test program is also the child: its first argument says what kind.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "runs":
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		case "fails":
			os.Exit(3)
		case "misconfigured":
			os.Exit(78)
		case "deaf": // to everything that can be ignored
			signal.Ignore(syscall.SIGQUIT, syscall.SIGTERM)
			fmt.Println("deaf")
			time.Sleep(time.Minute)
			os.Exit(0)
		}
	}
	goleak.VerifyTestMain(m)
}

type rig struct {
	t       *testing.T
	keeper  *supervise.Keeper
	reports chan news
}

// news are a report and when it came.
type news struct {
	supervise.Report
	at time.Time
}

func spec(kind string) process.Spec {
	return process.Spec{Path: os.Args[0], Args: []string{kind}, Line: func(string) {}, Grace: 200 * time.Millisecond}
}

// keep runs a keeper that has been given orders before.
func keep(t *testing.T, s process.Spec, orders ...func(*supervise.Keeper)) *rig {
	t.Helper()
	r := &rig{t: t, reports: make(chan news, 100)}
	r.keeper = supervise.NewKeeper(supervise.Options{
		Report: func(report supervise.Report) { r.reports <- news{report, time.Now()} }, Gate: supervise.NewGate(),
	})
	for _, order := range orders {
		order(r.keeper)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.keeper.Run(ctx, s) }()
	t.Cleanup(func() { cancel(); <-done })
	return r
}

// next waits for the next report, which must be of that phase.
func (r *rig) next(want supervise.Phase) news {
	r.t.Helper()
	select {
	case got := <-r.reports:
		if got.Phase != want {
			r.t.Fatalf("report %+v, want phase %d", got, want)
		}
		return got
	case <-time.After(30 * time.Second):
		r.t.Fatalf("no report, want phase %d", want)
	}
	return news{}
}

func TestKilledProcessIsStartedAtOnce(t *testing.T) {
	r := keep(t, spec("runs"))
	first := r.next(supervise.Running)
	if err := syscall.Kill(first.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if waiting := r.next(supervise.Waiting); waiting.Last == nil || waiting.Last.Exit.Signal != syscall.SIGKILL || waiting.Last.Cause != camera.CauseSignal || waiting.PID != 0 {
		t.Errorf("report %+v", waiting)
	}
	if second := r.next(supervise.Running); second.PID == first.PID || second.Restarts != (camera.Restarts{Signal: 1}) {
		t.Errorf("report %+v after %+v", second, first)
	}
}

func TestMisconfiguredWaitsForAnotherSpecification(t *testing.T) {
	r := keep(t, spec("misconfigured"))
	r.next(supervise.Running)
	if report := r.next(supervise.Misconfigured); !report.RetryAt.IsZero() {
		t.Errorf("it is to be retried: %+v", report)
	}
	r.keeper.Update(spec("runs"))
	r.next(supervise.Running)
}

func TestMissingProgramIsMisconfigured(t *testing.T) {
	r := keep(t, process.Spec{Path: filepath.Join(t.TempDir(), "grabber"), Line: func(string) {}})
	if report := r.next(supervise.Misconfigured); report.Err == nil {
		t.Errorf("report %+v", report)
	}
}

func TestRestartSkipsTheWait(t *testing.T) {
	r := keep(t, spec("fails"))
	for n := range 4 {
		r.next(supervise.Running)
		if w := r.next(supervise.Waiting); n > 0 && !w.RetryAt.After(w.at) { // the last one is for over 3 s
			t.Fatalf("failure %d is not waited for: %+v", n+1, w)
		}
	}
	r.keeper.Restart(camera.CauseOrder)
	r.next(supervise.Running)
	if first := r.next(supervise.Waiting); first.RetryAt.After(first.at.Add(100 * time.Millisecond)) {
		t.Errorf("an order did not forget earlier failures: %+v", first)
	}
}

func TestStopAndStart(t *testing.T) {
	r := keep(t, spec("runs"))
	first := r.next(supervise.Running)
	r.keeper.Start() // it runs already
	r.keeper.Stop()
	if stopped := r.next(supervise.Stopped); stopped.PID != 0 {
		t.Errorf("report %+v", stopped)
	}
	r.keeper.Start()
	if second := r.next(supervise.Running); second.PID == first.PID {
		t.Errorf("report %+v", second)
	}
	r.keeper.Restart(camera.CauseOrder)
	r.next(supervise.Running)
}

// TestOrdersBeforeTheStart: nothing is started that is not wanted any more.
func TestOrdersBeforeTheStart(t *testing.T) {
	r := keep(t, spec("runs"), (*supervise.Keeper).Stop)
	r.next(supervise.Stopped)
	r = keep(t, spec("runs"), func(k *supervise.Keeper) { k.Update(spec("misconfigured")) })
	r.next(supervise.Running)
	r.next(supervise.Misconfigured)
}

func TestHungProcessIsEnded(t *testing.T) {
	deaf := make(chan string, 10)
	s := spec("deaf")
	s.Line = func(line string) { deaf <- line }
	r := keep(t, s)
	first := r.next(supervise.Running)
	<-deaf
	r.keeper.Hung(first.PID+1, "a process that is gone") // a process that is gone already
	r.keeper.Hung(first.PID, "it was silent")
	if report := r.next(supervise.Waiting); report.Last == nil || report.Last.Exit.Signal != syscall.SIGKILL ||
		report.Last.Cause != camera.CauseHang || report.Why() != "it was silent" {
		t.Errorf("report %+v", report)
	}
	r.next(supervise.Running)
}
