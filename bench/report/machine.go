package report

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Machine is where a run took place.
type Machine struct {
	CPU      string            `json:"cpu"`
	Cores    int               `json:"cores"`
	MemoryMB int               `json:"memory_mb"`
	Kernel   string            `json:"kernel"`
	System   string            `json:"system"`
	Load     string            `json:"load_before"` // /proc/loadavg before the run: 1, 5 and 15 minutes
	Versions map[string]string `json:"versions"`    // of programs and libraries; "not installed" where they are not
}

// ThisMachine looks; programs are those whose versions are told, each with the arguments that make it tell.
func ThisMachine(ctx context.Context, programs map[string][]string) Machine {
	m := Machine{
		CPU: field("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(), Kernel: kernel(),
		System: strings.Trim(field("/etc/os-release", "PRETTY_NAME"), `"`), Versions: map[string]string{"Go": runtime.Version()},
	}
	var kb int
	_, _ = fmt.Sscan(field("/proc/meminfo", "MemTotal"), &kb)
	m.MemoryMB = kb >> 10
	if f := strings.Fields(content("/proc/loadavg")); len(f) > 2 {
		m.Load = strings.Join(f[:3], " ")
	}
	for name, line := range programs {
		m.Versions[name] = version(ctx, line)
	}
	return m
}

func (m Machine) String() string {
	var versions []string
	for name, v := range m.Versions {
		versions = append(versions, name+" "+v)
	}
	slices.Sort(versions)
	return fmt.Sprintf("%s, %d cores, %d MB, %s, Linux %s, load before %s; %s",
		m.CPU, m.Cores, m.MemoryMB, m.System, m.Kernel, m.Load, strings.Join(versions, ", "))
}

// version is the first line that a program prints, as far as it names numbers.
func version(ctx context.Context, line []string) string {
	if line[0] == "" {
		return "not installed"
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, _ := exec.CommandContext(ctx, line[0], line[1:]...).Output() // some tell it with an exit code
	first, _, _ := bytes.Cut(bytes.TrimSpace(out), []byte("\n"))
	for _, word := range strings.Fields(string(first)) {
		if word = strings.TrimPrefix(strings.Trim(word, ","), "v"); word != "" && word[0] >= '0' && word[0] <= '9' {
			return word
		}
	}
	return "not installed"
}

// kernel is its version, without what its builder has put behind it.
func kernel() string {
	v, _, _ := strings.Cut(content("/proc/sys/kernel/osrelease"), "-")
	return v
}

func content(file string) string {
	b, _ := os.ReadFile(file)
	return string(bytes.TrimSpace(b))
}

func field(file, name string) string {
	lines := bufio.NewScanner(strings.NewReader(content(file)))
	for lines.Scan() {
		key, value, found := strings.Cut(lines.Text(), map[bool]string{true: "=", false: ":"}[strings.HasPrefix(file, "/etc")])
		if found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
