package uplink

import (
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/pace"
)

// stream is one camera's rendition as it is asked for at the hub.
type stream struct {
	subject string // at the hub
	feed    *bus.Feed
	most    float64 // pictures per second
	want    camera.Rendition
	leases  bus.Leases
	limiter *pace.Limiter

	mu      sync.Mutex    // of what follows; taken after Uplink.mu, and while the feed hands over a picture
	last    *camera.Frame // the newest that may be sent
	fresh   bool          // it has not been sent
	flows   bool          // one has been sent
	replies []reply       // who waits for a picture, the first first
}

type reply struct {
	subject string
	asked   time.Time
}

// open asks the site for what k names. u.mu is held.
func (u *Uplink) open(k key, fps float64, now time.Time) (*stream, error) {
	s := &stream{subject: u.subjects.Frame(k.camera, k.rendition), most: u.config.SubFPS, want: k.rendition, limiter: new(pace.Limiter)}
	from := k.rendition
	if from == camera.Main {
		if s.most = u.config.MainFPS; s.most == 0 {
			from, s.most = camera.Sub, u.config.SubFPS
		}
	}
	s.leases.Renew(s.want, fps, now)
	rate := s.rate(now)
	s.limiter.SetFPS(rate)
	var err error
	s.feed, err = bus.OpenFeed(u.site, u.subjects, k.camera, from, rate, u.log, func(f *camera.Frame) { u.put(s, f) })
	if err != nil {
		return nil, err
	}
	u.streams[k] = s
	u.turns = append(u.turns, k)
	u.status.Streams = len(u.streams)
	return s, nil
}

// rate is how many pictures per second the site is asked for.
func (s *stream) rate(now time.Time) float64 {
	fps, _ := s.leases.Wanted(s.want, now)
	if fps == 0 {
		return s.most
	}
	return min(fps, s.most)
}

func (s *stream) renew(fps float64, now time.Time) {
	s.leases.Renew(s.want, fps, now)
	s.setRate(s.rate(now))
}

// renewed reports whether anybody still asks.
func (s *stream) renewed(now time.Time) bool {
	_, ok := s.leases.Wanted(s.want, now)
	if ok {
		s.setRate(s.rate(now))
	}
	return ok
}

func (s *stream) setRate(fps float64) {
	s.feed.SetFPS(fps)
	s.limiter.SetFPS(fps)
}

// put takes a picture of the site into the stream's one place.
func (u *Uplink) put(s *stream, f *camera.Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.replies) == 0 && !s.limiter.Allow(time.Now()) {
		return
	}
	if s.fresh {
		u.shed.Add(1)
	}
	s.last, s.fresh = f, true
	u.wake()
}

// ask remembers who asks for a picture, and reports whether there is one.
func (s *stream) ask(subject string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.replies) < maxReplies {
		s.replies = append(s.replies, reply{subject, now})
	}
	return s.last != nil
}

// due reports whether there is something to send.
func (s *stream) due() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fresh || s.last != nil && len(s.replies) > 0
}

// take returns the newest picture as it is to be sent: to those who asked for it, and to all who see the stream unless nobody did
// before. bytes is how much that is. live tells whether the camera is.
func (s *stream) take(live bool, now time.Time) (messages []*nats.Msg, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := *s.last
	since := now.Sub(known.Captured)
	known.NotLive = known.NotLive || !live && (since < 0 || since > ahead)
	for _, r := range s.replies {
		messages = append(messages, bus.EncodeFrame(r.subject, &known))
	}
	if s.fresh && (len(messages) == 0 || s.flows) {
		messages = append(messages, bus.EncodeFrame(s.subject, s.last))
	}
	s.replies, s.fresh, s.flows = nil, false, true
	return messages, len(messages) * len(s.last.JPEG)
}

// giveUp returns those who have waited too long for a picture.
func (s *stream) giveUp(now time.Time) (subjects []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.replies) > 0 && now.Sub(s.replies[0].asked) > replyTime {
		subjects = append(subjects, s.replies[0].subject)
		s.replies = s.replies[1:]
	}
	return subjects
}
