package reload_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"linkstart/pkg/control"
	"linkstart/pkg/reload"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a Reloader of a file whose content is its configuration: "bad" has mistakes.
type world struct {
	*reload.Reloader
	t       *testing.T
	file    string
	applied chan string
	states  chan control.Config
}

func newWorld(t *testing.T, dir string) *world {
	w := &world{t: t, file: filepath.Join(dir, "cameras.yaml"), applied: make(chan string, 100), states: make(chan control.Config, 100)}
	w.write("first")
	w.Reloader = reload.New(reload.Options{
		File: w.file, Changed: func(c control.Config) { w.states <- c }, Log: slog.New(slog.DiscardHandler),
		Load: func(apply bool) (string, error) {
			b, err := os.ReadFile(w.file)
			if err == nil && string(b) == "bad" {
				err = errors.New("it is bad")
			}
			if err == nil && apply {
				w.applied <- string(b)
			}
			return fmt.Sprintf("now %s", b), err
		},
	})
	return w
}

func (w *world) write(text string) {
	w.t.Helper()
	if err := os.WriteFile(w.file, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) watch() {
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.Watch(ctx) }()
	w.t.Cleanup(func() { cancel(); <-done })
}

func await[T any](t *testing.T, what string, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(30 * time.Second):
		t.Fatalf("%s: not within 30 s", what)
	}
	return v
}

func TestPreviewAppliesNothing(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.write("second")
	text, err := w.Reload(false)
	if text != "now second" || err != nil || len(w.applied) > 0 || len(w.states) > 0 {
		t.Errorf("the preview says %q, %v, and %d were applied", text, err, len(w.applied))
	}
	if _, err := w.Reload(true); err != nil || await(t, "it is applied", w.applied) != "second" {
		t.Errorf("error %v", err)
	}
}

func TestMistakesAreKnownUntilTheyAreMended(t *testing.T) {
	w := newWorld(t, t.TempDir())
	loaded := w.State().Loaded
	w.write("bad")
	if _, err := w.Reload(true); err == nil {
		t.Error("no error")
	}
	if s := w.State(); s.Error != "it is bad" || s.Failed.IsZero() || !s.Loaded.Equal(loaded) {
		t.Errorf("state is %+v", s)
	}
	w.write("good")
	if _, err := w.Reload(true); err != nil {
		t.Error(err)
	}
	if s := w.State(); s.Error != "" || !s.Failed.IsZero() || s.Loaded.Equal(loaded) {
		t.Errorf("state is %+v", s)
	}
}

// TestChangesAreNoticed: written in place, put in place of the old one, and behind a link that is turned, as Kubernetes does.
func TestChangesAreNoticed(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, dir)
	w.watch()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) { // until the watch has begun
		w.write("in place")
		select {
		case got := <-w.applied:
			if got != "in place" {
				t.Fatalf("applied is %q", got)
			}
		default:
			if time.Now().After(deadline) {
				t.Fatal("a change in place is not noticed")
			}
			continue
		}
		break
	}
	next := filepath.Join(dir, "new")
	if err := os.WriteFile(next, []byte("renamed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, w.file); err != nil {
		t.Fatal(err)
	}
	if got := await(t, "another file in its place", w.applied); got != "renamed" {
		t.Errorf("applied is %q", got)
	}
	for i, text := range []string{"linked", "turned"} {
		target := filepath.Join(dir, fmt.Sprint("data", i))
		if err := os.WriteFile(target, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.Symlink(target, next), os.Rename(next, w.file)); err != nil {
			t.Fatal(err)
		}
		if got := await(t, "a link", w.applied); got != text {
			t.Errorf("applied is %q, want %q", got, text)
		}
	}
}
