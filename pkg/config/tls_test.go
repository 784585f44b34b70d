package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"linkstart/pkg/certificate/certtest"
	"linkstart/pkg/config"
)

// TestFilesOfTLS: what is wrong with the files is told where they are named.
func TestFilesOfTLS(t *testing.T) {
	dir := t.TempDir()
	files, _ := certtest.Write(t, dir, "good", time.Now().AddDate(0, 1, 0))
	file := filepath.Join(dir, "cameras.yaml")
	load := func(text string) (*config.Config, error) {
		if err := os.WriteFile(file, []byte("server:\n  tls:\n"+text+"cameras: []\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return config.Load(file)
	}
	pair := "    cert: cert.pem\n    key: key.pem\n"
	cfg, err := load(pair)
	if err != nil || len(cfg.Doubts) > 0 {
		t.Fatalf("%v, %v", err, cfg)
	}
	if got, ok := cfg.Server.TLS.Files(); !ok || got != files {
		t.Errorf("relative paths became %v", got)
	}
	for text, want := range map[string]string{
		"    cert: cert.pem\n    key: other.pem\n":                        "cameras.yaml:4:10: server.tls.key: " + dir + "/other.pem is not there",
		"    cert: key.pem\n    key: cert.pem\n":                          "cameras.yaml:3:11: server.tls.cert: " + dir + "/key.pem holds no certificate",
		"    cert: cert.pem\n":                                            "server.tls has one file where it needs two; write both cert: and key:",
		"    cert: " + dir + "/cert.pem\n    key: " + dir + "/none.pem\n": "4:10: server.tls.key",
	} {
		if _, err := load(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	certtest.Write(t, dir, "old", time.Now().Add(-time.Hour))
	if err := os.Chmod(files.Key, 0o644); err != nil {
		t.Fatal(err)
	}
	cfg, err = load(pair)
	if err != nil || len(cfg.Doubts) != 2 {
		t.Fatalf("%v, %v", err, cfg.Doubts)
	}
	for i, want := range []string{"cameras.yaml:3:11: server.tls.cert: " + files.Cert + " has expired", "cameras.yaml:4:10: server.tls.key: " + files.Key + " can be read"} {
		if got := cfg.Doubts[i].Error(); !strings.Contains(got, want) {
			t.Errorf("%s, want %q", got, want)
		}
	}
}
