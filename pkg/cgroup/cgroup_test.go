package cgroup_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"linkstart/pkg/cgroup"
)

// escape leaves a process in a session of its own, with nothing that leads back to who started it, once that runs.
const escape = `(setsid sh -c 'trap "" TERM HUP; echo up; sleep 3600; sleep 3600' &); sleep 3600`

func TestOpen(t *testing.T) {
	for _, mark := range []string{"trusted.delegate", "user.delegate"} {
		t.Run(mark, func(t *testing.T) {
			a := newArea(t, mark)
			s := start(t, a.fd, nil, "open")
			if got := s.says(t); !strings.HasPrefix(got, cgroup.Leaf) {
				t.Errorf("the supervisor is in %q", got)
			}
			if got := a.groups(); !slices.Equal(got, []string{cgroup.Leaf}) {
				t.Errorf("groups = %v", got)
			}
		})
	}
}

// As a service of systemd with User= and Delegate=yes: the files that the kernel names for this belong to that user.
func TestOpenWithoutPrivileges(t *testing.T) {
	const nobody = 65534
	a := newArea(t, "user.delegate")
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	for _, name := range []string{"", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"} {
		if err := os.Chown(filepath.Join(a.dir, name), nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	s := start(t, a.fd, func(cmd *exec.Cmd) {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}, "scenario", "kill")
	if got := s.says(t); got != "gone" {
		t.Errorf("the supervisor says %q", got)
	}
}

// As systemd does it for DelegateSubgroup=supervisor.
func TestOpenInTheLeaf(t *testing.T) {
	a := newArea(t, "user.delegate")
	if err := os.Mkdir(filepath.Join(a.dir, cgroup.Leaf), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := start(t, a.leaf(t), nil, "open").says(t); !strings.HasPrefix(got, cgroup.Leaf) {
		t.Errorf("the supervisor is in %q", got)
	}
}

// As in a container, which sees its own cgroup as the top of the hierarchy, and where nobody sets marks.
func TestOpenInAContainer(t *testing.T) {
	a := newArea(t, "")
	if os.Getuid() != 0 {
		t.Skip("only root can mount")
	}
	const container = `unshare --cgroup --mount sh -c 'mount -t cgroup2 none "$1" && exec "$2" open' - "$0" "$1"`
	s := start(t, a.fd, func(cmd *exec.Cmd) {
		program, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", "exec " + container, t.TempDir(), program}
	})
	if got := s.says(t); !strings.HasPrefix(got, cgroup.Leaf) {
		t.Errorf("the supervisor is in %q", got)
	}
	if got := a.groups(); !slices.Equal(got, []string{cgroup.Leaf}) {
		t.Errorf("groups = %v", got)
	}
}

func TestNotDelegated(t *testing.T) {
	for name, c := range map[string]struct {
		mark    string
		prepare func(*testing.T, *area)
		change  func(*exec.Cmd)
		want    string
	}{
		"a service without Delegate=": {"", nil, nil, "Delegate=yes"},
		"with others in it": {"user.delegate", func(t *testing.T, a *area) {
			start(t, a.fd, func(cmd *exec.Cmd) { cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", "read x"} })
		}, nil, "other processes"},
		"of another user": {"user.delegate", func(t *testing.T, a *area) {
			if err := os.Chmod(a.dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}, func(cmd *exec.Cmd) {
			cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
		}, "cannot be written"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArea(t, c.mark)
			if c.change != nil && os.Getuid() != 0 {
				t.Skip("only root can become another user")
			}
			if c.prepare != nil {
				c.prepare(t, a)
			}
			s := start(t, a.fd, c.change, "open")
			got := s.says(t)
			if !strings.Contains(got, cgroup.ErrNotDelegated.Error()) || !strings.Contains(got, c.want) {
				t.Errorf("the supervisor says %q, want %q", got, c.want)
			}
			if got := a.groups(); got != nil {
				t.Errorf("it made %v", got)
			}
		})
	}
}

// Wherever tests run, what they run in is somebody else's: it holds `go test`, or is the root.
func TestOwnCgroupIsLeftAlone(t *testing.T) {
	before, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cgroup.Open(slog.Default()); !errors.Is(err, cgroup.ErrNotDelegated) {
		t.Errorf("Open = %v", err)
	}
	if after, err := os.ReadFile("/proc/self/cgroup"); err != nil || string(after) != string(before) {
		t.Errorf("the test is in another cgroup now (%v): %s", err, after)
	}
}

func TestNothingOfAKilledSupervisorStays(t *testing.T) {
	a := newArea(t, "user.delegate")
	first := start(t, a.fd, nil, "camera", escape)
	if got := first.says(t); got != "up" {
		t.Fatalf("the camera says %q", got)
	}
	if err := first.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_, _ = first.cmd.Process.Wait()
	if got := a.groups(); !slices.Contains(got, "camera-yard.1") {
		t.Fatalf("groups = %v", got)
	}
	if err := unix.Mkdir(filepath.Join(a.dir, "camera-yard.1", "of-its-own"), 0o755); err != nil {
		t.Fatal(err)
	}
	second := start(t, a.leaf(t), nil, "open")
	if got := second.says(t); !strings.HasPrefix(got, cgroup.Leaf) {
		t.Fatalf("the second supervisor says %q", got)
	}
	// All that the first has started held its output.
	if rest, err := io.ReadAll(first.out); err != nil || len(rest) > 0 {
		t.Errorf("left of the output: %q, %v", rest, err)
	}
	if got := a.groups(); !slices.Equal(got, []string{cgroup.Leaf}) {
		t.Errorf("groups = %v", got)
	}
}

func TestASecondSupervisorTouchesNothing(t *testing.T) {
	a := newArea(t, "user.delegate")
	first := start(t, a.fd, nil, "camera", "echo up; sleep 3600")
	if got := first.says(t); got != "up" {
		t.Fatalf("the camera says %q", got)
	}
	if got := start(t, a.leaf(t), nil, "open").says(t); !strings.Contains(got, "other processes") {
		t.Errorf("the second supervisor says %q", got)
	}
	events, err := os.ReadFile(filepath.Join(a.dir, "camera-yard.1", "cgroup.events"))
	if err != nil || !strings.Contains(string(events), "populated 1") {
		t.Errorf("the camera does not run any more (%v): %s", err, events)
	}
}

// scenarios run in a supervisor; each tells what went wrong, and prints the line that the test expects.
var scenarios = map[string]func(*cgroup.Tree) error{
	"kill": func(tree *cgroup.Tree) error {
		for range 3 { // one child after the other
			g, err := tree.Group("camera-yard", cgroup.Limits{Memory: 64 << 20, PIDs: 100})
			if err != nil {
				return err
			}
			if err := killed(g, g.Kill); err != nil {
				return err
			}
			if err := errors.Join(g.Kill(), g.Close()); err != nil {
				return err
			}
		}
		fmt.Println("gone")
		return nil
	},
	"close": func(tree *cgroup.Tree) error {
		g, err := tree.Group("camera-yard", cgroup.Limits{})
		if err != nil {
			return err
		}
		if err := killed(g, g.Close); err != nil {
			return err
		}
		fmt.Println("gone")
		return nil
	},
	"side by side": func(tree *cgroup.Tree) error { // what is left of one child is not in the way of the next
		first, err := tree.Group("camera-yard", cgroup.Limits{})
		if err != nil {
			return err
		}
		err = killed(first, func() error {
			second, err := tree.Group("camera-yard", cgroup.Limits{})
			if err != nil {
				return err
			}
			return errors.Join(killed(second, second.Kill), second.Close(), first.Kill())
		})
		if err := errors.Join(err, first.Close()); err != nil {
			return err
		}
		fmt.Println("gone")
		return nil
	},
	"names": func(tree *cgroup.Tree) error {
		for _, name := range []string{"", ".", "..", "a/b", "cgroup.procs", ".control", "A", "memory.max"} {
			if g, err := tree.Group(name, cgroup.Limits{}); err == nil {
				return errors.Join(fmt.Errorf("a group is called %q", name), g.Close())
			}
		}
		fmt.Println("gone")
		return nil
	},
}

// killed starts the escape in g and tells whether end ends all of it.
func killed(g *cgroup.Group, end func() error) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	if err := r.SetReadDeadline(time.Now().Add(hangs)); err != nil {
		return err
	}
	cmd := shell(g, escape)
	cmd.Stdout = w
	err = errors.Join(cmd.Start(), w.Close())
	if err != nil {
		return err
	}
	if _, err := io.ReadFull(r, make([]byte, len("up\n"))); err != nil {
		return fmt.Errorf("wait for the escape: %w", err)
	}
	if err := end(); err != nil {
		return err
	}
	_ = cmd.Wait()
	_, err = io.Copy(io.Discard, r) // the pipe ends with the last one
	return err
}

func TestScenarios(t *testing.T) {
	for name := range scenarios {
		t.Run(name, func(t *testing.T) {
			a := newArea(t, "user.delegate")
			if got := start(t, a.fd, nil, "scenario", name).says(t); got != "gone" {
				t.Errorf("the supervisor says %q", got)
			}
			if got := a.groups(); !slices.Equal(got, []string{cgroup.Leaf}) {
				t.Errorf("groups = %v", got)
			}
		})
	}
}
