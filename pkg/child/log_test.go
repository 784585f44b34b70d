package child_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"linkstart/pkg/child"
	"linkstart/pkg/secret"
)

// shown is what is printed of a record.
func shown(r slog.Record) string {
	var b bytes.Buffer
	_ = slog.NewJSONHandler(&b, nil).Handle(context.Background(), r)
	return b.String()
}

func TestSecretsAreTakenOutOfTexts(t *testing.T) {
	for _, password := range []string{`pa"ss\word`, "12345", "level", "msg", "plain-password"} {
		t.Run(password, func(t *testing.T) {
			var line bytes.Buffer
			err := fmt.Errorf("open %q: %w", "rtsp://u:"+password+"@h", errors.New("refused"))
			child.Logger(&line).Warn("cannot open rtsp://u:"+password+"@h", "err", err, "pid", 123456, "wait", time.Second)
			quoted := strings.Trim(fmt.Sprintf("%q", password), `"`)
			scrub := secret.NewScrubber(password, quoted).Scrub
			r := child.ParseLine(strings.TrimSpace(line.String()), scrub)
			text := shown(r)
			if r.Level != slog.LevelWarn || !strings.Contains(r.Message, "cannot open") || !strings.Contains(text, `"pid":123456`) {
				t.Errorf("the record became %s", text)
			}
			if strings.Contains(r.Message, password) {
				t.Errorf("the record shows the password: %s", text)
			}
			r.Attrs(func(a slog.Attr) bool {
				if a.Key == "err" && strings.Contains(a.Value.String(), password) {
					t.Errorf("%s shows the password", a.Value)
				}
				return true
			})
		})
	}
}

func TestLinesCannotForgeOthers(t *testing.T) {
	keep := func(s string) string { return s }
	for line, want := range map[string]string{
		"plain":                           "plain",
		"\x1b[31mred\x07":                 " [31mred ",
		`{"msg":"a\nlevel=ERROR b"}`:      "a level=ERROR b",
		`{"msg":"no end`:                  `{"msg":"no end`,
		`{"level":"LOUD","msg":"level?"}`: "level?",
		`[1,2]`:                           `[1,2]`,
	} {
		if got := child.ParseLine(line, keep).Message; got != want {
			t.Errorf("ParseLine(%q) says %q, want %q", line, got, want)
		}
	}
}

// TestStrangersTextInALog: what cameras, browsers and configurations write does not reach a terminal as more than text.
func TestStrangersTextInALog(t *testing.T) {
	const hostile = "a\x1b[2Jb\r\nlevel=ERROR\u009bm\u202egnp\u2028\x00\x7f"
	var b bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{ReplaceAttr: child.Tidy}))
	log.Info(hostile, "text", hostile, "err", errors.New(hostile), "wait", time.Second)
	record := child.ParseLine(`{"msg":"m","k\u001b[31m":"v"}`, func(s string) string { return s })
	text := b.String() + shown(record)
	for _, bad := range []string{"\x1b", `\u001b`, `\r`, `\n`, "\u009b", "\u202e", "\u2028", `\u2028`, `\u0000`, "\x7f"} {
		if strings.Contains(text, bad) {
			t.Errorf("%q is left in %s", bad, text)
		}
	}
	if !strings.Contains(text, `"wait":"1s"`) || strings.Count(text, "level=ERROR") != 3 {
		t.Errorf("too much was taken away: %s", text)
	}
}

func FuzzParseLine(f *testing.F) {
	f.Add(`{"time":"x","level":"INFO","msg":"m","a":1,"b":[{"c":null}]}`)
	f.Fuzz(func(t *testing.T, line string) {
		r := child.ParseLine(line, func(s string) string { return s })
		if strings.ContainsAny(r.Message, "\n\r\x1b") {
			t.Errorf("%q keeps control characters: %q", line, r.Message)
		}
	})
}
