/* JPEG to small planes: scaled by the DCT while decoding, then by area to the size that is asked for. */
#ifndef LINKSTART_DECODE_H
#define LINKSTART_DECODE_H

#include <stddef.h>
#include <stdint.h>

struct linkstart_decoder;

/* Planes that belong to the decoder until it is freed, or in error why there are none. */
struct linkstart_planes {
	int format; /* as in encode.h */
	const uint8_t *samples[3];
	size_t stride[3], size[3]; /* bytes */
	const char *error;
};

/* A decoder for one picture. budget bounds the memory in bytes for its pixels, and for its coefficients. NULL: no memory */
struct linkstart_decoder *linkstart_decoder_new(size_t budget);
void linkstart_decoder_free(struct linkstart_decoder *d);

/* Decodes jpeg, which must be width x height px, to to_width x to_height px, none larger than what it is. */
struct linkstart_planes linkstart_shrink(struct linkstart_decoder *d, const uint8_t *jpeg, size_t size, int width, int height,
	int to_width, int to_height);

/*
 * Writes to means the mean brightness of each block of 16x16 px of jpeg, which must be width x height px, row by row: as
 * many as there are in (width + 15) / 16 columns and (height + 15) / 16 rows. Returns NULL, or what is wrong.
 */
const char *linkstart_luma(struct linkstart_decoder *d, const uint8_t *jpeg, size_t size, int width, int height, uint8_t *means);

#endif
