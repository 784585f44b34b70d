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
	hide := s.find(text)
	for _, m := range base64Pattern.FindAllStringIndex(text, -1) {
		if s.isBasicAuth(text[m[0]:m[1]]) {
			hide = append(hide, span{m[0], m[1]})
		}
	}
	return mask(text, union(hide))
}

// find returns all occurrences of all words in text, also those that overlap.
func (s *Scrubber) find(text string) []span {
	var hide []span
	for _, word := range s.words {
		for start := range len(text) {
			for _, n := range [...]int{prefixLen(text[start:], word), escapedLen(text[start:], word)} {
				if n > 0 && (len(word) >= 4 || standsAlone(text, start, start+n)) {
					hide = append(hide, span{start, start + n})
				}
			}
		}
	}
	return hide
}

// prefixLen returns how long word is if text begins with it, else 0.
func prefixLen(text, word string) int {
	if strings.HasPrefix(text, word) {
		return len(word)
	}
	return 0
}

// escapedLen returns how many bytes of text spell word, where any byte may be percent-encoded and a space may be a +;
// 0 if text does not begin with word. It is tried at every place, as a % before it may belong to something else.
func escapedLen(text, word string) int {
	i := 0
	for _, want := range []byte(word) {
		if i >= len(text) {
			return 0
		}
		c, n := text[i], 1
		if c == '%' && i+2 < len(text) {
			if v, err := strconv.ParseUint(text[i+1:i+3], 16, 8); err == nil {
				c, n = byte(v), 3
			}
		}
		if c != want && (want != ' ' || text[i] != '+') {
			return 0
		}
		i += n
	}
	return i
}

func standsAlone(text string, start, end int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:start])
	after, _ := utf8.DecodeRuneInString(text[end:])
	return !isWord(before) && !isWord(after)
}

func isWord(r rune) bool {
	return r == '_' || r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
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
