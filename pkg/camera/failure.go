package camera

import "time"

// Cause says why a camera's process was started again, or why its pictures stopped.
type Cause string

// The first five end a process unasked, the next three are somebody's wish; the last two happen to a process that goes on.
const (
	CauseExit     Cause = "exit"     // it ended by itself, with whatever exit code
	CauseSignal   Cause = "signal"   // a signal ended it: a crash in C, a kill by hand
	CauseHang     Cause = "hang"     // it showed no sign of life, or its pictures stood still, and was ended for that
	CauseMemory   Cause = "memory"   // it used more memory than its limit, and was ended for that
	CauseStart    Cause = "start"    // it could not be started
	CauseOrder    Cause = "order"    // restart or start, by a user
	CauseSchedule Cause = "schedule" // restart_at
	CauseConfig   Cause = "config"   // its configuration changed
	CauseSource   Cause = "source"   // the camera was lost, or could not be reached
	CauseFrozen   Cause = "frozen"   // the camera sends the same picture again and again
)

// Restarts counts the starts of a process after its first, by cause.
type Restarts struct {
	Exit     int `json:"exit"`
	Signal   int `json:"signal"`
	Hang     int `json:"hang"`
	Memory   int `json:"memory"`
	Start    int `json:"start"`
	Order    int `json:"order"`
	Schedule int `json:"schedule"`
	Config   int `json:"config"`
}

// Each calls do with every count.
func (r *Restarts) Each(do func(c Cause, n *int)) {
	do(CauseExit, &r.Exit)
	do(CauseSignal, &r.Signal)
	do(CauseHang, &r.Hang)
	do(CauseMemory, &r.Memory)
	do(CauseStart, &r.Start)
	do(CauseOrder, &r.Order)
	do(CauseSchedule, &r.Schedule)
	do(CauseConfig, &r.Config)
}

// Count adds one start for that cause.
func (r *Restarts) Count(cause Cause) {
	r.Each(func(c Cause, n *int) {
		if c == cause {
			*n++
		}
	})
}

// Total is the number of restarts for any cause.
func (r Restarts) Total() int {
	sum := 0
	r.Each(func(_ Cause, n *int) { sum += *n })
	return sum
}

// Failure is one entry of a camera's history: its process ended unasked, or its pictures stopped.
type Failure struct {
	At    time.Time `json:"at"`
	Cause Cause     `json:"cause"`
	Text  string    `json:"text"`           // for the user, without secrets
	PID   int       `json:"pid,omitempty"`  // of the process that ended
	RanMs int64     `json:"ran_ms"`         // how long it had run, or pictures had come
	Tail  []string  `json:"tail,omitempty"` // what the process printed last; of a crash its beginning
}
