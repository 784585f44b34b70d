package config

import (
	"os"
	"path/filepath"
	"testing"
)

// TestReplaceLosesNothing: what somebody else has written meanwhile is not written over.
func TestReplaceLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cameras.yaml")
	if err := os.WriteFile(path, []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	if written, err := replace(path, []byte("before"), []byte("ours")); written || err != nil {
		t.Errorf("it was written: %v, %v", written, err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("%v are left", left)
	}
	if now, _ := os.ReadFile(path); string(now) != "theirs" {
		t.Errorf("it holds %s", now)
	}
}
