package proc_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"linkstart/bench/proc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Neither a program that does not listen to SIGTERM nor what it has started outlives Stop.
func TestStopLeavesNothing(t *testing.T) {
	p, out, err := proc.Piped(exec.Command("sh", "-c", `trap "" TERM; sleep 1000 & echo $!; echo sorry >&2; wait; wait; sleep 1000`))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var grandchild int
	if _, err := fmt.Sscan(line, &grandchild); err != nil {
		t.Fatal(err)
	}
	if all := proc.Descendants(os.Getpid()); len(all) < 2 {
		t.Errorf("descendants: %v, want %d and %d among them", all, p.PID(), grandchild)
	}
	if name := proc.Program(p.PID()); name == "" {
		t.Error("the program has no name")
	}
	p.Stop()
	p.Stop()
	for _, pid := range []int{p.PID(), grandchild} {
		for deadline := time.Now().Add(time.Minute); running(pid); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("process %d runs on", pid)
			}
		}
	}
	if !strings.Contains(p.Complaints(), "sorry") {
		t.Errorf("complaints: %q", p.Complaints())
	}
}

func running(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(b), ") Z ")
}

func TestUsage(t *testing.T) {
	before, err := proc.CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for until := before + 20*time.Millisecond; ; {
		now, err := proc.CPUs(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if now > until { // ends only if the clock counts what this loop takes
			break
		}
	}
	m, err := proc.MemoryOf(os.Getpid())
	if err != nil || m.RSS < 1<<20 || m.PSS <= 0 || m.PSS > m.RSS {
		t.Errorf("memory: %+v %v", m, err)
	}
	if _, err := proc.CPU(1 << 22); err == nil {
		t.Error("a process that does not exist took time")
	}
}
