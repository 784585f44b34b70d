#include "library.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "mailbox.h"

// library_open loads the library. Its functions may call for others of the same folder, so those of it that are needed later are found by name.
library *library_open(const char *path, char **failed, char **absent) {
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		const char *why = dlerror();
		*failed = strdup(why ? why : "it does not say why");
		return NULL;
	}
	library *l = calloc(1, sizeof *l);
	l->handle = handle;
#define X(returns, name, takes)                  \
	l->name = (returns(*) takes)dlsym(handle, #name); \
	if (!l->name && !*absent)                    \
		*absent = strdup(#name);
	CALLS(X)
#undef X
	if (*absent) {
		dlclose(handle);
		free(l);
		return NULL;
	}
	return l;
}

// library_preload loads what the library needs, so that it is there already when that looks for it, and returns what is wrong.
char *library_preload(const char *path) {
	if (dlopen(path, RTLD_NOW | RTLD_LOCAL))
		return NULL;
	const char *why = dlerror();
	return strdup(why ? why : "it does not say why");
}

// error is what the library says of a call of this thread that has just failed.
static DWORD error(library *l) {
	DWORD code = l->NET_DVR_GetLastError();
	return code ? code : (DWORD)-1; // it failed nevertheless
}

DWORD library_start(library *l, const char *folder, DWORD connect_ms, DWORD receive_ms) {
	sdk_path where = {0};
	strncpy(where.path, folder, sizeof where.path - 1);
	if (!l->NET_DVR_SetSDKInitCfg(LOCAL_SDK_PATH, &where) || !l->NET_DVR_Init())
		return error(l);
	if (!l->NET_DVR_SetConnectTime(connect_ms, 1) || !l->NET_DVR_SetRecvTimeOut(receive_ms))
		return error(l);
	// Who connects again, and when, is decided in one place, and not here.
	if (!l->NET_DVR_SetReconnect(60000, 0))
		return error(l);
	if (!l->NET_DVR_SetExceptionCallBack_V30(0, NULL, mailbox_on_exception, NULL))
		return error(l);
	return 0;
}

DWORD library_login(library *l, login_info *login, device_info *device, LONG *user) {
	*user = l->NET_DVR_Login_V40(login, device);
	return *user < 0 ? error(l) : 0;
}

DWORD library_logout(library *l, LONG user) { return l->NET_DVR_Logout(user) ? 0 : error(l); }

DWORD library_play(library *l, LONG user, LONG channel, DWORD stream, unsigned box, LONG *handle) {
	preview_info preview = {.channel = channel, .stream = stream, .blocking = 1};
	*handle = l->NET_DVR_RealPlay_V40(user, &preview, NULL, NULL);
	if (*handle < 0)
		return error(l);
	mailbox_name(box, user, *handle);
	if (l->NET_DVR_SetESRealPlayCallBack(*handle, mailbox_on_packet, (void *)(uintptr_t)box))
		return 0;
	DWORD failed = error(l);
	l->NET_DVR_StopRealPlay(*handle);
	return failed;
}

DWORD library_stop(library *l, LONG handle) { return l->NET_DVR_StopRealPlay(handle) ? 0 : error(l); }

DWORD library_keyframe(library *l, LONG user, LONG channel) { return l->NET_DVR_MakeKeyFrame(user, channel) ? 0 : error(l); }

DWORD library_capture(library *l, LONG user, LONG channel, char *to, DWORD room, DWORD *size) {
	jpeg_info as_it_is = {.size = 0xff, .quality = 0};
	return l->NET_DVR_CaptureJPEGPicture_NEW(user, channel, &as_it_is, to, room, size) ? 0 : error(l);
}
