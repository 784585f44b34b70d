package e2e

import (
	"fmt"
	"net/http"
	"syscall"
	"testing"

	"linkstart/pkg/camera"
)

func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func TestKilledGrabberComesBackToTheSameViewer(t *testing.T) {
	s := start(t, threeCameras)
	before := s.becomes("clock", camera.Live)
	v, _ := s.view(t)
	v.send(`{"type":"watch","stream":1,"camera":"clock"}`)
	v.frames(1, 2)
	kill(t, before.PID)
	v.until("news of the new process", func(_ *frame, m *message) bool {
		return m != nil && m.Type == "status" && m.Camera == "clock" && m.PID != 0 && m.PID != before.PID
	})
	v.frames(1, 5)
	if after := s.becomes("clock", camera.Live); after.Restarts == 0 {
		t.Errorf("the camera has %d restarts", after.Restarts)
	}
}

func TestKilledRelayComesBack(t *testing.T) {
	s := start(t, threeCameras)
	before := s.becomes("clock", camera.Live)
	relay := s.relay()
	kill(t, relay)
	s.gone(relay)
	s.eventually("the relay serves again", func() error {
		resp, err := http.Get(s.url("/readyz"))
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s", resp.Status)
		}
		return nil
	})
	if after := s.becomes("clock", camera.Live); after.PID != before.PID {
		t.Error("the death of the relay restarted a grabber")
	}
	v, _ := s.view(t)
	v.send(`{"type":"watch","stream":1,"camera":"clock"}`)
	v.frames(1, 2)
}

func TestKilledSupervisorLeavesNothing(t *testing.T) {
	s := start(t, threeCameras)
	s.becomes("clock", camera.Live)
	s.becomes("ball", camera.Live)
	s.becomes("push", camera.Waiting)
	children := s.children()
	if len(children) < 4 {
		t.Fatalf("only %d children", len(children))
	}
	kill(t, s.cmd.Process.Pid)
	s.gone(children...)
	s.launch() // the state directory is not held by the dead
}

func TestKilledSupervisorLeavesNoGrandchild(t *testing.T) {
	s := start(t, `
cameras:
  - id: command
    source: 'exec:setsid sleep 3000 & sleep 3000'
`)
	var children []int
	s.eventually("the command runs", func() error {
		if children = s.children(); len(children) < 6 { // relay, grabber, guard, shell, two sleeps
			return fmt.Errorf("children %v", children)
		}
		return nil
	})
	kill(t, s.cmd.Process.Pid)
	s.gone(children...)
	s.launch()
}
