package deploy_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"linkstart/pkg/access"
	"linkstart/pkg/certificate/certtest"
	"linkstart/pkg/nettest"
)

// TestKubernetesConfigurations runs hub, relay and site with the configurations that are shipped for Kubernetes, on this machine: who logs in at
// the relay, as a user of the hub, sees the site's picture.
func TestKubernetesConfigurations(t *testing.T) {
	dir := t.TempDir()
	certtest.Write(t, dir, "hub", time.Now().AddDate(0, 1, 0))
	for from, to := range map[string]string{"cert.pem": "tls.crt", "key.pem": "tls.key"} {
		if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "ca.crt")); err != nil {
		t.Fatal(err)
	}
	hash, err := access.Hash("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	const site, relay = "a long password of a site", "a long password of relays"
	bus, leaves := nettest.FreeAddr(), nettest.FreeAddr()
	start := func(file string, env ...string) string {
		listen := nettest.FreeAddr()
		text, err := os.ReadFile("kubernetes/" + file)
		if err != nil {
			t.Fatal(err)
		}
		config := strings.NewReplacer(
			"0.0.0.0:8080", listen, "0.0.0.0:4222", bus, "0.0.0.0:7422", leaves, "/etc/linkstart/tls", dir, "/etc/linkstart-hub", dir,
			"tls://hub:4222", "tls://"+bus, "tls://hub.example.org:4222", "tls://"+bus, "tls://hub.example.org:7422", "tls://"+leaves,
			"/var/lib/linkstart", filepath.Join(dir, filepath.Base(file)+".state"),
		).Replace(string(text))
		launch(t, filepath.Join(dir, filepath.Base(file)), config, env...)
		return "http://" + listen
	}
	hub := start("hub/config/hub.yaml", "RELAY_PASSWORD="+relay, "EDGE1_PASSWORD="+site, "ADMIN_PASSWORD="+hash)
	answers(t, hub+"/readyz", "", 200)
	edge := start("edge/config/edge.yaml", "HUB_PASSWORD="+site, "GATE_PASSWORD=x", "ADMIN_PASSWORD="+hash)
	viewers := start("hub/config/relay.yaml", "RELAY_PASSWORD="+relay)
	answers(t, edge+"/readyz", "", 200)
	answers(t, viewers+"/readyz", "", 200)
	answers(t, viewers+"/api/v1/cameras", "", 401)
	cookie := ""
	eventually(t, "the hub's user logs in at the relay", func() error {
		resp, err := http.Post(viewers+"/api/v1/session", "application/json", strings.NewReader(`{"name":"admin","password":"correct horse"}`))
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("status %s", resp.Status)
		}
		cookie, _, _ = strings.Cut(resp.Header.Get("Set-Cookie"), ";")
		return nil
	})
	if picture := answers(t, viewers+"/api/v1/cameras/clock/snapshot.jpg", cookie, 200); !bytes.HasPrefix(picture, []byte{0xff, 0xd8}) {
		t.Errorf("the site's picture is %.20q", picture)
	}
}

// launch runs a supervisor until the test ends.
func launch(t *testing.T, file, config string, env ...string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(built, "supervisor"), "-config", file)
	cmd.Env = append(os.Environ(), env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // ended by a signal that was sent on purpose
		http.DefaultClient.CloseIdleConnections()
		if t.Failed() {
			t.Logf("%s says:\n%s", file, &out)
		}
	})
}

// answers asks until the answer has that status, and returns it.
func answers(t *testing.T, url, cookie string, status int) (body []byte) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s answers with %d", url, status), func() error {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		req.Header.Set("Cookie", cookie)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if body, err = io.ReadAll(io.LimitReader(resp.Body, 8<<20)); err == nil && resp.StatusCode != status {
			err = fmt.Errorf("%s: %.200s", resp.Status, body)
		}
		return err
	})
	return body
}

func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(patience / 2); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	t.Fatalf("%s: not within %s: %v", what, patience/2, err)
}
