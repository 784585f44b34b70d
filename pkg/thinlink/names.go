package thinlink

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
)

const (
	prefix = "thinlink-" // then the process's number and the link's
	spaces = "/run/netns/"
)

// freeAddresses picks two addresses that no device here has, from those set aside for measuring networks (RFC 2544 appendix C.2.2).
func freeAddresses(number uint32) (near, far string, err error) {
	taken, err := net.InterfaceAddrs()
	if err != nil {
		return "", "", fmt.Errorf("list addresses: %w", err)
	}
	const pairs = 1 << 16 // in 198.18.0.0/15
	for try := range uint32(pairs) {
		n := 2 * ((uint32(os.Getpid())*8 + number + try) % pairs)
		a := netip.AddrFrom4([4]byte{198, byte(18 + n>>16), byte(n >> 8), byte(n)})
		if !has(taken, a) && !has(taken, a.Next()) {
			return a.String(), a.Next().String(), nil
		}
	}
	return "", "", errors.New("make link: every address of 198.18.0.0/15 is in use")
}

func has(list []net.Addr, a netip.Addr) bool {
	for _, l := range list {
		if n, ok := l.(*net.IPNet); ok && n.IP.Equal(a.AsSlice()) {
			return true
		}
	}
	return false
}

// sweep removes what processes left behind that were killed. Their devices go with the namespaces.
func sweep(ctx context.Context) {
	entries, err := os.ReadDir(spaces)
	if err != nil {
		return // none was ever made
	}
	for _, e := range entries {
		rest, ours := strings.CutPrefix(e.Name(), prefix)
		owner, _, _ := strings.Cut(rest, "-")
		pid, err := strconv.Atoi(owner)
		if ours && err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			_ = run(ctx, "ip netns del "+e.Name()) // another process may be sweeping too
		}
	}
}
