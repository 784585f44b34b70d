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

	"golang.org/x/sys/unix"
)

// GuardArg is the argument by which a program that uses this package is told to be a guard: it then calls GuardMain
// before anything else.
const GuardArg = "exec-guard"

const (
	maxCommand = 64 << 10 // bytes
	shellError = 127      // exit code where the shell itself cannot be started
)

// GuardMain is the main function of a guard, a process between the grabber and a camera's command that lets no process
// of the command outlive either of them. It takes the command, ended by a NUL, on its standard input, which then stays
// open: its end says that the grabber is gone, however it went. Whatever the command starts, and whoever leaves its
// session to become a daemon, remains a descendant of the guard, which is a subreaper (prctl(2)). Where the guard itself
// is killed by SIGKILL, the shell dies with it, but not what that has started. A command that starts too many processes is
// ended with all of them. It never returns; its exit code is the shell's, or 128 plus the signal that ended it.
func GuardMain() {
	runtime.LockOSThread() // the shell's parent-death signal (prctl(2)) is about the thread that starts it
	runtime.GOMAXPROCS(4)  // so that watch finds one free when it wakes, on the smallest machine too
	reserveThreads()
	code, err := guard()
	if err != nil {
		fmt.Fprintf(os.Stderr, "\n%v\n", err) // the command may have left a line unfinished
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
	empty, started, crowded := make(chan struct{}), make(chan int), make(chan struct{})
	go watch(started, empty, crowded)
	started <- 0 // it is awake, before there is anything that could hinder it
	shell, err := startShell(command[:len(command)-1])
	if err != nil {
		return shellError, fmt.Errorf("start /bin/sh: %w", err)
	}
	started <- shell
	gone := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin) // any end of it is the end
		close(gone)
	}()
	ended := make(chan int, 1)
	go reap(shell, ended, empty)

	code := 128 + int(syscall.SIGTERM)
	select {
	case code = <-ended:
	case <-gone:
	case <-stop:
	case <-crowded:
	}
	endAll(empty, crowded)
	if over(crowded) { // the shell may have been the first to end of it
		return 128 + int(syscall.SIGKILL), errCrowd
	}
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
