/* What the two ways to decode share. */
#ifndef LINKSTART_DECODER_H
#define LINKSTART_DECODER_H

#include "decode.h"
#include "scale.h"
#include "trap.h"

#if JPEG_LIB_VERSION >= 70 /* as Ubuntu builds libjpeg-turbo; there are other names for the same */
#define DCT_scaled_size DCT_v_scaled_size
#define min_DCT_scaled_size min_DCT_v_scaled_size
#endif

struct linkstart_decoder {
	struct jpeg_decompress_struct jpeg;
	struct trap trap;
	struct jpeg_progress_mgr progress;
	size_t budget;
	struct linkstart_plane decoded[MAX_COMPONENTS_OF_A_PICTURE]; /* as they come from the DCT */
	struct linkstart_plane scaled[MAX_COMPONENTS_OF_A_PICTURE];  /* as they are asked for */
};

/* Reads the header of jpeg. Errors of these three jump to d->trap.escape. */
void linkstart_begin(struct linkstart_decoder *d, const uint8_t *jpeg, size_t size, int width, int height);
void linkstart_fail(struct linkstart_decoder *d, const char *message);
void linkstart_plane_make(struct linkstart_decoder *d, struct linkstart_plane *p, size_t width, size_t height, size_t stride, size_t rows);

#endif
