package config

import (
	"net/url"
	"regexp"
	"strings"

	"linkstart/pkg/secret"
)

var (
	// referencePattern finds $$, ${NAME} and what looks like a reference but is none.
	referencePattern = regexp.MustCompile(`\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{`)
	// shellPattern finds the references that an exec: command leaves to the shell.
	shellPattern = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)
)

// expand replaces ${NAME} by its value and $$ by $.
func (d *decoder) expand(text, path string) string {
	return d.expandWith(text, path, func(_ int, value string) string { return value })
}

// expandSource replaces ${NAME} in a source that is no command. A value that stands in the userinfo of a URL, or as
// the whole of a query value, is percent-encoded, so that a password may hold any character.
func (d *decoder) expandSource(text, path string) string {
	userinfo := secret.Userinfo(text)
	return d.expandWith(text, path, func(at int, value string) string {
		for _, u := range userinfo {
			if u.Start <= at && at < u.End {
				return percentEncode(value)
			}
		}
		if urlPattern.MatchString(text) && at > 0 && text[at-1] == '=' && strings.Contains(text[:at], "?") {
			return percentEncode(value)
		}
		return value
	})
}

// expandWith replaces each reference by what encode makes of its value; at is where the reference begins in text.
func (d *decoder) expandWith(text, path string, encode func(at int, value string) string) string {
	var b strings.Builder
	from := 0
	for _, m := range referencePattern.FindAllStringSubmatchIndex(text, -1) {
		b.WriteString(text[from:m[0]])
		from = m[1]
		switch {
		case m[2] >= 0:
			encoded := encode(m[0], d.lookup(text[m[2]:m[3]], path))
			b.WriteString(encoded)
			d.secrets = append(d.secrets, encoded)
		case text[m[0]:m[1]] == "$$":
			b.WriteByte('$')
		default:
			d.add(d.position(path), "write ${NAME} with letters, digits and _, or $$ for a dollar sign", "%s: a ${ that begins no variable", path)
		}
	}
	b.WriteString(text[from:])
	return b.String()
}

// lookup returns the value of a variable and remembers it as a secret.
func (d *decoder) lookup(name, path string) string {
	value, ok := d.getenv(name)
	if !ok {
		d.add(d.position(path), "set it, e.g. in the systemd unit's EnvironmentFile", "%s: the environment variable %s is not set", path, name)
		return ""
	}
	d.secrets = append(d.secrets, value)
	return value
}

// commandEnv returns the variables that an exec: command refers to. The shell expands them: what we expanded would
// show in the list of processes.
func (d *decoder) commandEnv(text, path string) map[string]string {
	env := map[string]string{}
	for _, m := range shellPattern.FindAllStringSubmatch(text, -1) {
		if _, seen := env[m[1]]; !seen {
			env[m[1]] = d.lookup(m[1], path)
		}
	}
	return env
}

// percentEncode escapes all but the unreserved characters of RFC 3986 section 2.3.
func percentEncode(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
