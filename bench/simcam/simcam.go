// Package simcam is cameras in processes of their own, whose every picture tells when it was sent.
package simcam

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"linkstart/bench/proc"
)

const (
	startLimit = time.Minute
	remembered = 2000 // sendings of a camera, a minute and more
)

// Camera is a simulator that runs: one process, one or more cameras.
type Camera struct {
	build   func() (*exec.Cmd, error)
	conf    any
	setPort func(int)

	address func(port, camera int) string
	port    int
	process *proc.Process
	stdin   io.Closer
	reading chan struct{} // closed when stdout has ended

	mu    sync.Mutex
	sends map[int][]send
}

// send is one picture on its way.
type send struct {
	number uint16
	at     time.Time
}

// URL is the address of camera number i.
func (c *Camera) URL(i int) string { return c.address(c.port, i) }

// Port is where the simulator listens, also between Stop and Restart.
func (c *Camera) Port() int { return c.port }

// PID is that of the simulator.
func (c *Camera) PID() int { return c.process.PID() }

// Sent returns when camera i last sent the picture with that number, before a moment; false where that is not known.
func (c *Camera) Sent(i int, number uint16, before time.Time) (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.sends[i]
	for at := len(all) - 1; at >= 0; at-- {
		if all[at].number == number && !all[at].at.After(before) {
			return all[at].at, true
		}
	}
	return time.Time{}, false
}

// Freeze leaves connections open and sends nothing, until Thaw.
func (c *Camera) Freeze() error { return c.process.Signal(syscall.SIGSTOP) }

// Thaw ends Freeze.
func (c *Camera) Thaw() error { return c.process.Signal(syscall.SIGCONT) }

// Stop ends the simulator and waits for it. It may be called again, and Restart may follow.
func (c *Camera) Stop() {
	if c == nil || c.process == nil {
		return
	}
	_ = c.stdin.Close()
	c.process.Stop()
	<-c.reading
}

// Restart starts it again on the same port.
func (c *Camera) Restart(ctx context.Context) error {
	c.Stop()
	c.setPort(c.port)
	return c.start(ctx)
}

func (c *Camera) start(ctx context.Context) error {
	conf, err := json.Marshal(c.conf)
	if err != nil {
		return err
	}
	cmd, err := c.build()
	if err != nil {
		return err
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	process, stdout, err := proc.Piped(cmd)
	if err != nil {
		return fmt.Errorf("start simulated camera: %w", err)
	}
	c.process, c.stdin, c.reading = process, stdin, make(chan struct{})
	fail := func(err error) error {
		close(c.reading)
		c.Stop()
		_ = stdout.Close()
		return fmt.Errorf("start simulated camera: %w: %s", err, process.Complaints())
	}
	if _, err := stdin.Write(append(conf, '\n')); err != nil {
		return fail(err)
	}
	stopWaiting := context.AfterFunc(ctx, func() { _ = stdout.SetReadDeadline(time.Unix(1, 0)) })
	_ = stdout.SetReadDeadline(time.Now().Add(startLimit))
	lines := bufio.NewReaderSize(stdout, 4<<10)
	line, err := lines.ReadString('\n')
	stopWaiting()
	if err != nil {
		return fail(errors.Join(errors.New("it did not say where it listens"), err, ctx.Err()))
	}
	if _, err := fmt.Sscanf(line, "port %d", &c.port); err != nil {
		return fail(err)
	}
	_ = stdout.SetReadDeadline(time.Time{})
	go c.read(stdout, lines)
	return nil
}

// read takes the lines that tell of pictures: camera, number, ns since the Unix epoch.
func (c *Camera) read(stdout *os.File, lines *bufio.Reader) {
	defer close(c.reading)
	defer stdout.Close()
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return
		}
		var camera int
		var number uint16
		var at int64
		if _, err := fmt.Sscanf(string(line), "%d %d %d", &camera, &number, &at); err != nil {
			continue
		}
		c.mu.Lock()
		all := append(c.sends[camera], send{number, time.Unix(0, at)})
		c.sends[camera] = all[max(0, len(all)-remembered):]
		c.mu.Unlock()
	}
}
