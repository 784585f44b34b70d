package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// worstExposure is what systemd-analyze may find at most, from 0 to 10: below 3 it says OK with a smile.
const worstExposure = 2.6

func TestUnit(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Fatal("systemd-analyze is not here: `make test` installs it")
	}
	text, err := os.ReadFile("systemd/linkstart.service")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "linkstart.service")
	unit := strings.ReplaceAll(string(text), "/usr/lib/linkstart", built)
	if err := os.WriteFile(file, []byte(unit), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := shell(t, "systemd-analyze verify --man=no "+file); out != "" {
		t.Errorf("systemd-analyze verify: %s", out)
	}
	out := shell(t, "systemd-analyze security --offline=true --no-pager "+file)
	m := regexp.MustCompile(`exposure level for linkstart.service: ([0-9.]+)`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("systemd-analyze security tells no exposure:\n%s", out)
	}
	if exposure, err := strconv.ParseFloat(m[1], 64); err != nil || exposure > worstExposure {
		t.Errorf("the service is exposed by %s, more than %v:\n%s", m[1], worstExposure, out)
	}
	// By clone3 a camera's process is started in its cgroup; this setting of systemd's forbids it.
	if strings.Contains(unit, "\nRestrictNamespaces=") {
		t.Error("the unit restricts namespaces, which keeps cameras out of their cgroups")
	}
}

// TestInstall installs on a machine of its own, serves, installs again, and removes it.
func TestInstall(t *testing.T) {
	out := another(t, `
export BIN=/built
make install
make install PREFIX=/opt/elsewhere DESTDIR=/tmp/stage
find /tmp/stage -name linkstart.service | xargs grep ^ExecStart
ls -d /tmp/stage/etc 2>/dev/null || echo no configuration is staged
stat -c '%a %U %G %n' /etc/linkstart/*
id -nG linkstart
echo '# mine' >>/etc/linkstart/cameras.yaml
chown root /etc/linkstart/cameras.yaml
make install >/dev/null
tail -n 1 /etc/linkstart/cameras.yaml
stat -c '%U owns it' /etc/linkstart/cameras.yaml
cd /
linkstart check
serve linkstart /usr/local/lib/linkstart/supervisor -config /etc/linkstart/cameras.yaml
snapshot
linkstart status | grep -o '^clock'
halt
cd /src
make uninstall
find /usr/local /etc /var/lib -path '*linkstart*'
`)
	says(t, out,
		"ExecStart=/opt/elsewhere/lib/linkstart/supervisor -config /etc/linkstart/cameras.yaml",
		"no configuration is staged", "640 linkstart linkstart /etc/linkstart/cameras.yaml", "600 root root /etc/linkstart/passwords",
		"linkstart video render", "# mine", "root owns it", "/etc/linkstart/cameras.yaml: no mistakes, 1 cameras",
		" ff d8", "clock", "Left as they are: the configuration in /etc/linkstart, the state in /var/lib/linkstart, the user linkstart.",
	)
	if _, left, _ := strings.Cut(out, "Left as they are"); strings.Contains(left, "/usr/local") || !strings.Contains(left, "/etc/linkstart/cameras.yaml") {
		t.Errorf("left is %s", left)
	}
}
