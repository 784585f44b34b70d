#include "scale.h"

#include <stdlib.h>
#include <string.h>

/* For each of n samples where in the source it begins, and how much of each of taps samples there goes into it. */
struct filter {
	size_t taps;
	uint32_t *start;
	uint16_t *weight; /* taps for each sample, which sum up to 256 */
};

/* Makes the filter from `from` samples to n. What is allocated is freed by the caller, also where 0 is returned. */
static int make_filter(struct filter *f, size_t n, size_t from)
{
	f->taps = from / n + 2;
	f->start = calloc(n, sizeof *f->start);
	f->weight = calloc(n * f->taps, sizeof *f->weight);
	if (!f->start || !f->weight)
		return 0;
	for (size_t i = 0; i < n; i++) {
		/* In units of 1/n of a sample of the source, one of the result covers begin..begin+from. */
		uint64_t begin = (uint64_t)i * from, end = begin + from;
		uint64_t first = begin / n, sum = 0;
		f->start[i] = first;
		for (size_t k = 0; k < f->taps && sum < 256; k++) {
			uint64_t edge = (first + k + 1) * n < end ? (first + k + 1) * n : end;
			uint64_t until = ((edge - begin) * 256 + from / 2) / from;
			f->weight[i * f->taps + k] = until - sum;
			sum = until;
		}
	}
	return 1;
}

/* One row of n samples from rows stride apart. sum is scratch. */
static void down(uint8_t *restrict to, uint16_t *restrict sum, const uint8_t *restrict from, size_t stride, size_t n,
	const uint16_t *weight, size_t taps)
{
	for (size_t x = 0; x < n; x++)
		sum[x] = weight[0] * from[x] + 128;
	for (size_t k = 1; k < taps; k++) {
		const uint8_t *restrict row = from + k * stride;
		uint16_t w = weight[k];
		if (w == 0) /* also where there is no row any more */
			continue;
		for (size_t x = 0; x < n; x++)
			sum[x] += w * row[x];
	}
	for (size_t x = 0; x < n; x++)
		to[x] = sum[x] >> 8;
}

static inline void across(uint8_t *restrict to, const uint8_t *restrict from, size_t n, const struct filter *f, const size_t taps)
{
	const uint16_t *weight = f->weight;
	for (size_t i = 0; i < n; i++, weight += taps) {
		const uint8_t *at = from + f->start[i];
		uint32_t sum = 128;
		for (size_t k = 0; k < taps; k++)
			sum += weight[k] * at[k];
		to[i] = sum >> 8;
	}
}

static void scale_rows(const struct linkstart_plane *to, const struct linkstart_plane *from, const struct filter *rows,
	const struct filter *columns, uint8_t *line, uint16_t *sum)
{
	for (size_t y = 0; y < to->height; y++) {
		uint8_t *out = to->samples + y * to->stride;
		uint8_t *between = to->width == from->width ? out : line;
		down(between, sum, from->samples + rows->start[y] * from->stride, from->stride, from->width,
			rows->weight + y * rows->taps, rows->taps);
		if (between == out)
			continue;
		switch (columns->taps) { /* known to the compiler where it matters */
		case 3: across(out, line, to->width, columns, 3); break;
		case 4: across(out, line, to->width, columns, 4); break;
		case 5: across(out, line, to->width, columns, 5); break;
		default: across(out, line, to->width, columns, columns->taps);
		}
	}
}

int linkstart_scale(const struct linkstart_plane *to, const struct linkstart_plane *from)
{
	struct filter rows = { 0 }, columns = { 0 };
	int ok = make_filter(&rows, to->height, from->height) && make_filter(&columns, to->width, from->width);
	/* Behind the end of a line are zeros for the taps that weigh nothing. */
	uint8_t *line = ok ? calloc(from->width + columns.taps, 1) : NULL;
	uint16_t *sum = malloc(from->width * sizeof *sum);
	ok = ok && line && sum;
	if (ok)
		scale_rows(to, from, &rows, &columns, line, sum);
	free(rows.start);
	free(rows.weight);
	free(columns.start);
	free(columns.weight);
	free(line);
	free(sum);
	return ok;
}
