package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// belongings are the supervisor's and its children's: how many processes of each program there are, and how many files are
// open in the supervisor, the relay and the grabber of each camera.
type belongings struct {
	processes map[string]int
	files     map[string]int
	zombies   []int
}

// spareFiles is how many more files a process may have open than before: connections that are just ending.
const spareFiles = 3

func (c *chaos) belongings() (belongings, error) {
	http.DefaultClient.CloseIdleConnections() // they are the relay's as well
	b := belongings{processes: make(map[string]int), files: make(map[string]int)}
	count := func(who string, pid int) error {
		files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		b.files[who] = len(files)
		return err
	}
	for _, pid := range slices.Compact(slices.Sorted(slices.Values(append(c.children(), ours()...)))) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue // it has just ended
		}
		if strings.Contains(string(stat), ") Z ") {
			b.zombies = append(b.zombies, pid)
			continue
		}
		exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		b.processes[filepath.Base(exe)]++
	}
	for _, id := range c.ids {
		info, err := c.camera(id)
		if err == nil {
			err = count(id, info.PID)
		}
		if err != nil {
			return b, err
		}
	}
	http.DefaultClient.CloseIdleConnections()
	if err := count("the relay", c.relay()); err != nil {
		return b, err
	}
	return b, count("the supervisor", c.cmd.Process.Pid)
}

// ours returns all processes that run a program under test, also those that have lost their parent.
func ours() (pids []int) {
	all, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, link := range all {
		if exe, err := os.Readlink(link); err == nil && filepath.Dir(exe) == bin {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(link)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// more says what is there in b and was not in before.
func (b belongings) more(before belongings) error {
	for program, n := range b.processes {
		if n != before.processes[program] {
			return fmt.Errorf("%d processes %s, %d before", n, program, before.processes[program])
		}
	}
	for who, n := range b.files {
		if n > before.files[who]+spareFiles {
			return fmt.Errorf("%s has %d open files, %d before", who, n, before.files[who])
		}
	}
	if len(b.zombies) > 0 {
		return fmt.Errorf("zombies %v", b.zombies)
	}
	return nil
}
