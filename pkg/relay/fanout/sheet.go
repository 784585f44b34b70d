package fanout

import (
	"sync/atomic"

	"golang.org/x/sys/unix"

	"linkstart/pkg/camera"
)

// From so many viewers and bytes on a sheet costs less than it saves.
const (
	sheetViewers = 8
	sheetBytes   = 16 << 10
)

// Sheet is a JPEG, with the hub's tail after it, in a file of the kernel's own memory, from which it is sent to any number of viewers without being copied for
// each. It is never written to again: the kernel keeps its pages until the last viewer has them, whoever closes it before.
type Sheet struct {
	fd   int
	refs atomic.Int32
}

// NewSheet puts a picture and what follows it on a sheet. It returns nil where there can be none: then pictures are copied. The
// caller releases it.
func NewSheet(f *camera.Frame, tail []byte) *Sheet {
	fd, err := unix.MemfdCreate("frame", unix.MFD_CLOEXEC)
	if err != nil {
		return nil
	}
	s := &Sheet{fd: fd}
	s.refs.Store(1)
	for _, b := range [][]byte{f.JPEG, tail} {
		if n, err := unix.Write(fd, b); err != nil || n != len(b) {
			s.Release()
			return nil
		}
	}
	return s
}

func (s *Sheet) retain() *Sheet {
	if s != nil {
		s.refs.Add(1)
	}
	return s
}

// FD is the file. Read it with offsets: its position is shared.
func (s *Sheet) FD() int { return s.fd }

// Release ends one use; the last closes the file. A nil sheet needs none.
func (s *Sheet) Release() {
	if s != nil && s.refs.Add(-1) == 0 {
		_ = unix.Close(s.fd) // nothing is written back
	}
}
