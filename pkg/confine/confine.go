// Package confine takes from a process what it does not need: privileges, system calls, and files. What a hostile picture makes a
// decoder do is then bounded by what is left.
//
// All of it holds for every thread, for those that start later, and for every program that the process starts, and none of
// it can be undone.
package confine

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// Needs is what a process keeps.
type Needs struct {
	Files *Files // nil: whatever files its user may use, as a command of the user's own does
}

// maxFiles bounds the descriptors of a process: a grabber has about thirty.
const maxFiles = 1024

// Apply confines the process. What the kernel lacks, or somebody else has forbidden already, is left out and told in the error;
// all else is in force nevertheless.
func Apply(n Needs) error {
	var failed []error
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"bound resources", boundResources},
		{"drop capabilities", dropCapabilities},
		{"give up new privileges", giveUpPrivileges},
		{"restrict files", n.Files.restrict}, // before system calls, as it needs some
		{"restrict system calls", restrictCalls},
	} {
		if err := step.do(); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", step.what, err))
		}
	}
	return errors.Join(failed...)
}

// boundResources also sees to it that no core is dumped, which would hold passwords and pictures.
func boundResources() error {
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return err
	}
	most := min(files.Max, maxFiles)
	return errors.Join(
		unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}),
		// By way of package syscall, which else would give a child the limit back that this process was started with.
		syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: most, Max: most}),
	)
}

// dropCapabilities empties all sets. The bounding one, by which a program of root's would get them again, only who has privileges
// can; for all others it means nothing once they have given up new privileges.
func dropCapabilities() error {
	if may, err := cap.GetProc().GetFlag(cap.Effective, cap.SETPCAP); err == nil && may {
		for v := range cap.MaxBits() {
			if held, err := cap.GetBound(v); err != nil || !held {
				continue
			}
			if err := cap.DropBound(v); err != nil {
				return fmt.Errorf("drop %s from the bounding set: %w", v, err)
			}
		}
	}
	return errors.Join(cap.ResetAmbient(), cap.NewSet().SetProc())
}

// giveUpPrivileges has no program that is started, such as sudo, give this process more than it has.
func giveUpPrivileges() error {
	_, err := cap.Prctlw(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	return err
}
