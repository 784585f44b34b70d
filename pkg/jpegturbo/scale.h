/* Planes of samples made smaller. */
#ifndef LINKSTART_SCALE_H
#define LINKSTART_SCALE_H

#include <stddef.h>
#include <stdint.h>

enum { MAX_COMPONENTS_OF_A_PICTURE = 4 };

struct linkstart_plane {
	uint8_t *samples;
	size_t width, height, stride;
	size_t mapped; /* bytes at samples, for who frees them */
};

/*
 * Fills to with from: each sample is the mean of the area of from that it covers, to 1/256 of a sample. Returns 0 where
 * there is no memory. Widths and heights are 1 to 65535.
 */
int linkstart_scale(const struct linkstart_plane *to, const struct linkstart_plane *from);

#endif
