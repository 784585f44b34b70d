#include "colour.h"

static uint8_t clamp(int v)
{
	return v < 0 ? 0 : v > 255 ? 255 : v;
}

/* The weights of JFIF 1.02 in 1/65536, and half of that for rounding. */
static void from_rgb(uint8_t *y, uint8_t *cb, uint8_t *cr, int r, int g, int b)
{
	*y = (19595 * r + 38470 * g + 7471 * b + 32768) >> 16;
	*cb = clamp((-11056 * r - 21712 * g + 32768 * b + (128 << 16) + 32768) >> 16);
	*cr = clamp((32768 * r - 27440 * g - 5328 * b + (128 << 16) + 32768) >> 16);
}

static void to_rgb(int y, int cb, int cr, int *r, int *g, int *b)
{
	cb -= 128;
	cr -= 128;
	*r = clamp(y + ((91881 * cr + 32768) >> 16));
	*g = clamp(y + ((-22554 * cb - 46802 * cr + 32768) >> 16));
	*b = clamp(y + ((116130 * cb + 32768) >> 16));
}

static void convert_row(J_COLOR_SPACE space, uint8_t *a, uint8_t *b, uint8_t *c, const uint8_t *key, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int red = a[i], green = b[i], blue = c[i];
		if (space == JCS_YCCK) {
			to_rgb(a[i], b[i], c[i], &red, &green, &blue);
			red = 255 - red;
			green = 255 - green;
			blue = 255 - blue;
		}
		if (key) { /* inverted: 255 is no ink */
			red = red * key[i] / 255;
			green = green * key[i] / 255;
			blue = blue * key[i] / 255;
		}
		from_rgb(&a[i], &b[i], &c[i], red, green, blue);
	}
}

void linkstart_to_ycbcr(J_COLOR_SPACE space, struct linkstart_plane **planes)
{
	if (space == JCS_YCbCr || space == JCS_GRAYSCALE)
		return;
	for (size_t y = 0; y < planes[0]->height; y++)
		convert_row(space, planes[0]->samples + y * planes[0]->stride, planes[1]->samples + y * planes[1]->stride,
			planes[2]->samples + y * planes[2]->stride, space == JCS_RGB ? NULL : planes[3]->samples + y * planes[3]->stride,
			planes[0]->width);
}
