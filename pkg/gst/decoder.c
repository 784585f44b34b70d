#include "decoder.h"

static gint by_rank(gconstpointer a, gconstpointer b) {
	return gst_plugin_feature_rank_compare_func(a, b);
}

// ls_factories lists the decoders for caps, best first.
GList *ls_factories(GstCaps *caps) {
	GList *all = gst_element_factory_list_get_elements(
		GST_ELEMENT_FACTORY_TYPE_DECODER | GST_ELEMENT_FACTORY_TYPE_MEDIA_VIDEO | GST_ELEMENT_FACTORY_TYPE_MEDIA_IMAGE,
		GST_RANK_MARGINAL);
	GList *fit = gst_element_factory_list_filter(all, caps, GST_PAD_SINK, FALSE);
	gst_plugin_feature_list_free(all);
	return g_list_sort(fit, by_rank);
}

// ls_preload loads the library of a decoder.
int ls_preload(GstElementFactory *factory) {
	GstPluginFeature *loaded = gst_plugin_feature_load(GST_PLUGIN_FEATURE(factory));
	if (loaded)
		gst_object_unref(loaded);
	return loaded != NULL;
}

// on_query tells decoders that the pictures are live, which makes them hold back none that they need not.
static gboolean on_query(GstPad *pad, GstObject *parent, GstQuery *query) {
	if (GST_QUERY_TYPE(query) == GST_QUERY_LATENCY) {
		gst_query_set_latency(query, TRUE, 0, 0);
		return TRUE;
	}
	return gst_pad_query_default(pad, parent, query);
}

// on_allocation lets decoders give out pictures with padding as they are, instead of a copy without.
static GstPadProbeReturn on_allocation(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
	(void)pad, (void)data;
	GstQuery *query = GST_PAD_PROBE_INFO_QUERY(info);
	if (GST_QUERY_TYPE(query) != GST_QUERY_ALLOCATION)
		return GST_PAD_PROBE_OK;
	gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL);
	return GST_PAD_PROBE_HANDLED;
}

static GstBusSyncReply drop(GstBus *bus, GstMessage *m, gpointer data) {
	(void)bus, (void)data;
	gst_message_unref(m);
	return GST_BUS_DROP;
}

static void set_if_there(GstElement *e, const char *property, const char *value) {
	if (g_object_class_find_property(G_OBJECT_GET_CLASS(e), property))
		gst_util_set_object_arg(G_OBJECT(e), property, value);
}

// ls_decoder_new returns NULL where this decoder does not work here.
ls_decoder *ls_decoder_new(GstElementFactory *factory, GstCaps *caps) {
	GstElement *decoder = gst_element_factory_create(factory, NULL);
	if (!decoder)
		return NULL;
	set_if_there(decoder, "max-threads", "1");
	set_if_there(decoder, "low-latency", "true");
	set_if_there(decoder, "qos", "false");
	ls_decoder *d = g_new0(ls_decoder, 1);
	d->pipeline = gst_object_ref_sink(gst_pipeline_new(NULL));
	d->sink = gst_object_ref_sink(gst_element_factory_make("appsink", NULL));
	GstCaps *raw = gst_caps_new_empty_simple("video/x-raw");
	g_object_set(d->sink, "sync", FALSE, "async", FALSE, "enable-last-sample", FALSE, "qos", FALSE,
		"wait-on-eos", FALSE, // who drains takes pictures only afterwards
		"caps", raw, NULL);
	gst_caps_unref(raw);
	GstBus *bus = gst_pipeline_get_bus(GST_PIPELINE(d->pipeline));
	gst_bus_set_sync_handler(bus, drop, NULL, NULL);
	gst_object_unref(bus);
	GstPad *in = gst_element_get_static_pad(d->sink, "sink");
	gst_pad_add_probe(in, GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM, on_allocation, NULL, NULL);
	gst_object_unref(in);
	gst_bin_add_many(GST_BIN(d->pipeline), decoder, d->sink, NULL);

	d->pad = gst_object_ref_sink(gst_pad_new("src", GST_PAD_SRC));
	gst_pad_set_query_function(d->pad, on_query);
	in = gst_element_get_static_pad(decoder, "sink");
	gboolean ok = in && gst_element_link(decoder, d->sink) && gst_pad_link_full(d->pad, in, GST_PAD_LINK_CHECK_NOTHING) == GST_PAD_LINK_OK;
	if (in)
		gst_object_unref(in);
	ok = ok && gst_element_set_state(d->pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE;
	if (ok) {
		gst_pad_set_active(d->pad, TRUE);
		GstSegment segment;
		gst_segment_init(&segment, GST_FORMAT_TIME);
		d->caps = gst_caps_ref(caps);
		gst_pad_push_event(d->pad, gst_event_new_stream_start("video"));
		ok = gst_pad_push_event(d->pad, gst_event_new_caps(caps)) && gst_pad_push_event(d->pad, gst_event_new_segment(&segment));
	}
	if (!ok) {
		ls_decoder_free(d);
		return NULL;
	}
	return d;
}

// ls_decoder_push decodes a unit before it returns, and tells whether that worked. New caps count from a keyframe on.
int ls_decoder_push(ls_decoder *d, GstSample *unit, gint64 pts, int key) {
	GstCaps *caps = gst_sample_get_caps(unit);
	if (key && caps != d->caps) {
		if (!gst_caps_is_equal(caps, d->caps) && !gst_pad_push_event(d->pad, gst_event_new_caps(caps)))
			return 0;
		gst_caps_replace(&d->caps, caps);
	}
	GstBuffer *b = gst_buffer_copy(gst_sample_get_buffer(unit)); // shares the bytes
	GST_BUFFER_PTS(b) = GST_BUFFER_DTS(b) = pts;
	GST_BUFFER_DURATION(b) = GST_CLOCK_TIME_NONE;
	GST_BUFFER_FLAG_UNSET(b, GST_BUFFER_FLAG_DISCONT);
	return gst_pad_push(d->pad, b) == GST_FLOW_OK;
}

// ls_decoder_take returns the next decoded picture, or NULL.
GstSample *ls_decoder_take(ls_decoder *d) {
	return gst_app_sink_try_pull_sample(GST_APP_SINK(d->sink), 0);
}

// ls_decoder_drain makes the decoder give out what it holds back. It takes nothing more afterwards.
void ls_decoder_drain(ls_decoder *d) {
	gst_pad_push_event(d->pad, gst_event_new_eos());
}

void ls_decoder_free(ls_decoder *d) {
	gst_pad_set_active(d->pad, FALSE);
	gst_element_set_state(d->pipeline, GST_STATE_NULL);
	gst_object_unref(d->pad);
	gst_object_unref(d->sink);
	gst_object_unref(d->pipeline);
	if (d->caps)
		gst_caps_unref(d->caps);
	g_free(d);
}
