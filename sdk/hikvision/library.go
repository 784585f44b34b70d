package hikvision

/*
#cgo CFLAGS: -O2 -Wall
#cgo LDFLAGS: -ldl
#include <stdlib.h>
#include <string.h>
#include "library.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// Time limits that the library keeps by itself. It wants the second to be 3 s at least.
const (
	connectMs = 2000
	receiveMs = 3000
)

// sdk is the vendor's library, loaded and started. Each call may block for as long as those limits, or for ever: see call.
type sdk struct {
	c *C.library

	mu      sync.Mutex // held for one login at a time
	refused map[account]refusal
}

// account is somebody at a device.
type account struct{ device, user string }

// refusal is what a login has come to that is not to be tried again soon.
type refusal struct {
	at     time.Time
	device device
	err    error
}

// refusalHolds is a little less than the time after which a refused login is tried again. So the streams of one camera together try once each time,
// as cameras lock accounts.
const refusalHolds = 50 * time.Second

type cLong = C.LONG // which other files have no need to know of

// code is an error of the library's.
type code uint32

func (c code) Error() string { return fmt.Sprintf("HCNetSDK's error %d", uint32(c)) }

func fails(c C.DWORD) error {
	if c == 0 {
		return nil
	}
	return code(c)
}

var (
	loading sync.Mutex
	loaded  = map[string]*sdk{} // a library is loaded once for a process, and never taken out: threads of its own may run in it
)

// Errors of load, which say in one clause what is wrong with the library.
var (
	errNoFile  = errors.New("there is no such file")
	errNoLoad  = errors.New("it cannot be loaded")
	errForeign = errors.New("it is not HCNetSDK")
	errNoStart = errors.New("it does not start")
)

// load loads and starts the library at path.
func load(path string) (*sdk, error) {
	loading.Lock()
	defer loading.Unlock()
	if s := loaded[path]; s != nil {
		return s, nil
	}
	if info, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, errNoFile
	} else if err == nil && info.IsDir() {
		return nil, fmt.Errorf("%w: it is a folder", errNoLoad)
	}
	// A connection that a camera has closed would end the process, when a thread that is not Go's writes to it.
	signal.Ignore(syscall.SIGPIPE)
	s, err := open(path)
	if err != nil {
		return nil, err
	}
	folder := cString(filepath.Dir(path) + "/")
	defer C.free(unsafe.Pointer(folder))
	if err := fails(C.library_start(s.c, folder, connectMs, receiveMs)); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoStart, err)
	}
	loaded[path] = s
	return s, nil
}

const mostNeeded = 16 // libraries that one library needs of its own folder

// open loads the library and, of its folder, what it needs: its own search for that ends in folders of the system.
func open(path string) (*sdk, error) {
	for range mostNeeded {
		var failed, absent *C.char
		text := cString(path)
		l := C.library_open(text, &failed, &absent)
		C.free(unsafe.Pointer(text))
		if l != nil {
			return &sdk{c: l, refused: map[account]refusal{}}, nil
		}
		if name := take(absent); name != "" {
			return nil, fmt.Errorf("%w: it has no function %s", errForeign, name)
		}
		why := take(failed)
		if !preload(filepath.Dir(path), why) {
			return nil, fmt.Errorf("%w: %s", errNoLoad, why)
		}
	}
	return nil, fmt.Errorf("%w: it needs too many others", errNoLoad)
}

// preload loads from folder the library whose absence why tells of, and tells whether that worked.
func preload(folder, why string) bool {
	for range mostNeeded {
		name, _, found := strings.Cut(why, ": cannot open shared object file")
		if !found || name != filepath.Base(name) {
			return false
		}
		text := cString(filepath.Join(folder, name))
		failed := take(C.library_preload(text))
		C.free(unsafe.Pointer(text))
		if failed == "" {
			return true
		}
		if strings.HasPrefix(failed, folder) { // it is not there itself
			return false
		}
		if !preload(folder, failed) {
			return false
		}
	}
	return false
}

func cString(s string) *C.char { return C.CString(s) }

// take makes a Go string of one that is to be freed.
func take(text *C.char) string {
	defer C.free(unsafe.Pointer(text))
	if text == nil {
		return ""
	}
	return C.GoString(text)
}

// device is what a login tells of the camera or recorder.
type device struct {
	first, channels     int // analogue ones, or a camera's own
	firstIP, ipChannels int // a recorder's
	triesLeft           int // of a login that was refused; 0: it does not say
	lockedSeconds       int
}

// login returns the number of the session. Device is also told where that fails. One that was refused lately is refused at once.
func (s *sdk) login(ip string, a address) (user cLong, d device, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	who := account{net.JoinHostPort(ip, strconv.Itoa(int(a.port))), a.user}
	if r, ok := s.refused[who]; ok && time.Since(r.at) < refusalHolds {
		return -1, r.device, r.err
	}
	user, d, err = s.tryLogin(ip, a)
	delete(s.refused, who)
	if errors.Is(err, wrongPassword) || errors.Is(err, noUser) || errors.Is(err, locked) {
		s.refused[who] = refusal{time.Now(), d, err}
	}
	return user, d, err
}

func (s *sdk) tryLogin(ip string, a address) (user cLong, d device, err error) {
	var login C.login_info
	var info C.device_info
	defer C.memset(unsafe.Pointer(&login), 0, C.sizeof_login_info) // there is a password in it
	fill(login.address[:], ip)
	fill(login.user[:], a.user)
	fill(login.password[:], a.password)
	login.port = C.uint16_t(a.port)
	err = fails(C.library_login(s.c, &login, &info, &user))
	return user, device{
		first: int(info.v30.first_channel), channels: int(info.v30.channels),
		firstIP: int(info.v30.first_ip_channel), ipChannels: int(info.v30.ip_channels) + 256*int(info.v30.ip_channels_high),
		triesLeft: int(info.tries_left), lockedSeconds: int(info.locked_for),
	}, err
}

// fill copies s, which leaves room for the zero at its end.
func fill(to []C.char, s string) {
	for i := range min(len(s), len(to)-1) {
		to[i] = C.char(s[i])
	}
}

func (s *sdk) logout(user cLong) error { return fails(C.library_logout(s.c, user)) }

// play has the stream's packets put into box.
func (s *sdk) play(user cLong, a address, box mailbox) (handle cLong, err error) {
	stream := C.DWORD(0)
	if a.sub {
		stream = 1
	}
	err = fails(C.library_play(s.c, user, C.LONG(a.channel), stream, C.uint(box), &handle))
	return handle, err
}

func (s *sdk) stop(handle cLong) error { return fails(C.library_stop(s.c, handle)) }

func (s *sdk) keyframe(user cLong, channel int) error {
	return fails(C.library_keyframe(s.c, user, C.LONG(channel)))
}

// capture takes a JPEG of at most len(room) bytes and returns a copy of it.
func (s *sdk) capture(user cLong, channel int, room []byte) ([]byte, error) {
	var size C.DWORD
	err := fails(C.library_capture(s.c, user, C.LONG(channel), (*C.char)(unsafe.Pointer(&room[0])), C.DWORD(len(room)), &size))
	if err != nil {
		return nil, err
	}
	if int64(size) > int64(len(room)) {
		return nil, fmt.Errorf("the library says that it has written %d bytes into %d", size, len(room))
	}
	return append([]byte(nil), room[:size]...), nil
}
