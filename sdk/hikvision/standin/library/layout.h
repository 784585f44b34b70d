// The layouts of HCNetSDK's structures as the stand-in knows them. They are written down apart from those of the adapter, and in another way, so
// that one mistake does not hide in both.
#pragma once
#include <stddef.h>
#include <stdint.h>

#define FIELD(offset, type, name, ...)     \
	struct {                               \
		uint8_t before_##name[offset];     \
		type name __VA_ARGS__;             \
	}
// A field at the very beginning has nothing before it.
#define FIRST(type, name) type name

typedef union {
	uint8_t raw[416];
	uint64_t aligned;
	FIRST(char, sDeviceAddress[129]);
	FIELD(130, uint16_t, wPort);
	FIELD(132, char, sUserName, [64]);
	FIELD(196, char, sPassword, [64]);
	FIELD(280, int32_t, bUseAsynLogin);
} NET_DVR_USER_LOGIN_INFO;
_Static_assert(sizeof(NET_DVR_USER_LOGIN_INFO) == 416 && _Alignof(NET_DVR_USER_LOGIN_INFO) == 8, "login info");
_Static_assert(offsetof(NET_DVR_USER_LOGIN_INFO, wPort) == 130 && offsetof(NET_DVR_USER_LOGIN_INFO, sUserName) == 132, "login info");
_Static_assert(offsetof(NET_DVR_USER_LOGIN_INFO, sPassword) == 196 && offsetof(NET_DVR_USER_LOGIN_INFO, bUseAsynLogin) == 280, "login info");

typedef union {
	uint8_t raw[344];
	uint32_t aligned;
	FIRST(uint8_t, sSerialNumber[48]);
	FIELD(52, uint8_t, byChanNum);
	FIELD(53, uint8_t, byStartChan);
	FIELD(55, uint8_t, byIPChanNum);
	FIELD(62, uint16_t, wDevType);
	FIELD(66, uint8_t, byStartDChan);
	FIELD(68, uint8_t, byHighDChanNum);
	FIELD(81, uint8_t, byRetryLoginTime);
	FIELD(84, uint32_t, dwSurplusLockTime);
	FIELD(88, uint8_t, byCharEncodeType);
} NET_DVR_DEVICEINFO_V40;
_Static_assert(sizeof(NET_DVR_DEVICEINFO_V40) == 344 && _Alignof(NET_DVR_DEVICEINFO_V40) == 4, "device info");
_Static_assert(offsetof(NET_DVR_DEVICEINFO_V40, byStartDChan) == 66 && offsetof(NET_DVR_DEVICEINFO_V40, byHighDChanNum) == 68, "device info");
_Static_assert(offsetof(NET_DVR_DEVICEINFO_V40, byRetryLoginTime) == 81 && offsetof(NET_DVR_DEVICEINFO_V40, dwSurplusLockTime) == 84, "device info");

typedef union {
	uint8_t raw[280];
	uint32_t aligned;
	FIRST(int32_t, lChannel);
	FIELD(4, uint32_t, dwStreamType);
	FIELD(8, uint32_t, dwLinkMode);
	FIELD(12, uint32_t, hPlayWnd);
	FIELD(16, int32_t, bBlocked);
} NET_DVR_PREVIEWINFO;
_Static_assert(sizeof(NET_DVR_PREVIEWINFO) == 280 && _Alignof(NET_DVR_PREVIEWINFO) == 4, "preview info");
_Static_assert(offsetof(NET_DVR_PREVIEWINFO, dwStreamType) == 4 && offsetof(NET_DVR_PREVIEWINFO, bBlocked) == 16, "preview info");

typedef union {
	uint8_t raw[120];
	uint64_t aligned;
	FIRST(uint16_t, wWidth);
	FIELD(2, uint16_t, wHeight);
	FIELD(4, uint32_t, dwTimeStamp);
	FIELD(40, uint32_t, dwFrameNum);
	FIELD(44, uint32_t, dwFrameRate);
	FIELD(56, uint32_t, dwPacketType);
	FIELD(60, uint32_t, dwPacketSize);
	FIELD(64, uint8_t *, pPacketBuffer);
} NET_DVR_PACKET_INFO_EX;
_Static_assert(sizeof(NET_DVR_PACKET_INFO_EX) == 120 && _Alignof(NET_DVR_PACKET_INFO_EX) == 8, "packet info");
_Static_assert(offsetof(NET_DVR_PACKET_INFO_EX, dwPacketType) == 56 && offsetof(NET_DVR_PACKET_INFO_EX, dwPacketSize) == 60, "packet info");
_Static_assert(offsetof(NET_DVR_PACKET_INFO_EX, pPacketBuffer) == 64 && offsetof(NET_DVR_PACKET_INFO_EX, dwFrameNum) == 40, "packet info");

typedef struct {
	uint16_t wPicSize, wPicQuality;
} NET_DVR_JPEGPARA;
_Static_assert(sizeof(NET_DVR_JPEGPARA) == 4 && offsetof(NET_DVR_JPEGPARA, wPicQuality) == 2, "JPEG parameters");

typedef struct {
	char sPath[256];
	uint8_t byRes[128];
} NET_DVR_LOCAL_SDK_PATH;
_Static_assert(sizeof(NET_DVR_LOCAL_SDK_PATH) == 384 && offsetof(NET_DVR_LOCAL_SDK_PATH, byRes) == 256, "path");
