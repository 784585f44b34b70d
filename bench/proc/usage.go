package proc

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// CPU is the processor time that a process has taken so far, all its threads with those that have ended, to the ns: the
// process's own clock (clock_getcpuclockid in POSIX).
func CPU(pid int) (time.Duration, error) {
	const scheduled = 2 // CPUCLOCK_SCHED in Linux
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduled), &t); err != nil {
		return 0, fmt.Errorf("read processor time of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}

// CPUs is the sum over processes.
func CPUs(pids ...int) (time.Duration, error) {
	var sum time.Duration
	for _, pid := range pids {
		t, err := CPU(pid)
		if err != nil {
			return 0, err
		}
		sum += t
	}
	return sum, nil
}

// Memory is what a process holds, bytes.
type Memory struct {
	RSS int64 // resident, shared pages counted in full
	PSS int64 // resident, each shared page divided by those who share it
	Own int64 // resident and written, shared with nobody: what is not changed by other processes that come and go
}

// MemoryOf reads it from /proc.
func MemoryOf(pid int) (Memory, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return Memory{}, fmt.Errorf("read memory of process %d: %w", pid, err)
	}
	var m Memory
	for _, field := range []struct {
		name string
		to   *int64
	}{{"Rss:", &m.RSS}, {"Pss:", &m.PSS}, {"Private_Dirty:", &m.Own}} {
		at := bytes.Index(b, []byte(field.name))
		if at < 0 {
			return Memory{}, fmt.Errorf("read memory of process %d: no %s", pid, field.name)
		}
		var kb int64
		if _, err := fmt.Sscan(string(b[at+len(field.name):]), &kb); err != nil {
			return Memory{}, fmt.Errorf("read memory of process %d: %w", pid, err)
		}
		*field.to = kb << 10
	}
	return m, nil
}

// Descendants returns the processes that pid has started, and theirs.
func Descendants(pid int) []int {
	parents := make(map[int][]int)
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range stats {
		b, err := os.ReadFile(stat)
		if err != nil {
			continue // it has ended meanwhile
		}
		child, _ := strconv.Atoi(filepath.Base(filepath.Dir(stat)))
		fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		if len(fields) > 1 {
			parent, _ := strconv.Atoi(fields[1])
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

// Program is the name of the file that a process runs, "" where it cannot be told.
func Program(pid int) string {
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(filepath.Base(exe), " (deleted)")
}
