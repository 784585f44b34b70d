package child

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Logger writes a child's log to w as JSON lines, which the supervisor reads and puts into its own.
func Logger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: SpellDuration}))
}

// SpellDuration is a ReplaceAttr that writes durations as "1.5s", where JSON would have nanoseconds.
func SpellDuration(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// ParseLine reads a line as Logger writes it; any other line becomes a record of level Info. scrub takes secrets out of its
// texts: out of these and not of the line, where JSON has escaped them.
func ParseLine(line string, scrub func(string) string) slog.Record {
	tidy := func(s string) string { return Clean(scrub(s)) }
	var fields map[string]any
	if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &fields) != nil {
		return slog.NewRecord(time.Now(), slog.LevelInfo, tidy(line), 0)
	}
	level := slog.LevelInfo
	if s, ok := fields[slog.LevelKey].(string); ok {
		_ = level.UnmarshalText([]byte(s)) // stays Info
	}
	msg, _ := fields[slog.MessageKey].(string)
	record := slog.NewRecord(time.Now(), level, tidy(msg), 0)
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		switch key {
		case slog.TimeKey, slog.LevelKey, slog.MessageKey:
			continue
		}
		record.AddAttrs(slog.Any(tidy(key), tidyValue(fields[key], tidy)))
	}
	return record
}

// tidyValue leaves numbers and truth values as they are; all else becomes a tidy text.
func tidyValue(v any, tidy func(string) string) any {
	switch v := v.(type) {
	case float64, bool, nil:
		return v
	case string:
		return tidy(v)
	}
	return tidy(fmt.Sprint(v))
}

// Clean puts spaces in the place of control characters, and of those that turn text around, so that a line can neither forge
// another nor steer a terminal.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), r == '\u2028', r == '\u2029', unicode.Is(unicode.Bidi_Control, r):
			return ' '
		}
		return r
	}, s)
}

// Tidy is a ReplaceAttr for a log that people read: durations as SpellDuration writes them, and every text clean, wherever it came from.
func Tidy(groups []string, a slog.Attr) slog.Attr {
	a = SpellDuration(groups, a)
	switch v := a.Value.Any().(type) {
	case string:
		a.Value = slog.StringValue(Clean(v))
	case error:
		a.Value = slog.StringValue(Clean(v.Error()))
	}
	return a
}
