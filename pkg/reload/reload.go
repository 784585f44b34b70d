// Package reload brings a changed configuration into force: when it is asked to, and by itself when the file changes. A file
// with mistakes changes nothing, and what is wrong with it is known until the file is right again.
package reload

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"linkstart/pkg/camera"
	"linkstart/pkg/control"
)

const (
	// settle is how long the file must be left alone: an editor writes, renames and sets rights one after the other.
	settle = 300 * time.Millisecond
	// pollEvery finds changes that the kernel does not tell of: on network file systems, behind links.
	pollEvery = 30 * time.Second
)

// Options is what a Reloader is made of.
type Options struct {
	File string
	// Load reads the configuration and says what is different from the one in force; with apply it brings it into force.
	Load    func(apply bool) (changes string, err error)
	Changed func(control.Config) // told of each state that differs from the one before; it must not block
	Log     *slog.Logger
}

// Reloader reloads one file, one time after the other.
type Reloader struct {
	Options
	mu    sync.Mutex
	state control.Config
	seen  [sha256.Size]byte // of the file when it was last read
}

// New returns a Reloader for a file that has just been loaded.
func New(o Options) *Reloader {
	r := &Reloader{Options: o, state: control.Config{Loaded: time.Now()}}
	r.seen = fingerprint(o.File)
	return r
}

// State tells how the last reading went.
func (r *Reloader) State() control.Config {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state
}

// Reload reads the file and applies it; without apply it only says what would change. The text is for a person.
func (r *Reloader) Reload(apply bool) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !apply {
		return r.Load(false)
	}
	r.seen = fingerprint(r.File)
	text, err := r.Load(true)
	if err != nil {
		r.Log.Error("configuration not reloaded, all goes on as before", "err", err)
		r.become(control.Config{Loaded: r.state.Loaded, Error: camera.Say(err), Failed: time.Now()})
		return "", err
	}
	r.Log.Info("configuration reloaded", "changes", text)
	r.become(control.Config{Loaded: time.Now()})
	return text, nil
}

func (r *Reloader) become(state control.Config) {
	r.state = state
	r.Changed(state)
}

// Watch reloads the file whenever its content changes, until ctx ends.
func (r *Reloader) Watch(ctx context.Context) {
	watcher, events := r.watcher()
	if watcher != nil {
		defer func() { _ = watcher.Close() }()
	}
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	var settled <-chan time.Time // it is not put off by further changes: in a busy folder it would never come
	for {
		select {
		case <-ctx.Done():
			return
		case <-events:
			if settled == nil {
				settled = time.After(settle)
			}
		case <-poll.C:
			r.look()
		case <-settled:
			settled = nil
			r.look()
		}
	}
}

// watcher watches the file's folder and not the file: editors put a new file in its place. Without one, changes are found by
// polling.
func (r *Reloader) watcher() (*fsnotify.Watcher, <-chan fsnotify.Event) {
	watcher, err := fsnotify.NewWatcher()
	if err == nil {
		if err = watcher.Add(filepath.Dir(r.File)); err != nil {
			_ = watcher.Close()
		}
	}
	if err != nil {
		r.Log.Warn("changes of the configuration are noticed late", "within", pollEvery, "err", err)
		return nil, nil
	}
	return watcher, watcher.Events
}

// look reloads the file if its content is another than when it was last read.
func (r *Reloader) look() {
	now := fingerprint(r.File)
	r.mu.Lock()
	same := now == r.seen
	r.mu.Unlock()
	if !same {
		_, _ = r.Reload(true) // it has logged what was wrong
	}
}

// fingerprint tells contents apart; that of a file that cannot be read is zero.
func fingerprint(file string) (sum [sha256.Size]byte) {
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxFile {
		return sum
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return sum
	}
	return sha256.Sum256(b)
}

const maxFile = 4 << 20 // bytes, as package config has it
