// Package cgroup keeps what a child starts within limits of memory and number and kills all of it at once, whatever it has
// done to get away, where a part of the machine's cgroup v2 hierarchy is delegated to this process, and touches no other part.
package cgroup

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// ErrNotDelegated is that there is no cgroup in which this process may make its own: the machine has none of version 2, its
// kernel is older than 5.14, nobody has delegated one, or it is not ours alone. The text of an error that wraps it says which.
var ErrNotDelegated = errors.New("no cgroup is delegated to this process")

// Leaf is the name of the group into which Open moves this process, since only a group without processes may hand out
// controllers to the groups in it (cgroups(7), "no internal processes"). It is also what DelegateSubgroup= of a systemd
// service has to be, where that is set.
const Leaf = "supervisor"

const (
	leaveTime = 3 * time.Second       // until what was killed is gone; longer only for what is stuck in the kernel
	waitStep  = 50 * time.Millisecond // where the kernel does not tell of a change
)

// Tree is the cgroup that is delegated to this process, with a group for each child in it.
type Tree struct {
	dir  string
	held []string
	made atomic.Int64 // groups so far
}

// Open takes possession of the cgroup that this process was started in, if that is delegated to it: its manager has marked it so
// (what systemd does for Delegate=yes), or it is the top of the hierarchy that a container sees; and nobody else is in it.
// What an earlier owner has left in it is killed and removed; what cannot be is logged. Then this process is in the group Leaf, and all that it
// starts from now on is there too, or in a group made by Group. Otherwise nothing is changed, and the error wraps
// ErrNotDelegated. It is called once, before anything is started.
func Open(log *slog.Logger) (*Tree, error) {
	dir, err := find()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotDelegated, err)
	}
	t := &Tree{dir: dir}
	if err := t.enter(); err != nil {
		return nil, err
	}
	if err := t.clear(); err != nil {
		log.Warn("processes of an earlier run are left", "err", err)
	}
	if err := t.enable(); err != nil {
		return nil, err
	}
	return t, nil
}

// Controllers are those whose limits hold in the groups: "memory" and "pids", or fewer where the kernel or whoever delegated
// the cgroup keeps them back. Without any a group still kills all that is in it.
func (t *Tree) Controllers() []string { return slices.Clone(t.held) }

// enter moves this process into the leaf.
func (t *Tree) enter() error {
	leaf := filepath.Join(t.dir, Leaf)
	if err := os.Mkdir(leaf, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("make own cgroup: %w", err)
	}
	if err := write(leaf, "cgroup.procs", "0"); err != nil { // 0 is the process that writes
		return fmt.Errorf("enter own cgroup: %w", err)
	}
	return nil
}

// clear ends the groups of an owner before us that was killed. Names with a dot are the manager's (.control of systemd).
func (t *Tree) clear() error {
	var stale []string
	for _, name := range below(t.dir) {
		if name != Leaf && !strings.HasPrefix(name, ".") {
			stale = append(stale, filepath.Join(t.dir, name))
		}
	}
	var errs []error
	for _, dir := range stale { // all of them first, so that they end at the same time
		errs = append(errs, kill(dir))
	}
	for _, dir := range stale {
		errs = append(errs, remove(dir, time.Now().Add(leaveTime)))
	}
	return errors.Join(errs...)
}

// enable hands memory and pids on to the groups, as far as this cgroup has them.
func (t *Tree) enable() error {
	b, err := os.ReadFile(filepath.Join(t.dir, "cgroup.controllers"))
	if err != nil {
		return fmt.Errorf("read controllers: %w", err)
	}
	has := strings.Fields(string(b))
	for _, c := range []string{"memory", "pids"} {
		if !slices.Contains(has, c) {
			continue
		}
		if err := write(t.dir, "cgroup.subtree_control", "+"+c); err != nil {
			return fmt.Errorf("enable %s controller: %w", c, err)
		}
		t.held = append(t.held, c)
	}
	return nil
}

// below lists the groups directly in one.
func below(dir string) (names []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// remove removes a group and those in it, once the last process of it is gone.
func remove(dir string, until time.Time) error {
	if err := wait(dir, until); err != nil {
		return err
	}
	for _, name := range below(dir) {
		if err := remove(filepath.Join(dir, name), until); err != nil {
			return err
		}
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove cgroup: %w", err)
	}
	return nil
}

// wait returns when nobody is in the group, or in one below it.
func wait(dir string, until time.Time) error {
	events, err := os.Open(filepath.Join(dir, "cgroup.events"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("watch cgroup: %w", err)
	}
	defer events.Close()
	for {
		b := make([]byte, 256)
		n, err := events.ReadAt(b, 0)
		if errors.Is(err, unix.ENODEV) { // removed meanwhile
			return nil
		}
		if n == 0 {
			return fmt.Errorf("watch cgroup: %w", err)
		}
		if strings.Contains(string(b[:n]), "populated 0") {
			return nil
		}
		if time.Now().After(until) {
			return fmt.Errorf("processes in the cgroup %s do not end, though they were killed", filepath.Base(dir))
		}
		// The kernel tells of a change by POLLPRI.
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(events.Fd()), Events: unix.POLLPRI}}, int(waitStep.Milliseconds()))
	}
}

func kill(dir string) error {
	if err := write(dir, "cgroup.kill", "1"); err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("kill cgroup: %w", err)
	}
	return nil
}

// write opens a file that is there: where the kernel has none of that name, none is to be made.
func write(dir, name, value string) error {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}
