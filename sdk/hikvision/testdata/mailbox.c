// Checks a mailbox from the side of the library's threads. It ends with 0, or says what is wrong.
#include "mailbox.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(what)                                        \
	do {                                                   \
		if (!(what)) {                                     \
			printf("line %d: not so: %s\n", __LINE__, #what); \
			exit(1);                                       \
		}                                                  \
	} while (0)

static void put(unsigned box, DWORD type, int content, DWORD size) {
	uint8_t *bytes = malloc(size ? size : 1);
	memset(bytes, content, size ? size : 1);
	packet_info packet = {.type = type, .size = size, .bytes = bytes};
	mailbox_on_packet(7, &packet, (void *)(uintptr_t)box);
	memset(bytes, 0xAA, size);
	free(bytes); // the library's again
}

// get takes a packet and returns what it is full of; -1 where there is none.
static int get(unsigned box, int *gap, DWORD *exception) {
	mail m;
	int answer = mailbox_wait(box, &m, exception);
	if (answer != MAILBOX_PACKET)
		return -answer - 1;
	int content = m.bytes[m.size - 1];
	*gap = m.gap;
	free(m.bytes);
	return content;
}

static void *wait_for_the_end(void *box) {
	mail m;
	DWORD exception;
	return (void *)(intptr_t)mailbox_wait(*(unsigned *)box, &m, &exception);
}

int main(void) {
	int gap = 0;
	DWORD exception = 0;
	unsigned box = mailbox_open(), other = mailbox_open();
	CHECK(box && other && box != other);

	// In order, each to its own, and video alone.
	put(box, PACKET_I, 1, 10);
	put(other, PACKET_I, 2, 10);
	put(box, 10, 3, 10);
	put(box, PACKET_P, 0, 0);
	put(box, PACKET_P, 4, 10);
	mailbox_on_packet(7, NULL, (void *)(uintptr_t)box);
	CHECK(get(box, &gap, &exception) == 1 && !gap && get(box, &gap, &exception) == 4 && !gap);
	CHECK(get(other, &gap, &exception) == 2);

	// One too many, and all before it are gone.
	for (int i = 0; i < MAILBOX_PACKETS; i++)
		put(box, PACKET_P, 5, 10);
	put(box, PACKET_P, 6, 10);
	put(box, PACKET_P, 7, 10);
	CHECK(get(box, &gap, &exception) == 6 && gap && get(box, &gap, &exception) == 7 && !gap);

	// The same of bytes, and of a packet that is larger than all may be.
	put(box, PACKET_P, 8, MAILBOX_BYTES / 2 + 1);
	put(box, PACKET_P, 9, MAILBOX_BYTES / 2 + 1);
	CHECK(get(box, &gap, &exception) == 9 && gap);
	put(box, PACKET_P, 10, 10);
	put(box, PACKET_P, 11, MAILBOX_BYTES + 1);
	put(box, PACKET_P, 12, 10);
	CHECK(get(box, &gap, &exception) == 12 && gap);

	// Exceptions go to whom they concern, and come before packets.
	mailbox_name(box, 0, 3);
	mailbox_name(other, 1, 4);
	put(box, PACKET_I, 13, 10);
	mailbox_on_exception(EXCEPTION_PREVIEW, -1, 5, NULL);
	mailbox_on_exception(0x8006, 0, 3, NULL);
	CHECK(get(box, &gap, &exception) == 13);
	mailbox_on_exception(EXCEPTION_SESSION, 0, -1, NULL);
	mailbox_on_exception(EXCEPTION_PREVIEW, -1, 4, NULL);
	CHECK(get(box, &gap, &exception) == -MAILBOX_EXCEPTION - 1 && exception == EXCEPTION_SESSION);
	CHECK(get(other, &gap, &exception) == -MAILBOX_EXCEPTION - 1 && exception == EXCEPTION_PREVIEW);

	// The end wakes who waits, and what comes later is nobody's: numbers are not used again.
	unsigned third = mailbox_open();
	pthread_t waiter;
	void *answer;
	pthread_create(&waiter, NULL, wait_for_the_end, &third);
	mailbox_close(third);
	pthread_join(waiter, &answer);
	CHECK((intptr_t)answer == MAILBOX_CLOSED);
	unsigned fourth = mailbox_open();
	CHECK(fourth && fourth != third);
	put(third, PACKET_I, 14, 10);
	put(fourth, PACKET_I, 15, 10);
	CHECK(get(fourth, &gap, &exception) == 15 && get(third, &gap, &exception) == -MAILBOX_CLOSED - 1);

	// There are not any number of them.
	int opened = 3;
	while (mailbox_open())
		opened++;
	CHECK(opened == 8);
	put(other, PACKET_I, 16, 10);
	mailbox_close(other);
	CHECK(mailbox_open());
	return 0;
}
