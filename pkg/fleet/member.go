package fleet

import (
	"context"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/process"
	"linkstart/pkg/supervise"
)

// member is one camera of the fleet. All but id, which never changes, and log is guarded by Fleet.mu.
type member struct {
	id        camera.ID
	described Description
	spec      process.Spec
	keeper    *supervise.Keeper
	cancel    context.CancelFunc
	log       ring
	removed   bool

	again     bool // there were pictures or failures before this start: viewers wait for it to come back
	report    supervise.Report
	status    camera.Status
	beatAt    time.Time
	since     time.Time
	announced camera.Info // without figures
}

// info tells the camera's state from what its process is doing and, while that runs, from its heartbeats.
func (m *member) info() camera.Info {
	info := camera.Info{
		ID: m.described.ID, Name: m.described.Name, Group: m.described.Group, Source: m.described.Source,
		PID: m.report.PID, Restarts: m.report.Restarts,
		Width: m.status.Width, Height: m.status.Height,
		AgeMs: -1,
	}
	switch m.report.Phase {
	case supervise.Running:
		info.State, info.Error = camera.Starting, m.status.Error
		if m.status.State != "" {
			info.State = m.status.State
			info.FPS, info.Bitrate, info.AgeMs = m.status.FPSIn, m.status.Bitrate, m.status.AgeMs
		}
		if info.State == camera.Starting && m.again {
			info.State = camera.Reconnecting
		}
	case supervise.Waiting:
		info.State, info.Error = camera.Reconnecting, m.why()
	case supervise.Loop:
		info.State, info.Error = camera.CrashLoop, m.why()
	case supervise.Misconfigured:
		info.State, info.Error = camera.Misconfigured, m.why()
	case supervise.Stopped:
		info.State = camera.Stopped
	}
	return info
}

// why says in one sentence why the process does not run.
func (m *member) why() string {
	if m.report.Phase == supervise.Misconfigured && m.report.Err == nil && m.status.Error != "" {
		return m.status.Error
	}
	return m.report.Why()
}
