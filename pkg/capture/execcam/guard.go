package execcam

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// GuardArg is the argument by which a program that uses this package is told to be a guard: it then calls GuardMain
// before anything else.
const GuardArg = "exec-guard"

const (
	grace      = time.Second           // between SIGTERM and SIGKILL
	killTime   = time.Second           // until what survives SIGKILL (stuck in the kernel) is given up
	killPeriod = 20 * time.Millisecond // between two looks at what has been forked meanwhile
	maxCommand = 64 << 10              // bytes
	shellError = 127                   // exit code where the shell itself cannot be started
)

// GuardMain is the main function of a guard, a process between the grabber and a camera's command that lets no process
// of the command outlive either of them. It takes the command, ended by a NUL, on its standard input, which then stays
// open: its end says that the grabber is gone, however it went. Whatever the command starts, and whoever leaves its
// session to become a daemon, remains a descendant of the guard, which is a subreaper (prctl(2)). Where the guard itself
// is killed by SIGKILL, the shell dies with it, but not what that has started. It never returns; its exit code is the
// shell's, or 128 plus the signal that ended it.
func GuardMain() {
	runtime.LockOSThread() // the shell's parent-death signal (prctl(2)) is about the thread that starts it
	code, err := guard()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func guard() (int, error) {
	lifeline := bufio.NewReader(io.LimitReader(os.Stdin, maxCommand+1))
	command, err := lifeline.ReadString(0)
	if err != nil {
		return shellError, fmt.Errorf("read command: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return shellError, fmt.Errorf("become subreaper: %w", err)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	shell, err := startShell(command[:len(command)-1])
	if err != nil {
		return shellError, fmt.Errorf("start /bin/sh: %w", err)
	}
	gone := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin) // any end of it is the end
		close(gone)
	}()
	ended, empty := make(chan int, 1), make(chan struct{})
	go reap(shell, ended, empty)

	code := 128 + int(syscall.SIGTERM)
	select {
	case code = <-ended:
	case <-gone:
	case <-stop:
	}
	killAll(empty)
	return code, nil
}

// startShell runs command with the guard's own environment, folder and output, in a process group of its own so that
// a `kill 0` in it does not reach the guard.
func startShell(command string) (pid int, err error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	return syscall.ForkExec("/bin/sh", []string{"/bin/sh", "-c", command}, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{null.Fd(), os.Stdout.Fd(), os.Stderr.Fd()},
		Sys:   &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	})
}

// reap waits for all children, own and inherited. It sends the shell's exit code when that ends, and closes empty when
// nobody is left.
func reap(shell int, ended chan<- int, empty chan<- struct{}) {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil: // ECHILD
			close(empty)
			return
		case pid == shell && status.Signaled():
			ended <- 128 + int(status.Signal())
		case pid == shell:
			ended <- status.ExitStatus()
		}
	}
}

// killAll ends every descendant: politely first, then as often as it takes, since one may fork while it is looked for.
func killAll(empty <-chan struct{}) {
	signalAll(syscall.SIGTERM)
	select {
	case <-empty:
		return
	case <-time.After(grace):
	}
	giveUp := time.After(killTime)
	for {
		signalAll(syscall.SIGKILL)
		select {
		case <-empty:
			return
		case <-giveUp:
			return
		case <-time.After(killPeriod):
		}
	}
}

func signalAll(s syscall.Signal) {
	for _, pid := range descendants(os.Getpid()) {
		syscall.Kill(pid, s) // one that has ended since needs none
	}
}
