package fleet_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"linkstart/pkg/broker"
	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/control"
	"linkstart/pkg/fleet"
	"linkstart/pkg/logtest"
	"linkstart/pkg/process"
)

// The test program is also the grabber: its first argument says what kind, its second is a file that it locks to see whether it is alone.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "runs":
			locks()
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		case "lingers": // until SIGUSR1
			done := make(chan os.Signal, 1)
			signal.Ignore(syscall.SIGTERM)
			signal.Notify(done, syscall.SIGUSR1)
			locks()
			<-done
			os.Exit(0)
		}
	}
	goleak.VerifyTestMain(m)
}

func locks() {
	fd, err := syscall.Open(os.Args[2], syscall.O_RDWR|syscall.O_CREAT|syscall.O_CLOEXEC, 0o600)
	if err == nil {
		err = syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB)
	}
	fmt.Println("locked:", err)
}

const patience = 30 * time.Second

var subjects = bus.Subjects{Prefix: "linkstart"}

type rig struct {
	*fleet.Fleet
	t   *testing.T
	nc  *nats.Conn
	dir string
	log logtest.Buffer

	beats int
}

func newRig(t *testing.T) *rig {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	server, err := broker.Start(broker.Options{Log: quiet, Subjects: subjects})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	r := &rig{t: t, dir: t.TempDir()}
	access := bus.Access{URL: server.URL(), User: "admin", Password: server.AddUser("admin", broker.AllowAll)}
	if r.nc, err = bus.Connect(t.Context(), access, quiet); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.nc.Close)
	r.Fleet, err = fleet.New(fleet.Options{
		Conn: r.nc, Subjects: subjects, Node: "alpha", Log: slog.New(slog.NewTextHandler(&r.log, nil)), Scrub: func(s string) string { return s },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// camera describes one whose process is of a kind.
func (r *rig) camera(id camera.ID, kind string) fleet.Description {
	return fleet.Description{ID: id, Process: process.Spec{
		Path: os.Args[0], Args: []string{kind, r.dir + "/" + string(id)}, Grace: patience,
	}}
}

// info returns a camera of the fleet.
func (r *rig) info(id camera.ID) camera.Info {
	r.t.Helper()
	all := r.Cameras()
	i := slices.IndexFunc(all, func(i camera.Info) bool { return i.ID == id })
	if i < 0 {
		r.t.Fatalf("there is no camera %s", id)
	}
	return all[i]
}

func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("not seen: %s\n%s", what, &r.log)
		}
	}
}

// prints waits for what a camera's process prints.
func (r *rig) prints(id camera.ID, text string) {
	r.t.Helper()
	r.until(fmt.Sprintf("%s prints %q", id, text), func() bool {
		reply, err := r.Handle(r.t.Context(), control.Logs, control.Request{Camera: id})
		return err == nil && strings.Contains(strings.Join(reply.Lines, "\n"), text)
	})
}

// beat says on the bus what a camera's process would, and returns when the fleet has taken it.
func (r *rig) beat(id camera.ID, data []byte) {
	r.t.Helper()
	r.beats++
	last, err := json.Marshal(camera.Status{State: camera.Waiting, Error: fmt.Sprint("beat ", r.beats)})
	if err != nil {
		r.t.Fatal(err)
	}
	for _, m := range []*nats.Msg{{Subject: subjects.Status(id), Data: data}, {Subject: subjects.Status("mark"), Data: last}} {
		if err := r.nc.PublishMsg(m); err != nil {
			r.t.Fatal(err)
		}
	}
	r.until("the heartbeat after it", func() bool { return r.info("mark").Error == fmt.Sprint("beat ", r.beats) })
}

func live(t *testing.T) []byte {
	t.Helper()
	b, err := json.Marshal(camera.Status{State: camera.Live, Seq: 1})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestCameraHasOneProcess: one that was removed and comes back waits for its old process, and what that still says counts no more.
func TestCameraHasOneProcess(t *testing.T) {
	r := newRig(t)
	mark := r.camera("mark", "runs")
	r.Apply([]fleet.Description{r.camera("gate", "lingers"), mark})
	r.prints("mark", "locked: <nil>")
	r.prints("gate", "locked: <nil>")
	old := r.info("gate").PID
	end := func() { _ = syscall.Kill(old, syscall.SIGUSR1) }
	t.Cleanup(end) // before the fleet is closed
	r.beat("gate", live(t))
	if i := r.info("gate"); i.State != camera.Live {
		t.Fatalf("it is %s", i.State)
	}

	r.Apply([]fleet.Description{mark})
	r.Apply([]fleet.Description{r.camera("gate", "runs"), mark})
	r.Apply([]fleet.Description{mark})
	r.Apply([]fleet.Description{r.camera("gate", "runs"), mark})
	r.beat("gate", live(t))
	if i := r.info("gate"); i.State != camera.Starting || i.PID != 0 {
		t.Errorf("while its old process ends it is %s, with the process %d", i.State, i.PID)
	}
	end()
	r.prints("gate", "locked: ")
	r.prints("gate", "locked: <nil>")
	if pid := r.info("gate").PID; pid == old {
		t.Error("its process is the old one")
	}
	r.beat("gate", live(t))
	if i := r.info("gate"); i.State != camera.Live {
		t.Errorf("its new process is heard, and it is %s", i.State)
	}

	pid := r.info("gate").PID
	r.Apply([]fleet.Description{mark})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r.Await(ctx, "gate")
	if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
		t.Errorf("it is awaited, and its process is still there: %v", err)
	}
}

// TestGarbageForHeartbeats: whoever may speak of cameras neither fills the log nor has the fleet keep what is no heartbeat.
func TestGarbageForHeartbeats(t *testing.T) {
	r := newRig(t)
	r.Apply([]fleet.Description{r.camera("gate", "runs"), r.camera("mark", "runs")})
	r.prints("gate", "locked: <nil>")
	r.prints("mark", "locked: <nil>")
	for range 3 {
		r.beat("gate", []byte("{"))
		r.beat("other", []byte("{"))
	}
	large, err := json.Marshal(camera.Status{State: camera.Live, Error: strings.Repeat("x", 64<<10)})
	if err != nil {
		t.Fatal(err)
	}
	r.beat("gate", large)
	if i := r.info("gate"); i.State != camera.Starting {
		t.Errorf("it is %s", i.State)
	}
	if said := r.log.String(); strings.Contains(said, "heartbeat") {
		t.Errorf("the log is\n%s", said)
	}
	r.beat("gate", live(t))
	if i := r.info("gate"); i.State != camera.Live {
		t.Errorf("with a heartbeat of its own it is %s", i.State)
	}
}
