package execcam

import (
	"bufio"
	"cmp"
	"io"
	"log/slog"
	"slices"
	"strings"
	"unicode"
)

const maxLine = 64 << 10 // bytes of a line that are logged; the rest of it is dropped

// drain logs each line of r without the values of env until r ends, and returns the last line that says something.
// Programs that show their progress end a line by a carriage return alone.
func drain(r io.Reader, log *slog.Logger, env map[string]string) (last string) {
	mask, longest := masker(env)
	in := bufio.NewReaderSize(r, maxLine)
	line := make([]byte, 0, 256)
	cut := false
	flush := func() {
		text := mask.Replace(strings.ToValidUTF8(string(line), "\uFFFD"))
		if cut { // a secret may have been cut in two, so that the mask did not know it
			text = strings.ToValidUTF8(text[:max(len(text)-longest, 0)], "") + " [cut]"
		}
		if text = strings.TrimRightFunc(text, unicode.IsSpace); text != "" {
			log.Info("command says", "line", text)
			last = text
		}
		line, cut = line[:0], false
	}
	for {
		b, err := in.ReadByte()
		switch {
		case err != nil:
			flush()
			return last
		case b == '\n' || b == '\r':
			flush()
		case len(line) < maxLine:
			line = append(line, b)
		default:
			cut = true
		}
	}
}

// masker hides the values of env, which may be passwords, and tells how many bytes the longest has.
func masker(env map[string]string) (mask *strings.Replacer, longest int) {
	values := make([]string, 0, len(env))
	for _, v := range env {
		if v != "" {
			values = append(values, v)
			longest = max(longest, len(v))
		}
	}
	slices.SortFunc(values, func(a, b string) int { return cmp.Compare(len(b), len(a)) }) // the longest match wins
	pairs := make([]string, 0, 2*len(values))
	for _, v := range values {
		pairs = append(pairs, v, "***")
	}
	return strings.NewReplacer(pairs...), longest
}
