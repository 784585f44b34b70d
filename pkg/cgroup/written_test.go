package cgroup

import (
	"os"
	"path/filepath"
	"testing"
)

// What is asked of the kernel, in files that are none of its: TestLimits tells what it makes of that, where it can be had.
func TestLimitsWritten(t *testing.T) {
	names := []string{"memory.max", "memory.oom.group", "memory.swap.max", "pids.max"}
	for _, c := range []struct {
		name   string
		held   []string
		limits Limits
		want   [4]string
	}{
		{"both", []string{"memory", "pids"}, Limits{Memory: 256 << 20, PIDs: 1024}, [4]string{"268435456", "1", "0", "1024"}},
		{"memory only", []string{"memory"}, Limits{Memory: 1 << 20, PIDs: 1024}, [4]string{"1048576", "1", "0", ""}},
		{"pids only", []string{"pids"}, Limits{Memory: 1 << 20, PIDs: 10}, [4]string{"", "", "", "10"}},
		{"no limits", []string{"memory", "pids"}, Limits{}, [4]string{}},
		{"no controllers", nil, Limits{Memory: 1, PIDs: 1}, [4]string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, name := range names {
				if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := (&Tree{held: c.held}).limit(dir, c.limits); err != nil {
				t.Fatal(err)
			}
			for i, name := range names {
				if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != c.want[i] {
					t.Errorf("%s = %q (%v), want %q", name, got, err, c.want[i])
				}
			}
		})
	}
}
