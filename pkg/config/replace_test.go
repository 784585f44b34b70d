package config

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
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

// TestReplaceOnAFullDisk: the file is not written in place, where what did not fit would be missing.
func TestReplaceOnAFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("linkstart-test", disk, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("a disk of its own takes the right to mount one: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	path := filepath.Join(disk, "cameras.yaml")
	if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(disk, "rest"), make([]byte, 128<<10), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	if written, err := replace(path, []byte("before"), []byte("after")); written || !errors.Is(err, ErrNotSaved) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("it was written: %v, %v", written, err)
	}
	if now, _ := os.ReadFile(path); string(now) != "before" {
		t.Errorf("it holds %s", now)
	}
	if left, _ := os.ReadDir(disk); len(left) != 2 {
		t.Errorf("%v are left", left)
	}
}
