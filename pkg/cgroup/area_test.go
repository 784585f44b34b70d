package cgroup_test

import (
	"bufio"
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

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"linkstart/pkg/cgroup"
)

// The test program is also the supervisor in a cgroup: its first argument says what it does there.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if run, ok := supervisors[os.Args[1]]; ok {
			if err := run(os.Args[2:]); err != nil {
				fmt.Println("error:", err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	goleak.VerifyTestMain(m)
}

const hangs = 30 * time.Second // a test that takes so long

// area is a cgroup of the test's own in the real hierarchy, in which it starts supervisors.
type area struct {
	dir string
	fd  *os.File
}

// newArea makes one below the test's own cgroup, and removes it with all that is in it.
func newArea(t *testing.T, mark string) *area {
	t.Helper()
	dir, err := os.MkdirTemp(ownDir(t), "linkstart-test-")
	if err != nil {
		t.Skipf("no cgroup can be made here, which takes root or a delegated cgroup: %v", err)
	}
	fd, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	a := &area{dir, fd}
	t.Cleanup(func() {
		fd.Close()
		os.WriteFile(filepath.Join(dir, "cgroup.kill"), []byte("1"), 0)
		var err error
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			var dirs []string
			filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
				if err == nil && e.IsDir() {
					dirs = append(dirs, path)
				}
				return nil
			})
			for _, dir := range slices.Backward(dirs) {
				err = os.Remove(dir)
			}
			if err == nil {
				return
			}
		}
		t.Errorf("the cgroup of the test stays behind: %v", err)
	})
	if mark != "" {
		if err := unix.Setxattr(dir, mark, []byte("1"), 0); err != nil {
			t.Fatalf("mark cgroup: %v", err)
		}
	}
	return a
}

// ownDir is where the cgroup of this process is mounted.
func ownDir(t *testing.T) string {
	t.Helper()
	self, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Skip(err)
	}
	_, path, ok := strings.Cut("\n"+string(self), "\n0::")
	for _, mount := range []string{"/sys/fs/cgroup/unified", "/sys/fs/cgroup"} {
		dir := filepath.Join(mount, strings.TrimSpace(path))
		if _, err := os.Stat(filepath.Join(dir, "cgroup.subtree_control")); ok && err == nil {
			return dir
		}
	}
	t.Skip("the machine has no cgroups of version 2")
	return ""
}

// groups are those directly in the area.
func (a *area) groups() (names []string) {
	entries, _ := os.ReadDir(a.dir)
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// leaf is where a second supervisor comes in: once the first has handed controllers on, nobody can be started beside it.
func (a *area) leaf(t *testing.T) *os.File {
	t.Helper()
	fd, err := os.Open(filepath.Join(a.dir, cgroup.Leaf))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fd.Close() })
	return fd
}

// supervisor is a program that was started in an area.
type supervisor struct {
	cmd *exec.Cmd
	out *bufio.Reader
	in  io.Closer
}

// start runs one of supervisors in the group fd.
func start(t *testing.T, fd *os.File, change func(*exec.Cmd), args ...string) *supervisor {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(fd.Fd())}
	cmd.Stderr = os.Stderr
	if change != nil {
		change(cmd)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start in cgroup: %v", err)
	}
	if err := out.(*os.File).SetReadDeadline(time.Now().Add(hangs)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return &supervisor{cmd, bufio.NewReader(out), in}
}

// says returns the next line that it prints, "" when it has ended.
func (s *supervisor) says(t *testing.T) string {
	t.Helper()
	line, err := s.out.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// supervisors are what the test program does in a cgroup.
var supervisors = map[string]func(args []string) error{
	"open": func([]string) error { // and prints where it is then
		tree, err := cgroup.Open(slog.Default())
		if err != nil {
			return err
		}
		self, err := os.ReadFile("/proc/self/cgroup")
		_, path, _ := strings.Cut("\n"+string(self), "\n0::")
		fmt.Println(filepath.Base(strings.TrimSpace(path)), strings.Join(tree.Controllers(), " "))
		_, _ = io.Copy(io.Discard, os.Stdin)
		return err
	},
	"camera": func(args []string) error { // runs a shell script in a group, which it leaves as it is
		tree, err := cgroup.Open(slog.Default())
		if err != nil {
			return err
		}
		g, err := tree.Group("camera-yard", cgroup.Limits{})
		if err != nil {
			return err
		}
		if err := shell(g, args[0]).Start(); err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, os.Stdin)
		return nil
	},
	"scenario": func(args []string) error { return inTree(scenarios[args[0]]) },
	"limit":    func(args []string) error { return inTree(limits[args[0]]) },
}

func inTree(run func(*cgroup.Tree) error) error {
	tree, err := cgroup.Open(slog.Default())
	if err != nil {
		return err
	}
	return run(tree)
}

// shell is a script that prints to where the supervisor does.
func shell(g *cgroup.Group, script string) *exec.Cmd {
	cmd := exec.Command("/bin/sh", "-c", script)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: g.FD()}
	return cmd
}
