package fleet

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/camera"
	"linkstart/pkg/child"
	"linkstart/pkg/supervise"
)

const maxBeat = 64 << 10 // bytes

// reported takes the news of a process.
func (f *Fleet) reported(m *member, r supervise.Report) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.remember(m, r)
	switch r.Phase {
	case supervise.Running:
		m.again = m.again || m.report.PID != 0
	case supervise.Waiting, supervise.Loop:
		m.again = true
	default:
		m.again = false
	}
	m.report = r
	switch r.Phase {
	case supervise.Running:
		m.status, m.moved = camera.Status{AgeMs: -1}, time.Now()
		m.tail.clear()
		f.note(m, slog.LevelInfo, "grabber started", slog.Int("pid", r.PID))
	case supervise.Stopped:
		f.note(m, slog.LevelInfo, "grabber stopped")
	case supervise.Misconfigured:
		f.note(m, slog.LevelError, "grabber cannot run with this configuration", slog.String("why", m.why()))
	default:
		wait := max(0, time.Until(r.RetryAt)).Round(time.Millisecond)
		f.note(m, slog.LevelWarn, "grabber ended", slog.String("why", m.why()), slog.Duration("retry_in", wait))
	}
	f.announce(m)
}

// beat takes a heartbeat.
func (f *Fleet) beat(msg *nats.Msg) {
	if len(msg.Data) > maxBeat {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	id := f.subjects.CameraOf(msg.Subject)
	m := f.cameras[id]
	if m == nil || f.leaving[id] != nil { // it is of a process that is being ended
		return
	}
	var s camera.Status
	if err := json.Unmarshal(msg.Data, &s); err != nil {
		f.log.Debug("heartbeat ignored", "camera", id, "err", err) // anybody could fill the log
		return
	}
	s.Error = child.Clean(s.Error)
	now := time.Now()
	if s.Seq != m.status.Seq || s.State != camera.Live {
		m.moved = now
	}
	f.lost(m, s)
	m.status = s
	m.keeper.Beat()
	m.keeper.Healthy(s.State == camera.Live || s.State == camera.Waiting || s.State == camera.Frozen)
	f.judge(m, now)
	f.announce(m)
}

// judge ends a process whose heartbeat shows that it does not do its work, or takes too much for it.
func (f *Fleet) judge(m *member, now time.Time) {
	pid, limit := m.report.PID, m.described.MemoryLimit
	if pid == 0 {
		return
	}
	if limit > 0 && m.status.RSS > limit {
		m.keeper.Overweight(pid, fmt.Sprintf("its process used %d MiB of memory, more than its memory_limit of %d MiB",
			m.status.RSS>>20, limit>>20))
	}
	if stall := m.described.StallAfter; stall > 0 && now.Sub(m.moved) > stall {
		m.keeper.Hung(pid, fmt.Sprintf("its process says that it is live, but has had no new picture for %s", now.Sub(m.moved).Round(time.Second)))
	}
}

// watch does each second what the time calls for.
func (f *Fleet) watch() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-f.ctx.Done():
			return
		case now := <-tick.C:
			f.mu.Lock()
			for _, m := range f.cameras {
				f.restartOnTime(m, now)
				f.actOnFailure(m, now)
			}
			f.mu.Unlock()
		}
	}
}

// restartOnTime restarts a camera's process where restart_at says so, by the wall clock.
func (f *Fleet) restartOnTime(m *member, now time.Time) {
	if m.restartAt.IsZero() || now.Round(0).Before(m.restartAt) {
		return
	}
	m.plan(now)
	f.note(m, slog.LevelInfo, "restart on time", slog.Time("next", m.restartAt))
	m.keeper.Restart(camera.CauseSchedule)
}
