package resident_test

import (
	"os"
	"os/exec"
	"testing"

	"linkstart/pkg/resident"
)

func TestBytes(t *testing.T) {
	before := resident.Bytes(os.Getpid())
	held := make([]byte, 64<<20)
	for i := 0; i < len(held); i += os.Getpagesize() {
		held[i] = 1
	}
	if after := resident.Bytes(os.Getpid()); before <= 0 || after-before < 48<<20 {
		t.Errorf("64 MiB more are %d bytes after %d", after, before)
	}
	held[0] = 2 // until here
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if n := resident.Bytes(cmd.Process.Pid); n != 0 {
		t.Errorf("a process that has ended holds %d bytes", n)
	}
}
