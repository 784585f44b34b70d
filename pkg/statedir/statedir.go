// Package statedir is the folder where a supervisor keeps what outlives it, and where the command line finds the one that
// runs.
package statedir

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"linkstart/pkg/bus"
)

const (
	accessFile = "control.json"
	lockFile   = "lock"
	busDir     = "bus"
	maxAccess  = 64 << 10 // bytes
)

// accessAgain is when it is tried again to write how to reach this supervisor.
const accessAgain = 5 * time.Second

// ErrHeld is when another supervisor runs with the directory.
var ErrHeld = errors.New("another supervisor already runs")

// Dir is a state directory that this process holds, as far as it can be used at all.
type Dir struct {
	path   string
	log    *slog.Logger
	usable bool
	held   []*os.File
}

// Lock makes the directory, if need be, readable by its owner only, and holds it until Unlock or the end of the process. The
// only error is ErrHeld: that a directory cannot be made, or is not private, is said in the log, and the supervisor does
// without it.
func Lock(path string, log *slog.Logger) (*Dir, error) {
	d := &Dir{path: path, log: log}
	if err := prepare(path); err != nil {
		log.Warn("the state directory cannot be used, so selections will not survive a restart, and commands do not find this supervisor: "+
			"set state_dir to a folder of your own", "dir", path, "err", err)
		return d, nil
	}
	d.usable = true
	// The directory is held beside the file, since no file can be made on a disk that is full or read-only.
	var errs []error
	for _, name := range []string{path, filepath.Join(path, lockFile)} {
		if err := d.hold(name, name != path); errors.Is(err, syscall.EWOULDBLOCK) {
			err = fmt.Errorf("%w with the state directory %s: stop it, or give this one its own state_dir", ErrHeld, path)
			return nil, errors.Join(err, d.release())
		} else if err != nil {
			errs = append(errs, err)
		}
	}
	if len(d.held) == 0 {
		log.Warn("the state directory cannot be held: see yourself that no other supervisor runs with it", "err", errors.Join(errs...))
	}
	return d, nil
}

// prepare makes a directory that is private to this user.
func prepare(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("make state directory: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("use state directory: %w", err)
	}
	if info.Mode().Perm() == 0o700 {
		return nil
	}
	if err := os.Chmod(path, 0o700); err != nil { // it may have been there before
		return fmt.Errorf("make state directory private: %w", err)
	}
	return nil
}

// hold locks a file or folder until release.
func (d *Dir) hold(name string, create bool) error {
	f, err := os.Open(name)
	if create && err != nil {
		f, err = os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	}
	if err != nil {
		return fmt.Errorf("hold state directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return errors.Join(fmt.Errorf("hold %s: %w", name, err), f.Close())
	}
	d.held = append(d.held, f)
	return nil
}

func (d *Dir) release() error {
	var errs []error
	for _, f := range d.held {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// Bus is the folder for the bus's files, "" where there can be none.
func (d *Dir) Bus() string {
	if !d.usable {
		return ""
	}
	return filepath.Join(d.path, busDir)
}

// Path is the folder, "" where nothing can be kept.
func (d *Dir) Path() string {
	if !d.usable {
		return ""
	}
	return d.path
}

// Unlock lets others have the directory.
func (d *Dir) Unlock() error { return d.release() }

// KeepAccess stores how to reach this supervisor, for whoever may read the owner's files, until the returned function is called,
// which withdraws it. While it cannot be stored that is tried again.
func (d *Dir) KeepAccess(a bus.Access) (stop func()) {
	if !d.usable {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	err := d.writeAccess(a)
	if err != nil {
		d.log.Warn("commands do not find this supervisor, because how to reach it cannot be stored: it is tried again by itself",
			"dir", d.path, "err", err)
	}
	var ended sync.WaitGroup
	ended.Go(func() {
		for err != nil {
			select {
			case <-ctx.Done():
				return
			case <-time.After(accessAgain):
				err = d.writeAccess(a)
			}
		}
	})
	return func() {
		cancel()
		ended.Wait()
		_ = os.Remove(filepath.Join(d.path, accessFile)) // who finds it learns that nobody answers
	}
}

// writeAccess puts the file there in one step; what else is there under its name goes.
func (d *Dir) writeAccess(a bus.Access) error {
	b, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode access: %w", err)
	}
	name := filepath.Join(d.path, accessFile)
	for _, n := range []string{name, name + ".new"} {
		if info, err := os.Lstat(n); err == nil && !info.Mode().IsRegular() {
			if err := os.RemoveAll(n); err != nil {
				return fmt.Errorf("write access: %w", err)
			}
		}
	}
	err = os.WriteFile(name+".new", b, 0o600)
	if err == nil {
		err = os.Rename(name+".new", name)
	}
	if err != nil {
		_ = os.Remove(name + ".new")
		return fmt.Errorf("write access: %w", err)
	}
	return nil
}

// ReadAccess finds the supervisor that runs with the state directory at path.
func ReadAccess(path string) (bus.Access, error) {
	var a bus.Access
	f, err := os.Open(filepath.Join(path, accessFile))
	if errors.Is(err, os.ErrNotExist) {
		return a, fmt.Errorf("no supervisor runs with the state directory %s: start it, or name the configuration of the one you mean with -config", path)
	}
	if err != nil {
		return a, fmt.Errorf("find supervisor: %w", err)
	}
	defer f.Close()
	if err := json.NewDecoder(io.LimitReader(f, maxAccess)).Decode(&a); err != nil {
		return a, fmt.Errorf("read %s: %w", f.Name(), err)
	}
	return a, nil
}
