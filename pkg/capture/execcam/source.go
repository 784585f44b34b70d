// Package execcam takes pictures from the standard output of any command, and leaves no process of it behind.
package execcam

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/resident"
)

// New makes the source of an exec:COMMAND camera. COMMAND is run by /bin/sh in the folder spec.Dir, with nothing on its
// standard input and PATH, HOME, LANG, TZ and spec.Env as its whole environment: the shell expands ${NAME} itself. (What
// the shell then hands to another program as an argument can be seen in the list of processes.) On its standard output
// it writes JPEGs one after the other, or as multipart (RFC 2046); what it says on standard error is logged.
//
// The running program is started again as the guard of the command: its main function must call GuardMain when its
// first argument is GuardArg.
func New(spec camera.Spec, log *slog.Logger) (camera.Source, error) {
	command := strings.TrimSpace(strings.TrimPrefix(spec.Source, "exec:"))
	switch {
	case command == "":
		return nil, bad("exec: names no command: write it like exec:ffmpeg -i … -f mjpeg -")
	case strings.ContainsRune(command, 0):
		return nil, bad("The command of exec: holds a NUL character")
	case len(command) >= maxCommand:
		return nil, bad(fmt.Sprintf("The command of exec: is longer than %d bytes: put it into a script", maxCommand-1))
	}
	if spec.OpenTimeout <= 0 {
		spec.OpenTimeout = defaultTimeout
	}
	if spec.ReadTimeout <= 0 {
		spec.ReadTimeout = defaultTimeout
	}
	return &source{spec: spec, command: command, log: log}, nil
}

const defaultTimeout = 10 * time.Second // where the Spec has none

func bad(say string) error { return &camera.Error{Say: say, Err: camera.ErrConfig} }

type source struct {
	spec    camera.Spec
	command string
	log     *slog.Logger

	mu     sync.Mutex
	family *family // what runs now; nil: nothing
}

// Stream runs the command until ctx or the command ends, or no usable picture comes for too long. Its
// error tells the exit code and the last line that the command wrote to standard error. When it returns, as a rule
// at most 1 s and never more than 4.5 s after ctx ended, the command and all that it started are gone.
func (s *source) Stream(ctx context.Context, offer func(camera.Picture)) error {
	alive, lost := context.WithCancel(ctx)
	defer lost()
	p, err := s.start(lost)
	if err != nil {
		return &camera.Error{Say: "The command cannot be started", Err: err}
	}
	s.runs(&family{root: p.cmd.Process.Pid})
	err = s.pump(alive, p, offer)
	end := p.stop()
	s.runs(nil)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return explain(err, end)
}

func (s *source) runs(f *family) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.family = f
}

// Memory returns what the command and all that it started hold in memory, bytes. Pages that they share count for each of them.
func (s *source) Memory() (bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.family == nil {
		return 0
	}
	for _, pid := range s.family.look() {
		bytes += resident.Bytes(pid)
	}
	return bytes
}
