#pragma once
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <gst/video/video.h>

// ls_picture is a decoded picture in the memory of the process, mapped for reading.
typedef struct {
	GstSample *sample;
	GstVideoFrame frame;
	gint64 pts;
} ls_picture;

// ls_decoder is one decoder that is fed and emptied by the calling thread.
typedef struct {
	GstElement *pipeline, *sink;
	GstPad *pad;
	GstCaps *caps;
} ls_decoder;

GList *ls_factories(GstCaps *caps);
int ls_preload(GstElementFactory *factory);
ls_decoder *ls_decoder_new(GstElementFactory *factory, GstCaps *caps);
int ls_decoder_push(ls_decoder *d, GstSample *unit, gint64 pts, int key);
GstSample *ls_decoder_take(ls_decoder *d);
void ls_decoder_drain(ls_decoder *d);
void ls_decoder_free(ls_decoder *d);

ls_picture *ls_picture_new(GstSample *sample);
void ls_picture_free(ls_picture *p);
int ls_picture_limited(ls_picture *p);

typedef struct {
	GstVideoConverter *converter;
	GstVideoInfo in, out;
} ls_scaler;

ls_scaler *ls_scaler_new(ls_picture *p, int width, int height);
int ls_scaler_fits(ls_scaler *s, ls_picture *p, int width, int height);
ls_picture *ls_scaler_run(ls_scaler *s, ls_picture *p);
void ls_scaler_free(ls_scaler *s);
