// Package resident tells how much of the machine's memory a process holds.
package resident

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// Bytes returns the resident memory of a process, shared pages included (proc(5), statm); 0 where it cannot be told, as of one
// that has ended.
func Bytes(pid int) int64 {
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	fields := bytes.Fields(statm)
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
