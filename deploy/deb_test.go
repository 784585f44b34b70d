package deploy_test

import (
	"debug/elf"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestGrabberIsHardened: what a fault in its C could jump to, or overwrite to be jumped to, is at another address each time, or not to
// be written.
func TestGrabberIsHardened(t *testing.T) {
	f, err := elf.Open(filepath.Join(built, "grabber"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Type != elf.ET_DYN {
		t.Errorf("it is %s, and always at the same address", f.Type)
	}
	if flags, err := f.DynValue(elf.DT_FLAGS); err != nil || len(flags) != 1 || elf.DynFlag(flags[0])&elf.DF_BIND_NOW == 0 {
		t.Errorf("its dynamic flags are %v (%v), so the table of what it calls stays writable", flags, err)
	}
	if !slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_GNU_RELRO }) {
		t.Error("it has no RELRO")
	}
}

// debs builds the packages of a version and returns the folder with them.
func debs(t *testing.T, version string) string {
	t.Helper()
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	nfpm := regexp.MustCompile(`(?m)^NFPM *:= (.*)$`).FindSubmatch(makefile)
	dir := t.TempDir()
	shell(t, `deploy/deb/build.sh "$DESCRIBED" "$DIR" "$NFPM"`, "DESCRIBED="+version, "DIR="+dir, "NFPM="+string(nfpm[1]), "BIN="+built)
	return dir
}

// TestPackage installs the packages on a machine of its own, serves, upgrades, removes and purges them. What they depend on is here, as
// tests need it, and dpkg looks at that.
func TestPackage(t *testing.T) {
	old, new := debs(t, "4fd06b1"), debs(t, "v0.1.0-3-gabcdef")
	contents(t, new)
	// /built is all that is there of this machine's temporary files.
	for _, dir := range []string{old, new} {
		packages, _ := filepath.Glob(dir + "/*.deb")
		if len(packages) != 2 {
			t.Fatalf("packages are %v", packages)
		}
		for _, p := range packages {
			if err := os.Rename(p, filepath.Join(built, filepath.Base(p))); err != nil {
				t.Fatal(err)
			}
		}
	}
	out := another(t, `
export DEBIAN_FRONTEND=noninteractive
dpkg --force-unsafe-io --no-triggers -i /built/linkstart_0~*.deb /built/linkstart-opencv_0~*.deb
id -nG linkstart
stat -c '%a %U %G %n' /etc/linkstart /etc/linkstart/* /usr/lib/linkstart/supervisor
dpkg -S /usr/bin/linkstart
ls /etc/systemd/system/multi-user.target.wants/linkstart.service
cd /
linkstart check
serve linkstart /usr/lib/linkstart/supervisor -config /etc/linkstart/cameras.yaml
snapshot
linkstart status | grep -o '^clock'
halt
echo '# mine' >>/etc/linkstart/cameras.yaml
systemctl disable linkstart
dpkg --force-unsafe-io --no-triggers -i /built/linkstart_0.1.0*.deb /built/linkstart-opencv_0.1.0*.deb
dpkg-query -W -f '${Package} is ${Version}\n' linkstart linkstart-opencv
ls /etc/systemd/system/multi-user.target.wants/linkstart.service || echo it stays disabled
/usr/lib/linkstart/configure
tail -n 1 /etc/linkstart/cameras.yaml
dpkg --no-triggers --remove linkstart-opencv linkstart
ls /usr/lib/linkstart || echo programs are gone
ls /etc/linkstart
ls -d /var/lib/linkstart
dpkg --force-unsafe-io --no-triggers -i /built/linkstart_0.1.0*.deb
tail -n 1 /etc/linkstart/cameras.yaml
dpkg --no-triggers --purge linkstart
dpkg --no-triggers --purge linkstart
echo left after the purge:
find /usr /etc /var/lib -path '*linkstart*'
`)
	says(t, out,
		"linkstart video render", "750 root linkstart /etc/linkstart", "640 linkstart linkstart /etc/linkstart/cameras.yaml",
		"600 root root /etc/linkstart/passwords", "755 root root /usr/lib/linkstart/supervisor", "linkstart: /usr/bin/linkstart",
		"/etc/systemd/system/multi-user.target.wants/linkstart.service", "/etc/linkstart/cameras.yaml: no mistakes, 1 cameras",
		" ff d8", "clock", "linkstart is 0.1.0+3.gabcdef", "linkstart-opencv is 0.1.0+3.gabcdef", "it stays disabled", "# mine",
		"programs are gone", "cameras.yaml", "/var/lib/linkstart",
	)
	if n := strings.Count(out, "# mine"); n != 2 {
		t.Errorf("the configuration was kept %d times, not by the upgrade and the removal", n)
	}
	if _, left, ok := strings.Cut(out, "left after the purge:\n"); !ok || strings.TrimSpace(left) != "" {
		t.Errorf("the purge leaves %q", left)
	}
}

func contents(t *testing.T, dir string) {
	t.Helper()
	out := shell(t, `
dpkg-deb -f "$DIR"/linkstart_*.deb Depends
dpkg-deb -f "$DIR"/linkstart-opencv_*.deb Depends
dpkg-deb -c "$DIR"/linkstart_*.deb
`, "DIR="+dir)
	for _, want := range []string{
		"libgstreamer1.0-0", "libjpeg", "gstreamer1.0-libav", "linkstart (= 0.1.0+3.gabcdef)", " ./usr/share/man/man1/linkstart.1.gz",
		" ./usr/lib/systemd/system/linkstart.service", " ./usr/lib/sysusers.d/linkstart.conf", " ./usr/share/bash-completion/completions/linkstart", " ./usr/share/doc/linkstart/copyright",
		" ./usr/share/zsh/vendor-completions/_linkstart", " ./usr/share/fish/vendor_completions.d/linkstart.fish",
		" ./usr/share/doc/linkstart/deploy/proxy/nginx.conf", " ./usr/share/doc/linkstart/docs/operations.md", " ./usr/share/doc/linkstart/deploy/prometheus/linkstart.rules.yaml",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the package lacks %s:\n%s", want, out)
		}
	}
}
