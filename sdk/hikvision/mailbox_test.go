package hikvision_test

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// TestMailbox runs testdata/mailbox.c, which plays the library's threads, under the address sanitizer.
func TestMailbox(t *testing.T) {
	program := filepath.Join(t.TempDir(), "mailbox")
	build := exec.Command("cc", "-g", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined", "-I.", "-o", program, "testdata/mailbox.c", "mailbox.c", "-lpthread")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := exec.Command(program).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
