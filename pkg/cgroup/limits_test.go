package cgroup_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"linkstart/pkg/cgroup"
)

var limits = map[string]func(*cgroup.Tree) error{"memory": overrun, "pids": crowd}

// overrun has one of two processes of a group use more than the group may.
func overrun(tree *cgroup.Tree) error {
	if !slices.Contains(tree.Controllers(), "memory") {
		return errors.New("the controller is not handed on")
	}
	g, err := tree.Group("camera-yard", cgroup.Limits{Memory: 32 << 20})
	if err != nil {
		return err
	}
	if g.OOMKilled() {
		return errors.New("killed before anything ran")
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	if err := r.SetReadDeadline(time.Now().Add(hangs)); err != nil {
		return err
	}
	cmd := shell(g, `sleep 3600 & head -c 100000000 /dev/zero | tail -c 90000000 >/dev/null; sleep 3600`)
	cmd.Stdout = w
	if err := errors.Join(cmd.Start(), w.Close()); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, r); err != nil { // until the last of them has ended
		return err
	}
	err = cmd.Wait()
	if !g.OOMKilled() {
		return fmt.Errorf("all have ended (%v), but not for their memory", err)
	}
	fmt.Println("killed for memory")
	return g.Close()
}

// crowd starts more processes than the group may have.
func crowd(tree *cgroup.Tree) error {
	if !slices.Contains(tree.Controllers(), "pids") {
		return errors.New("the controller is not handed on")
	}
	g, err := tree.Group("camera-yard", cgroup.Limits{PIDs: 8})
	if err != nil {
		return err
	}
	cmd := shell(g, `for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 3600 & done`)
	var failed *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &failed) {
		return fmt.Errorf("the shell has ended with %w", err)
	}
	fmt.Println("held")
	return g.Close()
}

// What takes a controller is told as skipped where the kernel has none for version 2, as where version 1 holds them.
func TestLimits(t *testing.T) {
	for name, want := range map[string]string{"memory": "killed for memory", "pids": "held"} {
		t.Run(name, func(t *testing.T) {
			a := newArea(t, "user.delegate")
			if b, _ := os.ReadFile(filepath.Join(a.dir, "cgroup.controllers")); !slices.Contains(strings.Fields(string(b)), name) {
				t.Skipf("the %s controller is not there for cgroups of version 2: has %q", name, strings.TrimSpace(string(b)))
			}
			if got := start(t, a.fd, nil, "limit", name).says(t); got != want {
				t.Errorf("the supervisor says %q, want %q", got, want)
			}
		})
	}
}
