// Package audit keeps a record of who has logged in and of what was ordered.
package audit

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"gopkg.in/natefinch/lumberjack.v2"
)

// Record is one thing that somebody has done, or tried to do. It holds no secret.
type Record struct {
	Time    time.Time `json:"time"`
	Who     string    `json:"who,omitempty"`    // user, or "token NAME"; "" where nobody has to say who he is
	Via     string    `json:"via,omitempty"`    // how that was proved: password, token, session, proxy, oidc, command line
	From    string    `json:"from,omitempty"`   // address
	Action  string    `json:"action"`           // login, logout, restart, select, …
	Target  string    `json:"target,omitempty"` // camera, room or token
	Outcome string    `json:"outcome"`          // ok, or why it was not done
}

// Clean returns r without what could be taken for something else: characters that steer a terminal or turn text around, and what is
// too long to be read.
func (r Record) Clean() Record {
	for _, text := range []*string{&r.Who, &r.Via, &r.From, &r.Action, &r.Target, &r.Outcome} {
		*text = clean(*text)
	}
	return r
}

// OK is the outcome of what was done.
const OK = "ok"

const (
	file     = "audit.log"
	megabyte = 10 // of one file
	files    = 9  // older ones that are kept
	maxText  = 300
	maxLine  = 16 << 10 // each character of a text may take six
)

// Decode reads a record that has come over the bus.
func Decode(b []byte) (Record, error) {
	var r Record
	if len(b) > maxLine {
		return r, errors.New("record is too long")
	}
	err := json.Unmarshal(b, &r)
	return r, err
}

// Log is the file audit.log: a line of JSON for each record. When it has 10 MB another one is begun, and nine older ones are kept. It
// is safe for use by many goroutines.
type Log struct {
	mu  sync.Mutex
	out *lumberjack.Logger // nil for none
	dir string
}

// Open keeps the log in dir, "" for nowhere.
func Open(dir string) *Log {
	if dir == "" {
		return &Log{}
	}
	return &Log{dir: dir, out: &lumberjack.Logger{Filename: filepath.Join(dir, file), MaxSize: megabyte, MaxBackups: files}} // made with mode 0600
}

// Put writes one record, cleaned.
func (l *Log) Put(r Record) error {
	if l.out == nil {
		return nil
	}
	b, err := json.Marshal(r.Clean())
	if err != nil {
		return fmt.Errorf("encode audit record: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.out.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("write audit log: %w", err)
	}
	return nil
}

// clean takes out control and format characters, and shortens.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if runes := []rune(text); len(runes) > maxText {
		text = string(runes[:maxText-1]) + "…"
	}
	return text
}

// Newest returns at most n lines of the newest file and the one before it, oldest first.
func (l *Log) Newest(n int) ([]string, error) {
	if l.out == nil || n <= 0 {
		return nil, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	older, err := filepath.Glob(filepath.Join(l.dir, "audit-*.log"))
	if err != nil {
		return nil, fmt.Errorf("find audit logs: %w", err)
	}
	slices.Sort(older) // by their time, which is in their name
	names := append(older[max(0, len(older)-1):], filepath.Join(l.dir, file))
	var lines []string
	for _, name := range names {
		if lines, err = tail(name, lines, n); err != nil {
			return nil, err
		}
	}
	return lines, nil
}

// tail appends the lines of a file, of which the newest n are kept.
func tail(name string, lines []string, n int) ([]string, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return lines, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read audit log: %w", err)
	}
	defer f.Close()
	scan := bufio.NewScanner(io.LimitReader(f, 2*megabyte<<20))
	scan.Buffer(nil, maxLine*2)
	for scan.Scan() {
		if lines = append(lines, scan.Text()); len(lines) > 2*n {
			lines = append(lines[:0], lines[len(lines)-n:]...)
		}
	}
	if err := scan.Err(); err != nil {
		return nil, fmt.Errorf("read audit log: %w", err)
	}
	return lines[max(0, len(lines)-n):], nil
}

// Close closes the file.
func (l *Log) Close() error {
	if l.out == nil {
		return nil
	}
	return l.out.Close()
}
