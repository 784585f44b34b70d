/* Planar YCbCr to JPEG, with buffers that are used again. */
#ifndef LINKSTART_ENCODE_H
#define LINKSTART_ENCODE_H

#include <stddef.h>
#include <stdint.h>

enum { LINKSTART_I420, LINKSTART_I422, LINKSTART_I444, LINKSTART_GRAY };

struct linkstart_encoder;

/* A JPEG that belongs to the encoder until its next call, or in error why there is none. */
struct linkstart_jpeg {
	const uint8_t *data;
	size_t size;
	const char *error;
};

struct linkstart_encoder *linkstart_encoder_new(void); /* NULL: no memory */
void linkstart_encoder_free(struct linkstart_encoder *e);

/*
 * Encodes width x height pixels. A plane holds rounded up (width, height) / (sampling of format) samples, its rows stride
 * bytes apart; nothing beyond is read. limited: samples are of video range. quality: 1..100.
 */
struct linkstart_jpeg linkstart_encode(struct linkstart_encoder *e, int format, int limited, int width, int height,
	const uint8_t *y, const uint8_t *cb, const uint8_t *cr, size_t y_stride, size_t cb_stride, size_t cr_stride, int quality);

#endif
