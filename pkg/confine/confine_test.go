package confine_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"

	"linkstart/pkg/confine"
)

const confinedArg = "confined"

func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == confinedArg {
		confined(os.Args[2], os.Args[3] == "files")
	}
	os.Exit(m.Run())
}

// confined is the process under test. It tries what it may not do, and prints what has come of each.
func confined(dir string, files bool) {
	early := make(chan func()) // runs on a thread that was there before
	ran := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		ran <- struct{}{}
		for do := range early {
			do()
			ran <- struct{}{}
		}
	}()
	<-ran
	var needs confine.Needs
	if files {
		f := confine.System().And(confine.Files{
			Read: []string{filepath.Join(dir, "read")}, Write: []string{filepath.Join(dir, "write")}, Hide: []string{filepath.Join(dir, "read/hidden")},
		})
		needs.Files = &f
	}
	if err := confine.Apply(needs); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	outcome := map[string]string{}
	for name, try := range attempts(dir) {
		outcome[name] = words(try())
	}
	early <- func() {
		for name, try := range attempts(dir) {
			outcome[name+", on a thread that was there before"] = words(try())
		}
	}
	<-ran
	if err := json.NewEncoder(os.Stdout).Encode(outcome); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

func words(err error) string {
	var errno syscall.Errno
	switch {
	case err == nil:
		return "done"
	case errors.As(err, &errno):
		return unix.ErrnoName(errno)
	}
	return err.Error()
}

func attempts(dir string) map[string]func() error {
	call := func(number uintptr, args ...uintptr) func() error {
		return func() error {
			args := append(args, make([]uintptr, 6)...)
			if _, _, errno := unix.Syscall6(number, args[0], args[1], args[2], args[3], args[4], args[5]); errno != 0 {
				return errno
			}
			return nil
		}
	}
	text := []byte("/proc/self\x00")
	path := uintptr(unsafe.Pointer(&text[0]))
	parent := os.Getppid()
	parents := fmt.Sprintf("/proc/%d/", parent)
	return map[string]func() error{
		"call ptrace":         call(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(parent)),
		"call process_vm":     call(unix.SYS_PROCESS_VM_READV, uintptr(parent)),
		"call mount":          call(unix.SYS_MOUNT, path, path, path),
		"call fsopen":         call(unix.SYS_FSOPEN, path),
		"call unshare":        call(unix.SYS_UNSHARE, unix.CLONE_FS),
		"call setns":          call(unix.SYS_SETNS),
		"call bpf":            call(unix.SYS_BPF),
		"call keyctl":         call(unix.SYS_KEYCTL),
		"call perf":           call(unix.SYS_PERF_EVENT_OPEN),
		"call userfaultfd":    call(unix.SYS_USERFAULTFD),
		"call io_uring":       call(unix.SYS_IO_URING_SETUP, 1),
		"call kexec":          call(unix.SYS_KEXEC_LOAD),
		"call init_module":    call(unix.SYS_INIT_MODULE),
		"call reboot":         call(unix.SYS_REBOOT),
		"call swapon":         call(unix.SYS_SWAPON, path),
		"call clock_settime":  call(unix.SYS_CLOCK_SETTIME, 1),
		"call personality":    call(unix.SYS_PERSONALITY, 0xffffffff),
		"call type into tty":  call(unix.SYS_IOCTL, 0, unix.TIOCSTI),
		"call of another ABI": call(0x40000000 | unix.SYS_GETPID),
		"namespace of its own": func() error {
			cmd := exec.Command("/bin/true")
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER}
			return cmd.Run()
		},
		"clone3":                  call(unix.SYS_CLONE3),
		"a child":                 func() error { return exec.Command("/bin/true").Run() },
		"become another user":     call(unix.SYS_SETUID, 12345),
		"read a file":             func() error { _, err := os.ReadFile(filepath.Join(dir, "read/a")); return err },
		"read a system file":      func() error { _, err := os.ReadFile("/etc/passwd"); return err },
		"files read hidden":       func() error { _, err := os.ReadFile(filepath.Join(dir, "read/hidden/a")); return err },
		"files list hidden":       func() error { _, err := os.ReadDir(filepath.Join(dir, "read/hidden")); return err },
		"files read elsewhere":    func() error { _, err := os.ReadFile(filepath.Join(dir, "a")); return err },
		"files by way of a link":  func() error { _, err := os.ReadFile(filepath.Join(dir, "read/link")); return err },
		"files write what it may": func() error { return os.WriteFile(filepath.Join(dir, "read/a"), nil, 0o600) },
		"files write elsewhere":   func() error { return os.WriteFile(filepath.Join(dir, "new"), nil, 0o600) },
		"files signal the parent": func() error { return syscall.Kill(parent, 0) },
		"files environ of parent": func() error { _, err := os.ReadFile(parents + "environ"); return err },
		"write a file":            func() error { return os.WriteFile(filepath.Join(dir, "write/new"), nil, 0o600) },
	}
}

// run starts the process under test in a folder of its own.
func run(t *testing.T, files string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"a", "read/a", "read/hidden/a", "write/a"} {
		if err := errors.Join(os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700), os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("hidden/a", filepath.Join(dir, "read/link")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], confinedArg, dir, files)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, complaint.String())
	}
	var outcome map[string]string
	if err := json.Unmarshal(out, &outcome); err != nil || len(outcome) == 0 {
		t.Fatalf("%v: %s", err, out)
	}
	return outcome
}

func TestConfined(t *testing.T) {
	for _, files := range []string{"files", "all"} {
		t.Run(files, func(t *testing.T) {
			outcome := run(t, files)
			version, err := ll.LandlockGetABIVersion()
			if files == "files" && (err != nil || version < 6) {
				t.Skipf("the kernel knows Landlock in version %d, %v", version, err)
			}
			for _, name := range slices.Sorted(maps.Keys(outcome)) {
				if files == "all" && strings.HasPrefix(name, "files environ") {
					continue // without capabilities root may not look into those who have some
				}
				want := "done"
				switch {
				case strings.HasPrefix(name, "call "), strings.HasPrefix(name, "namespace"), strings.HasPrefix(name, "become"):
					want = "EPERM"
				case strings.HasPrefix(name, "clone3"):
					want = "ENOSYS"
				case files == "files" && strings.HasPrefix(name, "files signal"):
					want = "EPERM"
				case files == "files" && strings.HasPrefix(name, "files "):
					want = "EACCES"
				}
				if outcome[name] != want {
					t.Errorf("%s: %s, want %s", name, outcome[name], want)
				}
			}
		})
	}
}
