// Package e2e tests Linkstart as its users have it: the real programs, real cameras on real servers, a real browser.
package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// bin is the folder with the programs under test.
var bin string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "linkstart-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin = filepath.Join(dir, "bin")
	if err := build(bin); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	err = goleak.Find()
	for end := time.Now().Add(patience); err != nil && time.Now().Before(end); {
		err = goleak.Find() // what has been closed may take long to end on a busy machine
	}
	if code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// build makes the programs, with the race detector unless figures are taken.
func build(dir string) error {
	for _, args := range [][]string{
		{"-o", dir + "/", "../cmd/..."},
		{"-tags", "opencv", "-o", filepath.Join(dir, "grabber-opencv"), "../cmd/grabber"},
	} {
		cmd := exec.Command("go", append([]string{"build", buildFlag}, args...)...)
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("build programs: %w", err)
		}
	}
	return nil
}
