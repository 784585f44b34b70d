package config

import (
	"maps"
	"slices"
	"strings"
	"time"

	"linkstart/pkg/onfailure"
	"linkstart/pkg/secret"
)

// OnFailure is the key on_failure: what is done where a camera has had no pictures for a while.
type OnFailure struct {
	Command  secret.Source `yaml:"command" jsonschema_description:"Shell command to run, at most 30s. LINKSTART_CAMERA, LINKSTART_STATE and LINKSTART_ERROR tell it what failed; a NAME in braces after a dollar sign is taken from the environment by the shell."`
	URL      secret.Source `yaml:"url" jsonschema_description:"http:// or https:// address to call, with what failed as JSON."`
	Method   string        `yaml:"method" jsonschema:"enum=POST,enum=PUT,enum=GET" jsonschema_description:"HTTP method of the call."`
	After    time.Duration `yaml:"after" jsonschema_description:"How long the camera must have failed: 1s to 24h."`
	Cooldown time.Duration `yaml:"cooldown" jsonschema_description:"Not again within this time: 1s to 168h."`
}

var callMethods = []string{"POST", "PUT", "GET"}

// checkOnFailure expands and checks what stands at path; what does not stand there is inherited.
func (d *decoder) checkOnFailure(s, inherited *Settings, path string) {
	path += ".on_failure"
	here := func(key string) bool {
		where, set := d.at[path+key]
		return set && !d.troubled(where)
	}
	o := &s.OnFailure
	if here(".command") {
		written := strings.TrimSpace(o.Command.Reveal())
		env := d.commandEnv(written, path+".command")
		o.Command, s.failureEnv = secret.NewSource(written), &env
	} else {
		o.Command, s.failureEnv = inherited.OnFailure.Command, inherited.failureEnv
	}
	if here(".url") {
		d.checkCall(&o.URL, path+".url")
	} else {
		o.URL = inherited.OnFailure.URL
	}
	if where := d.position(path + ".method"); here(".method") && !slices.Contains(callMethods, o.Method) {
		d.add(where, nearest(o.Method, callMethods), "%s.method: %q is not known", path, o.Method)
	}
	d.within(path+".after", o.After, time.Second, 24*time.Hour)
	d.within(path+".cooldown", o.Cooldown, time.Second, 7*24*time.Hour)
	if here("") && o.Command.Reveal() == "" && o.URL.Reveal() == "" {
		d.add(d.position(path), "write command: or url:", "%s does nothing", path)
	}
}

// checkCall expands and checks an address that is called.
func (d *decoder) checkCall(it *secret.Source, path string) {
	before := len(d.problems)
	text := d.expandSource(strings.TrimSpace(it.Reveal()), path)
	*it = secret.NewSource(text)
	complain := func(hint, format string, _ ...any) { d.add(d.position(path), hint, "%s", path+": "+format) }
	switch scheme := schemeOf(text); {
	case len(d.problems) > before:
	case scheme != "http" && scheme != "https":
		complain("write http://HOST/PATH or https://HOST/PATH", "this is no address that can be called")
	default:
		checkURL(text, scheme, complain)
	}
}

// FailureAction returns what is done when cam has failed for a while, without its Guard; nil: nothing.
func (c *Config) FailureAction(cam *Camera) *onfailure.Action {
	o := cam.OnFailure
	if o.Command.Reveal() == "" && o.URL.Reveal() == "" {
		return nil
	}
	a := &onfailure.Action{
		Command: o.Command.Reveal(), Dir: c.Dir, URL: o.URL.Reveal(), Method: o.Method, After: o.After, Cooldown: o.Cooldown,
	}
	if cam.failureEnv != nil {
		a.Env = maps.Clone(*cam.failureEnv)
	}
	return a
}

// told returns the settings that the camera's process is told, without those that the supervisor alone uses.
func (s Settings) told() Settings {
	s.RestartAt, s.OnFailure, s.failureEnv = "", OnFailure{}, nil
	return s
}
