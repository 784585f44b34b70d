package e2e

import (
	"bufio"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"linkstart/pkg/camera"
)

// TestNothingIsOpenToOthers: what the system stores is for its user alone, whatever that user is used to, and but for the port of the
// relay it can be reached by nobody outside of this machine: the bus listens on loopback, and nothing is there to watch it with.
func TestNothingIsOpenToOthers(t *testing.T) {
	s := prepare(t, "cameras: [{id: clock, source: \"test:clock\"}]\n")
	careless := filepath.Join(s.dir, "careless")
	script := fmt.Sprintf("#!/bin/sh\numask 0\nexec %s \"$@\"\n", filepath.Join(bin, "supervisor"))
	if err := os.WriteFile(careless, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	s.beginWith(exec.Command(careless, "-config", s.config))
	t.Cleanup(s.stop)
	s.ready()
	s.becomes("clock", camera.Live)
	if out, err := s.command("select", "main", "clock"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	files := 0
	err := filepath.WalkDir(s.state(), func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // the bus removes files at any time
		}
		info, err := d.Info()
		if err != nil {
			return nil
		}
		files++
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			t.Errorf("%s has the mode %o", name, mode)
		}
		return nil
	})
	if err != nil || files < 5 {
		t.Errorf("%d files, %v", files, err)
	}
	bus := listening(t, s.cmd.Process.Pid)
	if len(bus) != 1 || !bus[0].Addr().IsLoopback() {
		t.Errorf("the supervisor listens on %v, want one port of loopback", bus)
	}
	for _, pid := range s.children() {
		name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if err != nil {
			t.Fatal(err)
		}
		ports := listening(t, pid)
		if strings.TrimSpace(string(name)) == "relay" {
			if want := netip.MustParseAddrPort(s.addr); !slices.Equal(ports, []netip.AddrPort{want}) {
				t.Errorf("the relay listens on %v, want %v", ports, want)
			}
		} else if len(ports) > 0 {
			t.Errorf("%s listens on %v", name, ports)
		}
	}
}

// listening are the TCP ports at which a process listens.
func listening(t *testing.T, pid int) (ports []netip.AddrPort) {
	t.Helper()
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(links) == 0 {
		t.Fatalf("no files of process %d: %v", pid, err)
	}
	own := make(map[string]bool)
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil {
			own[to] = true
		}
	}
	for _, table := range []string{"tcp", "tcp6"} {
		f, err := os.Open(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if err != nil {
			continue // no IPv6
		}
		lines := bufio.NewScanner(f)
		for lines.Scan() { // proc(5): number, local address, remote address, state, …, inode
			fields := strings.Fields(lines.Text())
			if len(fields) < 10 || fields[3] != "0A" || !own["socket:["+fields[9]+"]"] {
				continue
			}
			ports = append(ports, local(t, fields[1]))
		}
		_ = f.Close()
	}
	return ports
}

// local reads an address as /proc/net/tcp has it: 32 bits each in the order of the machine, which is a small endian one.
func local(t *testing.T, text string) netip.AddrPort {
	t.Helper()
	host, port, _ := strings.Cut(text, ":")
	var b []byte
	for i := 0; i+8 <= len(host); i += 8 {
		n, err := strconv.ParseUint(host[i:i+8], 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	}
	a, ok := netip.AddrFromSlice(b)
	p, err := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil {
		t.Fatalf("%s is no address", text)
	}
	return netip.AddrPortFrom(a.Unmap(), uint16(p))
}
