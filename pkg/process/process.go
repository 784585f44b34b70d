// Package process runs one child process that leaves nothing behind: it gets a document on a pipe that is also its
// lifeline, is the leader of its own process group, dies with its parent, and is stopped within a bounded time. Where it is
// given a cgroup, what left that process group ends with it too.
package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Spec says what to run.
type Spec struct {
	Path     string        // of the executable
	Args     []string      // without the executable; readable by every user of the machine
	Env      []string      // NAME=value, besides what every child inherits; readable by the same user and root
	Dir      string        // to run in; "": that of the parent
	Document []byte        // written to the child's standard input, which then stays open until the child is stopped
	Line     func(string)  // gets each line the child prints on stdout or stderr, one at a time
	Grace    time.Duration // between SIGTERM and SIGKILL
	Cgroup   Cgroup        // where the child and all that it starts is held; nil: with its parent
}

// Cgroup holds a child and whatever that starts: a Group of package cgroup. It is the caller's, who closes it after Done.
type Cgroup interface {
	FD() int     // of its directory
	Kill() error // ends all that is in it, and waits for that within a bounded time
}

// Exit tells how a child ended.
type Exit struct {
	Code   int            // exit code, -1 if a signal ended it
	Signal syscall.Signal // 0 if it exited by itself
}

func (e Exit) String() string {
	if e.Signal != 0 {
		return "killed by signal " + e.Signal.String()
	}
	return fmt.Sprintf("exit code %d", e.Code)
}

// outputDelay is how long output is waited for after the child ended: a grandchild may hold the pipe open.
const outputDelay = 2 * time.Second

// Process is a child that was started.
type Process struct {
	cmd      *exec.Cmd
	grace    time.Duration
	cgroup   Cgroup
	lifeline io.Closer
	stop     sync.Once
	done     chan struct{}
	exit     Exit
}

// Start runs the child. The caller waits for Done, and ends the child early with Stop or Kill.
func Start(s Spec) (*Process, error) {
	p := &Process{grace: s.Grace, cgroup: s.Cgroup, done: make(chan struct{})}
	p.cmd = exec.Command(s.Path, s.Args...)
	p.cmd.Dir = s.Dir
	p.cmd.Env = append(environment(), s.Env...)
	p.cmd.WaitDelay = outputDelay
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if s.Cgroup != nil {
		p.cmd.SysProcAttr.UseCgroupFD, p.cmd.SysProcAttr.CgroupFD = true, s.Cgroup.FD()
	}
	lines := newLineWriter(s.Line)
	p.cmd.Stdout, p.cmd.Stderr = lines, lines
	// A pipe of our own instead of cmd.StdinPipe, which Wait would close.
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", s.Path, err)
	}
	p.cmd.Stdin, p.lifeline = r, w

	started := make(chan error, 1)
	go p.run(started, r, lines)
	if err := <-started; err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", s.Path, err), w.Close())
	}
	go func() {
		// A child that never reads blocks this write until it is stopped, which closes the pipe.
		_, _ = w.Write(s.Document)
	}()
	return p, nil
}

// run starts the child and waits for it on one locked thread, because the parent-death signal is tied to the thread that
// forked (prctl(2), PR_SET_PDEATHSIG): were that thread to end, the child would be killed.
func (p *Process) run(started chan<- error, stdin *os.File, lines *lineWriter) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	_ = stdin.Close()
	started <- err
	if err != nil {
		return
	}
	_ = p.cmd.Wait() // what matters of its error is in ProcessState
	// Whatever the child has left in its group goes with it.
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	if p.cgroup != nil {
		_ = p.cgroup.Kill() // what it cannot end is told by its Close
	}
	lines.flush()
	_ = p.lifeline.Close()
	p.exit = exitOf(p.cmd.ProcessState)
	close(p.done)
}

func exitOf(s *os.ProcessState) Exit {
	if w, ok := s.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return Exit{Code: -1, Signal: w.Signal()}
	}
	return Exit{Code: s.ExitCode()}
}

// PID of the child, which is also the number of its process group.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the child, its group and its cgroup are gone and its output has been read.
func (p *Process) Done() <-chan struct{} { return p.done }

// Exit returns how the child ended; valid once Done is closed.
func (p *Process) Exit() Exit { return p.exit }

// Stop asks the child to end and kills its group when it has not ended within the grace time, or when ctx ends. It
// returns when the child is gone.
func (p *Process) Stop(ctx context.Context) {
	p.stop.Do(func() {
		p.Terminate()
		_ = p.lifeline.Close()
	})
	timer := time.NewTimer(p.grace)
	defer timer.Stop()
	select {
	case <-p.done:
		return
	case <-timer.C:
	case <-ctx.Done():
	}
	p.Kill()
	<-p.done
}

// Kill ends the child's group without asking.
func (p *Process) Kill() { p.signal(syscall.SIGKILL) }

// Terminate asks the child's group to end, and returns at once. What is stopped (SIGSTOP) goes on, so that it can.
func (p *Process) Terminate() {
	p.signal(syscall.SIGTERM)
	p.signal(syscall.SIGCONT)
}

// Dump has the child write the stacks of its goroutines and end (SIGQUIT, as the Go runtime handles it), also one that is
// stopped (SIGSTOP).
func (p *Process) Dump() {
	select {
	case <-p.done:
	default:
		_ = syscall.Kill(p.cmd.Process.Pid, syscall.SIGQUIT)
		_ = syscall.Kill(p.cmd.Process.Pid, syscall.SIGCONT)
	}
}

func (p *Process) signal(s syscall.Signal) {
	select {
	case <-p.done: // the number may belong to somebody else by now
	default:
		_ = syscall.Kill(-p.cmd.Process.Pid, s)
	}
}

// environment is what children inherit: where to find programs and files, the language and the time zone; none of the
// secrets that the supervisor's own environment holds.
func environment() []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_RUNTIME_DIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "GOTRACEBACK", "GORACE", "GOCOVERDIR"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}
