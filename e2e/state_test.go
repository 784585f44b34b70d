package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"linkstart/pkg/camera"
)

const twoClocks = `
cameras:
  - {id: one, source: "test:clock?size=320x240", fps: 10}
  - {id: two, source: "test:clock?size=320x240", fps: 10}
`

func (s *system) state(name ...string) string {
	return filepath.Join(append([]string{s.dir, "state"}, name...)...)
}

// choose selects a camera in a room.
func (s *system) choose(room, id string) {
	s.t.Helper()
	status, _, body := s.request(http.MethodPut, "/api/v1/rooms/"+room, strings.NewReader(fmt.Sprintf(`{"camera":%q}`, id)),
		"Content-Type", "application/json")
	if status/100 != 2 {
		s.t.Fatalf("selecting %s in %s: %d %s\n%s", id, room, status, body, s.out)
	}
}

// showing waits until a room shows a camera.
func (s *system) showing(room, id string) {
	s.t.Helper()
	s.eventually(room+" shows "+id, func() error {
		var r struct{ Camera string }
		status, _, body := s.request(http.MethodGet, "/api/v1/rooms/"+room, nil)
		if err := json.Unmarshal(body, &r); status != http.StatusOK || err != nil || r.Camera != id {
			return fmt.Errorf("%d %s %v", status, body, err)
		}
		return nil
	})
}

// pictures checks that a camera comes to a viewer, and that a room can be switched.
func (s *system) pictures() {
	s.t.Helper()
	v, _ := s.view(s.t)
	v.send(`{"type":"watch","stream":1,"camera":"one"}`)
	v.frames(1, 3)
	s.choose("main", "two")
	s.showing("main", "two")
}

// logs waits for a line of the log.
func (s *system) logs(text string) {
	s.t.Helper()
	s.eventually("the log says "+text, func() error {
		if !strings.Contains(s.out.String(), text) {
			return errors.New("it does not")
		}
		return nil
	})
}

// recovers waits until selections are stored again on a disk that was full from then on: the longer it was, the later it is tried again.
func (s *system) recovers(full time.Time) {
	s.t.Helper()
	end := time.Now().Add(2 * time.Since(full))
	for !strings.Contains(s.out.String(), storedAgain) && time.Now().Before(end) {
		time.Sleep(20 * time.Millisecond)
	}
	s.logs(storedAgain)
}

const (
	inMemory    = "selections are kept in memory"
	partly      = "the stored selections are damaged or were not closed"
	damaged     = "the stored selections are damaged and lost"
	storedAgain = "selections are stored again"
)

func TestDamagedStateStopsNothing(t *testing.T) {
	first := prepare(t, twoClocks)
	first.launch()
	for _, room := range []string{"main", "hall"} {
		first.choose(room, "one")
	}
	first.stop()
	const stream = "bus/jetstream/$G/streams/KV_selection"
	for name, c := range map[string]struct {
		damage func(s *system) error
		says   string
	}{
		"bus is a file": {func(s *system) error {
			return errors.Join(os.RemoveAll(s.state("bus")), os.WriteFile(s.state("bus"), []byte("garbage"), 0o600))
		}, damaged},
		"store is a file": {func(s *system) error {
			return errors.Join(os.RemoveAll(s.state("bus/jetstream")), os.WriteFile(s.state("bus/jetstream"), nil, 0o600))
		}, damaged},
		"a folder for the messages": {func(s *system) error {
			block := s.state(stream, "msgs/1.blk")
			return errors.Join(os.Remove(block), os.Mkdir(block, 0o700)) // the server takes all away
		}, partly},
		"garbage everywhere": {func(s *system) error { return everyFile(s.state("bus"), []byte(strings.Repeat("\xde\xad", 500))) }, partly},
		"all is empty":       {func(s *system) error { return everyFile(s.state("bus"), nil) }, partly},
		"files are lost":     {func(s *system) error { return os.RemoveAll(s.state(stream, "msgs")) }, ""},
		"access is a folder": {func(s *system) error { return os.MkdirAll(s.state("control.json", "x"), 0o700) }, ""},
		"lock is a folder": {func(s *system) error {
			return errors.Join(os.Remove(s.state("lock")), os.Mkdir(s.state("lock"), 0o700))
		}, ""},
		"lock is a loop": {func(s *system) error {
			return errors.Join(os.Remove(s.state("lock")), os.Symlink("lock", s.state("lock")))
		}, ""},
		"all is a file": {func(s *system) error {
			return errors.Join(os.RemoveAll(s.state()), os.WriteFile(s.state(), nil, 0o600))
		}, "the state directory cannot be used"},
	} {
		t.Run(name, func(t *testing.T) {
			s := prepare(t, twoClocks)
			if out, err := exec.Command("cp", "-a", first.state(), s.state()).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if err := c.damage(s); err != nil {
				t.Fatal(err)
			}
			s.launch()
			t.Cleanup(s.stop)
			s.pictures()
			if c.says != "" {
				s.logs(c.says)
			}
			if c.says == damaged {
				if kept, _ := filepath.Glob(s.state("bus.corrupt-*")); len(kept) != 1 {
					t.Errorf("kept are %v", kept)
				}
			}
			if out, err := s.command("status"); err != nil && c.says != "the state directory cannot be used" {
				t.Errorf("status: %v: %s", err, out)
			}
		})
	}
}

// everyFile puts something else into every file below dir.
func everyFile(dir string, content []byte) error {
	return filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.WriteFile(name, content, 0o600)
	})
}

// disk mounts a small one for the state directory.
func (s *system) disk(options string) {
	s.t.Helper()
	if os.Geteuid() != 0 {
		s.t.Skip("only root can mount a small disk")
	}
	if err := os.MkdirAll(s.state(), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "tmpfs", s.state()).CombinedOutput(); err != nil {
		s.t.Skipf("a small disk cannot be mounted here: %s", out)
	}
	s.t.Cleanup(func() {
		if err := syscall.Unmount(s.state(), syscall.MNT_DETACH); err != nil {
			s.t.Error(err)
		}
	})
}

// fillDisk leaves no byte free; nothing else can be made there either.
func (s *system) fillDisk() {
	s.t.Helper()
	f, err := os.Create(s.state("filling"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		s.t.Fatal(err)
	}
}

func TestFullDiskBeforeTheStart(t *testing.T) {
	s := prepare(t, twoClocks)
	s.disk("size=2m,mode=700")
	s.fillDisk()
	full := time.Now()
	s.launch()
	t.Cleanup(s.stop)
	s.pictures()
	s.logs(inMemory)
	if out, err := exec.Command(filepath.Join(bin, "supervisor"), "-config", s.config).CombinedOutput(); err == nil ||
		!strings.Contains(string(out), "another supervisor") {
		t.Errorf("a second supervisor: %v: %s", err, out)
	}
	if err := os.Remove(s.state("filling")); err != nil {
		t.Fatal(err)
	}
	s.recovers(full)
	s.eventually("commands find the supervisor", func() error {
		out, err := s.command("status")
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		return err
	})
}

func TestReadOnlyDisk(t *testing.T) {
	s := prepare(t, twoClocks)
	s.disk("ro,size=1m,mode=755")
	s.launch()
	t.Cleanup(s.stop)
	s.pictures()
	s.logs(inMemory)
}

// A viewer watches, and follows a room, while the disk gets full and is emptied again.
func TestDiskFillsWhileRunning(t *testing.T) {
	s := prepare(t, twoClocks)
	s.disk("size=4m,mode=700")
	s.launch()
	t.Cleanup(s.stop)
	s.choose("kept", "two")
	for _, id := range []string{"one", "two"} {
		s.becomes(id, camera.Live)
	}
	v, _ := s.view(t)
	v.send(`{"type":"watch","stream":1,"camera":"one"}`)
	v.send(`{"type":"follow","stream":2,"room":"main"}`)
	v.frames(1, 2)
	pids := s.children()
	follow := func(id string) {
		t.Helper()
		v.until("the room shows "+id, func(_ *frame, m *message) bool {
			return m != nil && m.Type == "watching" && m.Stream == 2 && m.Camera == id
		})
		v.frames(1, 2)
		v.frames(2, 2)
	}
	s.fillDisk()
	full := time.Now()
	for i := 0; !strings.Contains(s.out.String(), inMemory); i++ { // what is left of the last block takes some
		if i > 500 {
			t.Fatal("the full disk is not noticed")
		}
		id := []string{"two", "one"}[i%2] // a room without a selection shows the first
		s.choose("main", id)
		follow(id)
	}
	for i := range 6 {
		id := []string{"two", "one"}[i%2]
		s.choose("main", id)
		s.showing("main", id)
	}
	s.showing("kept", "two")
	v.frames(1, 5)
	if err := os.Remove(s.state("filling")); err != nil {
		t.Fatal(err)
	}
	s.recovers(full)
	s.choose("main", "two")
	s.choose("late", "one")
	v.frames(1, 5)
	v.frames(2, 5)
	if after := s.children(); fmt.Sprint(pids) != fmt.Sprint(after) {
		t.Errorf("processes were %v, are %v", pids, after)
	}
	for text, most := range map[string]int{inMemory: 1, storedAgain: 1, "iolation": 0, "\n": 60} {
		if n := strings.Count(s.out.String(), text); n > most {
			t.Errorf("the log has %d times %q", n, text)
		}
	}
	s.stop()
	s.launch() // what was selected is on the disk
	for room, id := range map[string]string{"main": "two", "kept": "two", "late": "one"} {
		s.showing(room, id)
	}
}
