package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// children returns the processes that the supervisor has started, and theirs.
func (s *system) children() []int { return descendants(s.cmd.Process.Pid) }

func descendants(pid int) []int {
	parents := make(map[int][]int)
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range stats {
		b, err := os.ReadFile(stat)
		if err != nil {
			continue
		}
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(stat)))
		if err != nil {
			continue
		}
		fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		if parent, err := strconv.Atoi(fields[1]); err == nil {
			parents[parent] = append(parents[parent], child)
		}
	}
	var all []int
	for queue := []int{pid}; len(queue) > 0; queue = queue[1:] {
		all = append(all, parents[queue[0]]...)
		queue = append(queue, parents[queue[0]]...)
	}
	return all
}

// gone waits until none of the processes runs any more.
func (s *system) gone(pids ...int) {
	s.t.Helper()
	for _, pid := range pids {
		s.eventually(fmt.Sprintf("process %d is gone", pid), func() error {
			b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			if err == nil && !strings.Contains(string(b), ") Z ") {
				return fmt.Errorf("it runs: %s", b)
			}
			return nil
		})
	}
}

// relay returns the process of the relay.
func (s *system) relay() int {
	s.t.Helper()
	for _, pid := range s.children() {
		if exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); filepath.Base(exe) == "relay" {
			return pid
		}
	}
	s.t.Fatal("no relay runs")
	return 0
}
