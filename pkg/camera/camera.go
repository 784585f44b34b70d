// Package camera holds the words that every other package speaks: what a camera, a picture, a frame and a status are.
// It imports nothing of the project, so that all may import it.
package camera

import (
	"errors"
	"fmt"
	"regexp"
	"time"
)

// ID names a camera in configuration, subjects and URLs.
type ID string

var idPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// ParseID checks s against [a-z0-9][a-z0-9_-]{0,62}, which is safe as a NATS token, a URL segment and a file name.
// The names of rooms follow the same rule.
func ParseID(s string) (ID, error) {
	if !idPattern.MatchString(s) {
		return "", fmt.Errorf("%q is not a valid name: it takes 1 to 63 characters of a-z, 0-9, _ and -, and starts with a letter or digit", s)
	}
	return ID(s), nil
}

// Rendition names one of the sizes in which a camera's frames are published.
type Rendition string

// Main is the picture as configured. Sub is for walls and buttons: at most SubWidth wide and SubFPS fast.
const (
	Main Rendition = "main"
	Sub  Rendition = "sub"

	SubWidth = 640 // px
	SubFPS   = 10
)

// ParseRendition takes "" as Main.
func ParseRendition(s string) (Rendition, error) {
	switch Rendition(s) {
	case "", Main:
		return Main, nil
	case Sub:
		return Sub, nil
	}
	return "", fmt.Errorf("%q is not a rendition: it is main or sub", s)
}

// Standby says what a camera does while nobody watches it.
type Standby string

const (
	Hot  Standby = "hot"  // decodes every picture
	Warm Standby = "warm" // stays connected and keeps what it gets compressed; the first viewer has a picture at once
	Cold Standby = "cold" // connects only while somebody watches
)

// State is what a user is told of a camera in one word.
type State string

const (
	Starting      State = "starting"      // its process is up, no picture has come yet
	Live          State = "live"          // pictures come
	Reconnecting  State = "reconnecting"  // the source or the process failed and is tried again
	Frozen        State = "frozen"        // pictures come, but it is the same one for too long
	Waiting       State = "waiting"       // nothing is wrong: a push camera that was sent nothing, a cold one that nobody watches
	CrashLoop     State = "crash_loop"    // its process fails again and again; still retried, slowly
	Misconfigured State = "misconfigured" // cannot work until the configuration changes
	Stopped       State = "stopped"       // stopped by an operator
)

// States are all of them.
var States = []State{Starting, Live, Reconnecting, Frozen, Waiting, CrashLoop, Misconfigured, Stopped}

// ExitConfig is the exit code (EX_CONFIG of sysexits.h) by which a child says: do not restart me until my configuration changes.
const ExitConfig = 78

// Frame is one JPEG on its way to viewers. It is shared by all who hold it: nobody writes to JPEG.
type Frame struct {
	JPEG     []byte
	Seq      uint32    // counts the pictures of the camera since its grabber started, 1 first
	Captured time.Time // when the grabber had the picture, µs precision
	Width    int       // px
	Height   int       // px
	NotLive  bool      // the last picture known, given out while the camera is away or being woken
}

// Status is the heartbeat that a grabber publishes each second.
type Status struct {
	State    State   `json:"state"`
	Seq      uint32  `json:"seq"`              // of the newest picture, wanted or not
	FPSIn    float64 `json:"fps_in"`           // pictures per second from the source, over the last seconds
	FPSOut   float64 `json:"fps_out"`          // frames per second published, all renditions
	Bitrate  float64 `json:"bitrate"`          // bit/s published, all renditions
	DecodeMs float64 `json:"decode_ms"`        // mean per picture over the last seconds
	EncodeMs float64 `json:"encode_ms"`        // mean per frame over the last seconds
	AgeMs    int64   `json:"age_ms"`           // age of the newest picture; -1 before the first
	RSS      int64   `json:"rss"`              // resident memory of the grabber and of what its source has started, bytes
	Width    int     `json:"width,omitempty"`  // px, of main
	Height   int     `json:"height,omitempty"` // px, of main
	Error    string  `json:"error,omitempty"`  // for the user, without secrets
	// LoginRefused says that Error is about a user name and password.
	LoginRefused bool `json:"login_refused,omitempty"`
	// RetryAt is when the source is tried again, in Reconnecting.
	RetryAt time.Time `json:"retry_at,omitzero"`
}

// Info is a camera as the API shows it.
type Info struct {
	ID       ID        `json:"id"`
	Name     string    `json:"name"`
	Group    string    `json:"group"`
	Source   string    `json:"source"`         // without secrets
	Node     string    `json:"node"`           // the supervisor that runs it
	Term     uint64    `json:"term,omitempty"` // of a camera that several may run: grows with each that takes it over
	Place    int       `json:"place"`          // in the configuration, from 0
	State    State     `json:"state"`
	Since    time.Time `json:"since"` // of State
	Error    string    `json:"error,omitempty"`
	RetryAt  time.Time `json:"retry_at,omitzero"` // when the camera or its process is tried again
	PID      int       `json:"pid"`               // 0 while no process runs
	Restarts int       `json:"restarts"`
	Causes   Restarts  `json:"restart_causes"` // of Restarts
	Width    int       `json:"width"`
	Height   int       `json:"height"`
	FPS      float64   `json:"fps"`
	Bitrate  float64   `json:"bitrate"` // bit/s
	AgeMs    int64     `json:"age_ms"`  // -1 before the first picture
	DecodeMs float64   `json:"decode_ms"`
	EncodeMs float64   `json:"encode_ms"`
	RSS      int64     `json:"rss"` // resident memory of its process, bytes
	Viewers  int       `json:"viewers"`
}

// Words are i without its figures: what is told at once when it changes.
func (i Info) Words() Info {
	i.Width, i.Height, i.FPS, i.Bitrate, i.AgeMs, i.DecodeMs, i.EncodeMs, i.RSS, i.Viewers = 0, 0, 0, 0, 0, 0, 0, 0, 0
	return i
}

// SetFigures takes over what a heartbeat measures.
func (i *Info) SetFigures(s Status) {
	if s.Width > 0 && s.Height > 0 {
		i.Width, i.Height = s.Width, s.Height
	}
	i.FPS, i.Bitrate, i.AgeMs, i.DecodeMs, i.EncodeMs, i.RSS = s.FPSIn, s.Bitrate, s.AgeMs, s.DecodeMs, s.EncodeMs, s.RSS
}

// Sentinel errors, for errors.Is across packages.
var (
	ErrNotJPEG  = errors.New("not a JPEG")
	ErrTooLarge = errors.New("too large")
	ErrAuth     = errors.New("user name or password refused")
	ErrConfig   = errors.New("configuration cannot work")           // the grabber exits with ExitConfig
	ErrStuck    = errors.New("a call that cannot be stopped hangs") // the grabber exits, a fresh one is started
	ErrWaiting  = errors.New("nothing has been sent yet")           // no fault: state Waiting, tried again at once
)

// Error carries two texts: Say for the user (one clear sentence: what, where, how to mend), Err for the operator's log.
// Neither holds a secret.
type Error struct {
	Say string
	Err error
}

func (e *Error) Error() string {
	if e.Err == nil {
		return e.Say
	}
	return e.Say + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// Say returns the user's text of err: that of the outermost *Error, else the whole of it.
func Say(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Say
	}
	return err.Error()
}
