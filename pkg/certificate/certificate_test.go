package certificate_test

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"linkstart/pkg/camera"
	"linkstart/pkg/certificate"
	"linkstart/pkg/certificate/certtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func inAYear() time.Time { return time.Now().AddDate(1, 0, 0) }

func TestFaultsNameTheFileAndTheCure(t *testing.T) {
	good, _ := certtest.Write(t, t.TempDir(), "good", inAYear())
	other, _ := certtest.Write(t, t.TempDir(), "other", inAYear())
	dir := t.TempDir()
	write := func(name string, data string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		files certificate.Files
		of    string
		say   string
	}{
		"no certificate": {certificate.Files{Cert: dir + "/none", Key: good.Key}, dir + "/none", "is not there: write the path"},
		"no key":         {certificate.Files{Cert: good.Cert, Key: dir + "/none"}, dir + "/none", "is not there"},
		"swapped":        {certificate.Files{Cert: good.Key, Key: good.Cert}, good.Key, "holds no certificate"},
		"of two pairs":   {certificate.Files{Cert: good.Cert, Key: other.Key}, other.Key, "holds no key of the certificate in " + good.Cert},
		"text":           {certificate.Files{Cert: write("text", "hello"), Key: good.Key}, dir + "/text", "holds no certificate"},
		"folder":         {certificate.Files{Cert: dir, Key: good.Key}, dir, "is no file"},
		"pipe":           {certificate.Files{Cert: good.Cert, Key: pipe}, pipe, "is no file"},
		"huge":           {certificate.Files{Cert: write("huge", strings.Repeat("x", 2<<20)), Key: good.Key}, dir + "/huge", "is too large"},
	} {
		_, err := certificate.Load(c.files)
		if err == nil || certificate.Of(err) != c.of || !strings.Contains(camera.Say(err), c.say) {
			t.Errorf("%s: %v of %q; want %q of %q", name, err, certificate.Of(err), c.say, c.of)
		}
	}
	if _, err := certificate.Load(good); err != nil {
		t.Error(err)
	}
}

func TestDoubts(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		until time.Time
		mode  os.FileMode
		say   []string
	}{
		"all is well": {now.AddDate(0, 1, 0), 0o640, nil},
		"over":        {now.Add(-time.Hour), 0o600, []string{"has expired at"}},
		"soon over":   {now.Add(24 * time.Hour), 0o600, []string{"expires at"}},
		"not yet":     {now.AddDate(1, 0, 0), 0o600, []string{"is not valid before"}},
		"open":        {now.AddDate(0, 0, 20), 0o644, []string{"can be read by every user of this machine: chmod o="}},
	} {
		files, _ := certtest.Write(t, t.TempDir(), name, c.until)
		if err := os.Chmod(files.Key, c.mode); err != nil {
			t.Fatal(err)
		}
		pair, err := certificate.Load(files)
		if err != nil {
			t.Fatal(err)
		}
		doubts := certificate.Doubts(files, pair, now)
		if len(doubts) != len(c.say) {
			t.Errorf("%s: %v", name, doubts)
			continue
		}
		for i, d := range doubts {
			if !strings.Contains(d.String(), c.say[i]) {
				t.Errorf("%s: %v, want %q", name, d, c.say[i])
			}
		}
	}
}

// nameNow waits for the certificate of a name.
func nameNow(t *testing.T, k *certificate.Keeper, want string) *tls.Certificate {
	t.Helper()
	var got *tls.Certificate
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		var err error
		if got, err = k.Get(nil); err != nil {
			t.Fatal(err)
		}
		if got.Leaf.Subject.CommonName == want {
			return got
		}
	}
	t.Fatalf("the certificate is of %s, want %s", got.Leaf.Subject.CommonName, want)
	return nil
}

func TestRenewal(t *testing.T) {
	var log bytes.Buffer
	dir := t.TempDir()
	files, _ := certtest.Write(t, dir, "first", inAYear())
	k, err := certificate.Keep(files, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	nameNow(t, k, "first")
	certtest.Write(t, dir, "second", inAYear())
	nameNow(t, k, "second")

	if err := os.WriteFile(files.Key, []byte("half a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); !strings.Contains(log.String(), "cannot be used"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("a broken renewal is not told: %s", &log)
		}
		nameNow(t, k, "second")
	}
	for range 3 { // looked at again and again, told once
		time.Sleep(1100 * time.Millisecond)
		nameNow(t, k, "second")
	}
	if n := strings.Count(log.String(), "cannot be used"); n != 1 {
		t.Errorf("told %d times: %s", n, &log)
	}
	certtest.Write(t, dir, "third", inAYear())
	nameNow(t, k, "third")
}
