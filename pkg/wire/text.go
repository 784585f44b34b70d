package wire

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean takes out control and format characters: the latter can turn text around on a screen.
func Clean(s string) string { return strings.Map(printable, s) }

func printable(c rune) rune {
	if unicode.IsControl(c) || unicode.Is(unicode.Cf, c) || c == utf8.RuneError {
		return -1
	}
	return c
}

// CleanName is a person's name without control characters and surrounding space, and whether it is not too long.
func CleanName(s string) (name string, ok bool) {
	name = strings.TrimSpace(Clean(s))
	return name, utf8.RuneCountInString(name) <= MaxName
}
