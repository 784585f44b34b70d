#include "decoder.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* A progressive JPEG has about ten scans. Each costs a pass over all pixels, however few bytes it takes. */
enum { MAX_SCANS = 100 };

static void limit_scans(j_common_ptr info)
{
	struct linkstart_decoder *d = info->client_data;
	if (d->jpeg.input_scan_number > MAX_SCANS)
		linkstart_fail(d, "it has too many scans");
}

struct linkstart_decoder *linkstart_decoder_new(size_t budget)
{
	struct linkstart_decoder *d = calloc(1, sizeof *d);
	if (!d)
		return NULL;
	d->budget = budget;
	d->jpeg.err = linkstart_trap(&d->trap);
	d->progress.progress_monitor = limit_scans;
	return d;
}

static void unmap(struct linkstart_plane *p)
{
	if (p->samples)
		munmap(p->samples, p->mapped);
}

void linkstart_decoder_free(struct linkstart_decoder *d)
{
	if (!d)
		return;
	jpeg_destroy_decompress(&d->jpeg);
	for (int i = 0; i < MAX_COMPONENTS_OF_A_PICTURE; i++) {
		unmap(&d->decoded[i]);
		unmap(&d->scaled[i]);
	}
	free(d);
}

void linkstart_fail(struct linkstart_decoder *d, const char *message)
{
	strcpy(d->trap.message, message);
	longjmp(d->trap.escape, 1);
}

void linkstart_begin(struct linkstart_decoder *d, const uint8_t *jpeg, size_t size, int width, int height)
{
	jpeg_create_decompress(&d->jpeg);
	d->jpeg.client_data = d;
	d->jpeg.progress = &d->progress;
	d->jpeg.mem->max_memory_to_use = (long)d->budget;
	jpeg_mem_src(&d->jpeg, jpeg, size);
	jpeg_read_header(&d->jpeg, TRUE);
	if (d->jpeg.image_width != (JDIMENSION)width || d->jpeg.image_height != (JDIMENSION)height)
		linkstart_fail(d, "it declares two sizes");
	if (d->jpeg.num_components > MAX_COMPONENTS_OF_A_PICTURE)
		linkstart_fail(d, "it has too many components");
	d->jpeg.dct_method = JDCT_ISLOW;
	d->jpeg.scale_denom = 8;
	d->jpeg.do_block_smoothing = FALSE; /* guesses what a cut progressive picture does not say */
}

/* Mapped, because malloc would keep megabytes for each of the threads on which a goroutine may come. */
void linkstart_plane_make(struct linkstart_decoder *d, struct linkstart_plane *p, size_t width, size_t height, size_t stride, size_t rows)
{
	if (stride > d->budget / rows)
		linkstart_fail(d, "its sampling makes it too large");
	d->budget -= stride * rows;
	void *samples = mmap(NULL, stride * rows, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (samples == MAP_FAILED)
		linkstart_fail(d, "no memory");
	*p = (struct linkstart_plane){ .samples = samples, .width = width, .height = height, .stride = stride, .mapped = stride * rows };
}
