#include "expand.h"

/*
 * In 16 bits, in which the products wrap around and come back, and without branches: so the compiler makes a step of
 * eight samples of it. 298/256 is 255/219 but for 0.03 %.
 */
void linkstart_expand_luma(uint8_t *restrict to, const uint8_t *restrict from, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t s = from[i] < 16 ? 16 : from[i];
		s = s > 235 ? 235 : s;
		to[i] = (uint16_t)(s * 298u - (16 * 298 - 128)) >> 8;
	}
}

/* 291/256 is 255/224 but for 0.15 %. Added are 256 rather than 128, half a step, because the middle moves from 127.5 to 128. */
void linkstart_expand_chroma(uint8_t *restrict to, const uint8_t *restrict from, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t s = from[i] < 16 ? 16 : from[i];
		s = s > 240 ? 240 : s;
		to[i] = (uint16_t)(s * 291u - (16 * 291 - 256)) >> 8;
	}
}
