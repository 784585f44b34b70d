package relay

import (
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/relay/fanout"
	"linkstart/pkg/wire"
)

// write sends what there is to send until the session is stopped, then the close frame. It alone writes to the connection.
func (s *session) write() error {
	g := &gather{conn: s.raw, drain: &s.gate.Drain}
	defer s.gate.Stop()
	ticker := newTicker(s.box.wake)
	defer ticker.stop()
	s.lastPing = time.Now()
	for range s.woken { // by everything: waiting for one channel costs half of what waiting for several does
		stopped, err := s.flush(g)
		if err != nil {
			return err
		}
		if stopped {
			break
		}
		ticker.rearm(s.now)
	}
	return g.message(time.Now().Add(closeGrace), opClose, 0, s.closing)
}

// flush writes until nothing is left or the session is stopped.
func (s *session) flush(g *gather) (stopped bool, err error) {
	for {
		select {
		case <-s.done:
			return true, nil
		default:
		}
		wrote, err := s.writeOne(g)
		if err != nil || !wrote {
			return false, err
		}
	}
}

// deadline is that of the next write: short when the session is ending. The mutex is held.
func (s *session) deadline(now time.Time) time.Time {
	if s.ended {
		return now.Add(closeGrace)
	}
	return now.Add(writeTime)
}

// writeOne writes the most urgent thing: a pong, a ping, a text, a frame.
func (s *session) writeOne(g *gather) (wrote bool, err error) {
	now := time.Now()
	s.now = now
	s.mu.Lock()
	deadline := s.deadline(now)
	if s.pinged {
		s.pinged = false
		payload := s.pong
		s.mu.Unlock()
		return true, g.message(deadline, opPong, 0, payload)
	}
	if now.Sub(s.lastPing) >= pingEvery {
		s.lastPing = now
		s.mu.Unlock()
		return true, g.message(deadline, opPing, 0, nil)
	}
	s.settle(now)
	t, err := s.box.next()
	if err != nil || t != nil {
		s.mu.Unlock()
		if err != nil {
			return false, err
		}
		return true, g.message(deadline, opText, 0, t.body)
	}
	st, frame, sheet, header := s.take(now)
	defer sheet.Release()
	if frame == nil {
		s.mu.Unlock()
		return false, nil
	}
	count := st.count
	s.mu.Unlock()

	header.Put(g.head[10:])
	if sheet != nil && s.sender.raw != nil {
		err = g.sheet(deadline, s.sender, g.start(opBinary, wire.HeaderSize, wire.HeaderSize+len(frame.JPEG)), sheet, len(frame.JPEG))
	} else {
		err = g.message(deadline, opBinary, wire.HeaderSize, frame.JPEG)
	}
	if err != nil {
		return false, err
	}
	count.frames.Inc()
	count.bytes.Add(float64(len(frame.JPEG)))
	count.skipped.Add(float64(header.Skipped))
	return true, nil
}

// settle lets the streams change their rendition where the relay chooses it. The mutex is held.
func (s *session) settle(now time.Time) {
	for _, st := range s.streams {
		if st.view != nil && st.view.settle(now) {
			s.tell(st)
		}
	}
}

// take finds the next stream with a frame that may be sent now, each in its turn. The session's mutex is held, as it is
// while a stream is switched and its watching message queued: so no frame of the old camera follows that message.
func (s *session) take(now time.Time) (*stream, *camera.Frame, *fanout.Sheet, wire.Header) {
	for range s.streams {
		if s.next >= len(s.streams) {
			s.next = 0
		}
		st := s.streams[s.next]
		s.next++
		if st.view == nil || !st.view.ready() || s.acks && st.window.Full(now) {
			continue
		}
		if !s.gate.Open(now) { // what is chosen when it opens is newer
			s.next--
			break
		}
		f, sheet, skipped := st.view.take(now)
		if f == nil {
			continue
		}
		st.window.Fly(f.Seq, now)
		st.sent.Add(now, len(f.JPEG))
		st.skipped += uint64(skipped)
		return st, f, sheet, wire.Header{
			NotLive: !s.relay.hub.Live(st.camera, f), Stream: st.number, Seq: f.Seq,
			Captured: f.Captured, Skipped: skipped, Age: now.Sub(f.Captured),
		}
	}
	return nil, nil, nil, wire.Header{}
}
