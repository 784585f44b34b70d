#pragma once
#include "hcnetsdk.h"

// A mailbox is where the library's threads leave what a camera has sent, and go on at once. It holds copies, so many; when they are more, nobody
// looks after it, and all are thrown away: they are old, and what comes after a gap cannot be decoded before the next keyframe.
//
// Mailboxes are known by numbers that are never used twice. So a callback that comes after the end finds nothing.

enum { MAILBOX_PACKETS = 256, MAILBOX_BYTES = 16 << 20 };

// What mailbox_wait answers.
enum { MAILBOX_CLOSED, MAILBOX_PACKET, MAILBOX_EXCEPTION };

typedef struct {
	uint8_t *bytes; // to be freed
	size_t size;
	int gap; // something before it was thrown away
} mail;

unsigned mailbox_open(void); // 0: there are too many
void mailbox_name(unsigned box, LONG user, LONG handle);
int mailbox_wait(unsigned box, mail *m, DWORD *exception);
void mailbox_close(unsigned box);

void mailbox_on_packet(LONG handle, packet_info *packet, void *box);
void mailbox_on_exception(DWORD type, LONG user, LONG handle, void *context);
