package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/config"
)

func parse(t *testing.T, text string) *config.Config {
	t.Helper()
	cfg, err := config.Parse("cameras.yaml", []byte(text), getenv)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestConfigShowsNoSecret(t *testing.T) {
	cfg := parse(t, `
cameras:
  - {id: a, source: "rtsp://admin:${PASSWORD}@10.0.0.1/"}
  - {id: b, source: "exec:grab ${PASSWORD}"}
  - {id: c, source: "http://10.0.0.1/?pwd=hunter2"}
`)
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, v := range []any{cfg, *cfg, cfg.Cameras, cfg.Cameras[1], *cfg.Cameras[0], *cfg.Cameras[1], *cfg.Cameras[2], struct{ c config.Camera }{*cfg.Cameras[0]}} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
	}
	if err := json.NewEncoder(&out).Encode(cfg); err != nil {
		t.Fatal(err)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "config", cfg, "camera", cfg.Cameras[0])
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "config", *cfg, "camera", *cfg.Cameras[2])
	for _, word := range []string{"hunter2", "p@ss", "p%40ss", "w:rd"} {
		if strings.Contains(out.String(), word) {
			t.Errorf("%s shows in\n%s", word, out.String())
		}
	}
}

func TestSpec(t *testing.T) {
	cfg := parse(t, `
state_dir: /var/lib/linkstart
limits: {frame_bytes: 1MiB, frame_pixels: 1000000}
cameras:
  - {id: a, source: a.mp4, fps: 5, quality: 60, width: 640, open_timeout: 3s, read_timeout: 4s}
`)
	dir, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	want := camera.Spec{
		ID: "a", Source: "a.mp4", FPS: 5, Quality: 60, Width: 640, OpenTimeout: 3 * time.Second, ReadTimeout: 4 * time.Second,
		MaxBytes: 1 << 20, MaxPixels: 1000000, CacheDir: "/var/lib/linkstart/cache", Dir: dir,
	}
	if got := cfg.Spec(cfg.Cameras[0]); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// A vendor's library is told to those cameras alone that need it, and only they are restarted when it changes.
func TestVendorsLibrary(t *testing.T) {
	const cameras = `
cameras:
  - {id: a, source: "test:clock"}
  - {id: b, source: "hikvision://admin:${PASSWORD}@10.0.0.1/1"}
  - {id: c, source: "rtsp://10.0.0.1/", substream: "HIKVISION://admin:${PASSWORD}@10.0.0.1/1?stream=sub"}
`
	before, after := parse(t, cameras), parse(t, "sdk: {hikvision: {library: lib/libhcnetsdk.so}}\n"+cameras)
	want := config.Changes{Changed: []camera.ID{"b", "c"}}
	if got := config.Diff(before, after); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	library, err := filepath.Abs("lib/libhcnetsdk.so")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"", library, library} {
		if got := after.Spec(after.Cameras[i]).Library; got != want {
			t.Errorf("camera %s is told of %q, want %q", after.Cameras[i].ID, got, want)
		}
	}
}

func TestDiff(t *testing.T) {
	const before = `
cameras:
  - {id: a, source: "test:clock"}
  - {id: b, source: "exec:x ${PASSWORD}"}
`
	for _, c := range []struct {
		name, after string
		want        config.Changes
	}{
		{"nothing", before, config.Changes{}},
		{"order", "cameras:\n  - {id: b, source: 'exec:x ${PASSWORD}'}\n  - {id: a, source: 'test:clock'}\n", config.Changes{}},
		{"added and removed", "cameras:\n  - {id: c, source: 'test:clock'}\n  - {id: b, source: 'exec:x ${PASSWORD}'}\n",
			config.Changes{Added: []camera.ID{"c"}, Removed: []camera.ID{"a"}}},
		{"source", "cameras:\n  - {id: a, source: 'test:bars'}\n  - {id: b, source: 'exec:x ${PASSWORD}'}\n", config.Changes{Changed: []camera.ID{"a"}}},
		{"variable", "cameras:\n  - {id: a, source: 'test:clock'}\n  - {id: b, source: 'exec:x ${PORT}'}\n", config.Changes{Changed: []camera.ID{"b"}}},
		{"frozen_after", strings.Replace(before, `"test:clock"`, `"test:clock", frozen_after: 5s`, 1), config.Changes{Changed: []camera.ID{"a"}}},
		{"standby", strings.Replace(before, `"test:clock"`, `"test:clock", standby: hot`, 1), config.Changes{Changed: []camera.ID{"a"}}},
		{"substream", strings.Replace(before, `"test:clock"`, `"test:clock", substream: "test:ball"`, 1), config.Changes{Changed: []camera.ID{"a"}}},
		{"defaults", before + "defaults: {quality: 50}\n", config.Changes{Changed: []camera.ID{"a", "b"}}},
		{"limits", before + "limits: {frame_bytes: 1MiB}\n", config.Changes{Changed: []camera.ID{"a", "b"}, ServerChanged: true}},
		{"name", strings.Replace(before, "id: a", "id: a, name: A", 1), config.Changes{Renamed: []camera.ID{"a"}}},
		{"group", strings.Replace(before, "id: b", "id: b, group: B", 1), config.Changes{Renamed: []camera.ID{"b"}}},
		{"listen", before + "server: {listen: '127.0.0.1:1'}\n", config.Changes{ServerChanged: true}},
		{"rooms", before + "rooms: [{id: main, alarm_takeover: 1s}]\n", config.Changes{ServerChanged: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := config.Diff(parse(t, before), parse(t, c.after))
			if !reflect.DeepEqual(got, c.want) || got.Empty() != reflect.DeepEqual(c.want, config.Changes{}) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestStateDir(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", "/home/user")
	t.Setenv("SITE", "north")
	t.Setenv("XDG_STATE_HOME", "")
	const standard = "/home/user/.local/state/linkstart"
	for _, c := range []struct{ name, text, want string }{
		{"relative", "state_dir: .state\n", filepath.Join(dir, ".state")},
		{"absolute", "state_dir: /var/lib/linkstart/\n", "/var/lib/linkstart"},
		{"home", "state_dir: ~/state\n", "/home/user/state"},
		{"variable", "state_dir: /srv/${SITE}\n", "/srv/north"},
		{"unset variable here", "state_dir: /srv/${NO_SUCH_SITE}\n", standard},
		{"unset variables elsewhere", "state_dir: /srv\ncameras: [{id: a, source: '${NO_SUCH_SITE}'}]\n", "/srv"},
		{"mistakes elsewhere", "stat_dir: /x\nstate_dir: /srv\ncameras: 7\n", "/srv"},
		{"bad syntax elsewhere", "state_dir: /srv # here\ncameras: [\n", "/srv"},
		{"no text", "state_dir: [a]\n", standard},
		{"not set", "node: a\n", standard},
		{"no map", "- a\n", standard},
		{"empty", "", standard},
		{"quoted key", "{\"state_dir\": \"/srv\"}\n", "/srv"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(dir, "cameras.yaml")
			if err := os.WriteFile(file, []byte(c.text), 0o644); err != nil {
				t.Fatal(err)
			}
			if got := config.StateDir(file); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	if got := config.StateDir(filepath.Join(dir, "none.yaml")); got != standard {
		t.Errorf("without a file: got %s, want %s", got, standard)
	}
	t.Setenv("XDG_STATE_HOME", "/run/state")
	if got := config.StateDir(filepath.Join(dir, "none.yaml")); got != "/run/state/linkstart" {
		t.Errorf("with XDG_STATE_HOME: got %s", got)
	}
	t.Setenv("HOME", "")
	t.Setenv("XDG_STATE_HOME", "relative")
	if got := config.StateDir(filepath.Join(dir, "none.yaml")); got != filepath.Join(dir, ".state") {
		t.Errorf("without a home: got %s", got)
	}
	_, err := config.Parse("cameras.yaml", nil, func(string) (string, bool) { return "", false })
	if err == nil || !strings.Contains(err.Error(), "cameras.yaml:1:1: state_dir cannot be found") {
		t.Errorf("without a home: got %v", err)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "cameras.yaml")
	if _, err := config.Load(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
	if _, err := config.Load(dir); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("of a folder: %v", err)
	}
	if err := os.WriteFile(file, bytes.Repeat([]byte("#\n"), 3<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(file); !errors.Is(err, camera.ErrTooLarge) {
		t.Errorf("of 6 MiB: %v", err)
	}
	t.Setenv("HOME", dir)
	t.Setenv("CAM_PASSWORD", "a/b")
	if err := os.WriteFile(file, []byte("cameras: [{id: a, source: 'rtsp://u:${CAM_PASSWORD}@c/'}]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.Cameras[0].Source.Reveal(); got != "rtsp://u:a%2Fb@c/" {
		t.Errorf("source is %s", got)
	}
	if cfg.File != file || cfg.Dir != dir {
		t.Errorf("file is %s in %s", cfg.File, cfg.Dir)
	}
}

func TestManyProblemsAreBounded(t *testing.T) {
	_, err := config.Parse("cameras.yaml", []byte(strings.Repeat("- ", 1)+"x\n"), getenv)
	if err == nil {
		t.Error("a list passes")
	}
	_, err = config.Parse("cameras.yaml", []byte("cameras:\n"+strings.Repeat("  - {}\n", 5000)), getenv)
	var problems config.Problems
	if !errors.As(err, &problems) || len(problems) > 100 {
		t.Errorf("%d problems", len(problems))
	}
}

// FuzzParse: nothing panics, every problem has a position, and what passes says so twice.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, err := config.Parse("f", data, getenv)
		if err == nil {
			again, err := config.Parse("f", data, getenv)
			if err != nil || !config.Diff(cfg, again).Empty() {
				t.Errorf("the same file differs: %v", err)
			}
			for _, cam := range cfg.Cameras {
				if cam.Kind() == "" {
					t.Errorf("%v has no kind", cam.Source)
				}
			}
			return
		}
		var problems config.Problems
		if !errors.As(err, &problems) || len(problems) == 0 {
			t.Fatalf("got %v", err)
		}
		for _, p := range problems {
			if p.File != "f" || p.Line < 1 || p.Column < 1 || p.What == "" || strings.ContainsAny(p.Error(), "\n\x1b") {
				t.Errorf("%#v", p)
			}
		}
	})
}
