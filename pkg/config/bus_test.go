package config_test

import (
	"fmt"
	"strings"
	"testing"

	"linkstart/pkg/config"
)

// TestSiteIsCalledAsItsUser: or the hub would hear nothing of it. Without node its name is that of the machine.
func TestSiteIsCalledAsItsUser(t *testing.T) {
	for _, c := range []struct {
		node, login string
		good        bool
	}{
		{"", "user: no-machine-has-this-name, password: sixteen-and-more", false},
		{"node: south", "user: north, password: sixteen-and-more", false},
		{"node: north", "user: north, password: sixteen-and-more", true},
		{"", "credentials: north.creds", true}, // another NATS, with rights of its own
	} {
		file := fmt.Sprintf("%s\nbus: {hub: {url: \"tls://hub.example.org:4222\", %s}}\ncameras: []\n", c.node, c.login)
		_, err := config.Parse("/etc/linkstart/cameras.yaml", []byte(file), getenv)
		if good := err == nil || !strings.Contains(err.Error(), "bus.hub.user"); good != c.good {
			t.Errorf("%q, %s: %v", c.node, c.login, err)
		}
	}
}
