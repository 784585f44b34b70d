// Package proc runs other programs for the time of a measurement, and leaves none behind.
package proc

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

const grace = 6 * time.Second // from SIGTERM to SIGKILL; the supervisor gives its children 4 s

// Process is a running program with all that it has started, as far as that stays in its process group.
type Process struct {
	cmd    *exec.Cmd
	ended  chan struct{}
	err    error // valid once ended is closed
	errors *Tail
}

// Start runs a program in a process group of its own. The kernel ends the program itself when this process dies, by
// whatever cause. What it writes to standard error is kept for errors. Stop must be called.
func Start(cmd *exec.Cmd) (*Process, error) {
	p := &Process{cmd: cmd, ended: make(chan struct{}), errors: &Tail{}}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	cmd.WaitDelay = time.Second
	if cmd.Stderr == nil {
		cmd.Stderr = p.errors
	}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the kernel's signal is tied to the thread that starts the program
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = cmd.Wait()
		close(p.ended)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return p, nil
}

// PID is that of the program.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Ended is closed when the program has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Err says how the program ended, with what it complained of last; only after Ended.
func (p *Process) Err() error {
	return fmt.Errorf("%s ended: %v: %s", p.cmd.Path, p.err, p.errors)
}

// Complaints is what the program wrote last to standard error.
func (p *Process) Complaints() string { return p.errors.String() }

// Used is the processor time that the program and those of its children that it waited for took; only after Ended.
func (p *Process) Used() time.Duration {
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}

// Signal sends a signal to the program and what it has started.
func (p *Process) Signal(s syscall.Signal) error { return syscall.Kill(-p.PID(), s) }

// Stop ends the program and waits for it. It may be called again.
func (p *Process) Stop() {
	if p == nil {
		return
	}
	select {
	case <-p.ended:
	default:
		_ = p.Signal(syscall.SIGCONT) // one that is stopped hears nothing else
		_ = syscall.Kill(p.PID(), syscall.SIGTERM)
		select {
		case <-p.ended:
		case <-time.After(grace):
		}
	}
	_ = p.Signal(syscall.SIGKILL) // the group may outlive its leader
	<-p.ended
}

// Tail keeps the last 2000 bytes that are written to it.
type Tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *Tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	t.text = t.text[max(0, len(t.text)-2000):]
	return len(b), nil
}

func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.text))
}

// Piped starts the program with its standard output as a stream with deadlines. The caller closes it after Stop.
func Piped(cmd *exec.Cmd) (*Process, *os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	cmd.Stdout = w
	p, err := Start(cmd)
	_ = w.Close()
	if err != nil {
		return nil, nil, closing(r, err)
	}
	return p, r, nil
}

func closing(c io.Closer, err error) error {
	_ = c.Close()
	return err
}
