package access

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const (
	storeFile  = "access.json"
	storeBytes = 4 << 20
	keyBytes   = 32

	maxTokens = 1000
	maxEnded  = 10_000
	userEnded = 200     // of one user
	mostBytes = 2 << 20 // of all: less than the bus carries, and than is read again
)

// Errors of a Store.
var (
	ErrNoToken = errors.New("there is no such token")
	ErrFull    = errors.New("there are too many tokens")
)

// Store keeps what is not in the configuration: the key that signs sessions and links, the tokens, and which sessions have been
// ended. It is the supervisor's, and safe for use by many goroutines.
type Store struct {
	file string // "" for none

	mu   sync.Mutex
	kept kept
}

// kept is the content of the file.
type kept struct {
	Key    []byte  `json:"key"`
	Tokens []Token `json:"tokens"`
	Ended  []Ended `json:"ended"`
}

// Open reads what is kept in dir, "" for nowhere, or begins anew: whoever was logged in then has to log in again, and tokens are
// gone. The error says why, and the Store works all the same, if need be in memory.
func Open(dir string) (*Store, error) {
	s := &Store{}
	if dir != "" {
		s.file = filepath.Join(dir, storeFile)
	}
	err := s.load()
	if len(s.kept.Key) == keyBytes {
		return s, err
	}
	s.kept = kept{Key: make([]byte, keyBytes)}
	_, _ = rand.Read(s.kept.Key) // it never fails
	if err != nil && !errors.Is(err, fs.ErrNotExist) && s.file != "" {
		_ = os.Rename(s.file, s.file+".damaged") // a person may still read it
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return s, errors.Join(err, s.save())
}

func (s *Store) load() error {
	if s.file == "" {
		return nil
	}
	f, err := os.Open(s.file)
	if err != nil {
		return fmt.Errorf("read logins and tokens: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, storeBytes))
	if err == nil {
		err = json.Unmarshal(b, &s.kept)
	}
	if err == nil && len(s.kept.Key) != keyBytes {
		err = errors.New("it has no key")
	}
	if err != nil {
		return fmt.Errorf("read logins and tokens from %s: %w", s.file, err)
	}
	return nil
}

// save puts the file there in one step. The mutex is held, or nobody else has s yet.
func (s *Store) save() error {
	if s.file == "" {
		return nil
	}
	b, err := json.Marshal(s.kept)
	if err != nil {
		return fmt.Errorf("store logins and tokens: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(s.file), storeFile+".*") // with mode 0600
	if err != nil {
		return fmt.Errorf("store logins and tokens: %w", err)
	}
	_, err = io.Copy(f, bytes.NewReader(b))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), s.file)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("store logins and tokens: %w", err)
	}
	return nil
}

// Complete returns p with what is kept here.
func (s *Store) Complete(p Policy) Policy {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.Key, p.Tokens, p.Ended = slices.Clone(s.kept.Key), slices.Clone(s.kept.Tokens), slices.Clone(s.kept.Ended)
	return p
}

// Tokens returns all tokens without their hashes, the oldest first.
func (s *Store) Tokens() []Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Clone(s.kept.Tokens)
	for i := range list {
		list[i].Hash = ""
	}
	return list
}

// Add makes a token, and returns the secret that it is used with. A token that cannot be stored is not made.
func (s *Store) Add(t Token, now time.Time) (secret string, made Token, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.kept.Tokens) >= maxTokens {
		return "", Token{}, ErrFull
	}
	t.Created = now.UTC().Truncate(time.Second)
	secret, made = NewToken(t)
	before := s.kept.Tokens
	s.kept.Tokens = append(slices.Clip(before), made)
	b, err := json.Marshal(s.kept)
	switch {
	case err == nil && len(b) > mostBytes:
		err = ErrFull
	case err == nil:
		err = s.save()
	}
	if err != nil {
		s.kept.Tokens = before
		return "", Token{}, err
	}
	made.Hash = ""
	return secret, made, nil
}

// Revoke ends a token. Where that cannot be stored it is ended all the same, until the next start; the error says so.
func (s *Store) Revoke(id string) (Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.kept.Tokens, func(t Token) bool { return t.ID == id })
	if i < 0 {
		return Token{}, ErrNoToken
	}
	gone := s.kept.Tokens[i]
	gone.Hash = ""
	s.kept.Tokens = slices.Delete(slices.Clone(s.kept.Tokens), i, i+1)
	return gone, s.save()
}

// End ends a session, and forgets those that would be over by now.
func (s *Store) End(e Ended, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	live := slices.DeleteFunc(slices.Clone(s.kept.Ended), func(e Ended) bool { return !now.Before(e.Until) })
	// Who logs in and out all the time makes room among his own.
	live = forget(live, userEnded, func(other Ended) bool { return other.Name == e.Name })
	live = forget(live, maxEnded, func(Ended) bool { return true })
	s.kept.Ended = append(live, e)
	return s.save()
}

// forget leaves room for one more among most of those that are of a kind: the one that is over first goes.
func forget(all []Ended, most int, kind func(Ended) bool) []Ended {
	first, count := -1, 0
	for i, e := range all {
		if !kind(e) {
			continue
		}
		if count++; first < 0 || e.Until.Before(all[first].Until) {
			first = i
		}
	}
	if count < most {
		return all
	}
	return slices.Delete(all, first, first+1)
}
