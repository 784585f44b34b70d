// Package statedir is the folder where a supervisor keeps what outlives it, and where the command line finds the one that
// runs.
package statedir

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"linkstart/pkg/bus"
)

const (
	accessFile = "control.json"
	lockFile   = "lock"
	maxAccess  = 64 << 10 // bytes
)

// Dir is a state directory that this process holds.
type Dir struct {
	path string
	lock *os.File // nil where the disk did not let it be made
}

// ErrUnusable is that the disk, not the configuration, keeps the directory from being used: it is full, read-only or broken.
var ErrUnusable = errors.New("the disk does not let the state directory be used")

// Lock makes the directory, if need be, readable by its owner only, and holds it until Unlock or the end of the process. With an
// error that wraps ErrUnusable it returns a Dir all the same, which is not held: pictures need none.
func Lock(path string) (*Dir, error) {
	f, err := open(path)
	for _, e := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EIO} {
		if errors.Is(err, e) {
			return &Dir{path: path}, fmt.Errorf("%w: %w", ErrUnusable, err)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		err = fmt.Errorf("another supervisor already runs with the state directory %s: stop it, or give this one its own state_dir", path)
		return nil, errors.Join(err, f.Close())
	}
	return &Dir{path: path, lock: f}, nil
}

func open(path string) (*os.File, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make state directory: %w; set state_dir to a folder that you may write to", err)
	}
	if err := os.Chmod(path, 0o700); err != nil { // it may have been there before
		return nil, fmt.Errorf("make state directory private: %w; set state_dir to a folder of your own", err)
	}
	f, err := os.OpenFile(filepath.Join(path, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("use state directory %s: %w; set state_dir to a folder that you may write to", path, err)
	}
	return f, nil
}

// Unlock withdraws the access and lets others have the directory.
func (d *Dir) Unlock() error {
	err := os.Remove(filepath.Join(d.path, accessFile))
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	if d.lock == nil {
		return err
	}
	return errors.Join(err, d.lock.Close())
}

// WriteAccess stores how to reach this supervisor, for whoever may read the owner's files.
func (d *Dir) WriteAccess(a bus.Access) error {
	b, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode access: %w", err)
	}
	name := filepath.Join(d.path, accessFile)
	if err := os.WriteFile(name+".new", b, 0o600); err != nil {
		return fmt.Errorf("write access: %w", err)
	}
	if info, err := os.Stat(name); err == nil && info.IsDir() { // nothing of ours, and in the way
		if err := os.RemoveAll(name); err != nil {
			return fmt.Errorf("write access: %w", err)
		}
	}
	if err := os.Rename(name+".new", name); err != nil {
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
