package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of a group as a whole. 0: none.
type Limits struct {
	// Memory is in bytes, of all kinds: what processes hold, and what the kernel keeps for them, such as files that they have
	// read, which it gives up before it kills. Beyond it all processes of the group are killed at once. None of it is
	// swapped out.
	Memory int64

	// PIDs bounds processes and threads together; a fork or a new thread beyond it fails with EAGAIN. A Go program has ten
	// threads, a video decoder dozens, so a few hundred are little.
	PIDs int
}

// Group holds one child and all that it starts, also what has become a daemon. It is for one child only: newer kernels (6.18) kill
// what is started in a group that was killed before.
type Group struct {
	dir *os.File
}

var validName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)

// Group makes a group with the limits that can be held, see Controllers. Its name, of the characters a-z, 0-9, _ and -, is for
// whoever looks at the cgroups of the machine, and gets a number, so that what is left of one child, where the kernel cannot
// end it, is never in the way of the next. The caller closes it.
func (t *Tree) Group(name string, l Limits) (*Group, error) {
	if !validName.MatchString(name) {
		return nil, fmt.Errorf("make cgroup: %q cannot be its name", name)
	}
	var path string
	for err := os.ErrExist; err != nil; {
		path = filepath.Join(t.dir, fmt.Sprintf("%s.%d", name, t.made.Add(1)))
		if err = os.Mkdir(path, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return nil, fmt.Errorf("make cgroup: %w", err)
		}
	}
	dir, err := os.Open(path)
	if err == nil {
		if err = t.limit(path, l); err == nil {
			return &Group{dir: dir}, nil
		}
		_ = dir.Close()
	}
	return nil, errors.Join(fmt.Errorf("make cgroup %s: %w", filepath.Base(path), err), os.Remove(path))
}

// limit sets what the controllers there are can hold.
func (t *Tree) limit(dir string, l Limits) error {
	if l.Memory > 0 && slices.Contains(t.held, "memory") {
		if err := write(dir, "memory.max", strconv.FormatInt(l.Memory, 10)); err != nil {
			return fmt.Errorf("limit memory: %w", err)
		}
		// All die, or who is left may wait for ever for the one that was killed.
		if err := write(dir, "memory.oom.group", "1"); err != nil {
			return fmt.Errorf("limit memory: %w", err)
		}
		// Where the kernel swaps: a leak would fill that of the whole machine before it is noticed.
		if err := write(dir, "memory.swap.max", "0"); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("limit memory: %w", err)
		}
	}
	if l.PIDs > 0 && slices.Contains(t.held, "pids") {
		if err := write(dir, "pids.max", strconv.Itoa(l.PIDs)); err != nil {
			return fmt.Errorf("limit processes: %w", err)
		}
	}
	return nil
}

// FD is what a child is started with (CgroupFD of syscall.SysProcAttr), so that it never runs outside. Valid until Close.
func (g *Group) FD() int { return int(g.dir.Fd()) }

// Kill ends all that is in the group, without asking, and returns when it is gone; after 3 s with an error, which only
// processes stuck in the kernel cause.
func (g *Group) Kill() error {
	if err := kill(g.dir.Name()); err != nil {
		return err
	}
	return wait(g.dir.Name(), time.Now().Add(leaveTime))
}

// OOMKilled tells whether the kernel has killed processes of the group, because that had used up its memory or the machine all
// of its own. It is asked before Close.
func (g *Group) OOMKilled() bool {
	return count(filepath.Join(g.dir.Name(), "memory.events"), "oom_kill") > 0
}

// count returns the number behind a key, 0 where there is none.
func count(file, key string) int64 {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(line, key+" "); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			return n
		}
	}
	return 0
}

// Close kills what is left in the group and removes it; it takes 3 s at most.
func (g *Group) Close() error {
	path := g.dir.Name()
	return errors.Join(kill(path), remove(path, time.Now().Add(leaveTime)), g.dir.Close())
}
