package v4l2

import (
	"bytes"
	"encoding/binary"
	"os"
	"strings"
	"unicode"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What the kernel's header linux/videodev2.h says: requests, which hold the sizes of their structures, and constants.
const (
	queryCap    = 0x80685600
	enumFormats = 0xc0405602
	enumSizes   = 0xc02c564a
	enumRates   = 0xc034564b

	capabilitySize = 104
	formatSize     = 64
	sizeSize       = 44
	rateSize       = 52

	capVideoCapture      = 0x00000001
	capVideoCaptureMulti = 0x00001000
	capDeviceCaps        = 0x80000000

	bufVideoCapture = 1
	discrete        = 1 // of sizes and rates; the others are ranges
)

var order = binary.NativeEndian

// ioctl has the kernel fill data, whose length is that of the request's structure.
func ioctl(f *os.File, request uint, data []byte) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed unix.Errno
	err = raw.Control(func(fd uintptr) {
		for {
			_, _, failed = unix.Syscall(unix.SYS_IOCTL, fd, uintptr(request), uintptr(unsafe.Pointer(&data[0])))
			if failed != unix.EINTR {
				return
			}
		}
	})
	if err == nil && failed != 0 {
		err = failed
	}
	return err
}

// text is what stands before the first zero.
func text(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.C, r) { // the name is the device's own, and is shown on a terminal
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(b), ""))
}

// decodeCapability reads a v4l2_capability.
func decodeCapability(b []byte) (d Device, captures bool) {
	caps := order.Uint32(b[84:])
	if caps&capDeviceCaps != 0 { // of this device, not of all that the hardware has
		caps = order.Uint32(b[88:])
	}
	return Device{Driver: text(b[:16]), Name: text(b[16:48])}, caps&(capVideoCapture|capVideoCaptureMulti) != 0
}

// askFormat makes a v4l2_fmtdesc.
func askFormat(index uint32) []byte {
	b := make([]byte, formatSize)
	order.PutUint32(b, index)
	order.PutUint32(b[4:], bufVideoCapture)
	return b
}

func decodeFormat(b []byte) (code uint32, name string) { return order.Uint32(b[44:]), text(b[12:44]) }

func fourCC(code uint32) string {
	return strings.TrimSpace(text([]byte{byte(code), byte(code >> 8), byte(code >> 16), byte(code >> 24 & 0x7f)}))
}

// askSize makes a v4l2_frmsizeenum.
func askSize(index, code uint32) []byte {
	b := make([]byte, sizeSize)
	order.PutUint32(b, index)
	order.PutUint32(b[4:], code)
	return b
}

func decodeSize(b []byte) (s Size, single bool) {
	at := func(i int) int { return int(order.Uint32(b[12+4*i:])) }
	if order.Uint32(b[8:]) == discrete {
		return Size{Width: at(0), Height: at(1)}, true
	}
	return Size{MinWidth: at(0), Width: at(1), MinHeight: at(3), Height: at(4)}, false
}

// askRate makes a v4l2_frmivalenum.
func askRate(index, code uint32, width, height int) []byte {
	b := make([]byte, rateSize)
	order.PutUint32(b, index)
	order.PutUint32(b[4:], code)
	order.PutUint32(b[8:], uint32(width))
	order.PutUint32(b[12:], uint32(height))
	return b
}

// decodeRates turns the time between two pictures, one or the two ends of a range, into rates.
func decodeRates(b []byte) (all []float64, single bool) {
	rate := func(at int) []float64 {
		seconds, parts := order.Uint32(b[at:]), order.Uint32(b[at+4:])
		if seconds == 0 || parts == 0 {
			return nil
		}
		return []float64{float64(parts) / float64(seconds)}
	}
	if order.Uint32(b[16:]) == discrete {
		return rate(20), true
	}
	return append(rate(20), rate(28)...), false
}
