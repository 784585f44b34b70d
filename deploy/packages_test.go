// Package deploy_test tries what is shipped under deploy.
package deploy_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// machine is a PATH of its own: the few real tools that the script needs, and commands that only pretend.
type machine struct {
	t   *testing.T
	dir string
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{t: t, dir: t.TempDir()}
	for _, tool := range []string{"sh", "awk", "grep", "sed", "sort", "head", "dirname", "env", "cat", "mkdir", "chmod", "mv", "rm"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(m.dir, tool)); err != nil {
			t.Fatal(err)
		}
	}
	m.pretend("go", "echo go1.99.1")
	m.pretend("gcc", "")
	m.pretend("g++", "")
	for _, server := range []string{"nginx", "caddy", "promtool"} {
		m.pretend(server, "")
	}
	return m
}

// pretend adds a command; what it is called with goes to the file calls.
func (m *machine) pretend(name, body string) {
	m.t.Helper()
	script := "#!/bin/sh\necho " + name + ` "$@" >>"` + m.dir + `/calls"` + "\n" + body + "\n"
	path := filepath.Join(m.dir, name)
	_ = os.Remove(path)
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		m.t.Fatal(err)
	}
}

// debian adds dpkg-query, which says that all but the given packages are installed, and apt-get.
func (m *machine) debian(missing ...string) {
	m.pretend("dpkg-query", `for p; do case " `+strings.Join(missing, " ")+` " in
*" $p "*) echo "$p not-installed" ;;
*) case $p in -*) ;; *) echo "$p installed" ;; esac ;;
esac; done`)
	m.pretend("apt-get", "exit 0")
}

func (m *machine) user(id string) { m.pretend("id", "echo "+id) }

// run calls the script and returns what it says, what it exits with, and what it called.
func (m *machine) run(args ...string) (said string, code int, calls string) {
	m.t.Helper()
	script, err := filepath.Abs("packages.sh")
	if err != nil {
		m.t.Fatal(err)
	}
	release := filepath.Join(m.dir, "os-release")
	if err := os.WriteFile(release, []byte("NAME=Ubuntu\nID=ubuntu\n"), 0o600); err != nil {
		m.t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(m.dir, "sh"), append([]string{script}, args...)...)
	cmd.Env = []string{"PATH=" + m.dir, "OS_RELEASE=" + release, "XDG_CACHE_HOME=" + m.dir}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run() // its exit code is looked at instead
	text, _ := os.ReadFile(filepath.Join(m.dir, "calls"))
	return out.String(), cmd.ProcessState.ExitCode(), string(text)
}

func TestPackages(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(*machine)
		args    []string
		code    int
		says    []string // empty: nothing at all
		calls   []string
		never   string // must not be called
	}{
		{
			name: "nothing missing", args: []string{"test"}, never: "apt-get",
			prepare: func(m *machine) { m.debian(); m.pretend("chromium", "") },
		},
		{
			name: "root", args: []string{"run"}, code: 0,
			prepare: func(m *machine) { m.debian("gstreamer1.0-libav", "libopencv-dev", "ffmpeg", "motion"); m.user("0") },
			calls:   []string{"apt-get -q -o DPkg::Lock::Timeout=300 update", "install -y --no-install-recommends gstreamer1.0-libav\n"},
			never:   "sudo",
		},
		{
			name: "opencv wants more, and Ubuntu's libjpeg", args: []string{"opencv"},
			prepare: func(m *machine) { m.debian("libjpeg-turbo8-dev", "libopencv-dev", "ffmpeg", "motion"); m.user("0") },
			calls:   []string{"install -y --no-install-recommends libjpeg-turbo8-dev libopencv-dev\n"},
		},
		{
			name: "test wants more, and Ubuntu's Chromium", args: []string{"test"},
			prepare: func(m *machine) { m.debian("libopencv-dev", "ffmpeg", "chromium-browser", "motion"); m.user("0") },
			calls:   []string{"install -y --no-install-recommends libopencv-dev chromium-browser ffmpeg\n"},
		},
		{
			name: "lint wants npm", args: []string{"lint"},
			prepare: func(m *machine) { m.debian("libopencv-dev", "npm", "ffmpeg", "motion"); m.user("0") },
			calls:   []string{"install -y --no-install-recommends libopencv-dev npm\n"},
		},
		{
			name: "npm from elsewhere counts", args: []string{"lint"}, never: "apt-get",
			prepare: func(m *machine) { m.debian("npm"); m.pretend("npm", "") },
		},
		{
			name: "no test wants npm", args: []string{"test"}, never: "apt-get",
			prepare: func(m *machine) { m.debian("npm") },
		},
		{
			name: "bench wants all", args: []string{"bench"},
			prepare: func(m *machine) { m.debian("gcc", "libopencv-dev", "ffmpeg", "motion", "npm"); m.user("0") },
			calls:   []string{"install -y --no-install-recommends gcc libopencv-dev ffmpeg motion\n"},
		},
		{
			name: "a tool from elsewhere counts", args: []string{"bench"}, never: "apt-get",
			prepare: func(m *machine) { m.debian("motion"); m.pretend("motion", "") },
		},
		{
			name: "servers are not installed", args: []string{"test"}, never: "sudo",
			prepare: func(m *machine) {
				m.debian("chromium")
				m.user("0")
				m.pretend("chromium", "")
				_ = os.Remove(filepath.Join(m.dir, "promtool"))
				m.pretend("apt-get", ": >prometheus_1_all.deb")
				m.pretend("dpkg-deb", "echo program")
				m.pretend("tar", "cat")
			},
			calls: []string{"apt-get -q -o APT::Sandbox::User=root download prometheus\n", "tar -xO ./usr/bin/promtool\n"},
		},
		{
			name: "servers cannot be had", args: []string{"test"}, code: 1, says: []string{"prometheus could not be downloaded"},
			prepare: func(m *machine) {
				m.debian("chromium")
				m.pretend("chromium", "")
				_ = os.Remove(filepath.Join(m.dir, "promtool"))
				m.pretend("apt-get", "exit 100")
			},
		},
		{
			name: "a server is missing", args: []string{"test", "--check"}, code: 1, never: "apt-get", says: []string{"Missing packages: nginx\n"},
			prepare: func(m *machine) {
				m.debian("chromium")
				m.pretend("chromium", "")
				_ = os.Remove(filepath.Join(m.dir, "nginx"))
			},
		},
		{
			name: "sudo without a password", args: []string{"run"},
			prepare: func(m *machine) { m.debian("gcc"); m.user("1000"); m.pretend("sudo", `shift; "$@"`) },
			calls:   []string{"sudo -n true", "sudo -n env DEBIAN_FRONTEND=noninteractive apt-get", "install -y --no-install-recommends gcc\n"},
		},
		{
			name: "sudo that would ask, and nobody there", args: []string{"run"}, code: 1, never: "apt-get",
			prepare: func(m *machine) { m.debian("gcc"); m.user("1000"); m.pretend("sudo", "exit 1") },
			says:    []string{"  apt-get update && apt-get install -y --no-install-recommends gcc\n"},
		},
		{
			name: "no sudo", args: []string{"run"}, code: 1, never: "apt-get",
			prepare: func(m *machine) { m.debian("gcc", "pkg-config"); m.user("1000") },
			says:    []string{"as root", "install -y --no-install-recommends gcc pkg-config\n"},
		},
		{
			name: "check only", args: []string{"run", "--check"}, code: 1, never: "apt-get",
			prepare: func(m *machine) { m.debian("gcc"); m.user("0") },
			says:    []string{"Missing packages: gcc\n"},
		},
		{
			name: "apt-get fails", args: []string{"run"}, code: 1,
			prepare: func(m *machine) { m.debian("gcc"); m.user("0"); m.pretend("apt-get", "echo no network; exit 100") },
			says:    []string{"no network", "apt-get failed", "install -y --no-install-recommends gcc"},
		},
		{
			name: "another system", args: []string{"opencv"}, code: 1,
			says:    []string{"by hand", "libjpeg-turbo with its headers", "GStreamer's plugins good", "OpenCV 4 with its headers"},
			prepare: func(m *machine) { m.pretend("pkg-config", "exit 1") },
		},
		{
			name: "another system that has all", args: []string{"opencv"},
			prepare: func(m *machine) { m.pretend("pkg-config", ""); m.pretend("gst-inspect-1.0", "") },
		},
		{
			name: "no Go", args: []string{"run"}, code: 1, says: []string{"Go is missing", "https://go.dev/dl/"},
			prepare: func(m *machine) { m.debian(); _ = os.Remove(filepath.Join(m.dir, "go")) },
		},
		{
			name: "old Go", args: []string{"run"}, code: 1, says: []string{"Go is too old (1.9.7)"},
			prepare: func(m *machine) { m.debian(); m.pretend("go", "echo go1.9.7") },
		},
		{
			name: "no compiler", args: []string{"run"}, code: 1, says: []string{"no C compiler"},
			prepare: func(m *machine) { m.debian(); _ = os.Remove(filepath.Join(m.dir, "gcc")) },
		},
		{
			name: "no C++ compiler", args: []string{"opencv"}, code: 1, says: []string{"no C++ compiler"},
			prepare: func(m *machine) { m.debian(); _ = os.Remove(filepath.Join(m.dir, "g++")) },
		},
		{
			name: "no C++ compiler is needed to run", args: []string{"run"},
			prepare: func(m *machine) { m.debian(); _ = os.Remove(filepath.Join(m.dir, "g++")) },
		},
		{name: "wrong word", args: []string{"everything"}, code: 2, says: []string{"usage"}, prepare: func(*machine) {}},
		{name: "wrong option", args: []string{"run", "--force"}, code: 2, says: []string{"usage"}, prepare: func(*machine) {}},
		{name: "no word", code: 2, says: []string{"usage"}, prepare: func(*machine) {}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newMachine(t)
			tt.prepare(m)
			said, code, calls := m.run(tt.args...)
			if code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			if len(tt.says) == 0 && said != "" {
				t.Errorf("says %q, want silence", said)
			}
			for _, want := range tt.says {
				if !strings.Contains(said, want) {
					t.Errorf("says %q, want %q", said, want)
				}
			}
			for _, want := range tt.calls {
				if !strings.Contains(calls, want) {
					t.Errorf("calls %q, want %q", calls, want)
				}
			}
			if tt.never != "" && strings.Contains(calls, tt.never+" ") {
				t.Errorf("calls %q, want no %s", calls, tt.never)
			}
		})
	}
}
