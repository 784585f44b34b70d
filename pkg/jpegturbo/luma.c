#include "decoder.h"

/* Adds the pairs of a row of n samples to sums, and to counts how many there were. */
static void add_pairs(unsigned *sums, unsigned *counts, const uint8_t *row, size_t n)
{
	for (size_t x = 0; x < n; x++) {
		sums[x / 2] += row[x];
		counts[x / 2]++;
	}
}

/* At 1/8 the DCT leaves the mean of each block of 8x8; a mean of 16x16 is that of up to four of them. */
const char *linkstart_luma(struct linkstart_decoder *d, const uint8_t *jpeg, size_t size, int width, int height, uint8_t *means)
{
	if (setjmp(d->trap.escape))
		return d->trap.message;
	linkstart_begin(d, jpeg, size, width, height);
	d->jpeg.out_color_space = JCS_GRAYSCALE;
	d->jpeg.scale_num = 1;
	jpeg_start_decompress(&d->jpeg);
	size_t columns = ((size_t)width + 15) / 16, n = d->jpeg.output_width;
	if ((n + 1) / 2 != columns)
		linkstart_fail(d, "its eighth is of another size");
	struct linkstart_plane *line = &d->decoded[0];
	linkstart_plane_make(d, line, n, 1, n, 1);
	unsigned *sums = d->jpeg.mem->alloc_small((j_common_ptr)&d->jpeg, JPOOL_IMAGE, 2 * columns * sizeof *sums);
	unsigned *counts = sums + columns;
	for (JDIMENSION y = 0; y < d->jpeg.output_height; y++) {
		if (y % 2 == 0)
			for (size_t i = 0; i < 2 * columns; i++)
				sums[i] = 0;
		if (jpeg_read_scanlines(&d->jpeg, &line->samples, 1) == 0)
			linkstart_fail(d, "it stops");
		add_pairs(sums, counts, line->samples, n);
		for (size_t i = 0; i < columns; i++)
			means[y / 2 * columns + i] = (sums[i] + counts[i] / 2) / counts[i];
	}
	return NULL;
}
