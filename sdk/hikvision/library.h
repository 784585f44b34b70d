#pragma once
#include "hcnetsdk.h"

// library is a loaded HCNetSDK: a handle of dlopen, and the functions.
typedef struct {
	void *handle;
#define X(returns, name, takes) returns(*name) takes;
	CALLS(X)
#undef X
} library;

// dlopen and dlsym give one text or nothing: both are to be freed.
library *library_open(const char *path, char **failed, char **absent);
char *library_preload(const char *path);

// What follows returns 0, or the library's error, which it keeps for each thread.
DWORD library_start(library *l, const char *folder, DWORD connect_ms, DWORD receive_ms);
DWORD library_login(library *l, login_info *login, device_info *device, LONG *user);
DWORD library_logout(library *l, LONG user);
DWORD library_play(library *l, LONG user, LONG channel, DWORD stream, unsigned box, LONG *handle);
DWORD library_stop(library *l, LONG handle);
DWORD library_keyframe(library *l, LONG user, LONG channel);
DWORD library_capture(library *l, LONG user, LONG channel, char *to, DWORD room, DWORD *size);
