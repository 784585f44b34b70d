package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const maxMemory, maxStore = 64 << 20, 64 << 20 // bytes

// probeBytes must fit on the disk for it to count as having room.
const probeBytes = 256 << 10

var errNoFolder = errors.New("the state directory cannot be used")

// store is where JetStream has its files: in dir, or while that cannot be used in a private folder, where everything is in
// memory and only a folder is needed. One goroutine at a time uses it.
type store struct {
	srv    *server.Server
	dir    string // "" for none
	domain string // of JetStream; "" for none
	log    *slog.Logger
	flush  func() // waits until the server has taken all that its keeper asked; nil before there is one
	temp   string // private folder in use, "" while dir is
	told   bool   // that dir cannot be used

	warning atomic.Pointer[string] // what a person should know while all goes on
	damage  atomic.Pointer[string] // what the server says of files that it cannot read
}

// open opens dir, moving aside what is there if that cannot be read, or else the private folder.
func (s *store) open() {
	if err := s.openDir(); err != nil {
		s.openTemp(err, s.dir)
	}
}

func (s *store) inMemory() bool { return s.temp != "" }

// openDir has JetStream use dir.
func (s *store) openDir() error {
	if s.dir == "" {
		return errNoFolder
	}
	err := s.enable(s.dir)
	if err != nil && s.moveAside(err) {
		err = s.enable(s.dir)
	}
	if err == nil {
		s.removeTemp()
	}
	return err
}

const inMemoryText = "selections are kept in memory and will not survive a restart, because they cannot be stored: " +
	"make room for the state directory, or let this user write there; it is tried again by itself"

// openTemp has JetStream use a private folder, because of why. Where none can be made there are no buckets: no room can be
// switched, but pictures come. It begins with a copy of what can be read in from, "" for nothing: what is stored on a disk that
// can only be read is known, and not lost when the disk is used again.
func (s *store) openTemp(why error, from string) {
	if !s.told {
		s.log.Warn(inMemoryText, "dir", s.dir, "err", why)
		s.told = true
	}
	say := inMemoryText // what is told later holds no path
	s.warning.Store(&say)
	var errs []error
	for _, parent := range []string{os.TempDir(), "/dev/shm"} {
		dir, err := os.MkdirTemp(parent, "linkstart-bus-")
		if err == nil {
			if from != "" {
				_ = os.CopyFS(dir, os.DirFS(from)) // what cannot be read is lost
			}
			if err = s.enable(dir); err != nil { // the copy is damaged
				if err = errors.Join(s.srv.DisableJetStream(), os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err == nil {
					err = s.enable(dir)
				}
			}
			if err == nil {
				s.removeTemp()
				s.temp = dir
				return
			}
			err = errors.Join(err, os.RemoveAll(dir))
		}
		errs = append(errs, err)
	}
	s.log.Error("rooms cannot be switched: no folder for temporary files can be used", "err", errors.Join(errs...))
}

// api are requests to JetStream, and nowhere is where none is answered, which whoever has such requests may publish to.
const api, nowhere = "$JS.API.>", "_nowhere.>"

// enable has JetStream use another folder than before.
func (s *store) enable(dir string) error {
	// A server that is about to use JetStream would look at requests before it is ready to (nats-server 2.15).
	account := s.srv.GlobalAccount()
	if err := account.AddMapping(api, nowhere); err != nil {
		return fmt.Errorf("hold requests back: %w", err)
	}
	defer account.RemoveMapping(api)
	// Whoever has looked at requests before that is done with them when it lets go of its connection, which is locked here.
	if s.flush != nil {
		s.flush()
	}
	if _, err := s.srv.Connz(&server.ConnzOptions{Limit: math.MaxInt32}); err != nil {
		return fmt.Errorf("wait for requests: %w", err)
	}
	if err := s.srv.DisableJetStream(); err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	err := s.srv.EnableJetStream(&server.JetStreamConfig{StoreDir: dir, MaxMemory: maxMemory, MaxStore: maxStore, Domain: s.domain})
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	return nil
}

// moveAside keeps what cannot be read under another name, and only the newest of such. It reports whether dir is free now: it is
// not where nothing can be written, and then nothing may be wrong with what is there.
func (s *store) moveAside(why error) bool {
	if _, err := os.Lstat(s.dir); err != nil || probe(filepath.Dir(s.dir)) != nil {
		return false
	}
	s.damage.Store(nil)                           // it is said here
	old, _ := filepath.Glob(s.dir + ".corrupt-*") // fails only on a bad pattern
	aside := s.dir + ".corrupt-" + time.Now().UTC().Format("20060102T150405.000000000")
	if err := errors.Join(s.srv.DisableJetStream(), os.Rename(s.dir, aside)); err != nil {
		return false
	}
	s.log.Warn("the stored selections are damaged and lost: rooms start without a camera, until one is selected; what was there is kept",
		"moved_to", aside, "err", why)
	for _, name := range old {
		if err := os.RemoveAll(name); err != nil {
			s.log.Warn("an older copy of damaged selections cannot be removed", "err", err)
		}
	}
	return true
}

func (s *store) removeTemp() {
	if s.temp == "" {
		return
	}
	if err := os.RemoveAll(s.temp); err != nil {
		s.log.Warn("temporary folder cannot be removed", "err", err)
	}
	s.temp = ""
}

// probe tells whether a folder can be written to and its disk has room.
func probe(dir string) (err error) {
	f, err := os.CreateTemp(dir, ".probe-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	if _, err := f.Write(make([]byte, probeBytes)); err != nil {
		return err
	}
	return f.Sync()
}
