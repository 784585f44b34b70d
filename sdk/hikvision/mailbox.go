package hikvision

/*
#include <stdlib.h>
#include "mailbox.h"
*/
import "C"

import (
	"fmt"
	"unsafe"
)

// mailbox is where the library's threads leave packets, see mailbox.h.
type mailbox C.uint

// exception is why the library has lost a camera.
type exception uint32

func (e exception) Error() string { return fmt.Sprintf("HCNetSDK's exception %#x", uint32(e)) }

// openMailbox returns 0 where there are too many.
func openMailbox() mailbox { return mailbox(C.mailbox_open()) }

// wait waits for the next packet; gap tells that something before it was thrown away. The error is an exception, or errClosed.
func (b mailbox) wait() (packet []byte, gap bool, err error) {
	var m C.mail
	var e C.DWORD
	switch C.mailbox_wait(C.uint(b), &m, &e) {
	case C.MAILBOX_PACKET:
		defer C.free(unsafe.Pointer(m.bytes))
		return C.GoBytes(unsafe.Pointer(m.bytes), C.int(m.size)), m.gap != 0, nil
	case C.MAILBOX_EXCEPTION:
		return nil, false, exception(e)
	}
	return nil, false, errClosed
}

// close ends a wait, and whatever comes later is thrown away.
func (b mailbox) close() { C.mailbox_close(C.uint(b)) }
