package camera

import (
	"context"
	"time"
)

// Source is one way to get pictures: an adapter under pkg/capture or sdk.
type Source interface {
	// Stream connects and offers each picture as it comes, newest only, until ctx ends or the source fails; it never
	// returns nil. It closes all it opened before it returns, and may be called again. It does not retry: its caller
	// does, with back-off. An *Error tells the user what is wrong; errors.Is(err, ErrAuth) makes the caller retry
	// slowly (cameras lock accounts), errors.Is(err, ErrConfig) makes it give up.
	Stream(ctx context.Context, offer func(Picture)) error
}

// Watcher is a Source that spares work while nobody watches. Then it decodes nothing, but keeps the compressed pictures
// since the last keyframe: it offers the keyframe as a Picture whose Encode decodes it, and every other picture as Kept.
// Once somebody watches, it decodes its way through what it kept without offering that, and offers the newest at once.
type Watcher interface {
	Source

	// Watch tells whether somebody watches from now on; before the first call nobody does. It returns at once, and may be
	// called at any time, also while Stream does not run.
	Watch(watched bool)
}

// MemoryUser is a Source that starts processes of its own.
type MemoryUser interface {
	Source

	// Memory returns how much of the machine's memory they hold now, bytes. It returns at once, and may be called at any
	// time, also while Stream does not run.
	Memory() int64
}

// Picture is one picture as a Source has it, JPEG already or not yet encoded.
type Picture struct {
	Captured time.Time // when the last byte of it was there
	Width    int       // px
	Height   int       // px

	// Kept says that the source holds this picture compressed and undecoded: it counts as a picture of the camera, and
	// the one offered before stays the newest that can be shown. JPEG and Encode are nil.
	Kept bool

	// Behind says that the source has newer pictures, which it is about to offer: this one is not live.
	Behind bool

	// JPEG is the picture as the camera made it. It belongs to the receiver from the offer on: the source does not
	// touch it again. Nil where Encode is set.
	JPEG []byte

	// Encode makes a JPEG at most maxWidth px wide (0: as it is; aspect ratio kept). It is called only while somebody
	// wants the picture, never by two goroutines at once, during this offer or later, until the next offer begins;
	// so a source that decodes into buffers alternates between two, and offers the zero Picture before it releases
	// them: when that offer returns, Encode is not called again. Kept pictures do not count as an offer here.
	Encode func(maxWidth int) (jpeg []byte, width, height int, err error)

	// Luma returns the mean brightness, 0 to 255, of each block of 16 x 16 px, row by row, appended to dst[:0]. It is called
	// when Encode may be, and only where the configuration compares pictures. Nil where JPEG is set.
	Luma func(dst []byte) ([]byte, error)

	// Fingerprint is equal for pictures with equal content. 0: the receiver compares JPEG.
	Fingerprint uint64

	// Decode is the time spent on decoding this picture, 0 for JPEG sources.
	Decode time.Duration
}

// Spec is what a Source is made from: one camera of the configuration with its defaults filled in.
type Spec struct {
	ID     ID
	Source string // with secrets: never printed. See Redact in package secret

	// Pin is the IP address at which the host of Source is connected, whatever its name says by now, and beside which the camera
	// cannot send us anywhere; "": where its name leads.
	Pin string

	// TLSPin is the fingerprint, sha256: and 64 hexadecimal digits, of the only certificate that the host of Source may show; "": one
	// that the authorities of this machine vouch for.
	TLSPin string

	// Library is the file of the vendor's library through which Source is spoken to, an absolute path; "": none is configured.
	Library string

	FPS     float64 // at most so many pictures per second are published; a polled or generated source makes so many
	Quality int     // JPEG quality 1 to 100, where we encode
	Width   int     // px, where we encode: scaled down to it; 0: as the source is

	OpenTimeout time.Duration // until the first picture
	ReadTimeout time.Duration // between two pictures

	MaxBytes  int // a JPEG larger than this is refused
	MaxPixels int // a JPEG that declares more pixels than this is refused, before anything decodes it

	CacheDir string // folder of this user for what can be made again at any time, such as a list of plugins; "": none

	Dir string            // relative paths of files start here: the folder of the configuration
	Env map[string]string // variables that an exec: command refers to
}
