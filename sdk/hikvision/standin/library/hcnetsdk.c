// A stand-in for Hikvision's HCNetSDK, for tests: it answers, refuses, stalls and crashes as a file named "orders" beside it says, which it
// reads again and again, and it notes in a file named "told" what it was called for. Each order is a line: a name and values.
#define _GNU_SOURCE
#include "layout.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef void (*exception_call)(uint32_t, int32_t, int32_t, void *);
typedef void (*packet_call)(int32_t, NET_DVR_PACKET_INFO_EX *, void *);

enum { NOT_STARTED = 3, BAD_CHANNEL = 4, CANNOT_CONNECT = 7, BAD_PARAMETER = 17, TOO_SMALL = 43, NO_SUCH_USER = 47, NO_COMPONENT = 107 };
enum { PASSWORD_WRONG = 1 };

int hccore_version(void); // of a library that this one needs

static __thread uint32_t last_error;
static char components[256]; // the folder that holds HCNetSDKCom
static int started, connect_ms, receive_ms = 5000;
static exception_call on_exception;
static void *exception_context;

typedef struct {
	int used, user, channel, stream, stop, keyframe, runs;
	packet_call call;
	void *context;
	pthread_t thread;
	pthread_mutex_t mu;
} play;

static int users[64];
static play plays[64];
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;

static int fail(uint32_t error) {
	last_error = error;
	return 0;
}

// beside is the path of a file in this library's folder.
static void beside(const char *name, char *path, size_t room) {
	Dl_info self;
	dladdr((void *)fail, &self);
	snprintf(path, room, "%s", self.dli_fname);
	char *slash = strrchr(path, '/');
	snprintf(slash + 1, room - (size_t)(slash + 1 - path), "%s", name);
}

// order reads the values of an order, and tells whether it is given.
static int order(const char *name, char *values, size_t room) {
	char path[512], line[512];
	beside("orders", path, sizeof path);
	FILE *f = fopen(path, "r");
	if (!f)
		return 0;
	int found = 0;
	while (!found && fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = 0;
		size_t n = strlen(name);
		found = !strncmp(line, name, n) && (line[n] == ' ' || !line[n]);
		if (found && values)
			snprintf(values, room, "%s", line[n] ? line + n + 1 : "");
	}
	fclose(f);
	return found;
}

static int given(const char *name) { return order(name, NULL, 0); }

static long number(const char *name, long otherwise) {
	char text[64];
	return order(name, text, sizeof text) ? strtol(text, NULL, 0) : otherwise;
}

static void tell(const char *format, ...) {
	char path[512], line[512];
	va_list values;
	va_start(values, format);
	int n = vsnprintf(line, sizeof line - 1, format, values);
	va_end(values);
	line[n] = '\n';
	beside("told", path, sizeof path);
	FILE *f = fopen(path, "a");
	if (!f)
		return; // a confined process writes nothing
	fwrite(line, 1, (size_t)n + 1, f);
	fclose(f);
}

// maybe_hang returns when it is ordered no more.
static void maybe_hang(const char *where) {
	char text[64];
	int hung = 0;
	for (; order("hang", text, sizeof text) && !strcmp(text, where); hung = 1)
		usleep(20000);
	if (hung)
		tell("released");
}

static int all_zero(const uint8_t *from, const uint8_t *to) {
	for (; from < to; from++)
		if (*from)
			return 0;
	return 1;
}

int NET_DVR_SetSDKInitCfg(int type, const void *in) {
	const NET_DVR_LOCAL_SDK_PATH *where = in;
	if (started || type != 2)
		return fail(BAD_PARAMETER);
	snprintf(components, sizeof components, "%s", where->sPath);
	return 1;
}

int NET_DVR_Init(void) {
	maybe_hang("init");
	if (number("init", 0))
		return fail((uint32_t)number("init", 0));
	started = hccore_version() == 6;
	tell("init");
	return started ? 1 : fail(NOT_STARTED);
}

int NET_DVR_Cleanup(void) { return 1; }

int NET_DVR_SetConnectTime(uint32_t ms, uint32_t tries) {
	connect_ms = (int)ms;
	return started && tries ? 1 : fail(NOT_STARTED);
}

int NET_DVR_SetReconnect(uint32_t ms, int on) {
	(void)ms;
	return on ? fail(BAD_PARAMETER) : 1; // who uses it reconnects by himself
}

int NET_DVR_SetRecvTimeOut(uint32_t ms) {
	receive_ms = (int)ms;
	return ms >= 3000 ? 1 : fail(BAD_PARAMETER);
}

int NET_DVR_SetExceptionCallBack_V30(uint32_t message, void *window, exception_call call, void *context) {
	if (message || window)
		return fail(BAD_PARAMETER);
	on_exception = call;
	exception_context = context;
	return 1;
}

uint32_t NET_DVR_GetLastError(void) { return last_error; }

// reaches connects to the device, as a login does.
static int reaches(const char *address, int port) {
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
		return 0;
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval limit = {connect_ms / 1000, connect_ms % 1000 * 1000};
	setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	int reached = s >= 0 && !connect(s, (struct sockaddr *)&to, sizeof to);
	close(s);
	return reached;
}

int NET_DVR_Login_V40(NET_DVR_USER_LOGIN_INFO *login, NET_DVR_DEVICEINFO_V40 *device) {
	char password[64];
	memset(device, 0, sizeof *device);
	if (!started)
		return fail(NOT_STARTED) - 1;
	if (!all_zero(login->raw + 260, login->raw + sizeof login->raw))
		return fail(BAD_PARAMETER) - 1;
	tell("login %s %d %s", login->sDeviceAddress, login->wPort, login->sUserName);
	maybe_hang("login");
	if (!reaches(login->sDeviceAddress, login->wPort))
		return fail(CANNOT_CONNECT) - 1;
	device->byRetryLoginTime = (uint8_t)number("tries", 0);
	device->dwSurplusLockTime = (uint32_t)number("locked", 0);
	if (number("login", 0))
		return fail((uint32_t)number("login", 0)) - 1;
	if (strcmp(login->sUserName, "admin"))
		return fail(NO_SUCH_USER) - 1;
	if (order("password", password, sizeof password) && strcmp(password, login->sPassword))
		return fail(PASSWORD_WRONG) - 1;
	memcpy(device->sSerialNumber, "STAND-IN", 8);
	device->byStartChan = 1;
	device->byChanNum = 2;
	device->byStartDChan = 33;
	device->byIPChanNum = 4;
	device->byHighDChanNum = 1; // 260 in all
	pthread_mutex_lock(&mu);
	int user = -1;
	for (int i = 0; i < 64 && user < 0; i++)
		if (!users[i])
			users[i] = 1, user = i;
	pthread_mutex_unlock(&mu);
	return user;
}

int NET_DVR_Logout(int32_t user) {
	maybe_hang("logout");
	tell("logout");
	users[user] = 0;
	return 1;
}

// A unit of a clip: size, kind of packet, width and height, little-endian, and its bytes.
typedef struct {
	uint32_t size;
	uint16_t type, width, height, unused;
} unit;

static uint8_t *read_file(const char *name, size_t *size) {
	char path[512];
	beside(name, path, sizeof path);
	FILE *f = fopen(path, "rb");
	if (!f)
		return NULL;
	fseek(f, 0, SEEK_END);
	*size = (size_t)ftell(f);
	rewind(f);
	uint8_t *all = malloc(*size + 1);
	if (fread(all, 1, *size, f) != *size)
		*size = 0;
	fclose(f);
	return all;
}

// give hands out a copy that is spoilt and freed as soon as the callback returns.
static void give(play *p, int handle, uint32_t type, const uint8_t *bytes, uint32_t size, const unit *u, uint32_t n) {
	NET_DVR_PACKET_INFO_EX packet;
	memset(&packet, 0, sizeof packet);
	uint8_t *copy = malloc(size + 1);
	memcpy(copy, bytes, size);
	packet.wWidth = u->width, packet.wHeight = u->height;
	packet.dwFrameNum = n;
	packet.dwPacketType = type;
	packet.dwPacketSize = size;
	packet.pPacketBuffer = copy;
	if (p->call)
		p->call(handle, &packet, p->context);
	memset(copy, 0xAA, size);
	memset(&packet, 0xAA, sizeof packet);
	free(copy);
}

// next_start finds the next start code after from.
static size_t next_start(const uint8_t *b, size_t size, size_t from) {
	for (size_t i = from; i + 3 < size; i++)
		if (!b[i] && !b[i + 1] && b[i + 2] == 1)
			return i && !b[i - 1] ? i - 1 : i;
	return size;
}

// give_apart hands out each NAL unit as a packet of its own.
static void give_apart(play *p, int handle, const uint8_t *bytes, const unit *u, uint32_t n) {
	for (size_t at = 0, next; at < u->size; at = next) {
		next = next_start(bytes, u->size, at + 4);
		give(p, handle, u->type, bytes + at, (uint32_t)(next - at), u, n);
	}
}

static void wait_until(struct timespec *due, double seconds) {
	due->tv_nsec += (long)(seconds * 1e9);
	due->tv_sec += due->tv_nsec / 1000000000;
	due->tv_nsec %= 1000000000;
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, due, NULL);
}

// obey does what orders want of a thread that plays. It returns whether that sends at all.
static int obey(play *p, int handle, char *raised) {
	char text[64];
	if (number("crash", 0) == getpid())
		*(volatile int *)NULL = 1;
	if (order("exception", text, sizeof text) && strcmp(text, raised)) { // a kind, and anything to tell two of one kind apart
		strcpy(raised, text);
		on_exception((uint32_t)strtol(text, NULL, 0), p->user, handle, exception_context);
	}
	if (given("pipe")) { // as of a connection that the other side has closed: SIGPIPE
		int pair[2];
		if (!pipe(pair)) {
			close(pair[0]);
			tell("pipe %d", (int)write(pair[1], "x", 1));
			close(pair[1]);
		}
	}
	return !given("stall");
}

static void *run(void *data) {
	play *p = data;
	int handle = (int)(p - plays);
	char name[64] = "clip", raised[64] = "";
	order("exception", raised, sizeof raised); // those before are over
	order(p->stream ? "sub" : "main", name, sizeof name);
	size_t size = 0;
	uint8_t *clip = read_file(name, &size);
	struct timespec due;
	clock_gettime(CLOCK_MONOTONIC, &due);
	long skip = number("begin", 0);
	unit none = {0};
	give(p, handle, 0, (const uint8_t *)"IMKH", 4, &none, 0);
	for (uint32_t n = 0; clip && size && !p->stop;) {
		for (size_t at = 0; at + sizeof(unit) <= size && !p->stop;) {
			unit u;
			memcpy(&u, clip + at, sizeof u);
			const uint8_t *bytes = clip + at + sizeof u;
			at += sizeof u + u.size;
			if (skip-- > 0)
				continue;
			while (!obey(p, handle, raised) && !p->stop)
				wait_until(&due, 0.02);
			pthread_mutex_lock(&p->mu);
			int jump = p->keyframe && u.type != 1;
			if (!jump)
				p->keyframe = 0;
			pthread_mutex_unlock(&p->mu);
			if (jump)
				continue;
			give(p, handle, 10, (const uint8_t *)"\0\0\1\x67sound", 9, &none, n);
			give(p, handle, 11, (const uint8_t *)"\0\0\1\x67others", 10, &none, n);
			if (given("note")) {
				struct timespec now;
				clock_gettime(CLOCK_REALTIME, &now);
				tell("packet %lld", now.tv_sec * 1000000LL + now.tv_nsec / 1000);
			}
			if (given("apart"))
				give_apart(p, handle, bytes, &u, n);
			else
				give(p, handle, u.type, bytes, u.size, &u, n);
			n++;
			wait_until(&due, 1.0 / (double)number("fps", 25));
		}
	}
	if (given("late")) // a callback that nobody expects any more
		for (int i = 0; i < 20; i++) {
			give(p, handle, 1, clip + sizeof(unit), 100, &none, 0);
			wait_until(&due, 0.01);
		}
	free(clip);
	return NULL;
}

int32_t NET_DVR_RealPlay_V40(int32_t user, NET_DVR_PREVIEWINFO *preview, void *data, void *context) {
	char path[512];
	(void)context;
	maybe_hang("play");
	tell("play %d %d", preview->lChannel, preview->dwStreamType);
	if (data || preview->hPlayWnd || !preview->bBlocked || !all_zero(preview->raw + 20, preview->raw + sizeof preview->raw))
		return fail(BAD_PARAMETER) - 1;
	snprintf(path, sizeof path, "%sHCNetSDKCom/libHCPreview.so", components);
	if (!dlopen(path, RTLD_NOW))
		return fail(NO_COMPONENT) - 1;
	if (number("play", 0))
		return fail((uint32_t)number("play", 0)) - 1;
	if (preview->lChannel != 1 && preview->lChannel != 33)
		return fail(BAD_CHANNEL) - 1;
	pthread_mutex_lock(&mu);
	int handle = -1;
	for (int i = 0; i < 64 && handle < 0; i++)
		if (!plays[i].used)
			handle = i;
	plays[handle] = (play){.used = 1, .user = user, .channel = preview->lChannel, .stream = (int)preview->dwStreamType};
	pthread_mutex_init(&plays[handle].mu, NULL);
	pthread_mutex_unlock(&mu);
	return handle;
}

int NET_DVR_SetESRealPlayCallBack(int32_t handle, packet_call call, void *context) {
	if (number("es", 0))
		return fail((uint32_t)number("es", 0));
	plays[handle].call = call;
	plays[handle].context = context;
	plays[handle].runs = !pthread_create(&plays[handle].thread, NULL, run, &plays[handle]);
	return plays[handle].runs ? 1 : fail(BAD_PARAMETER);
}

int NET_DVR_StopRealPlay(int32_t handle) {
	maybe_hang("stop");
	tell("stop");
	plays[handle].stop = 1;
	if (given("late")) {
		pthread_detach(plays[handle].thread);
		return 1;
	}
	if (plays[handle].runs)
		pthread_join(plays[handle].thread, NULL);
	plays[handle].used = 0;
	return 1;
}

int NET_DVR_MakeKeyFrame(int32_t user, int32_t channel) {
	maybe_hang("keyframe");
	tell("keyframe %d", channel);
	for (int i = 0; i < 64; i++)
		if (plays[i].used && plays[i].user == user && !given("dumb")) {
			pthread_mutex_lock(&plays[i].mu);
			plays[i].keyframe = 1;
			pthread_mutex_unlock(&plays[i].mu);
		}
	return 1;
}

int NET_DVR_CaptureJPEGPicture_NEW(int32_t user, int32_t channel, NET_DVR_JPEGPARA *how, char *to, uint32_t room, uint32_t *size) {
	static unsigned taken;
	char name[64];
	(void)user;
	maybe_hang("capture");
	tell("capture");
	if (number("crash", 0) == getpid())
		*(volatile int *)NULL = 1;
	if (number("capture", 0))
		return fail((uint32_t)number("capture", 0));
	if (channel != 1 || how->wPicSize != 0xff || how->wPicQuality)
		return fail(BAD_CHANNEL);
	snprintf(name, sizeof name, "%u.jpg", taken++ % (unsigned)number("jpegs", 1));
	size_t n = 0;
	uint8_t *all = read_file(name, &n);
	if (!all || n > room) {
		free(all);
		return fail(TOO_SMALL);
	}
	memcpy(to, all, n);
	free(all);
	*size = (uint32_t)n;
	return 1;
}
