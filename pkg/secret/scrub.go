package secret

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Scrubber replaces known secrets in text by ***. Several goroutines may use it at once. The zero value knows none.
type Scrubber struct {
	mu    sync.RWMutex
	words []string // the secrets, and each as Go and JSON quote it
	plain []string // the secrets alone, for basic authentication
}

// NewScrubber returns a Scrubber that knows secrets.
func NewScrubber(secrets ...string) *Scrubber {
	s := &Scrubber{}
	s.Add(secrets...)
	return s
}

// Add makes further secrets known. Empty ones are left out.
func (s *Scrubber) Add(secrets ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range secrets {
		if secret == "" || slices.Contains(s.plain, secret) {
			continue
		}
		s.plain = append(s.plain, secret)
		s.words = append(s.words, secret)
		if q := strconv.Quote(secret); q[1:len(q)-1] != secret {
			s.words = append(s.words, q[1:len(q)-1])
		}
		if q, err := json.Marshal(secret); err == nil && string(q[1:len(q)-1]) != secret {
			s.words = append(s.words, string(q[1:len(q)-1]))
		}
	}
}

// base64Pattern finds what may be the user:password of basic authentication (RFC 7617), or base64 of any other kind.
var base64Pattern = regexp.MustCompile(`[A-Za-z0-9+/_-]{4,}={0,2}`)

// Scrub returns text with every known secret replaced: as it is, percent-encoded in whatever way, as Go and JSON
// quote it, and as the password of base64 basic authentication. A secret shorter than 4 bytes counts only between
// characters that are no letters, digits or _, so that "on" does not eat half of a log.
func (s *Scrubber) Scrub(text string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.plain) == 0 {
		return text
	}
	hide := s.find(text, nil)
	if strings.Contains(text, "%") {
		hide = append(hide, s.find(unescape(text, false))...)
	}
	if strings.ContainsAny(text, "+") {
		hide = append(hide, s.find(unescape(text, true))...)
	}
	for _, m := range base64Pattern.FindAllStringIndex(text, -1) {
		if s.isBasicAuth(text[m[0]:m[1]]) {
			hide = append(hide, span{m[0], m[1]})
		}
	}
	return mask(text, union(hide))
}

// find returns all occurrences of all words in text, also those that overlap. With at, text is a decoded form, and
// byte i of it stood at at[i] of the original, to which the spans refer; at is one longer than text.
func (s *Scrubber) find(text string, at []int) []span {
	var hide []span
	for _, word := range s.words {
		for from := 0; ; {
			i := strings.Index(text[from:], word)
			if i < 0 {
				break
			}
			start, end := from+i, from+i+len(word)
			from = start + 1
			if len(word) < 4 && !standsAlone(text, start, end) {
				continue
			}
			if at != nil {
				start, end = at[start], at[end]
			}
			hide = append(hide, span{start, end})
		}
	}
	return hide
}

func standsAlone(text string, start, end int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:start])
	after, _ := utf8.DecodeRuneInString(text[end:])
	return !isWord(before) && !isWord(after)
}

func isWord(r rune) bool {
	return r == '_' || r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// unescape decodes every valid %XX of text, and with plus each + as a space, and tells where each byte of the result
// stood; one more entry stands for the end.
func unescape(text string, plus bool) (string, []int) {
	out := make([]byte, 0, len(text))
	at := make([]int, 0, len(text)+1)
	for i := 0; i < len(text); {
		at = append(at, i)
		c, n := text[i], 1
		if c == '%' && i+2 < len(text) {
			if v, err := strconv.ParseUint(text[i+1:i+3], 16, 8); err == nil {
				c, n = byte(v), 3
			}
		} else if c == '+' && plus {
			c = ' '
		}
		out = append(out, c)
		i += n
	}
	return string(out), append(at, len(text))
}

func (s *Scrubber) isBasicAuth(word string) bool {
	word = strings.TrimRight(word, "=")
	decoded, err := base64.RawStdEncoding.DecodeString(word)
	if err != nil {
		if decoded, err = base64.RawURLEncoding.DecodeString(word); err != nil {
			return false
		}
	}
	_, password, ok := strings.Cut(string(decoded), ":")
	return ok && slices.Contains(s.plain, password)
}
