package config_test

import (
	"os"
	"strings"
	"testing"

	"linkstart/pkg/config"
)

// TestReachOfNothing: a camera that does not exist, in a user's list, is hardly meant, but no mistake: it may come.
func TestReachOfNothing(t *testing.T) {
	const file = `state_dir: /tmp
%scameras: [{id: gate, group: Yard, source: "test:clock"}]
access:
  user_header: X-User
  proxies: [127.0.0.1]
users:
  - {name: ann, role: viewer, cameras: [gate, gaet], groups: [Yard, Yrad]}
`
	for bus, want := range map[string][]string{
		"": {`cameras.yaml:7:47: users[0].cameras[1]: there is no camera "gaet"`, `cameras.yaml:7:69: users[0].groups[1]: there is no camera of a group "Yrad"`},
		"bus: {listen: '10.0.0.1:4222', encryption: none, users: [{name: site2, role: site, password: 0123456789abcdef}]}\n": nil, // other machines have cameras too
	} {
		cfg, err := config.Parse("cameras.yaml", []byte(strings.Replace(file, "%s", bus, 1)), os.LookupEnv)
		if err != nil {
			t.Errorf("%q: %v", bus, err)
			continue
		}
		if len(cfg.Doubts) != len(want) {
			t.Errorf("%q: %v, want %q", bus, cfg.Doubts, want)
			continue
		}
		for i, d := range cfg.Doubts {
			if d.Error() != want[i] {
				t.Errorf("%q: says %q, want %q", bus, d.Error(), want[i])
			}
		}
	}
}
