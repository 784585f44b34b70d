#include "colour.h"
#include "decoder.h"
#include "encode.h"

/* Of the eight scales only these are vectorised: 4/8 is faster than 3/8, and 8/8 takes a third of the time of 7/8. */
static int scale_for(int width, int to_width)
{
	for (int n = 1; n < 8; n *= 2)
		if (((int64_t)width * n + 7) / 8 >= to_width)
			return n;
	return 8;
}

/* Reads the samples of every component as they are, neither interpolated nor converted. */
static void read_planes(struct linkstart_decoder *d)
{
	j_decompress_ptr jpeg = &d->jpeg;
	size_t rows[MAX_COMPONENTS_OF_A_PICTURE]; /* that one call yields */
	JSAMPROW row[MAX_COMPONENTS_OF_A_PICTURE][MAX_SAMP_FACTOR * DCTSIZE];
	JSAMPARRAY components[MAX_COMPONENTS_OF_A_PICTURE];
	jpeg->raw_data_out = TRUE;
	jpeg_start_decompress(jpeg);
	for (int i = 0; i < jpeg->num_components; i++) {
		jpeg_component_info *c = &jpeg->comp_info[i];
		rows[i] = (size_t)c->v_samp_factor * c->DCT_scaled_size;
		components[i] = row[i];
		linkstart_plane_make(d, &d->decoded[i], c->downsampled_width, c->downsampled_height,
			(size_t)c->width_in_blocks * c->DCT_scaled_size, rows[i] * jpeg->total_iMCU_rows);
	}
	JDIMENSION lines = jpeg->max_v_samp_factor * jpeg->min_DCT_scaled_size;
	for (size_t group = 0; jpeg->output_scanline < jpeg->output_height; group++) {
		for (int i = 0; i < jpeg->num_components; i++)
			for (size_t r = 0; r < rows[i]; r++)
				row[i][r] = d->decoded[i].samples + (group * rows[i] + r) * d->decoded[i].stride;
		if (jpeg_read_raw_data(jpeg, components, lines) == 0)
			linkstart_fail(d, "it stops");
	}
}

/* Component i in width x height samples; the decoded one itself where it is of that size. */
static struct linkstart_plane *scaled(struct linkstart_decoder *d, int i, size_t width, size_t height)
{
	if (d->decoded[i].width == width && d->decoded[i].height == height)
		return &d->decoded[i];
	linkstart_plane_make(d, &d->scaled[i], width, height, width, height);
	if (!linkstart_scale(&d->scaled[i], &d->decoded[i]))
		linkstart_fail(d, "no memory");
	return &d->scaled[i];
}

static int output_format(struct linkstart_decoder *d)
{
	switch (d->jpeg.jpeg_color_space) {
	case JCS_GRAYSCALE: return LINKSTART_GRAY;
	case JCS_YCbCr: return LINKSTART_I420;
	case JCS_RGB: case JCS_CMYK: case JCS_YCCK: return LINKSTART_I444;
	default: linkstart_fail(d, "its colours are of an unknown kind"); return 0;
	}
}

struct linkstart_planes linkstart_shrink(struct linkstart_decoder *d, const uint8_t *jpeg, size_t size, int width, int height,
	int to_width, int to_height)
{
	struct linkstart_planes out = { 0 };
	if (setjmp(d->trap.escape))
		return (struct linkstart_planes){ .error = d->trap.message };
	linkstart_begin(d, jpeg, size, width, height);
	out.format = output_format(d);
	d->jpeg.scale_num = scale_for(width, to_width);
	read_planes(d);
	int half = out.format == LINKSTART_I420;
	struct linkstart_plane *planes[MAX_COMPONENTS_OF_A_PICTURE];
	for (int i = 0; i < d->jpeg.num_components; i++) {
		int chroma = i > 0 && half;
		planes[i] = scaled(d, i, chroma ? (to_width + 1) / 2 : to_width, chroma ? (to_height + 1) / 2 : to_height);
	}
	linkstart_to_ycbcr(d->jpeg.jpeg_color_space, planes);
	for (int i = 0; i < d->jpeg.num_components && i < 3; i++) {
		out.samples[i] = planes[i]->samples;
		out.stride[i] = planes[i]->stride;
		out.size[i] = planes[i]->stride * planes[i]->height;
	}
	return out;
}
