/* Decodes an H.264 file with libavcodec (one thread) and encodes every picture with libjpeg-turbo, straight from its planes,
 * and nothing else: what no program that does the same can fall below.
 * Usage: bare FILE QUALITY SECONDS RATE. RATE pictures a second, or as many as it can for 0. Prints "pictures decode_us encode_us bytes": means of processor time and size. */
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <turbojpeg.h>

static double now(clockid_t clock) {
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void check(int ok, const char *what) {
	if (ok) return;
	fprintf(stderr, "bare: cannot %s\n", what);
	exit(1);
}

static double decoding, encoding, bytes;
static long pictures;

static void encode(tjhandle jpeg, const AVFrame *f, int quality) {
	static unsigned char *out;
	static unsigned long size;
	const unsigned char *planes[3] = {f->data[0], f->data[1], f->data[2]};
	double began = now(CLOCK_PROCESS_CPUTIME_ID);
	check(f->format == AV_PIX_FMT_YUV420P || f->format == AV_PIX_FMT_YUVJ420P, "encode this pixel format");
	check(tjCompressFromYUVPlanes(jpeg, planes, f->width, f->linesize, f->height, TJSAMP_420, &out, &size, quality, TJFLAG_FASTDCT) == 0, "encode");
	encoding += now(CLOCK_PROCESS_CPUTIME_ID) - began;
	bytes += size;
	pictures++;
}

/* Waits until the next picture is due. */
static void wait_for(double rate, double began) {
	double left = rate > 0 ? began + pictures * 1e6 / rate - now(CLOCK_MONOTONIC) : 0;
	if (left <= 0) return;
	struct timespec t = {left / 1e6, (long)(left * 1e3) % 1000000000};
	nanosleep(&t, NULL);
}

static void pass(const char *name, int quality, tjhandle jpeg, double until, double rate, double started) {
	AVFormatContext *in = NULL;
	check(avformat_open_input(&in, name, NULL, NULL) == 0, "open the clip");
	check(avformat_find_stream_info(in, NULL) >= 0, "read the clip");
	const AVCodec *codec = NULL;
	int stream = av_find_best_stream(in, AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);
	check(stream >= 0, "find video in the clip");
	AVCodecContext *decoder = avcodec_alloc_context3(codec);
	check(avcodec_parameters_to_context(decoder, in->streams[stream]->codecpar) >= 0, "set up the decoder");
	decoder->thread_count = 1;
	decoder->flags |= AV_CODEC_FLAG_LOW_DELAY;
	check(avcodec_open2(decoder, codec, NULL) == 0, "open the decoder");
	AVPacket *packet = av_packet_alloc();
	AVFrame *frame = av_frame_alloc();
	while (now(CLOCK_MONOTONIC) < until && av_read_frame(in, packet) >= 0) {
		wait_for(rate, started);
		double began = now(CLOCK_PROCESS_CPUTIME_ID);
		check(avcodec_send_packet(decoder, packet) >= 0, "decode");
		int got = avcodec_receive_frame(decoder, frame);
		decoding += now(CLOCK_PROCESS_CPUTIME_ID) - began;
		if (got >= 0) encode(jpeg, frame, quality);
		av_packet_unref(packet);
	}
	av_frame_free(&frame);
	av_packet_free(&packet);
	avcodec_free_context(&decoder);
	avformat_close_input(&in);
}

int main(int argc, char **argv) {
	check(argc == 5, "do without FILE, QUALITY, SECONDS and RATE");
	double started = now(CLOCK_MONOTONIC), until = started + atof(argv[3]) * 1e6;
	tjhandle jpeg = tjInitCompress();
	check(jpeg != NULL, "set up the encoder");
	while (now(CLOCK_MONOTONIC) < until) pass(argv[1], atoi(argv[2]), jpeg, until, atof(argv[4]), started);
	check(pictures > 0, "find a picture in the clip");
	printf("%ld %.1f %.1f %.0f\n", pictures, decoding / pictures, encoding / pictures, bytes / pictures);
	tjDestroy(jpeg);
	return 0;
}
