package execcam

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	maxProcesses = 512                    // far more than a command needs that makes pictures
	crowdTime    = 10 * time.Second       // until what survives SIGKILL is given up, where there are so many
	lookEvery    = 100 * time.Millisecond // a look at the number of threads of the machine, which costs nothing
	lookAnyway   = 2 * time.Second        // a look at all processes, where few threads have come up since the last
	fewThreads   = 64
	manyThreads  = 128
)

var errCrowd = fmt.Errorf("the command started more than %d processes, so it was stopped with all of them", maxProcesses)

// watch closes crowded once there are too many of what the shell has started, and ends all of them. It asks for the shell's
// number twice: when it is ready, and when it needs it.
func watch(started <-chan int, empty <-chan struct{}, crowded chan<- struct{}) {
	runtime.LockOSThread()
	hurry()
	<-started
	shell, c := <-started, crowd{family: family{root: os.Getpid()}}
	for !c.tooMany(shell) {
		// Not a timer of Go's, which wakes another thread first.
		every := unix.NsecToTimespec(lookEvery.Nanoseconds())
		_ = unix.Nanosleep(&every, nil)
	}
	close(crowded)
	killAll(empty, crowdTime)
}

// hurry has the kernel run this thread soon, however many others want to run: before them where that is allowed, else at least
// in short slices, which come up sooner (since Linux 6.12).
func hurry() {
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, -20)
	if attr, err := unix.SchedGetAttr(0, 0); err == nil {
		attr.Runtime = uint64((100 * time.Microsecond).Nanoseconds())
		_ = unix.SchedSetAttr(0, attr, 0)
	}
}

// reserveThreads has Go make all the threads that the guard may ever need, which it keeps then. A bomb may use up what the user or
// the cgroup may have of them, and Go ends a process that gets none.
func reserveThreads() {
	const threads = 16
	var all sync.WaitGroup
	all.Add(threads)
	for range threads {
		go func() {
			runtime.LockOSThread() // until each of them has one
			all.Done()
			all.Wait()
			runtime.UnlockOSThread()
		}()
	}
	all.Wait()
}

// crowd counts descendants.
type crowd struct {
	family  family
	looked  time.Time
	threads uint16 // of the machine at that time, or the fewest since; it may overflow
}

func (c *crowd) tooMany(shell int) (many bool) {
	var machine unix.Sysinfo_t
	if err := unix.Sysinfo(&machine); err == nil {
		rose := int16(machine.Procs - c.threads)
		if rose < 0 {
			c.threads = machine.Procs
		}
		if rose < fewThreads && time.Since(c.looked) < lookAnyway {
			return false
		}
		if rose > manyThreads && !c.looked.IsZero() {
			// A bomb would leave us no processor to count it, so most of it is stopped meanwhile. Where it was none, the
			// command has lost some milliseconds.
			_ = syscall.Kill(-shell, syscall.SIGSTOP)
			defer func() {
				if !many {
					_ = syscall.Kill(-shell, syscall.SIGCONT)
				}
			}()
		}
	}
	c.threads, c.looked = machine.Procs, time.Now()
	return len(c.family.look()) > maxProcesses
}
