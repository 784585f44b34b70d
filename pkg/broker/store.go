package broker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"linkstart/pkg/bus"
)

const (
	storeUser    = "store"
	storeTimeout = 10 * time.Second
	trialBytes   = 256 << 10 // that must fit onto the disk: what a new store takes, several times over
)

// openStore opens the store in dir. What cannot be used is set aside; where nothing can be written, the store is in memory.
// Pictures matter more than selections: only where neither works is it an error.
func (s *Server) openStore(ctx context.Context, dir string) error {
	err := s.tryStore(ctx, dir)
	if err == nil {
		return nil
	}
	if full := writable(filepath.Dir(dir)); full != nil {
		err = full
	} else if aside, asideErr := setAside(dir); asideErr == nil {
		if err2 := s.tryStore(ctx, dir); err2 == nil {
			s.warn(fmt.Sprintf("The store of selections was damaged and is begun anew: every room shows the first camera until one is selected. "+
				"What was there is kept in %s.", aside), err)
			return nil
		}
	}
	memory, memoryErr := memoryDir()
	if memoryErr == nil {
		s.borrowed = memory
		memoryErr = s.tryStore(ctx, memory)
	}
	if memoryErr != nil {
		return fmt.Errorf("open store of the bus: %w", errors.Join(err, memoryErr))
	}
	s.warn(fmt.Sprintf("Selections are kept in memory only and will be forgotten when the supervisor stops, because %s cannot be written: "+
		"make room on that disk or set state_dir to a folder that can be written, then restart the supervisor.", filepath.Dir(dir)), err)
	return nil
}

// warn tells the operator once, and whoever asks later.
func (s *Server) warn(say string, err error) {
	s.warnings = append(s.warnings, say)
	s.log.Warn(say, "err", err)
}

// tryStore has JetStream use dir, and makes sure that the buckets are there and can be written.
func (s *Server) tryStore(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	err := s.srv.EnableJetStream(&server.JetStreamConfig{StoreDir: dir, MaxMemory: storeMemory, MaxStore: storeFiles})
	if err == nil {
		err = s.makeBuckets(ctx)
	}
	if err != nil { // also where it could not be enabled: it counts as enabled for all that
		return errors.Join(fmt.Errorf("use %s: %w", dir, err), s.srv.DisableJetStream())
	}
	return nil
}

func (s *Server) makeBuckets(ctx context.Context) error {
	password := s.AddUser(storeUser, AllowAll)
	defer s.RemoveUser(storeUser)
	nc, err := nats.Connect("", nats.InProcessServer(s.srv), nats.UserInfo(storeUser, password))
	if err != nil {
		return fmt.Errorf("join own bus: %w", err)
	}
	defer nc.Close()
	return bus.CreateBuckets(ctx, nc)
}

// writable tells whether a folder takes as much as a store needs.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, "trial-")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, trialBytes))
	return errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name()))
}

// setAside moves what is at dir out of the way and returns where it is now. Of what was set aside before, nothing is kept.
func setAside(dir string) (string, error) {
	old, err := filepath.Glob(dir + ".corrupt-*")
	if err != nil {
		return "", err
	}
	aside := dir + ".corrupt-" + time.Now().UTC().Format("20060102T150405Z")
	if err := os.Rename(dir, aside); err != nil {
		return "", fmt.Errorf("set damaged store aside: %w", err)
	}
	for _, o := range old {
		if o != aside {
			err = errors.Join(err, os.RemoveAll(o))
		}
	}
	return aside, err
}

// memoryDir makes a folder of our own that no disk holds, or at least not that of the state directory.
func memoryDir() (string, error) {
	for _, parent := range []string{"/dev/shm", os.TempDir()} {
		if dir, err := os.MkdirTemp(parent, "linkstart-"); err == nil {
			if err := writable(dir); err == nil {
				return dir, nil
			}
			_ = os.RemoveAll(dir)
		}
	}
	return "", errors.New("no folder in memory can be written")
}
