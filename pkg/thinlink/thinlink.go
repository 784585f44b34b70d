// Package thinlink gives tests and measurements a network link of a given rate: clients behind it get from a server on its near
// side no more than that, through the deep buffer of a real uplink.
package thinlink

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// buffer is how long a packet may wait in the link before it is dropped: home routers hold this much and more.
const buffer = "300ms"

// commandTime is how long one call of ip or tc may take.
const commandTime = 10 * time.Second

// ErrNotRoot is what Open says without the rights it needs.
var ErrNotRoot = errors.New("a thin link is a network namespace, and only root can make one: run this as root")

var opened atomic.Uint32 // links of this process so far: their names must differ

// Link is a pair of network devices, the near one in this process's network namespace, the far one in a namespace of its own.
// The way from near to far has a rate; the way back has none. It is safe for use by many goroutines.
type Link struct {
	space string // name of the namespace
	near  string // device
	host  string // address of the near end
	peer  string // address of the far end
	close func() error
}

// Open makes a link of so many bits per second. It needs root and the programs ip and tc (Debian: iproute2). The caller closes it.
func Open(ctx context.Context, bitsPerSecond int) (*Link, error) {
	if os.Geteuid() != 0 {
		return nil, ErrNotRoot
	}
	sweep(ctx)
	number := opened.Add(1)
	host, peer, err := freeAddresses(number)
	if err != nil {
		return nil, err
	}
	l := &Link{
		space: fmt.Sprintf("%s%d-%d", prefix, os.Getpid(), number),
		near:  fmt.Sprintf("ls%d-%d", os.Getpid(), number), // a device's name has at most 15 characters
		host:  host, peer: peer,
	}
	l.close = sync.OnceValue(l.remove)
	if err := l.make(ctx, peer, bitsPerSecond); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// make builds everything; what it has built when it fails is left for Close. The route names the congestion control, because a
// machine may have another default than most servers have, and the figures hang on it.
func (l *Link) make(ctx context.Context, peer string, rate int) error {
	for _, line := range []string{
		"ip netns add " + l.space,
		"ip link add " + l.near + " type veth peer name far netns " + l.space,
		"ip addr add " + l.host + " peer " + peer + " dev " + l.near,
		"ip link set " + l.near + " up",
		"ip route replace " + peer + " dev " + l.near + " src " + l.host + " congctl cubic",
		"ip -n " + l.space + " addr add " + peer + " peer " + l.host + " dev far",
		"ip -n " + l.space + " link set far up",
		"ip -n " + l.space + " link set lo up",
	} {
		if err := run(ctx, line); err != nil {
			return err
		}
	}
	return l.shape(ctx, "add", rate)
}

func (l *Link) shape(ctx context.Context, verb string, rate int) error {
	return run(ctx, fmt.Sprintf("tc qdisc %s dev %s root tbf rate %dbit burst 16kb latency %s", verb, l.near, rate, buffer))
}

// SetRate changes the rate, in bits per second, for what follows.
func (l *Link) SetRate(ctx context.Context, bitsPerSecond int) error {
	return l.shape(ctx, "change", bitsPerSecond)
}

// Host is the near end's address, without port: what listens there is reached from behind the link.
func (l *Link) Host() string { return l.host }

// Peer is the far end's address, without port: what listens there, behind the link, is reached from the near side, thin in that direction.
func (l *Link) Peer() string { return l.peer }

// Cut lets nothing through until Mend; neither end is told.
func (l *Link) Cut(ctx context.Context) error { return run(ctx, "ip -n "+l.space+" link set far down") }

// Mend lets everything through again.
func (l *Link) Mend(ctx context.Context) error { return run(ctx, "ip -n "+l.space+" link set far up") }

// Sent counts the bytes that the near end has sent, headers of all layers included.
func (l *Link) Sent() (int64, error) {
	b, err := os.ReadFile("/sys/class/net/" + l.near + "/statistics/tx_bytes")
	if err != nil {
		return 0, fmt.Errorf("count bytes of link: %w", err)
	}
	return strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
}

// Command prepares a program that runs behind the link. It can reach Host and nothing else.
func (l *Link) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", l.space, name}, args...)...)
}

// Close takes everything away. Sockets behind the link that are still open get nothing more. It may be called more than once.
func (l *Link) Close() error { return l.close() }

func (l *Link) remove() error {
	ctx := context.Background() // whatever ended meanwhile, this must be done
	var errs []error
	if _, err := os.Stat("/sys/class/net/" + l.near); err == nil { // its peer goes with it
		errs = append(errs, run(ctx, "ip link del "+l.near))
	}
	if _, err := os.Stat(spaces + l.space); err == nil {
		errs = append(errs, run(ctx, "ip netns del "+l.space))
	}
	return errors.Join(errs...)
}

func run(ctx context.Context, line string) error {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	words := strings.Fields(line)
	out, err := exec.CommandContext(ctx, words[0], words[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("make link: %s: %w: %s", line, err, strings.TrimSpace(string(out)))
	}
	return nil
}
