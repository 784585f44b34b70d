// Package secret keeps passwords out of everything that is printed: it finds them in camera sources, masks them, and
// scrubs them from text that others wrote.
package secret

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Mask stands where a secret stood.
const Mask = "***"

// A span is the half-open range of bytes [start, end) of a text.
type span struct{ start, end int }

var (
	schemePattern = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://`)

	// keyPattern finds key=value where the key speaks of a secret, in queries, in paths such as
	// /user=admin_password=x_channel=1.sdp and in GStreamer pipelines. Pieces between & without a = of their own are
	// taken to belong to the value before them: they are an & that nobody escaped.
	keyPattern = regexp.MustCompile(`(?i)(?:password|passwd|passphrase|pass|pas|pwd|pw|token|key|auth|secret|sig|signature|credentials?)[0-9]*=([^&\s]*(?:&[^&=\s]*(?:&|$))*)`)

	// variablePattern is a reference that a shell expands later, which tells nothing.
	variablePattern = regexp.MustCompile(`^["']?\$(?:\w+|\{\w+\})["']?$`)
)

// Redact returns source without its secrets: the password of each URL's userinfo, and each value whose key speaks of
// a secret (password, pwd, token, key, sig …), become ***; the user name stays. It needs no valid URL: where a
// text can be read in two ways, as with a password that holds @ or /, the one that hides more is taken.
// A reference that is still to be expanded, ${NAME}, is shown as it is written.
func Redact(source string) string {
	return mask(source, spans(source))
}

// Secrets returns the secrets inside source, without duplicates: as they are written and percent-decoded.
func Secrets(source string) []string {
	var found []string
	for _, s := range spans(source) {
		found = append(found, decodings(source[s.start:s.end])...)
	}
	for _, u := range Userinfo(source) {
		if i := strings.IndexByte(source[u.Start:u.End], ':'); i >= 0 {
			found = append(found, decodings(source[u.Start+i+1:u.End])...)
		}
	}
	found = slices.DeleteFunc(found, func(s string) bool { return s == "" || variablePattern.MatchString(s) })
	slices.Sort(found)
	return slices.Compact(found)
}

func decodings(s string) []string {
	all := []string{s}
	if d, err := url.PathUnescape(s); err == nil {
		all = append(all, d)
	}
	if d, err := url.QueryUnescape(s); err == nil {
		all = append(all, d)
	}
	return all
}

// Range is the half-open range of bytes [Start, End) of a source.
type Range struct{ Start, End int }

// Userinfo returns where the userinfo (user:password, RFC 3986 section 3.2.1) of each URL in source stands, without
// its @. A password may hold characters that RFC 3986 wants escaped: unless the host is written as an address, the
// last @ of the URL ends the userinfo.
func Userinfo(source string) []Range {
	var all []Range
	for _, u := range schemePattern.FindAllStringIndex(source, -1) {
		start, end := u[1], len(source)
		if u[0] > 0 { // within a command or a pipeline a URL is one word
			if i := strings.IndexAny(source[start:], " \t\r\n\"'"); i >= 0 {
				end = start + i
			}
		}
		if n := userinfoLen(source[start:end]); n >= 0 {
			all = append(all, Range{start, start + n})
		}
	}
	return all
}

// userinfoLen takes what follows "scheme://" and returns how long its userinfo is, -1 without one.
func userinfoLen(rest string) int {
	authority := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority = rest[:i]
	}
	at := strings.LastIndexByte(authority, '@')
	if isAddress(authority[at+1:]) {
		return at
	}
	if at < 0 && !strings.Contains(authority, ":") {
		return -1
	}
	return strings.LastIndexByte(rest, '@')
}

// isAddress tells whether hostport is an IP address, with or without a port: then no part of a password.
func isAddress(hostport string) bool {
	if _, err := netip.ParseAddrPort(hostport); err == nil {
		return true
	}
	_, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(hostport, "["), "]"))
	return err == nil
}

// spans returns where the secrets of source stand, in order and without overlap.
func spans(source string) []span {
	var all []span
	for _, u := range Userinfo(source) {
		if i := strings.IndexByte(source[u.Start:u.End], ':'); i >= 0 {
			all = append(all, span{u.Start + i + 1, u.End})
		}
	}
	if !strings.Contains(source, "://") && !opaque(source) {
		// A URL whose // was forgotten: all between the first colon and the last @.
		colon, at := strings.IndexByte(source, ':'), strings.LastIndexByte(source, '@')
		if colon >= 0 && colon < at {
			all = append(all, span{colon + 1, at})
		}
	}
	for _, m := range keyPattern.FindAllStringSubmatchIndex(source, -1) {
		all = append(all, span{m[2], m[3]})
	}
	all = slices.DeleteFunc(all, func(s span) bool {
		text := source[s.start:s.end]
		return text == "" || variablePattern.MatchString(text)
	})
	return union(all)
}

// opaque tells whether source is of a kind in which an @ means nothing.
func opaque(source string) bool {
	scheme, _, _ := strings.Cut(source, ":")
	switch strings.ToLower(scheme) {
	case "exec", "opencv", "file", "test", "push":
		return true
	}
	return false
}

// union sorts all and joins those that overlap or touch.
func union(all []span) []span {
	slices.SortFunc(all, func(a, b span) int { return a.start - b.start })
	var joined []span
	for _, s := range all {
		if n := len(joined); n > 0 && s.start <= joined[n-1].end {
			joined[n-1].end = max(joined[n-1].end, s.end)
			continue
		}
		joined = append(joined, s)
	}
	return joined
}

// mask replaces each of the spans, which are in order, by Mask.
func mask(text string, hide []span) string {
	if len(hide) == 0 {
		return text
	}
	var b strings.Builder
	from := 0
	for _, s := range hide {
		b.WriteString(text[from:s.start])
		b.WriteString(Mask)
		from = s.end
	}
	b.WriteString(text[from:])
	return b.String()
}
