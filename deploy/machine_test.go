package deploy_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience is how long anything may take before a test gives up.
const patience = 10 * time.Minute

// built is the folder with the programs that are installed; grabber-opencv is only called so.
var built string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "linkstart-deploy-")
	if err == nil {
		defer os.RemoveAll(dir)
		built = dir
		err = build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func build(dir string) error {
	if out, err := exec.Command("make", "--no-print-directory", "-C", "..", "programs", "BIN="+dir, "VERSION=test").CombinedOutput(); err != nil {
		return fmt.Errorf("build programs: %w: %s", err, out)
	}
	return os.Link(filepath.Join(dir, "grabber"), filepath.Join(dir, "grabber-opencv"))
}

// shell runs a script, in the folder of the repository, and returns what it prints.
func shell(t *testing.T, script string, env ...string) string {
	t.Helper()
	out, err := tryShell(t, script, env...)
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	return out
}

func tryShell(t *testing.T, script string, env ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-euc", script)
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), env...)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// another is a machine that has all that this one has, and a disk, a network and processes of its own: what a script does there, with
// dpkg for one, is gone with it. In it /src is the repository and /built has the programs.
//
// It has these functions: serve USER COMMAND… starts a supervisor in the background and waits until it serves, snapshot shows how a picture
// of its camera begins, halt ends it.
func another(t *testing.T, script string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can mount, which a machine of its own takes")
	}
	if out, err := tryShell(t, "unshare --mount --net --pid --fork --kill-child true"); err != nil {
		t.Skipf("this process may not make namespaces: %v: %s", err, out)
	}
	repo, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	disk := t.TempDir()
	const machine = `
mount -t tmpfs tmpfs "$DISK" || exit 99
mkdir "$DISK/new" "$DISK/work" "$DISK/root"
root=$DISK/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$DISK/new,workdir=$DISK/work" "$root" || exit 99
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mkdir -p "$root/src" "$root/built"
mount --bind "$REPO" "$root/src"
mount --bind "$BUILT" "$root/built"
ip link set lo up
exec chroot "$root" sh -euc "$SCRIPT"`
	const functions = `
cd /src
serve() {
	user=$1
	shift
	install -d -m 700 -o "$user" /var/lib/linkstart # what StateDirectory= makes
	case $user in [0-9]*) groups=--clear-groups ;; *) groups=--init-groups ;; esac # who has no name is in no other group
	setpriv --reuid "$user" --regid "$user" $groups --no-new-privs --bounding-set -all "$@" >/tmp/log 2>&1 &
	supervisor=$!
	for try in $(seq 600); do
		! curl -fs -o /dev/null http://127.0.0.1:8080/readyz || return 0
		kill -0 $supervisor || break
		sleep 0.1
	done
	cat /tmp/log
	return 1
}
snapshot() {
	until curl -fs -o /tmp/picture http://127.0.0.1:8080/api/v1/cameras/clock/snapshot.jpg; do sleep 0.2; done # it is not live at once
	head -c 2 /tmp/picture | od -An -tx1
}
halt() {
	kill $supervisor
	wait $supervisor
}
`
	out, err := tryShell(t, `exec unshare --mount --net --pid --fork --kill-child sh -euc "$MACHINE"`,
		"MACHINE="+machine, "SCRIPT="+functions+script, "DISK="+disk, "REPO="+repo, "BUILT="+built)
	if exit := (*exec.ExitError)(nil); err != nil && errors.As(err, &exit) && exit.ExitCode() == 99 {
		t.Skipf("there can be no overlay file system here: %s", out)
	}
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	return out
}

// says fails for each of the lines that is missing in what a script has printed.
func says(t *testing.T, out string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains("\n"+out+"\n", "\n"+line+"\n") {
			t.Errorf("it does not say %q:\n%s", line, out)
		}
	}
}
