package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"linkstart/pkg/camera"
)

const twoCameras = "cameras:\n  - {id: a, source: 'test:clock'}\n  - {id: b, source: 'test:clock'}\n"

// selects chooses a camera in the room main, and looks that the room shows it.
func (s *system) selects(id string) {
	s.t.Helper()
	status, _, body := s.request(http.MethodPut, "/api/v1/rooms/main", strings.NewReader(fmt.Sprintf(`{"camera":%q}`, id)))
	if status != http.StatusOK {
		s.t.Fatalf("select %s: status %d: %s", id, status, body)
	}
	s.shows(id)
}

func (s *system) shows(id string) {
	s.t.Helper()
	s.eventually("the room shows "+id, func() error {
		_, _, body := s.request(http.MethodGet, "/api/v1/rooms/main", nil)
		if !strings.Contains(string(body), fmt.Sprintf(`"camera":%q`, id)) {
			return fmt.Errorf("it shows %s", body)
		}
		return nil
	})
}

// works looks that pictures come and that a room can be switched.
func (s *system) works() {
	s.t.Helper()
	s.becomes("a", camera.Live)
	v, _ := s.view(s.t)
	v.send(`{"type":"watch","stream":1,"camera":"a"}`)
	v.frames(1, 3)
	s.selects("b")
	s.selects("a")
}

// TestDamagedStateDirectory damages what a supervisor has left in many ways: the next one starts, shows pictures, and keeps
// selections again.
func TestDamagedStateDirectory(t *testing.T) {
	s := start(t, twoCameras)
	s.selects("b")
	state := filepath.Join(s.dir, "state")
	bus := filepath.Join(state, "bus")
	files := func(damage func(path string) error) func() error {
		return func() error {
			return filepath.WalkDir(bus, func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				return damage(path)
			})
		}
	}
	for _, c := range []struct {
		name  string
		do    func() error
		keeps bool // the selection, in a store begun anew or not
	}{
		{"nothing", func() error { return nil }, true},
		{"garbage", files(func(p string) error { return os.WriteFile(p, []byte(strings.Repeat("garbage ", 50)), 0o600) }), false},
		{"cut short", files(func(p string) error { return os.Truncate(p, 5) }), false},
		{"empty", files(func(p string) error { return os.Truncate(p, 0) }), false},
		{"a file", func() error {
			return errors.Join(os.RemoveAll(bus), os.WriteFile(bus, []byte("x"), 0o600))
		}, false},
		{"folders in the way", func() error {
			return errors.Join(os.MkdirAll(filepath.Join(state, "control.json", "x"), 0o700), os.MkdirAll(filepath.Join(state, "control.json.new.old"), 0o700))
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.t = t
			s.selects("b")
			s.stop()
			if err := c.do(); err != nil {
				t.Fatal(err)
			}
			s.launch()
			if c.keeps {
				s.shows("b")
			}
			s.works()
			if out, err := s.command("status"); err != nil || !strings.Contains(out, "live") {
				t.Errorf("status says %s, %v", out, err)
			}
			kept, err := filepath.Glob(bus + ".corrupt-*")
			if err != nil || len(kept) > 1 {
				t.Errorf("set aside are %v, %v", kept, err)
			}
		})
	}
	s.t = t
}

// smallDisk mounts a disk of a MiB as the state directory of the system's next start.
func smallDisk(t *testing.T, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("linkstart-test", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("a full disk takes the right to mount one: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// fill leaves no byte on the disk of dir.
func fill(t *testing.T, dir string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, "fill"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 64 << 10; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
}

func TestFullDisk(t *testing.T) {
	for _, before := range []string{"lock", "nothing"} {
		t.Run("from the start, with "+before, func(t *testing.T) {
			s := prepare(t, twoCameras)
			state := filepath.Join(s.dir, "state")
			smallDisk(t, state)
			if before == "lock" {
				if err := os.WriteFile(filepath.Join(state, "lock"), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			fill(t, state)
			s.launch()
			t.Cleanup(s.stop)
			s.works()
			if _, _, body := s.request(http.MethodGet, "/api/v1/system", nil); !strings.Contains(string(body), "kept in memory only") {
				t.Errorf("nobody is told: %s", body)
			}
		})
	}
}
