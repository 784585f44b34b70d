package view

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// truncate takes up to n bytes that a TCP socket has received, without copying them anywhere: with MSG_TRUNC the kernel
// looks at the length only, which the wrapper in x/sys cannot express without a buffer that large.
func truncate(fd, n int) (int, error) {
	for {
		var nowhere byte
		got, _, errno := unix.Syscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&nowhere)), uintptr(n),
			unix.MSG_TRUNC|unix.MSG_DONTWAIT, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			return 0, errno
		}
		return int(got), nil
	}
}
