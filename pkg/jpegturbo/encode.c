#include "encode.h"

#include <stdlib.h>
#include <string.h>

#include "expand.h"
#include "trap.h"

struct linkstart_encoder {
	struct jpeg_compress_struct jpeg;
	struct trap trap;
	struct jpeg_destination_mgr destination;
	uint8_t *out;
	size_t size, room;
	uint8_t *strip; /* a row of MCUs, where the planes cannot be used as they are */
	size_t strip_room;
	int format, width, height, quality; /* what jpeg is set up for */
};

static void out_begin(j_compress_ptr jpeg)
{
	struct linkstart_encoder *e = jpeg->client_data;
	e->destination.next_output_byte = e->out;
	e->destination.free_in_buffer = e->room;
}

static boolean out_full(j_compress_ptr jpeg)
{
	struct linkstart_encoder *e = jpeg->client_data;
	uint8_t *larger = realloc(e->out, 2 * e->room);
	if (!larger) {
		strcpy(e->trap.message, "no memory");
		longjmp(e->trap.escape, 1);
	}
	e->out = larger;
	e->destination.next_output_byte = e->out + e->room;
	e->destination.free_in_buffer = e->room;
	e->room *= 2;
	return TRUE;
}

static void out_end(j_compress_ptr jpeg)
{
	struct linkstart_encoder *e = jpeg->client_data;
	e->size = e->room - e->destination.free_in_buffer;
}

static int create(struct linkstart_encoder *e)
{
	e->jpeg.err = linkstart_trap(&e->trap);
	if (setjmp(e->trap.escape))
		return 0;
	jpeg_create_compress(&e->jpeg);
	e->jpeg.client_data = e;
	e->jpeg.dest = &e->destination;
	e->destination.init_destination = out_begin;
	e->destination.empty_output_buffer = out_full;
	e->destination.term_destination = out_end;
	e->room = 64 << 10;
	e->out = malloc(e->room);
	return e->out != NULL;
}

struct linkstart_encoder *linkstart_encoder_new(void)
{
	struct linkstart_encoder *e = calloc(1, sizeof *e);
	if (e && !create(e)) {
		linkstart_encoder_free(e);
		return NULL;
	}
	return e;
}

void linkstart_encoder_free(struct linkstart_encoder *e)
{
	if (!e)
		return;
	jpeg_destroy_compress(&e->jpeg);
	free(e->out);
	free(e->strip);
	free(e);
}

/* Sets e->jpeg up, which is not done again for the next picture of the same kind. */
static void set_up(struct linkstart_encoder *e, int format, int width, int height, int quality)
{
	j_compress_ptr jpeg = &e->jpeg;
	if (e->format == format && e->width == width && e->height == height && e->quality == quality)
		return;
	e->width = 0; /* not set up, should an error come between */
	jpeg->image_width = width;
	jpeg->image_height = height;
	jpeg->input_components = format == LINKSTART_GRAY ? 1 : 3;
	jpeg->in_color_space = format == LINKSTART_GRAY ? JCS_GRAYSCALE : JCS_YCbCr;
	jpeg_set_defaults(jpeg);
	jpeg_set_quality(jpeg, quality, TRUE);
	jpeg->raw_data_in = TRUE;
	jpeg->dct_method = JDCT_ISLOW; /* with vectors as fast as the fast one, but for 1 % of the encode */
	jpeg->comp_info[0].h_samp_factor = format == LINKSTART_I420 || format == LINKSTART_I422 ? 2 : 1;
	jpeg->comp_info[0].v_samp_factor = format == LINKSTART_I420 ? 2 : 1;
	e->format = format;
	e->width = width;
	e->height = height;
	e->quality = quality;
}

struct plane {
	const uint8_t *samples;
	size_t stride, width, height;
	size_t padded;  /* width in whole blocks: what libjpeg reads of a row */
	uint8_t *strip; /* NULL: its rows can be used as they are */
	void (*copy)(uint8_t *restrict to, const uint8_t *restrict from, size_t n);
};

static void copy_as_is(uint8_t *restrict to, const uint8_t *restrict from, size_t n)
{
	memcpy(to, from, n);
}

/* Says how the planes are to be read, and makes room for the strips of those that need one. */
static void lay_out(struct linkstart_encoder *e, struct plane *planes, int limited)
{
	size_t need = 0;
	for (int i = 0; i < e->jpeg.num_components; i++) {
		jpeg_component_info *c = &e->jpeg.comp_info[i];
		planes[i].width = c->downsampled_width;
		planes[i].height = c->downsampled_height;
		planes[i].padded = (size_t)c->width_in_blocks * DCTSIZE;
		planes[i].copy = !limited ? copy_as_is : i == 0 ? linkstart_expand_luma : linkstart_expand_chroma;
		need += planes[i].padded * c->v_samp_factor * DCTSIZE;
	}
	if (need > e->strip_room) {
		free(e->strip);
		e->strip_room = 0;
		if (!(e->strip = malloc(need))) {
			strcpy(e->trap.message, "no memory");
			longjmp(e->trap.escape, 1);
		}
		e->strip_room = need;
	}
	uint8_t *next = e->strip;
	for (int i = 0; i < e->jpeg.num_components; i++) {
		planes[i].strip = limited || planes[i].padded != planes[i].width ? next : NULL;
		next += planes[i].padded * e->jpeg.comp_info[i].v_samp_factor * DCTSIZE;
	}
}

/* Points rows at n rows of p from first on; below the last row that one is repeated, right of a row its last sample. */
static void take_rows(const struct plane *p, size_t first, int n, JSAMPROW *rows)
{
	for (int i = 0; i < n; i++) {
		if (i > 0 && first + i >= p->height) {
			rows[i] = rows[i - 1];
			continue;
		}
		size_t at = first + i < p->height ? first + i : p->height - 1;
		rows[i] = (JSAMPROW)p->samples + at * p->stride; /* libjpeg only reads it */
		if (p->strip) {
			uint8_t *to = p->strip + i * p->padded;
			p->copy(to, rows[i], p->width);
			memset(to + p->width, to[p->width - 1], p->padded - p->width);
			rows[i] = to;
		}
	}
}

static void write_planes(struct linkstart_encoder *e, const struct plane *planes)
{
	j_compress_ptr jpeg = &e->jpeg;
	JSAMPROW rows[3][2 * DCTSIZE];
	JSAMPARRAY components[3] = { rows[0], rows[1], rows[2] };
	while (jpeg->next_scanline < jpeg->image_height) {
		size_t blocks = jpeg->next_scanline / (jpeg->max_v_samp_factor * DCTSIZE);
		for (int i = 0; i < jpeg->num_components; i++) {
			int n = jpeg->comp_info[i].v_samp_factor * DCTSIZE;
			take_rows(&planes[i], blocks * n, n, rows[i]);
		}
		jpeg_write_raw_data(jpeg, components, jpeg->max_v_samp_factor * DCTSIZE);
	}
}

struct linkstart_jpeg linkstart_encode(struct linkstart_encoder *e, int format, int limited, int width, int height,
	const uint8_t *y, const uint8_t *cb, const uint8_t *cr, size_t y_stride, size_t cb_stride, size_t cr_stride, int quality)
{
	struct plane planes[3] = {
		{ .samples = y, .stride = y_stride }, { .samples = cb, .stride = cb_stride }, { .samples = cr, .stride = cr_stride },
	};
	if (setjmp(e->trap.escape)) {
		jpeg_abort_compress(&e->jpeg);
		return (struct linkstart_jpeg){ .error = e->trap.message };
	}
	set_up(e, format, width, height, quality);
	jpeg_start_compress(&e->jpeg, TRUE);
	lay_out(e, planes, limited);
	write_planes(e, planes);
	jpeg_finish_compress(&e->jpeg);
	return (struct linkstart_jpeg){ .data = e->out, .size = e->size };
}
