package thinlink_test

import (
	"context"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"linkstart/pkg/thinlink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve writes size bytes to each client that connects to the near end.
func serve(t *testing.T, l *thinlink.Link, size int) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", net.JoinHostPort(l.Host(), "0"))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write(make([]byte, size))
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = ln.Close(); <-ended })
	return ln.Addr().String()
}

func fetch(t *testing.T, l *thinlink.Link, address string) (bytes int64, took time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	begin := time.Now() // what is sent at once may have come by the time that the dial is known to have succeeded
	c, err := l.DialContext(ctx, "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	bytes, err = io.Copy(io.Discard, c)
	if err != nil {
		t.Fatal(err)
	}
	return bytes, time.Since(begin)
}

// A link can be slower than its rate on a busy machine, but never faster.
func TestNothingPassesFasterThanTheRate(t *testing.T) {
	l, err := thinlink.Open(t.Context(), 2_000_000)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const size, burst = 200_000, 16 << 10
	address := serve(t, l, size)
	bytes, took := fetch(t, l, address)
	const least = (size - burst) * 8 * time.Second / 2_000_000
	if bytes != size || took < least {
		t.Errorf("%d bytes came in %v, want %d in at least %v", bytes, took, size, least)
	}
	if n, err := l.Sent(); err != nil || n < size {
		t.Errorf("Sent = %d, %v; want at least %d", n, err, size)
	}
	if err := l.SetRate(t.Context(), 1_000_000_000); err != nil {
		t.Fatal(err)
	}
	faster := took
	for n := 0; faster >= least && n < 20; n++ {
		_, faster = fetch(t, l, address)
	}
	if faster >= least {
		t.Errorf("at 1 Gbit/s it took %v, at 2 Mbit/s %v", faster, took)
	}
	out, err := l.Command(t.Context(), "ip", "-o", "link").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "far") {
		t.Errorf("a program behind the link sees %s, %v", out, err)
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	before := devices(t)
	var links []*thinlink.Link
	for range 2 {
		l, err := thinlink.Open(t.Context(), 1_000_000)
		if err != nil {
			t.Fatal(err)
		}
		links = append(links, l)
	}
	if links[0].Host() == links[1].Host() {
		t.Errorf("two links have the address %s", links[0].Host())
	}
	for _, l := range links {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := thinlink.Open(t.Context(), -1); err == nil { // the last step fails
		t.Error("a rate of -1 is accepted")
	}
	if after := devices(t); after != before {
		t.Errorf("devices before: %s; after: %s", before, after)
	}
}

// devices lists those of this process's links, and their namespaces.
func devices(t *testing.T) string {
	t.Helper()
	var own []string
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range interfaces {
		own = append(own, i.Name)
	}
	spaces, err := os.ReadDir("/run/netns")
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, s := range spaces {
		own = append(own, s.Name())
	}
	own = slices.DeleteFunc(own, func(name string) bool { return !strings.Contains(name, strconv.Itoa(os.Getpid())) })
	return strings.Join(own, " ")
}
