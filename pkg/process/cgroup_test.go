package process_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"linkstart/pkg/cgroup"
	"linkstart/pkg/process"
)

// escape leaves a grandchild in a session of its own behind, which holds the FIFO.
func escape() {
	script := `exec 9>"$0"; (setsid sh -c 'trap "" TERM HUP; echo up >&9; sleep 3600; sleep 3600' &)`
	if err := exec.Command("sh", "-c", script, os.Args[2]).Run(); err != nil {
		fmt.Println("escape:", err)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// supervise runs a child in a group of the cgroup that this process was started in, until its standard input ends.
func supervise() {
	tree, err := cgroup.Open(slog.Default())
	if err != nil {
		fmt.Println(err)
		return
	}
	g, err := tree.Group("camera-yard", cgroup.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := process.Start(process.Spec{
		Path: os.Args[0], Args: []string{"escape", os.Args[2]}, Grace: 5 * time.Second, Cgroup: g, Line: func(s string) { fmt.Println(s) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	p.Stop(context.Background())
	fmt.Println("done")
	_, _ = io.Copy(io.Discard, os.NewFile(3, "until the test has looked"))
	if err := g.Close(); err != nil {
		fmt.Println(err)
	}
}

func TestGrandchildThatLeftTheProcessGroup(t *testing.T) {
	area := delegated(t)
	fifo := filepath.Join(t.TempDir(), "held")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	dir, err := os.Open(area)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	parent := exec.Command("/proc/self/exe", "in a cgroup", fifo)
	parent.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd())}
	looked, look, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer look.Close()
	parent.ExtraFiles = []*os.File{looked}
	stdin, err := parent.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	parent.Stdout, parent.Stderr = &out, &out
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	looked.Close()
	defer func() { stdin.Close(); look.Close(); parent.Wait(); t.Log(out.String()) }()
	held, err := os.OpenFile(fifo, os.O_RDWR, 0) // without a wait for a writer, of which this is one
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	held.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.ReadFull(held, make([]byte, len("up\n"))); err != nil {
		t.Fatalf("the grandchild does not come up: %v", err)
	}
	// From now on only the grandchild writes.
	reader, err := os.OpenFile(fifo, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	held.Close()
	stdin.Close()
	reader.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.Copy(io.Discard, reader); err != nil {
		t.Errorf("the grandchild still runs: %v", err)
	}
}

// delegated makes a cgroup as a manager delegates it to us, in the real hierarchy, and removes it.
func delegated(t *testing.T) string {
	t.Helper()
	self, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Skip(err)
	}
	_, path, _ := strings.Cut("\n"+string(self), "\n0::")
	for _, mount := range []string{"/sys/fs/cgroup/unified", "/sys/fs/cgroup"} {
		parent := filepath.Join(mount, strings.TrimSpace(path))
		if _, err := os.Stat(filepath.Join(parent, "cgroup.subtree_control")); err != nil {
			continue
		}
		dir, err := os.MkdirTemp(parent, "linkstart-test-")
		if err != nil {
			t.Skipf("no cgroup can be made here, which takes root or a delegated cgroup: %v", err)
		}
		t.Cleanup(func() {
			_ = os.WriteFile(filepath.Join(dir, "cgroup.kill"), []byte("1"), 0)
			for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
				for _, name := range []string{"camera-yard.1", cgroup.Leaf} {
					_ = os.Remove(filepath.Join(dir, name))
				}
				if err = os.Remove(dir); err == nil {
					return
				}
			}
			t.Errorf("the cgroup of the test stays behind: %v", err)
		})
		if err := unix.Setxattr(dir, "user.delegate", []byte("1"), 0); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	t.Skip("the machine has no cgroups of version 2")
	return ""
}
