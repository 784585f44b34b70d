package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// Source is the source of a camera. However it is printed, logged or marshalled, it shows without its secrets; also
// as an unexported field, where fmt calls no methods, because the text stands behind a pointer.
type Source struct{ text *string }

// NewSource wraps text.
func NewSource(text string) Source { return Source{&text} }

// Reveal returns the source with its secrets.
func (s Source) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// String returns the source without its secrets.
func (s Source) String() string { return Redact(s.Reveal()) }

// Format prints the source without its secrets, whatever the verb.
func (s Source) Format(f fmt.State, verb rune) {
	if verb == 'q' || f.Flag('#') {
		fmt.Fprintf(f, "%q", s.String())
		return
	}
	io.WriteString(f, s.String())
}

// LogValue implements slog.LogValuer.
func (s Source) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText gives JSON, YAML and text encoders the source without its secrets.
func (s Source) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
