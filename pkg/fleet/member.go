package fleet

import (
	"context"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/process"
	"linkstart/pkg/supervise"
)

// member is one camera of the fleet. All but id and node, which never change, log and tail is guarded by Fleet.mu.
type member struct {
	id        camera.ID
	node      string
	described Description
	spec      process.Spec
	keeper    *supervise.Keeper
	cancel    context.CancelFunc
	log       ring
	removed   bool
	ended     chan struct{} // closed when its process is gone for good

	again     bool // there were pictures or failures before this start: viewers wait for it to come back
	report    supervise.Report
	status    camera.Status
	moved     time.Time // when the number of its picture last changed, or it was not live
	liveSince time.Time
	since     time.Time
	announced camera.Info // without figures
	tail      tail
	failures  []camera.Failure // the oldest first

	restartAt    time.Time // by its schedule, zero: never
	failedSince  time.Time // zero: it has not failed
	actedAt      time.Time // when on_failure last began
	acting       bool
	cancelAction context.CancelFunc
}

// plan finds out when the process is restarted by its schedule.
func (m *member) plan(now time.Time) { m.restartAt = m.described.RestartAt.Next(now) }

// info tells the camera's state from what its process is doing and, while that runs, from its heartbeats.
func (m *member) info() camera.Info {
	info := camera.Info{
		ID: m.described.ID, Name: m.described.Name, Group: m.described.Group, Source: m.described.Source,
		Node: m.node, Term: m.described.Term, Place: m.described.Place,
		PID: m.report.PID, Restarts: m.report.Restarts.Total(), Causes: m.report.Restarts,
		AgeMs: -1,
	}
	switch m.report.Phase {
	case supervise.Running:
		info.State, info.Error = camera.Starting, m.status.Error
		if m.status.State != "" {
			info.State, info.RetryAt = m.status.State, m.status.RetryAt
			info.SetFigures(m.status)
		}
		if info.State == camera.Starting && m.again {
			info.State = camera.Reconnecting
		}
	case supervise.Waiting:
		info.State, info.Error, info.RetryAt = camera.Reconnecting, m.why(), m.report.RetryAt
	case supervise.Loop:
		info.State, info.Error, info.RetryAt = camera.CrashLoop, m.why(), m.report.RetryAt
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
