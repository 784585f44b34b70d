package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"linkstart/bench/peer"
	"linkstart/bench/proc"
	"linkstart/bench/report"
	"linkstart/bench/rig"
	"linkstart/bench/simcam"
	"linkstart/bench/view"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if role, ok := roles[os.Args[1]]; ok {
			if role() != nil {
				os.Exit(1)
			}
			return
		}
	}
	goleak.VerifyTestMain(m)
}

// A real supervisor, a real relay, a simulated camera and a viewer give a figure; a section that fails, and one that
// panics, cost no other section its own; nothing is left behind.
func TestSmoke(t *testing.T) {
	bin, out := t.TempDir(), t.TempDir()
	build := exec.Command("go", "build", "-o", bin, "linkstart/cmd/supervisor", "linkstart/cmd/relay", "linkstart/cmd/grabber")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, text)
	}
	l, err := newLab(t.Context(), options{quick: true, bin: bin}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	l.runAll(t.Context(), []section{
		{"fails", func(context.Context, *lab) error { return errors.New("no reason") }, time.Minute},
		{"panics", func(context.Context, *lab) error { panic("at once") }, time.Minute},
		{"smoke", smoke, time.Minute},
	})
	if err := l.report.Write(out); err != nil {
		t.Fatal(err)
	}
	l.close()
	if _, err := os.Stat(l.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
	b, err := os.ReadFile(filepath.Join(out, "latest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r report.Report
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) != 1 || r.Rows[0].Sample == nil || r.Rows[0].Sample.N == 0 || r.Rows[0].Sample.P50 <= 0 {
		t.Errorf("rows: %+v", r.Rows)
	}
	if len(r.Failed) != 2 || r.Failed[0].Section != "fails" || !strings.Contains(r.Failed[1].Why, "at once") {
		t.Errorf("failed: %+v", r.Failed)
	}
	if left := proc.Descendants(os.Getpid()); len(left) != 0 {
		t.Errorf("processes %v are left", left)
	}
}

// smoke is a section as the real ones are, but small.
func smoke(ctx context.Context, l *lab) error {
	cam, err := simcam.StartHTTP(ctx, simcam.HTTPConfig{Cameras: 1, Width: 320, Height: 240, Bytes: 10_000, FPS: 25})
	if err != nil {
		return err
	}
	defer cam.Stop()
	r, err := l.start(ctx, peer.Loopback, rig.Camera{ID: "small", Source: cam.URL(0)})
	if err != nil {
		return err
	}
	defer r.Stop()
	v, err := viewer(ctx, r, "small", view.Options{Acks: true, Keep: markOnly})
	if err != nil {
		return err
	}
	w, err := l.collect(ctx, v, time.Second, r.PID())
	if err != nil {
		return err
	}
	all, err := ages(w.frames, cam, 0)
	if err != nil {
		return err
	}
	l.add(sample("smoke", "camera's mark to viewer", "", "ms", all))
	return nil
}

func TestSectionsAreChosenByName(t *testing.T) {
	chosen, err := choose("thin, switch")
	if err != nil || len(chosen) != 2 || chosen[0].name != "thin" || chosen[1].name != "switch" {
		t.Errorf("chosen: %+v %v", chosen, err)
	}
	if all, err := choose(""); err != nil || len(all) != len(sections) {
		t.Errorf("%d of %d sections are chosen: %v", len(all), len(sections), err)
	}
	if _, err := choose("switch,nothing"); err == nil || !strings.Contains(err.Error(), `"nothing"`) {
		t.Errorf("a section that does not exist: %v", err)
	}
}

// The README has a line for every section.
func TestReadmeKnowsEverySection(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(b), "\n")
	for _, s := range sections {
		if !slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, "| `"+s.name+"` |") }) {
			t.Errorf("README.md has no line for the section %s", s.name)
		}
	}
}
