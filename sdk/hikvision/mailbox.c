#include "mailbox.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// A camera has two streams, and one that is being closed may still have a box for a while.
enum { BOXES = 8 };

typedef struct {
	unsigned number; // 0: free
	LONG user, handle;
	DWORD exception; // 0: none
	int gap;
	mail mails[MAILBOX_PACKETS]; // a ring
	int first, count;
	size_t bytes;
} mailbox;

static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER; // held for moments, whatever a packet holds
static pthread_cond_t news = PTHREAD_COND_INITIALIZER;
static mailbox boxes[BOXES];
static unsigned last;

static mailbox *find(unsigned number) {
	for (int i = 0; i < BOXES; i++)
		if (number && boxes[i].number == number)
			return &boxes[i];
	return NULL;
}

static void empty(mailbox *b) {
	for (; b->count; b->count--, b->first = (b->first + 1) % MAILBOX_PACKETS)
		free(b->mails[b->first].bytes);
	b->bytes = 0;
}

unsigned mailbox_open(void) {
	unsigned number = 0;
	pthread_mutex_lock(&mu);
	for (int i = 0; i < BOXES && !number; i++)
		if (!boxes[i].number) {
			number = ++last;
			boxes[i] = (mailbox){.number = number, .user = -1, .handle = -1};
		}
	pthread_mutex_unlock(&mu);
	return number;
}

void mailbox_name(unsigned box, LONG user, LONG handle) {
	pthread_mutex_lock(&mu);
	mailbox *b = find(box);
	if (b)
		b->user = user, b->handle = handle;
	pthread_mutex_unlock(&mu);
}

int mailbox_wait(unsigned box, mail *m, DWORD *exception) {
	int answer = MAILBOX_CLOSED;
	pthread_mutex_lock(&mu);
	for (mailbox *b; (b = find(box)); pthread_cond_wait(&news, &mu)) {
		if (b->exception) {
			*exception = b->exception;
			answer = MAILBOX_EXCEPTION;
			break;
		}
		if (b->count) {
			*m = b->mails[b->first];
			b->first = (b->first + 1) % MAILBOX_PACKETS;
			b->count--;
			b->bytes -= m->size;
			answer = MAILBOX_PACKET;
			break;
		}
	}
	pthread_mutex_unlock(&mu);
	return answer;
}

void mailbox_close(unsigned box) {
	pthread_mutex_lock(&mu);
	mailbox *b = find(box);
	if (b) {
		empty(b);
		b->number = 0;
		pthread_cond_broadcast(&news);
	}
	pthread_mutex_unlock(&mu);
}

// mailbox_on_packet runs on a thread of the library's. The packet is the library's again when it returns.
void mailbox_on_packet(LONG handle, packet_info *packet, void *box) {
	(void)handle;
	int video = packet && (packet->type == PACKET_I || packet->type == PACKET_B || packet->type == PACKET_P);
	if (!video || !packet->bytes || !packet->size)
		return;
	mail m = {.bytes = packet->size <= MAILBOX_BYTES ? malloc(packet->size) : NULL, .size = packet->size};
	if (m.bytes)
		memcpy(m.bytes, packet->bytes, m.size);
	pthread_mutex_lock(&mu);
	mailbox *b = find((unsigned)(uintptr_t)box);
	if (b && (!m.bytes || b->count == MAILBOX_PACKETS || b->bytes + m.size > MAILBOX_BYTES)) {
		empty(b);
		b->gap = 1;
	}
	if (b && m.bytes) {
		m.gap = b->gap;
		b->gap = 0;
		b->mails[(b->first + b->count++) % MAILBOX_PACKETS] = m;
		b->bytes += m.size;
		m.bytes = NULL;
		pthread_cond_broadcast(&news);
	}
	pthread_mutex_unlock(&mu);
	free(m.bytes);
}

static int ends(DWORD exception) {
	return exception == EXCEPTION_SESSION || exception == EXCEPTION_PREVIEW || exception == EXCEPTION_RECONNECT || exception == EXCEPTION_RELOGIN;
}

// mailbox_on_exception runs on a thread of the library's. What a login loses, all that play by it lose.
void mailbox_on_exception(DWORD type, LONG user, LONG handle, void *context) {
	(void)context;
	if (!ends(type))
		return;
	pthread_mutex_lock(&mu);
	for (int i = 0; i < BOXES; i++) {
		mailbox *b = &boxes[i];
		if (b->number && !b->exception && ((user >= 0 && b->user == user) || (handle >= 0 && b->handle == handle)))
			b->exception = type;
	}
	pthread_cond_broadcast(&news);
	pthread_mutex_unlock(&mu);
}
