package fleet

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/child"
)

// ringLines is how many log lines of a camera are kept.
const ringLines = 500

// ring keeps the newest lines.
type ring struct {
	mu    sync.Mutex
	lines []string
	next  int
}

func (r *ring) add(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.lines) < ringLines {
		r.lines = append(r.lines, line)
		return
	}
	r.lines[r.next] = line
	r.next = (r.next + 1) % ringLines
}

// newest returns the newest n lines, all for 0, oldest first.
func (r *ring) newest(n int) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := append(append([]string{}, r.lines[r.next:]...), r.lines[:r.next]...)
	if n > 0 && n < len(all) {
		all = all[len(all)-n:]
	}
	return all
}

// line takes a line that a camera's process printed: a record of its own log, or whatever a library wrote.
func (f *Fleet) line(m *member, line string) {
	record := child.ParseLine(line, f.scrub)
	m.tail.add(strings.TrimPrefix(formatRecord(record), record.Time.Format(logTime)+" INFO "))
	f.record(m, record)
}

// note logs what the supervisor itself has to say of a camera.
func (f *Fleet) note(m *member, level slog.Level, msg string, attrs ...slog.Attr) {
	record := slog.NewRecord(time.Now(), level, msg, 0)
	record.AddAttrs(attrs...)
	f.record(m, record)
}

// record puts a record into the supervisor's log, the camera's ring and the bus.
func (f *Fleet) record(m *member, r slog.Record) {
	text := child.Clean(formatRecord(r))
	m.log.add(text)
	f.publish(&nats.Msg{Subject: f.subjects.Log(m.id), Data: []byte(text)})
	r.AddAttrs(slog.String("camera", string(m.id)))
	if f.log.Enabled(f.ctx, r.Level) {
		_ = f.log.Handler().Handle(context.Background(), r) // there is nowhere to say that logging fails
	}
}

const logTime = "2006-01-02T15:04:05.000Z07:00"

// formatRecord writes a record as one line: time, level, message, key=value….
func formatRecord(r slog.Record) string {
	var b strings.Builder
	b.WriteString(r.Time.Format(logTime) + " ")
	b.WriteString(r.Level.String())
	b.WriteByte(' ')
	b.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		b.WriteString(" " + a.Key + "=" + a.Value.String())
		return true
	})
	return b.String()
}
