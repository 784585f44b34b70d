#include "decoder.h"

// ls_picture_new takes sample over. It returns NULL where it holds no picture that can be looked into.
ls_picture *ls_picture_new(GstSample *sample) {
	GstVideoInfo info;
	GstCaps *caps = gst_sample_get_caps(sample);
	GstBuffer *buffer = gst_sample_get_buffer(sample);
	ls_picture *p = g_new0(ls_picture, 1);
	if (!caps || !buffer || !gst_video_info_from_caps(&info, caps) || !gst_video_frame_map(&p->frame, &info, buffer, GST_MAP_READ)) {
		gst_sample_unref(sample);
		g_free(p);
		return NULL;
	}
	p->pts = GST_BUFFER_PTS_IS_VALID(buffer) ? (gint64)GST_BUFFER_PTS(buffer) : -1;
	p->sample = sample;
	return p;
}

void ls_picture_free(ls_picture *p) {
	gst_video_frame_unmap(&p->frame);
	gst_sample_unref(p->sample);
	g_free(p);
}

// ls_picture_limited tells whether the samples are in video range, which they are where nothing says otherwise.
int ls_picture_limited(ls_picture *p) {
	return p->frame.info.colorimetry.range != GST_VIDEO_COLOR_RANGE_0_255;
}

// planar is the format that a JPEG is made of, nearest to f.
static GstVideoFormat planar(GstVideoFormat f) {
	switch (f) {
	case GST_VIDEO_FORMAT_Y42B:
	case GST_VIDEO_FORMAT_Y444:
	case GST_VIDEO_FORMAT_GRAY8:
		return f;
	default:
		return GST_VIDEO_FORMAT_I420;
	}
}

ls_scaler *ls_scaler_new(ls_picture *p, int width, int height) {
	ls_scaler *s = g_new0(ls_scaler, 1);
	s->in = p->frame.info;
	gst_video_info_set_format(&s->out, planar(GST_VIDEO_INFO_FORMAT(&s->in)), width, height);
	s->out.fps_n = s->in.fps_n;
	s->out.fps_d = s->in.fps_d;
	s->out.interlace_mode = s->in.interlace_mode;
	if (GST_VIDEO_INFO_IS_RGB(&s->in)) {
		gst_video_colorimetry_from_string(&s->out.colorimetry, "bt601");
		s->out.colorimetry.range = GST_VIDEO_COLOR_RANGE_0_255; // what a JPEG holds
	} else {
		s->out.colorimetry = s->in.colorimetry;
	}
	s->out.chroma_site = s->in.chroma_site;
	s->converter = gst_video_converter_new(&s->in, &s->out,
		gst_structure_new("options", GST_VIDEO_CONVERTER_OPT_THREADS, G_TYPE_UINT, 1u,
			GST_VIDEO_CONVERTER_OPT_RESAMPLER_METHOD, GST_TYPE_VIDEO_RESAMPLER_METHOD, GST_VIDEO_RESAMPLER_METHOD_LINEAR,
			GST_VIDEO_CONVERTER_OPT_MATRIX_MODE, GST_TYPE_VIDEO_MATRIX_MODE,
			GST_VIDEO_INFO_IS_RGB(&s->in) ? GST_VIDEO_MATRIX_MODE_FULL : GST_VIDEO_MATRIX_MODE_NONE, NULL));
	if (!s->converter) {
		g_free(s);
		return NULL;
	}
	return s;
}

int ls_scaler_fits(ls_scaler *s, ls_picture *p, int width, int height) {
	return s->out.width == width && s->out.height == height && gst_video_info_is_equal(&s->in, &p->frame.info);
}

// ls_scaler_run returns a new picture, or NULL where there is no memory.
ls_picture *ls_scaler_run(ls_scaler *s, ls_picture *p) {
	GstBuffer *buffer = gst_buffer_new_allocate(NULL, s->out.size, NULL);
	GstVideoFrame out;
	if (!buffer)
		return NULL;
	if (!gst_video_frame_map(&out, &s->out, buffer, GST_MAP_WRITE)) {
		gst_buffer_unref(buffer);
		return NULL;
	}
	gst_video_converter_frame(s->converter, &p->frame, &out);
	gst_video_frame_unmap(&out);
	GST_BUFFER_PTS(buffer) = p->pts >= 0 ? (GstClockTime)p->pts : GST_CLOCK_TIME_NONE;
	GstCaps *caps = gst_video_info_to_caps(&s->out);
	GstSample *sample = gst_sample_new(buffer, caps, NULL, NULL);
	gst_caps_unref(caps);
	gst_buffer_unref(buffer);
	return ls_picture_new(sample);
}

void ls_scaler_free(ls_scaler *s) {
	gst_video_converter_free(s->converter);
	g_free(s);
}
