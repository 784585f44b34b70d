#include "pipeline.h"

#include <gio/gio.h>
#include <string.h>

typedef struct {
	GstSample *sample;
	gint64 at;
} item;

static void item_free(gpointer data) {
	item *i = data;
	gst_sample_unref(i->sample);
	g_free(i);
}

// fail keeps the first error, and takes it over.
static void fail(ls_pipe *p, GError *error) {
	g_mutex_lock(&p->mu);
	if (p->error) {
		g_error_free(error);
	} else {
		p->error = error;
	}
	g_cond_broadcast(&p->news);
	g_mutex_unlock(&p->mu);
}

static GstFlowReturn on_sample(GstAppSink *sink, gpointer data) {
	ls_pipe *p = data;
	gint64 at = g_get_monotonic_time(); // the clock may be set meanwhile;
	GstSample *sample = gst_app_sink_try_pull_sample(sink, 0);
	if (!sample)
		return GST_FLOW_OK;
	item *i = g_new(item, 1);
	i->sample = sample;
	i->at = at;
	g_mutex_lock(&p->mu);
	while (!p->closing && (int)p->items.length >= p->most)
		g_cond_wait(&p->room, &p->mu);
	gboolean closing = p->closing;
	p->torn = p->torn && GST_BUFFER_FLAG_IS_SET(gst_sample_get_buffer(sample), GST_BUFFER_FLAG_DELTA_UNIT);
	gboolean keep = !closing && !p->torn;
	if (keep) {
		g_queue_push_tail(&p->items, i);
		g_cond_broadcast(&p->news);
	}
	g_mutex_unlock(&p->mu);
	if (!keep)
		item_free(i);
	return closing ? GST_FLOW_FLUSHING : GST_FLOW_OK;
}

static void on_end(GstAppSink *sink, gpointer data) {
	(void)sink;
	ls_pipe *p = data;
	g_mutex_lock(&p->mu);
	p->end = TRUE;
	g_cond_broadcast(&p->news);
	g_mutex_unlock(&p->mu);
}

// on_message takes the errors and throws all else away, so that nothing piles up on the bus. The debug text of an error
// is dropped: it repeats addresses.
static GstBusSyncReply on_message(GstBus *bus, GstMessage *m, gpointer data) {
	(void)bus;
	if (GST_MESSAGE_TYPE(m) == GST_MESSAGE_ERROR) {
		GError *error = NULL;
		gst_message_parse_error(m, &error, NULL);
		fail(data, error);
	}
	gst_message_unref(m);
	return GST_BUS_DROP;
}

static ls_tail *tail_for(ls_pipe *p, const GstCaps *caps) {
	for (int i = 0; i < p->ntails; i++)
		if (gst_caps_can_intersect(p->tails[i].caps, caps))
			return &p->tails[i];
	return NULL;
}

static gboolean is_video(const GstCaps *caps) {
	if (gst_caps_is_empty(caps) || gst_caps_is_any(caps))
		return FALSE;
	const GstStructure *s = gst_caps_get_structure(caps, 0);
	const char *name = gst_structure_get_name(s), *media = gst_structure_get_string(s, "media");
	return g_str_has_prefix(name, "video/") || g_str_has_prefix(name, "image/") || (media && !g_ascii_strcasecmp(media, "video"));
}

// note_unknown remembers what nobody here can take, for the user.
static void note_unknown(ls_pipe *p, const GstCaps *caps) {
	const GstStructure *s = gst_caps_get_structure(caps, 0);
	const char *encoding = gst_structure_get_string(s, "encoding-name");
	g_mutex_lock(&p->mu);
	if (!p->unknown)
		p->unknown = g_strdup(encoding ? encoding : gst_structure_get_name(s));
	g_mutex_unlock(&p->mu);
}

// on_select lets rtspsrc set up the first video that can be taken, and nothing else.
static gboolean on_select(GstElement *source, guint number, GstCaps *caps, gpointer data) {
	(void)source, (void)number;
	ls_pipe *p = data;
	if (!is_video(caps) || p->chosen)
		return FALSE;
	caps = gst_caps_copy(caps);
	gst_structure_set_name(gst_caps_get_structure(caps, 0), "application/x-rtp"); // which it only becomes by its set-up
	p->chosen = tail_for(p, caps) != NULL;
	if (!p->chosen)
		note_unknown(p, caps);
	gst_caps_unref(caps);
	return p->chosen;
}

// attach links pad to the sink by way of words.
static void attach(ls_pipe *p, GstPad *pad, const char *words) {
	GstElement *last = p->sink, *bin = NULL;
	GError *error = NULL;
	if (*words) {
		bin = gst_parse_bin_from_description_full(words, TRUE, NULL, GST_PARSE_FLAG_FATAL_ERRORS, &error);
		if (!bin) {
			fail(p, error);
			return;
		}
		g_clear_error(&error);
		gst_bin_add(GST_BIN(p->pipeline), bin);
		gst_element_link(bin, p->sink);
		gst_element_sync_state_with_parent(bin);
		last = bin;
	}
	GstPad *entry = gst_element_get_static_pad(last, "sink");
	GstPadLinkReturn linked = gst_pad_link(pad, entry);
	gst_object_unref(entry);
	if (linked != GST_PAD_LINK_OK)
		fail(p, g_error_new_literal(GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION, "the stream cannot be linked"));
}

static void on_pad(GstElement *source, GstPad *pad, gpointer data) {
	(void)source;
	ls_pipe *p = data;
	if (GST_PAD_DIRECTION(pad) != GST_PAD_SRC)
		return;
	GstCaps *caps = gst_pad_get_current_caps(pad);
	if (!caps)
		caps = gst_pad_query_caps(pad, NULL);
	ls_tail *tail = tail_for(p, caps);
	g_mutex_lock(&p->mu);
	gboolean take = tail && !p->linked;
	if (take)
		p->linked = TRUE;
	g_mutex_unlock(&p->mu);
	if (take)
		attach(p, pad, tail->words);
	else if (!tail && is_video(caps))
		note_unknown(p, caps);
	gst_caps_unref(caps);
}

static void on_no_more_pads(GstElement *source, gpointer data) {
	(void)source;
	ls_pipe *p = data;
	g_mutex_lock(&p->mu);
	p->bare = !p->linked;
	g_cond_broadcast(&p->news);
	g_mutex_unlock(&p->mu);
}

// ls_pipe_new makes a pipeline of words, whose element "src" gives the streams.
ls_pipe *ls_pipe_new(const char *words, GError **error) {
	GstElement *pipeline = gst_parse_launch_full(words, NULL, GST_PARSE_FLAG_FATAL_ERRORS, error);
	if (!pipeline)
		return NULL;
	gst_object_ref_sink(pipeline);
	if (!GST_IS_PIPELINE(pipeline)) { // a single bin
		GstElement *whole = gst_pipeline_new(NULL);
		gst_object_ref_sink(whole);
		gst_bin_add(GST_BIN(whole), pipeline);
		gst_object_unref(pipeline);
		pipeline = whole;
	}
	GstElement *source = gst_bin_get_by_name(GST_BIN(pipeline), "src");
	GstElement *sink = gst_element_factory_make("appsink", "sink");
	if (!source || !sink) {
		g_set_error(error, GST_PARSE_ERROR, GST_PARSE_ERROR_NO_SUCH_ELEMENT, "no element \"%s\"", sink ? "src" : "appsink");
		if (source)
			gst_object_unref(source);
		if (sink)
			gst_object_unref(gst_object_ref_sink(sink));
		gst_object_unref(pipeline);
		return NULL;
	}
	ls_pipe *p = g_new0(ls_pipe, 1);
	p->pipeline = pipeline;
	p->source = source;
	p->most = 256;
	g_mutex_init(&p->mu);
	g_cond_init(&p->news);
	g_cond_init(&p->room);
	g_queue_init(&p->items);
	p->sink = gst_object_ref(sink);
	g_object_set(sink, "sync", FALSE, "async", FALSE, "enable-last-sample", FALSE, "max-buffers", 1, "drop", FALSE, NULL);
	GstAppSinkCallbacks calls = {.eos = on_end, .new_sample = on_sample};
	gst_app_sink_set_callbacks(GST_APP_SINK(sink), &calls, p, NULL);
	gst_bin_add(GST_BIN(pipeline), sink);
	GstBus *bus = gst_pipeline_get_bus(GST_PIPELINE(pipeline));
	gst_bus_set_sync_handler(bus, on_message, p, NULL);
	gst_object_unref(bus);
	return p;
}

void ls_pipe_tail(ls_pipe *p, const char *caps, const char *words) {
	p->tails = g_renew(ls_tail, p->tails, p->ntails + 1);
	p->tails[p->ntails++] = (ls_tail){gst_caps_from_string(caps), g_strdup(words)};
}

// ls_pipe_set returns what is wrong, or NULL. A text is set as it is, all else is read as gst-launch does.
char *ls_pipe_set(ls_pipe *p, const char *element, const char *property, const char *value) {
	GstElement *e = gst_bin_get_by_name(GST_BIN(p->pipeline), element);
	if (!e)
		return g_strdup("no such element");
	GParamSpec *spec = g_object_class_find_property(G_OBJECT_GET_CLASS(e), property);
	if (spec && G_PARAM_SPEC_VALUE_TYPE(spec) == G_TYPE_STRING)
		g_object_set(e, property, value, NULL);
	else if (spec)
		gst_util_set_object_arg(G_OBJECT(e), property, value);
	gst_object_unref(e);
	return spec ? NULL : g_strdup("no such property");
}

// ls_pipe_offers opens the device of the source and tells whether it has such caps: 1, 0, or -1 where it cannot be opened.
int ls_pipe_offers(ls_pipe *p, const char *words) {
	if (gst_element_set_state(p->pipeline, GST_STATE_READY) == GST_STATE_CHANGE_FAILURE)
		return -1;
	GstPad *pad = gst_element_get_static_pad(p->source, "src");
	if (!pad)
		return 0;
	GstCaps *want = gst_caps_from_string(words), *have = gst_pad_query_caps(pad, NULL);
	int offers = gst_caps_can_intersect(want, have);
	gst_caps_unref(want);
	gst_caps_unref(have);
	gst_object_unref(pad);
	return offers;
}

// A database that vouches for nobody: so the source asks about every certificate.
typedef GTlsDatabase ls_nobody;
typedef GTlsDatabaseClass ls_nobodyClass;
G_DEFINE_TYPE(ls_nobody, ls_nobody, G_TYPE_TLS_DATABASE)

static GTlsCertificateFlags vouch_for_nobody(GTlsDatabase *self, GTlsCertificate *chain, const gchar *purpose, GSocketConnectable *identity,
	GTlsInteraction *interaction, GTlsDatabaseVerifyFlags flags, GCancellable *cancellable, GError **error) {
	(void)self, (void)chain, (void)purpose, (void)identity, (void)interaction, (void)flags, (void)cancellable, (void)error;
	return G_TLS_CERTIFICATE_UNKNOWN_CA;
}

static void ls_nobody_class_init(ls_nobodyClass *class) { class->verify_chain = vouch_for_nobody; }
static void ls_nobody_init(ls_nobody *self) { (void)self; }

// on_certificate is asked about the certificate of the other side.
static gboolean on_certificate(GstElement *source, GTlsConnection *connection, GTlsCertificate *certificate, GTlsCertificateFlags errors,
	gpointer data) {
	(void)source, (void)connection, (void)errors;
	ls_pipe *p = data;
	GByteArray *der = NULL;
	g_object_get(certificate, "certificate", &der, NULL);
	if (!der)
		return FALSE;
	char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, der->data, der->len);
	gboolean accepted = !g_strcmp0(sum, p->fingerprint);
	g_free(sum);
	g_byte_array_unref(der);
	return accepted;
}

void ls_pipe_accept(ls_pipe *p, const char *fingerprint) {
	p->fingerprint = g_strdup(fingerprint);
	GTlsDatabase *nobody = g_object_new(ls_nobody_get_type(), NULL);
	g_object_set(p->source, "tls-database", nobody, NULL);
	g_object_unref(nobody);
	g_signal_connect(p->source, "accept-certificate", G_CALLBACK(on_certificate), p);
}

// on_send lets nothing out to an address that the other side has sent the source to: the password would go there.
static gboolean on_send(GstElement *source, gpointer message, gpointer data) {
	(void)message;
	ls_pipe *p = data;
	char *location = NULL;
	g_object_get(source, "location", &location, NULL);
	gboolean stays = !g_strcmp0(location, p->location);
	g_free(location);
	if (!stays)
		fail(p, g_error_new_literal(GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED, "redirected"));
	return stays;
}

// ls_pipe_start may block for as long as opening a file or a device does.
void ls_pipe_start(ls_pipe *p) {
	GType type = G_OBJECT_TYPE(p->source);
	if (g_signal_lookup("select-stream", type))
		g_signal_connect(p->source, "select-stream", G_CALLBACK(on_select), p);
	if (g_signal_lookup("before-send", type)) {
		g_object_get(p->source, "location", &p->location, NULL);
		g_signal_connect(p->source, "before-send", G_CALLBACK(on_send), p);
	}
	g_signal_connect(p->source, "pad-added", G_CALLBACK(on_pad), p);
	g_signal_connect(p->source, "no-more-pads", G_CALLBACK(on_no_more_pads), p);
	GstPad *pad = gst_element_get_static_pad(p->source, "src");
	if (pad) {
		on_pad(p->source, pad, p);
		gst_object_unref(pad);
	}
	if (gst_element_set_state(p->pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
		fail(p, g_error_new_literal(GST_CORE_ERROR, GST_CORE_ERROR_STATE_CHANGE, "the pipeline does not start"));
}

// ls_pipe_push copies a unit into the source. It never waits: where too many do already, they are thrown away, and 0 is returned.
int ls_pipe_push(ls_pipe *p, const void *bytes, gsize size) {
	GstAppSrc *source = GST_APP_SRC(p->source);
	g_mutex_lock(&p->mu);
	gboolean full = (int)p->items.length >= p->most || (int)gst_app_src_get_current_level_buffers(source) >= p->most;
	if (full) {
		g_queue_clear_full(&p->items, item_free);
		p->torn = TRUE;
		g_cond_broadcast(&p->room);
	}
	g_mutex_unlock(&p->mu);
	if (full)
		return 0;
	GstBuffer *b = gst_buffer_new_allocate(NULL, size, NULL);
	gst_buffer_fill(b, 0, bytes, size);
	return gst_app_src_push_buffer(source, b) == GST_FLOW_OK;
}

void ls_pipe_end(ls_pipe *p) { gst_app_src_end_of_stream(GST_APP_SRC(p->source)); }

int ls_pipe_wait(ls_pipe *p, gint64 timeout_us, GstSample **sample, gint64 *age_us) {
	gint64 until = g_get_monotonic_time() + timeout_us;
	int answer = LS_TIMEOUT;
	g_mutex_lock(&p->mu);
	for (;;) {
		item *i = g_queue_pop_head(&p->items);
		if (i) {
			*sample = i->sample;
			*age_us = g_get_monotonic_time() - i->at;
			g_free(i);
			g_cond_signal(&p->room);
			answer = LS_SAMPLE;
		} else if (p->woken) {
			p->woken = FALSE;
			answer = LS_WOKEN;
		} else if (p->bare) {
			answer = LS_NO_VIDEO;
		} else if (p->error) {
			answer = LS_ERROR;
		} else if (p->end) {
			answer = LS_END;
		} else if (timeout_us > 0 && g_cond_wait_until(&p->news, &p->mu, until)) {
			continue;
		}
		break;
	}
	g_mutex_unlock(&p->mu);
	return answer;
}

void ls_pipe_wake(ls_pipe *p) {
	g_mutex_lock(&p->mu);
	p->woken = TRUE;
	g_cond_broadcast(&p->news);
	g_mutex_unlock(&p->mu);
}

// ls_pipe_free may block for as long as the elements take to stop.
void ls_pipe_free(ls_pipe *p) {
	g_mutex_lock(&p->mu);
	p->closing = TRUE;
	g_cond_broadcast(&p->room);
	g_mutex_unlock(&p->mu);
	gst_element_set_state(p->pipeline, GST_STATE_NULL);
	GstBus *bus = gst_pipeline_get_bus(GST_PIPELINE(p->pipeline));
	gst_bus_set_sync_handler(bus, NULL, NULL, NULL);
	gst_object_unref(bus);
	gst_object_unref(p->source);
	gst_object_unref(p->sink);
	gst_object_unref(p->pipeline);
	g_queue_clear_full(&p->items, item_free);
	for (int i = 0; i < p->ntails; i++) {
		gst_caps_unref(p->tails[i].caps);
		g_free(p->tails[i].words);
	}
	g_free(p->tails);
	g_free(p->unknown);
	g_free(p->location);
	g_free(p->fingerprint);
	g_clear_error(&p->error);
	g_mutex_clear(&p->mu);
	g_cond_clear(&p->news);
	g_cond_clear(&p->room);
	g_free(p);
}

// ls_pipe_unknown returns a copy.
char *ls_pipe_unknown(ls_pipe *p) {
	g_mutex_lock(&p->mu);
	char *unknown = g_strdup(p->unknown);
	g_mutex_unlock(&p->mu);
	return unknown;
}

// ls_pipe_error returns a copy.
GError *ls_pipe_error(ls_pipe *p) {
	g_mutex_lock(&p->mu);
	GError *error = p->error ? g_error_copy(p->error) : NULL;
	g_mutex_unlock(&p->mu);
	return error;
}
