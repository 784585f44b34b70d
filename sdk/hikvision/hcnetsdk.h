// What of HCNetSDK's binary interface is called here, on Linux with 64 bits. These are declarations of our own: nothing of the vendor's is in
// this project. README.md says where they are from. Version 6 of the library names bytes that were reserved in version 5, so structures that are
// zero elsewhere serve both.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef int32_t LONG;
typedef int32_t BOOL;
typedef uint32_t DWORD;

// AT holds a field to its place. On machines of 32 bits, where these are others, the library is not spoken to.
#if __SIZEOF_POINTER__ == 8
#define AT(type, field, offset, size)                                                    \
	_Static_assert(offsetof(type, field) == (offset), #type "." #field " is misplaced"); \
	_Static_assert(sizeof(((type *)0)->field) == (size), #type "." #field " has another size")
#define SIZED(type, size, align)                                       \
	_Static_assert(sizeof(type) == (size), #type " has another size"); \
	_Static_assert(_Alignof(type) == (align), #type " is aligned otherwise")
#else
#define AT(type, field, offset, size) struct sdk_path
#define SIZED(type, size, align) struct sdk_path
#endif

// For NET_DVR_SetSDKInitCfg, type LOCAL_SDK_PATH: where the folder HCNetSDKCom is.
enum { LOCAL_SDK_PATH = 2 };
typedef struct {
	char path[256];
	uint8_t reserved[128];
} sdk_path;
SIZED(sdk_path, 384, 1);
AT(sdk_path, path, 0, 256);

typedef struct {
	char address[129];
	uint8_t use_transport;
	uint16_t port;
	char user[64];
	char password[64];
	uint8_t unused1[4];
	void *on_result; // only of a login that does not wait
	void *context;
	BOOL asynchronous;
	uint8_t proxy_type;
	uint8_t use_utc;
	uint8_t mode; // 0: the SDK's own protocol
	uint8_t https;
	int32_t proxy_id;
	uint8_t verify;
	uint8_t reserved[119];
} login_info;
SIZED(login_info, 416, 8);
AT(login_info, address, 0, 129);
AT(login_info, use_transport, 129, 1);
AT(login_info, port, 130, 2);
AT(login_info, user, 132, 64);
AT(login_info, password, 196, 64);
AT(login_info, on_result, 264, 8);
AT(login_info, context, 272, 8);
AT(login_info, asynchronous, 280, 4);
AT(login_info, proxy_type, 284, 1);
AT(login_info, use_utc, 285, 1);
AT(login_info, mode, 286, 1);
AT(login_info, https, 287, 1);
AT(login_info, proxy_id, 288, 4);
AT(login_info, verify, 292, 1);

typedef struct {
	uint8_t serial[48];
	uint8_t unused1[4];
	uint8_t channels; // analogue ones, or those of a camera
	uint8_t first_channel;
	uint8_t unused2;
	uint8_t ip_channels; // the low byte of how many
	uint8_t unused3[6];
	uint16_t kind;
	uint8_t unused4[2];
	uint8_t first_ip_channel;
	uint8_t unused5;
	uint8_t ip_channels_high;
	uint8_t unused6[11];
} device_info_30;
SIZED(device_info_30, 80, 2);
AT(device_info_30, serial, 0, 48);
AT(device_info_30, channels, 52, 1);
AT(device_info_30, first_channel, 53, 1);
AT(device_info_30, ip_channels, 55, 1);
AT(device_info_30, kind, 62, 2);
AT(device_info_30, first_ip_channel, 66, 1);
AT(device_info_30, ip_channels_high, 68, 1);

typedef struct {
	device_info_30 v30;
	uint8_t unused1;
	uint8_t tries_left; // until the account is locked
	uint8_t password_level;
	uint8_t unused2;
	DWORD locked_for; // s
	uint8_t encoding;
	uint8_t reserved[255];
} device_info;
SIZED(device_info, 344, 4);
AT(device_info, v30, 0, 80);
AT(device_info, tries_left, 81, 1);
AT(device_info, password_level, 82, 1);
AT(device_info, locked_for, 84, 4);
AT(device_info, encoding, 88, 1);

typedef struct {
	LONG channel;
	DWORD stream;  // 0 main, 1 sub
	DWORD link;    // 0: TCP
	uint32_t window; // 0: nothing is decoded
	BOOL blocking; // the call tells whether it worked
	BOOL record;
	uint8_t preview_mode;
	uint8_t stream_id[32];
	uint8_t protocol;
	uint8_t unused1;
	uint8_t coding;
	DWORD buffers;
	uint8_t reserved[216];
} preview_info;
SIZED(preview_info, 280, 4);
AT(preview_info, channel, 0, 4);
AT(preview_info, stream, 4, 4);
AT(preview_info, link, 8, 4);
AT(preview_info, window, 12, 4);
AT(preview_info, blocking, 16, 4);
AT(preview_info, record, 20, 4);
AT(preview_info, preview_mode, 24, 1);
AT(preview_info, stream_id, 25, 32);
AT(preview_info, protocol, 57, 1);
AT(preview_info, coding, 59, 1);
AT(preview_info, buffers, 60, 4);

// What a packet holds.
enum { PACKET_I = 1, PACKET_B = 2, PACKET_P = 3 };
typedef struct {
	uint16_t width;
	uint16_t height;
	DWORD stamp;
	DWORD stamp_high;
	uint8_t date[28]; // year, month, day, hour, minute, second, millisecond
	DWORD number;
	DWORD rate;
	uint8_t unused1[8];
	DWORD type;
	DWORD size;
	uint8_t *bytes;
	uint8_t reserved[48];
} packet_info;
SIZED(packet_info, 120, 8);
AT(packet_info, width, 0, 2);
AT(packet_info, height, 2, 2);
AT(packet_info, stamp, 4, 4);
AT(packet_info, stamp_high, 8, 4);
AT(packet_info, date, 12, 28);
AT(packet_info, number, 40, 4);
AT(packet_info, rate, 44, 4);
AT(packet_info, type, 56, 4);
AT(packet_info, size, 60, 4);
AT(packet_info, bytes, 64, 8);

typedef struct {
	uint16_t size;    // 0xff: as the stream is
	uint16_t quality; // 0 best, 1, 2
} jpeg_info;
SIZED(jpeg_info, 4, 2);
AT(jpeg_info, size, 0, 2);
AT(jpeg_info, quality, 2, 2);

// What the library says of a camera that it has lost; others are of alarms, talk and playback.
enum { EXCEPTION_SESSION = 0x8000, EXCEPTION_PREVIEW = 0x8003, EXCEPTION_RECONNECT = 0x8005, EXCEPTION_RELOGIN = 0x8040 };
typedef void (*on_exception)(DWORD type, LONG user, LONG handle, void *context);
typedef void (*on_real_data)(LONG handle, DWORD type, uint8_t *bytes, DWORD size, void *context);
typedef void (*on_packet)(LONG handle, packet_info *packet, void *context);

// CALLS lists the functions: what they return, their names, and what they take.
#define CALLS(X)                                                                                   \
	X(BOOL, NET_DVR_SetSDKInitCfg, (int type, const void *in))                                     \
	X(BOOL, NET_DVR_Init, (void))                                                                  \
	X(BOOL, NET_DVR_SetConnectTime, (DWORD ms, DWORD tries))                                       \
	X(BOOL, NET_DVR_SetReconnect, (DWORD ms, BOOL on))                                             \
	X(BOOL, NET_DVR_SetRecvTimeOut, (DWORD ms))                                                    \
	X(BOOL, NET_DVR_SetExceptionCallBack_V30, (uint32_t, void *, on_exception call, void *context)) \
	X(LONG, NET_DVR_Login_V40, (login_info *, device_info *))                                      \
	X(BOOL, NET_DVR_Logout, (LONG user))                                                           \
	X(DWORD, NET_DVR_GetLastError, (void))                                                         \
	X(LONG, NET_DVR_RealPlay_V40, (LONG user, preview_info *, on_real_data, void *context))        \
	X(BOOL, NET_DVR_StopRealPlay, (LONG handle))                                                   \
	X(BOOL, NET_DVR_SetESRealPlayCallBack, (LONG handle, on_packet call, void *context))           \
	X(BOOL, NET_DVR_MakeKeyFrame, (LONG user, LONG channel))                                       \
	X(BOOL, NET_DVR_CaptureJPEGPicture_NEW, (LONG user, LONG channel, jpeg_info *, char *to, DWORD room, DWORD *size))
