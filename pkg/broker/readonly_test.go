package broker_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// TestReadOnlyDiskLosesNothing: what is stored on a disk that can only be read at the start is known, and still stored when the
// disk can be written again.
func TestReadOnlyDiskLosesNothing(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("linkstart-test", disk, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("a disk of its own takes the right to mount one: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	remount := func(flags uintptr) {
		t.Helper()
		if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	has := func(kv jetstream.KeyValue) {
		t.Helper()
		if e, err := kv.Get(t.Context(), "main"); err != nil || string(e.Value()) != "b" {
			t.Errorf("main is %v, %v", e, err)
		}
	}
	dir := filepath.Join(disk, "bus")
	_, kv, _, stop := keep(t, dir)
	if _, err := kv.PutString(t.Context(), "main", "b"); err != nil {
		t.Fatal(err)
	}
	stop()

	remount(syscall.MS_RDONLY)
	_, kv, log, stop := keep(t, dir)
	has(kv)
	remount(0)
	for end := time.Now().Add(time.Minute); !strings.Contains(log.String(), "selections are stored again"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the disk is not used again: %s", log)
		}
	}
	has(kv)
	stop()
	_, kv, _, _ = keep(t, dir)
	has(kv)
}
