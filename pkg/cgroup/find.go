package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// find returns the folder of the cgroup that is delegated to this process, or why there is none. It changes nothing.
func find() (string, error) {
	self, err := ownPath()
	if err != nil {
		return "", err
	}
	root, mount, err := hierarchy(self)
	if err != nil {
		return "", err
	}
	if self != root && path.Base(self) == Leaf { // no unit of systemd is called so: DelegateSubgroup= has put us there
		self = path.Dir(self)
	}
	dir := filepath.Join(mount, strings.TrimPrefix(self, root))
	if err := usable(dir); err != nil {
		return "", err
	}
	if self != root && !marked(dir) {
		return "", errors.New("the cgroup belongs to whoever started this process: a systemd service hands it over by Delegate=yes")
	}
	return dir, alone(dir)
}

// ownPath returns the cgroup of this process in the hierarchy of version 2, as /proc/self/cgroup shows it (cgroups(7)).
func ownPath() (string, error) {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(b)) {
		if p, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::"); ok && path.IsAbs(p) && !strings.Contains(p, "/..") {
			return p, nil
		}
	}
	return "", errors.New("this process is in no cgroup of version 2")
}

// hierarchy finds in /proc/self/mountinfo (proc(5)) where the hierarchy of version 2 is mounted, and which cgroup is the top of
// what is mounted there: in a container, that may be its own.
func hierarchy(self string) (root, mount string, err error) {
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", "", err
	}
	for line := range strings.Lines(string(b)) {
		// 36 35 98:0 ROOT MOUNT rw,noatime shared:1 - TYPE source options
		before, after, _ := strings.Cut(line, " - ")
		fields := strings.Fields(before)
		if len(fields) < 5 || !strings.HasPrefix(after, "cgroup2 ") || strings.Contains(fields[3]+fields[4], `\`) {
			continue
		}
		if root = fields[3]; root == "/" || self == root || strings.HasPrefix(self, root+"/") {
			return root, fields[4], nil
		}
	}
	return "", "", errors.New("the cgroup of this process is not mounted here")
}

// usable tells what keeps us from making groups in a cgroup: that it is the machine's own, which has no type, or that the kernel
// lacks something, or that it cannot be written.
func usable(dir string) error {
	kind, err := os.ReadFile(filepath.Join(dir, "cgroup.type"))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return errors.New("this process is in the root cgroup of the machine")
	case err != nil:
		return err
	case string(bytes.TrimSpace(kind)) != "domain":
		return fmt.Errorf("the cgroup is for threads only (%s)", bytes.TrimSpace(kind))
	}
	if _, err := os.Stat(filepath.Join(dir, "cgroup.kill")); err != nil {
		return errors.New("the kernel is older than 5.14")
	}
	for _, name := range []string{".", "cgroup.procs", "cgroup.subtree_control"} {
		if err := unix.Access(filepath.Join(dir, name), unix.W_OK); err != nil {
			return fmt.Errorf("the cgroup cannot be written: %w", err)
		}
	}
	// The call that starts a process in a cgroup. Containers may forbid it. Without arguments it is invalid and does nothing.
	if _, _, no := unix.Syscall(unix.SYS_CLONE3, 0, 0, 0); no == unix.ENOSYS || no == unix.EPERM {
		return fmt.Errorf("processes cannot be started in a cgroup: clone3: %w", no)
	}
	return nil
}

// marked tells whether the manager of a cgroup has handed it over (systemd.io/CGROUP_DELEGATION). Any user can read the second.
func marked(dir string) bool {
	for _, name := range []string{"trusted.delegate", "user.delegate"} {
		value := make([]byte, 8)
		if n, err := unix.Getxattr(dir, name, value); err == nil && string(value[:n]) == "1" {
			return true
		}
	}
	return false
}

const goTime = time.Second // for the children of an owner before us, which the kernel kills when it dies

// alone tells that somebody else is in the cgroup, whose part of it is not ours to arrange.
func alone(dir string) error {
	for until := time.Now().Add(goTime); ; time.Sleep(waitStep) {
		other, err := others(dir)
		if err != nil {
			return err
		}
		if other == "" {
			return nil
		}
		if time.Now().After(until) {
			return fmt.Errorf("other processes are in the cgroup: %s", other)
		}
	}
}

// others returns the number of a process that is not this one, in the cgroup or its leaf.
func others(dir string) (pid string, err error) {
	self := strconv.Itoa(os.Getpid())
	for _, d := range []string{dir, filepath.Join(dir, Leaf)} {
		b, err := os.ReadFile(filepath.Join(d, "cgroup.procs"))
		if errors.Is(err, os.ErrNotExist) && d != dir {
			continue
		}
		if err != nil {
			return "", err
		}
		for _, pid := range strings.Fields(string(b)) {
			if pid != self {
				return pid, nil
			}
		}
	}
	return "", nil
}
