package fleet

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/onfailure"
	"linkstart/pkg/supervise"
)

// keptFailures is how many failures of a camera are kept.
const keptFailures = 20

// remember notes in the camera's history that its process ended unasked. The caller holds f.mu.
func (f *Fleet) remember(m *member, r supervise.Report) {
	end := r.Last
	failed := r.Phase == supervise.Waiting || r.Phase == supervise.Loop || r.Phase == supervise.Misconfigured
	switch {
	case !failed:
	case r.Err != nil:
		m.fail(camera.Failure{Cause: camera.CauseStart, Text: f.scrub(r.Why())})
	case end != nil && !end.Asked():
		m.fail(camera.Failure{Cause: end.Cause, Text: f.scrub(r.Why()), PID: end.PID, RanMs: end.Ran.Milliseconds(), Tail: m.tail.read()})
	}
}

// lost notes in the camera's history that its pictures stopped while its process goes on. The caller holds f.mu.
func (f *Fleet) lost(m *member, s camera.Status) {
	was := m.status.State
	if was == s.State || m.report.PID == 0 {
		return
	}
	if s.State == camera.Live {
		m.liveSince = time.Now()
	}
	if was != camera.Live && was != camera.Starting && was != "" {
		return // one failure, however often it is tried since
	}
	failure := camera.Failure{Text: s.Error}
	switch s.State {
	case camera.Reconnecting:
		failure.Cause = camera.CauseSource
	case camera.Frozen:
		failure.Cause = camera.CauseFrozen
	default:
		return
	}
	if was == camera.Live {
		failure.RanMs = time.Since(m.liveSince).Milliseconds()
	}
	m.fail(failure)
}

// fail adds to the camera's history, in place of the oldest where it is full.
func (m *member) fail(failure camera.Failure) {
	failure.At = time.Now()
	m.failures = append(m.failures, failure)
	if len(m.failures) > keptFailures {
		m.failures = slices.Delete(m.failures, 0, 1)
	}
}

// failures returns the camera's history, newest first.
func (f *Fleet) failures(m *member) []camera.Failure {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := slices.Clone(m.failures)
	slices.Reverse(all)
	return all
}

// actOnFailure does what on_failure asks for where it is due. The caller holds f.mu.
func (f *Fleet) actOnFailure(m *member, now time.Time) {
	info := m.info()
	switch info.State {
	case camera.Reconnecting, camera.Frozen, camera.CrashLoop, camera.Misconfigured:
		if m.failedSince.IsZero() {
			m.failedSince = now
		}
	case camera.Starting: // on the way from one to the other
	default:
		m.failedSince = time.Time{}
	}
	action := m.described.OnFailure
	if m.acting || !action.Due(now, m.failedSince, m.actedAt) {
		return
	}
	m.acting, m.actedAt = true, now
	event := onfailure.Event{Camera: info.ID, Name: info.Name, State: info.State, Error: info.Error, Since: m.failedSince}
	ctx, cancel := context.WithCancel(f.ctx)
	m.cancelAction = cancel
	f.note(m, slog.LevelWarn, "camera has failed for a while: on_failure begins", slog.Duration("for", now.Sub(m.failedSince).Round(time.Second)))
	f.running.Go(func() {
		err := action.Do(ctx, event, func(line string) { f.note(m, slog.LevelInfo, "on_failure: "+f.scrub(line)) })
		cancel()
		f.mu.Lock()
		defer f.mu.Unlock()
		m.acting = false
		if err != nil {
			f.note(m, slog.LevelError, "on_failure failed", slog.String("err", f.scrub(err.Error())))
		} else {
			f.note(m, slog.LevelInfo, "on_failure is done")
		}
	})
}

// endAction ends an action that is under way.
func (m *member) endAction() {
	if m.cancelAction != nil {
		m.cancelAction()
	}
}

const (
	tailLines  = 20
	crashLines = 40
	tailWidth  = 400 // bytes of a line
)

// tail is what a process printed last. Of a crash it is the beginning: that names the reason, the end only lists goroutines.
// It has a lock of its own: a process that prints without end must not hold up the fleet.
type tail struct {
	mu    sync.Mutex
	lines []string
	crash bool
}

var crashBegins = []string{"panic: ", "fatal error: ", "SIGQUIT: ", "SIGSEGV: ", "SIGABRT: ", "runtime: ", "unexpected fault address", "WARNING: DATA RACE"}

func (t *tail) add(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(line) > tailWidth {
		line = strings.ToValidUTF8(line[:tailWidth], "") + " …"
	}
	if !t.crash && slices.ContainsFunc(crashBegins, func(b string) bool { return strings.HasPrefix(line, b) }) {
		t.crash = true
		t.lines = t.lines[max(0, len(t.lines)-tailLines):]
	}
	switch {
	case !t.crash && len(t.lines) == tailLines:
		t.lines = append(t.lines[:0:0], t.lines[1:]...)
		fallthrough
	case !t.crash, len(t.lines) < tailLines+crashLines:
		t.lines = append(t.lines, line)
	}
}

func (t *tail) read() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.lines)
}

// clear begins anew, for the next process.
func (t *tail) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines, t.crash = nil, false
}
