package hikvision_test

import (
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"linkstart/pkg/camera"
	"linkstart/sdk/hikvision"
	"linkstart/sdk/hikvision/standin"
)

// needing makes a library in folder that needs another, which is not there.
func needing(t *testing.T, folder, other string) (path string) {
	t.Helper()
	absent, path := filepath.Join(t.TempDir(), other), filepath.Join(folder, "libneeding.so")
	for _, args := range [][]string{
		{"-shared", "-o", absent, "-Wl,-soname," + other, "-x", "c", os.DevNull},
		{"-shared", "-o", path, "-Wl,--no-as-needed", absent, "-x", "c", os.DevNull},
	} {
		if out, err := exec.Command("cc", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	return path
}

// What cannot work before somebody has changed something is a fault of the configuration, and says what to change.
func TestLibraryThatCannotBeUsed(t *testing.T) {
	hostPort := standin.Camera(t)
	for _, test := range []struct {
		name  string
		spoil func(*standin.Library) (path string)
		want  string
	}{
		{"not there", func(l *standin.Library) string { return filepath.Join(l.Folder, "no.so") }, "no.so is not there: copy it there with its folder HCNetSDKCom"},
		{"a folder", func(l *standin.Library) string { return l.Folder }, "cannot be loaded (it is a folder)"},
		{"no library", func(l *standin.Library) string {
			path := filepath.Join(l.Folder, "text.so")
			_ = os.WriteFile(path, []byte("no library\n"), 0o600)
			return path
		}, "text.so cannot be loaded (file too short)"},
		{"another library", func(l *standin.Library) string { return filepath.Join(l.Folder, "libhpr.so") }, "libhpr.so is not Hikvision's HCNetSDK, or a version without what is needed"},
		{"what it needs is not there", func(l *standin.Library) string {
			return needing(t, l.Folder, "libabsent.so")
		}, "cannot be loaded (libabsent.so: cannot open shared object file: No such file or directory): is it whole, for this kind of processor, and are all files of the SDK's lib folder beside it?"},
		{"does not start", func(l *standin.Library) string { l.Order("init 41"); return l.Path }, "does not start (it does not start: HCNetSDK's error 41)"},
		{"no components", func(l *standin.Library) string {
			_ = os.RemoveAll(filepath.Join(l.Folder, "HCNetSDKCom"))
			return l.Path
		}, "copy the SDK's folder HCNetSDKCom into "},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := test.spoil(standin.Build(t))
			err := watch(t, camera.Spec{ID: "cam", Source: at(hostPort, "1"), Library: path}).end()
			if say := camera.Say(err); !strings.Contains(say, test.want) {
				t.Errorf("it says %q, want %q", say, test.want)
			}
			if !errors.Is(err, camera.ErrConfig) {
				t.Errorf("it is no error of the configuration: %v", err)
			}
		})
	}
}

func TestSourcesThatCannotBe(t *testing.T) {
	for source, want := range map[string]string{
		"hikvision://admin:geh3im@10.0.0.1/1":                          "sdk: {hikvision: {library: ",
		"hikvision://admin@10.0.0.1/1":                                 "user name and password are missing",
		"hikvision://10.0.0.1":                                         "user name and password are missing",
		"hikvision://admin:geh3im@10.0.0.1/one":                        "the number of the channel",
		"hikvision://admin:geh3im@10.0.0.1/0":                          "the number of the channel",
		"hikvision://admin:geh3im@10.0.0.1:0/1":                        "the port is out of range",
		"hikvision://admin:geh3im@10.0.0.1:70000/1":                    "the port is out of range",
		"hikvision://admin:geh3im@/1":                                  "names no host",
		"hikvision://admin:geh3im@10.0.0.1/1?stream=third":             "stream=main or stream=sub",
		"hikvision://admin:geh3im@10.0.0.1/1?stream=sub&mode=snapshot": "snapshots are of the main stream",
		"hikvision://admin:geh%zz3im@10.0.0.1/1":                       "the address cannot be read",
		"hikvision://admin:" + strings.Repeat("geh3im", 11) + "@h/1":   "63 bytes at most",
		"rtsp://admin:geh3im@10.0.0.1/1":                               "does not begin with hikvision://",
	} {
		library := "/opt/libhcnetsdk.so"
		if strings.HasPrefix(want, "sdk:") {
			library = ""
		}
		_, err := hikvision.New(camera.Spec{ID: "cam", Source: source, Library: library}, slog.New(slog.DiscardHandler))
		if err == nil || !errors.Is(err, camera.ErrConfig) || !strings.Contains(camera.Say(err), want) {
			t.Errorf("%s: %v, want %q", source, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "geh3im") || strings.Contains(err.Error(), "zz3im")) {
			t.Errorf("the password is in %v", err)
		}
	}
}

// A confined process may read where the library is, and where a link to it leads.
func TestFiles(t *testing.T) {
	real, link := t.TempDir(), filepath.Join(t.TempDir(), "hik.so")
	if err := errors.Join(os.WriteFile(filepath.Join(real, "lib.so"), nil, 0o600), os.Symlink(filepath.Join(real, "lib.so"), link)); err != nil {
		t.Fatal(err)
	}
	if got := hikvision.Files(camera.Spec{Library: link}); !slices.Equal(got, []string{filepath.Dir(link), real}) {
		t.Errorf("it reads %q", got)
	}
	if got := hikvision.Files(camera.Spec{}); got != nil {
		t.Errorf("without a library it reads %q", got)
	}
}
