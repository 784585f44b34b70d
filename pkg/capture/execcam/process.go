package execcam

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// process is a running guard with its command.
type process struct {
	cmd      *exec.Cmd
	lifeline *os.File      // the guard ends all when this is closed
	out      *os.File      // the command's standard output
	errs     *os.File      // its standard error, read by drain
	last     chan string   // what drain returned
	done     chan struct{} // closed when the guard is gone and waited is set
	waited   error
}

// ending is how a command went.
type ending struct {
	code int    // exit code of the shell, or 128 plus a signal; -1: the guard was killed
	last string // line on standard error
	err  error  // where the guard itself went wrong
}

const (
	commandTime = 5 * time.Second         // for the guard to take the command
	guardTime   = 4250 * time.Millisecond // for the guard to end all: grace and killTime, and some more
	drainTime   = 250 * time.Millisecond  // for the last lines, once everybody is gone
)

// start runs the guard. It calls lost if that is killed: whoever survives it may hold the output open for long.
func (s *source) start(lost func()) (*process, error) {
	var ends [6]*os.File // lifeline, output, errors: read and write end of each
	for i := 0; i < len(ends); i += 2 {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(ends[:i])
			return nil, fmt.Errorf("open pipe: %w", err)
		}
		ends[i], ends[i+1] = r, w
	}
	cmd := exec.Command("/proc/self/exe", GuardArg)
	cmd.Args[0] = os.Args[0]
	cmd.Dir = s.spec.Dir
	cmd.Env = environment(s.spec.Env)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = ends[0], ends[3], ends[5]
	// Away from the terminal's Ctrl-C, which would kill the guard before its work is done.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err := cmd.Start()
	closeAll([]*os.File{ends[0], ends[3], ends[5]})
	p := &process{cmd: cmd, lifeline: ends[1], out: ends[2], errs: ends[4], last: make(chan string, 1), done: make(chan struct{})}
	if err != nil {
		closeAll([]*os.File{p.lifeline, p.out, p.errs})
		return nil, fmt.Errorf("start guard: %w", err)
	}
	go func() {
		defer close(p.done)
		if p.waited = cmd.Wait(); cmd.ProcessState.ExitCode() < 0 {
			lost()
		}
	}()
	go func() { p.last <- drain(p.errs, s.log, s.spec.Env) }()
	p.lifeline.SetWriteDeadline(time.Now().Add(commandTime))
	if _, err := p.lifeline.WriteString(s.command + "\x00"); err != nil {
		end := p.stop()
		return nil, fmt.Errorf("hand command to guard: %w", errors.Join(err, end.err))
	}
	s.log.Debug("command started", "guard", cmd.Process.Pid)
	return p, nil
}

// environment is all that a command knows of ours.
func environment(more map[string]string) []string {
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	for _, name := range []string{"PATH", "HOME", "LANG", "TZ"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	for name, value := range more {
		env = append(env, name+"="+value)
	}
	return env
}

// stop ends the command with all that it started, and closes everything.
func (p *process) stop() (end ending) {
	p.lifeline.Close()
	p.out.Close()
	late := time.AfterFunc(guardTime, func() { p.cmd.Process.Kill() })
	<-p.done
	if !late.Stop() {
		end.err = fmt.Errorf("guard has not ended within %s", guardTime)
	}
	var exit *exec.ExitError
	if p.waited != nil && !errors.As(p.waited, &exit) {
		end.err = errors.Join(end.err, fmt.Errorf("wait for guard: %w", p.waited))
	}
	end.code = p.cmd.ProcessState.ExitCode()
	p.errs.SetReadDeadline(time.Now().Add(drainTime))
	end.last = <-p.last
	p.errs.Close()
	return end
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
