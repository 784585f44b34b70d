package execcam_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	stdjpeg "image/jpeg"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"linkstart/pkg/camera"
	"linkstart/pkg/capture/execcam"
	"linkstart/pkg/logtest"
)

const parentArg = "grabber-to-be-killed"

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == execcam.GuardArg {
		execcam.GuardMain()
	}
	if len(os.Args) == 4 && os.Args[1] == parentArg {
		grabber(os.Args[2], os.Args[3])
	}
	goleak.VerifyTestMain(m)
}

// grabber streams command until it is killed.
func grabber(dir, command string) {
	s, err := execcam.New(spec(dir, command), slog.New(slog.DiscardHandler))
	if err == nil {
		err = s.Stream(context.Background(), func(camera.Picture) {})
	}
	os.Stderr.WriteString(err.Error() + "\n")
	os.Exit(1)
}

func spec(dir, command string) camera.Spec {
	return camera.Spec{
		ID: "yard", Source: "exec:" + command, Dir: dir,
		OpenTimeout: 20 * time.Second, ReadTimeout: 20 * time.Second,
		MaxBytes: 1 << 20, MaxPixels: 1 << 20,
	}
}

// folder holds the pictures a.jpg and b.jpg, 64x48, and a FIFO that every process of a command may hold open.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for i, name := range []string{"a.jpg", "b.jpg"} {
		img := image.NewGray(image.Rect(0, 0, 64, 48))
		for p := range img.Pix {
			img.Pix[p] = color.Gray{Y: uint8(p * (i + 3))}.Y
		}
		var buf bytes.Buffer
		if err := stdjpeg.Encode(&buf, img, nil); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), buf.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("mkfifo", filepath.Join(dir, "held")).CombinedOutput(); err != nil {
		t.Fatalf("mkfifo: %v: %s", err, out)
	}
	return dir
}

// stream runs sp until n pictures (0: as many as come) have come or it ends by itself.
func stream(t *testing.T, sp camera.Spec, n int) (pictures []camera.Picture, log string, err error) {
	t.Helper()
	out := new(logtest.Buffer)
	s, err := execcam.New(sp, slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err = s.Stream(ctx, func(p camera.Picture) {
		if pictures = append(pictures, p); len(pictures) == n {
			cancel()
		}
	})
	if err == nil {
		t.Fatal("Stream returned nil")
	}
	return pictures, out.String(), err
}

func TestPictures(t *testing.T) {
	const loop = `while cat a.jpg b.jpg; do sleep 0.01; done`
	const source = `ffmpeg -v error -re -f lavfi -i testsrc=size=320x240:rate=50 `
	for name, c := range map[string]struct {
		command string
		width   int
	}{
		"concatenated":      {loop, 64},
		"garbage between":   {`while cat a.jpg; do printf 'noise \377\330 and \377\331'; done`, 64},
		"multipart":         {`while printf -- '--x\r\nContent-Type: image/jpeg\r\n\r\n' && cat a.jpg && printf '\r\n'; do :; done`, 64},
		"ffmpeg mjpeg":      {source + `-f mjpeg -`, 320},
		"ffmpeg mpjpeg":     {source + `-f mpjpeg -`, 320},
		"in the background": {`(` + loop + `) & wait`, 64},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath("ffmpeg"); err != nil && strings.Contains(name, "ffmpeg") {
				t.Fatal("ffmpeg is not here: `make test` installs it")
			}
			pictures, log, err := stream(t, spec(folder(t), c.command), 10)
			if !errors.Is(err, context.Canceled) || len(pictures) < 10 {
				t.Fatalf("%d pictures, %v\n%s", len(pictures), err, log)
			}
			for _, p := range pictures {
				img, err := stdjpeg.Decode(bytes.NewReader(p.JPEG))
				if err != nil || img.Bounds().Dx() != c.width || p.Width != c.width || p.Captured.IsZero() {
					t.Fatalf("picture of %d px, %v: %v", p.Width, p.Captured, err)
				}
			}
		})
	}
}

func TestPicturesAreTheCommandsOwn(t *testing.T) {
	dir := folder(t)
	pictures, _, err := stream(t, spec(dir, `cat a.jpg b.jpg`), 0)
	if len(pictures) != 2 {
		t.Fatalf("%d pictures, %v", len(pictures), err)
	}
	for i, name := range []string{"a.jpg", "b.jpg"} {
		if want, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(want, pictures[i].JPEG) {
			t.Errorf("%s has been changed (%v)", name, err)
		}
	}
}

func TestErrorsTell(t *testing.T) {
	short := func(sp *camera.Spec) { sp.OpenTimeout = 200 * time.Millisecond }
	writes := func(sp *camera.Spec) { sp.OpenTimeout = 10 * time.Second } // in which the command begins to write
	for name, c := range map[string]struct {
		command string
		change  func(*camera.Spec)
		want    string
		is      error
	}{
		"exit code":     {`echo first >&2; echo no such device >&2; exit 3`, nil, "exit code 3. It last said: no such device", nil},
		"after one":     {`cat a.jpg; exit 4`, nil, "exit code 4", nil},
		"normal end":    {`cat a.jpg`, nil, "exit code 0", nil},
		"killed":        {`kill -9 $$`, nil, "exit code 137", nil},
		"guard killed":  {`sleep 30 & kill -9 $PPID; wait`, nil, "guards the command was killed", nil},
		"not found":     {`no-such-program-at-all`, nil, "exit code 127. It last said: /bin/sh", nil},
		"no new line":   {`printf 'half a line' >&2; exit 1`, nil, "It last said: half a line", nil},
		"progress":      {`printf 'one\rtwo\r' >&2; exit 1`, nil, "It last said: two", nil},
		"garbage":       {`while echo garbage; do :; done`, writes, "but no JPEG", nil},
		"nothing":       {`sleep 600`, short, "written nothing within 200ms", nil},
		"output closed": {`exec >&-; sleep 600`, short, "written nothing within 200ms", nil},
		"deaf to TERM":  {`trap '' TERM; while :; do sleep 1; done`, short, "written nothing within 200ms", nil},
		"stops": {`cat a.jpg; sleep 600`, func(sp *camera.Spec) { sp.ReadTimeout = 200 * time.Millisecond },
			"no further picture for 200ms", nil},
		"too many pixels": {`while cat a.jpg; do sleep 0.02; done`, func(sp *camera.Spec) { writes(sp); sp.MaxPixels = 1000 },
			"larger than allowed", camera.ErrTooLarge},
		"too many bytes": {`while cat a.jpg; do sleep 0.02; done`, func(sp *camera.Spec) { writes(sp); sp.MaxBytes = 200 },
			"larger than allowed", camera.ErrTooLarge},
		"no folder": {`cat a.jpg`, func(sp *camera.Spec) { sp.Dir = "/no/such/folder" }, "cannot be started", os.ErrNotExist},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sp := spec(folder(t), c.command)
			if c.change != nil {
				c.change(&sp)
			}
			_, log, err := stream(t, sp, 0)
			var said *camera.Error
			if !errors.As(err, &said) || !strings.Contains(said.Say, c.want) || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("got %v, want %q\n%s", err, c.want, log)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	for _, source := range []string{"exec:", "exec:  ", "exec:a\x00b", "exec:" + strings.Repeat("x", 1<<20)} {
		if _, err := execcam.New(camera.Spec{Source: source}, slog.New(slog.DiscardHandler)); !errors.Is(err, camera.ErrConfig) {
			t.Errorf("New(%.20q) = %v, want ErrConfig", source, err)
		}
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("LINKSTART_PRIVATE", "of the grabber")
	t.Setenv("TZ", "Asia/Tokyo")
	sp := spec(folder(t), `echo "[$LINKSTART_PRIVATE][$TZ][$COLOUR][$(cat)][$(pwd)]" >&2`)
	sp.Env = map[string]string{"COLOUR": ""}
	_, _, err := stream(t, sp, 0)
	if want := "[][Asia/Tokyo][][][" + sp.Dir + "]"; !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestLongLineIsCut(t *testing.T) {
	_, log, err := stream(t, spec(folder(t), `head -c 10000000 /dev/zero | tr '\0' x >&2; echo >&2; echo after >&2; exit 5`), 0)
	if !strings.Contains(err.Error(), "exit code 5. It last said: after") || len(log) > 70000 || !strings.Contains(log, "xxx [cut]") {
		t.Errorf("%v; %d bytes logged", err, len(log))
	}
}

func TestSecretsStayHidden(t *testing.T) {
	const secret = "s3cr3t-Pa55"
	sp := spec(folder(t), `echo "login with ${PASSWORD}" >&2; while cat a.jpg; do sleep 0.01; done`)
	sp.Env = map[string]string{"PASSWORD": secret, "PREFIX": secret[:4]}
	out := new(logtest.Buffer)
	s, err := execcam.New(sp, slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s.Stream(ctx, func(camera.Picture) {
		cancel()
		lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, name := range lines {
			if line, _ := os.ReadFile(name); bytes.Contains(line, []byte(secret)) {
				t.Errorf("the secret stands in %s: %q", name, line)
			}
		}
	})
	if log := out.String(); strings.Contains(log, secret) || !strings.Contains(log, "login with ***\"") {
		t.Errorf("logged: %s", log)
	}
	sp.Source = `exec:echo "401 for ${PASSWORD}" >&2; exit 1`
	if _, log, err := stream(t, sp, 0); strings.Contains(err.Error()+log, secret) || !strings.Contains(err.Error(), "401 for ***") {
		t.Errorf("%v\n%s", err, log)
	}
	sp.Source = `exec:head -c 65530 /dev/zero | tr '\0' x >&2; echo "${PASSWORD}" >&2; exit 1`
	if _, log, err := stream(t, sp, 0); strings.Contains(err.Error()+log, secret[:4]) {
		t.Errorf("a secret that is cut in two shows: …%s", log[max(len(log)-200, 0):])
	}
}
