#pragma once
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>

// What ls_pipe_wait may answer.
enum { LS_TIMEOUT, LS_SAMPLE, LS_END, LS_ERROR, LS_NO_VIDEO, LS_WOKEN };

// ls_tail is how a stream with such caps is brought into the sink: words of gst-launch, "" for directly.
typedef struct {
	GstCaps *caps;
	char *words;
} ls_tail;

typedef struct {
	GstElement *pipeline, *source, *sink;
	ls_tail *tails;
	int ntails, most; // most: samples that wait at most; then the streaming thread does
	GMutex mu;        // guards what follows
	GCond news, room;
	GQueue items;
	gboolean chosen, linked, end, bare, woken, closing;
	gboolean torn; // what comes now cannot be decoded, up to the next keyframe
	char *fingerprint; // hexadecimal SHA-256 of the only certificate that is accepted, or NULL
	char *location; // what the source was told, where it could be sent elsewhere
	char *unknown; // caps of the first video that no tail fits
	GError *error; // the first one
} ls_pipe;

ls_pipe *ls_pipe_new(const char *words, GError **error);
void ls_pipe_tail(ls_pipe *p, const char *caps, const char *words);
char *ls_pipe_set(ls_pipe *p, const char *element, const char *property, const char *value);
int ls_pipe_offers(ls_pipe *p, const char *caps);
void ls_pipe_accept(ls_pipe *p, const char *fingerprint);
void ls_pipe_start(ls_pipe *p);
int ls_pipe_push(ls_pipe *p, const void *bytes, gsize size);
void ls_pipe_end(ls_pipe *p);
int ls_pipe_wait(ls_pipe *p, gint64 timeout_us, GstSample **sample, gint64 *age_us);
void ls_pipe_wake(ls_pipe *p);
void ls_pipe_free(ls_pipe *p);
char *ls_pipe_unknown(ls_pipe *p);
GError *ls_pipe_error(ls_pipe *p);
