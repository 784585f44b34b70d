package config

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"linkstart/pkg/camera"
)

// Addition is a camera that is not in the file yet. Every text in it is meant as it stands: a $ begins no variable. What is zero
// is not written.
type Addition struct {
	ID        camera.ID // "": made of the name
	Name      string
	Group     string
	Source    string
	Substream string
	TLSPin    string // "": none
	FPS       float64
	Quality   int
}

// Errors of Add. Both are of the kind that errors.Is finds; camera.Say tells the user more.
var (
	ErrIDTaken  = errors.New("the id is in use")
	ErrNotSaved = errors.New("the configuration file cannot be written")
)

const (
	maxName  = 200 // bytes
	addTries = 5   // while somebody else writes the file
)

// adding lets one camera into the file after the other.
var adding sync.Mutex

// Add writes a camera into the file at path, after the last one, leaves every other byte of it as it is, and returns the new
// camera's id. A file that has mistakes stays as it is: the error is then of type Problems.
func Add(path string, a Addition) (camera.ID, error) {
	adding.Lock()
	defer adding.Unlock()
	for range addTries {
		before, err := read(path)
		if err != nil {
			return "", &camera.Error{Say: "the configuration file cannot be read", Err: errors.Join(ErrNotSaved, err)}
		}
		after, id, err := Append(path, before, a, os.LookupEnv)
		if err != nil {
			return "", err
		}
		written, err := replace(path, before, after)
		if err != nil || written {
			return id, err
		}
	}
	return "", &camera.Error{Say: "the configuration file is being written by somebody else all the time: try again", Err: ErrNotSaved}
}

// Append returns data, which is the file at path, with one more camera, and that camera's id. All else stays byte for byte.
func Append(path string, data []byte, a Addition, getenv func(string) (string, bool)) ([]byte, camera.ID, error) {
	before, err := Parse(path, data, getenv)
	if err != nil {
		return nil, "", err
	}
	if a.ID, err = before.free(a); err != nil {
		return nil, "", err
	}
	if _, err := a.Check(before); err != nil {
		return nil, "", err
	}
	by := &camera.Error{Say: fmt.Sprintf("the way in which cameras are written in %s leaves no safe place for another one: write it in by hand", before.File), Err: ErrNotSaved}
	text, ok := insert(data, a)
	if !ok {
		return nil, "", by
	}
	if len(text) > maxFile { // it could not be read any more
		return nil, "", &camera.Error{Say: fmt.Sprintf("%s would be larger than %d bytes", before.File, maxFile), Err: ErrNotSaved}
	}
	after, err := Parse(path, text, getenv)
	if err != nil || !a.alone(before, after) {
		return nil, "", by
	}
	return text, a.ID, nil
}

// free returns the id that the camera is to have.
func (c *Config) free(a Addition) (camera.ID, error) {
	used := func(id camera.ID) bool {
		return slices.ContainsFunc(c.Cameras, func(cam *Camera) bool { return cam.ID == id })
	}
	if a.ID != "" {
		if _, err := camera.ParseID(string(a.ID)); err != nil {
			return "", &camera.Error{Say: "id: " + err.Error()}
		}
		if used(a.ID) {
			return "", &camera.Error{Say: fmt.Sprintf("there is a camera %s already: choose another id", a.ID), Err: ErrIDTaken}
		}
		return a.ID, nil
	}
	stem := slug(a.Name)
	if stem != "" && !used(stem) {
		return stem, nil
	}
	if stem == "" {
		stem = "camera"
	}
	for n := 1; ; n++ {
		if id := camera.ID(fmt.Sprintf("%s-%d", stem, n)); !used(id) && (n > 1 || stem == "camera") {
			return id, nil
		}
	}
}

var notSlug = regexp.MustCompile(`[^a-z0-9]+`)

// slug makes an id of what is ASCII in a name; "" where that is not all of its letters, as half a name names something else.
func slug(name string) camera.ID {
	for _, r := range name {
		if r > unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return ""
		}
	}
	s := strings.Trim(notSlug.ReplaceAllString(strings.ToLower(name), "-"), "-")
	return camera.ID(strings.Trim(s[:min(len(s), 50)], "-"))
}

// Check returns the camera as it would be in base. The error says in a sentence what is wrong with it.
func (a Addition) Check(base *Config) (*Camera, error) {
	for what, text := range map[string]string{"name": a.Name, "group": a.Group} {
		if len(text) > maxName || strings.ContainsFunc(text, unicode.IsControl) {
			return nil, &camera.Error{Say: fmt.Sprintf("the %s takes at most %d bytes, and no control characters", what, maxName)}
		}
	}
	if a.ID == "" {
		a.ID = "new"
	}
	cfg, err := Parse(base.File, []byte("state_dir: /\ncameras:\n  - "+a.flow()+"\n"), func(string) (string, bool) { return "", false })
	var problems Problems
	if errors.As(err, &problems) {
		say := problems[0].What
		if hint := problems[0].Hint; hint != "" {
			say += "; " + hint
		}
		return nil, &camera.Error{Say: strings.ReplaceAll(say, "cameras[0].", "")}
	}
	if err != nil {
		return nil, err
	}
	cam := cfg.Cameras[0]
	settings := base.Defaults
	if a.FPS != 0 {
		settings.FPS = a.FPS
	}
	if a.Quality != 0 {
		settings.Quality = a.Quality
	}
	cam.Settings = settings
	return cam, nil
}

// alone tells whether a, and nothing else, is what after has more than before.
func (a Addition) alone(before, after *Config) bool {
	n := len(before.Cameras)
	if len(after.Cameras) != n+1 {
		return false
	}
	for i, cam := range before.Cameras {
		if after.Cameras[i].ID != cam.ID {
			return false
		}
	}
	want, err := a.Check(before)
	if err != nil {
		return false
	}
	changes, got := Diff(before, after), after.Cameras[n]
	only := Changes{Added: []camera.ID{a.ID}}
	return changes.String() == only.String() && got.ID == want.ID && got.Name == want.Name && got.Group == want.Group &&
		got.Source.Reveal() == want.Source.Reveal() && got.Substream.Reveal() == want.Substream.Reveal() && got.TLSPin == want.TLSPin && got.FPS == want.FPS && got.Quality == want.Quality
}

// pair is a key and its value as they are written.
type pair struct{ key, plain, quoted string }

// Plain writes a text as it stands in a block of YAML and refers to nothing in the environment, in quotes where it needs them.
func Plain(text string) string {
	value := strings.ReplaceAll(text, "$", "$$")
	if plainPattern.MatchString(value) && !reserved[strings.ToLower(value)] || plainURL.MatchString(value) {
		return value
	}
	return quoted(text)
}

func quoted(text string) string { return strconv.Quote(strings.ReplaceAll(text, "$", "$$")) }

// pairs are the keys that are set, in the order in which people write them.
func (a Addition) pairs() []pair {
	var all []pair
	for _, p := range []struct{ key, value string }{
		{"id", string(a.ID)}, {"name", a.Name}, {"group", a.Group}, {"source", a.Source}, {"substream", a.Substream},
		{"tls_pin", a.TLSPin},
	} {
		if p.value == "" {
			continue
		}
		all = append(all, pair{p.key, Plain(p.value), quoted(p.value)})
	}
	if a.FPS != 0 {
		n := strconv.FormatFloat(a.FPS, 'f', -1, 64)
		all = append(all, pair{"fps", n, n})
	}
	if a.Quality != 0 {
		n := strconv.Itoa(a.Quality)
		all = append(all, pair{"quality", n, n})
	}
	return all
}

var (
	// plainPattern is text that YAML takes for itself without quotes, wherever it stands.
	plainPattern = regexp.MustCompile(`^\p{L}[\p{L}\p{N} _-]*[\p{L}\p{N}_]$|^\p{L}$`)
	plainURL     = regexp.MustCompile(`^[a-z]+:[A-Za-z0-9._~:/?@%&=+$-]*[A-Za-z0-9_/]$`)
	reserved     = map[string]bool{"true": true, "false": true, "yes": true, "no": true, "on": true, "off": true, "y": true, "n": true, "null": true}
)

// flow writes the camera as {id: …, source: …}.
func (a Addition) flow() string {
	var parts []string
	for _, p := range a.pairs() {
		value := p.plain
		if p.key == "source" || p.key == "substream" {
			value = p.quoted // as a comma or bracket would end it
		}
		parts = append(parts, p.key+": "+value)
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
