#include "expand.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/*
 * (sample - 16) * gain / 256, clamped to 0..255. offset / 256 of a gain is added before the fraction is cut off. Sixteen
 * samples a step where the processor surely has the instructions: written out, because compilers need twice the time.
 */
static void expand(uint8_t *restrict to, const uint8_t *restrict from, size_t n, uint16_t gain, uint8_t offset)
{
	size_t i = 0;
#ifdef __SSE2__
	const __m128i black = _mm_set1_epi8(16), gains = _mm_set1_epi16(gain), offsets = _mm_set1_epi8(offset);
	for (; n - i >= 16; i += 16) {
		__m128i v = _mm_subs_epu8(_mm_loadu_si128((const __m128i *)(from + i)), black);
		__m128i low = _mm_mulhi_epu16(_mm_unpacklo_epi8(offsets, v), gains);
		__m128i high = _mm_mulhi_epu16(_mm_unpackhi_epi8(offsets, v), gains);
		_mm_storeu_si128((__m128i *)(to + i), _mm_packus_epi16(low, high));
	}
#endif
	for (; i < n; i++) {
		uint32_t above = from[i] > 16 ? from[i] - 16 : 0;
		uint32_t v = ((above << 8 | offset) * gain) >> 16;
		to[i] = v < 255 ? v : 255;
	}
}

/* 298/256 is 255/219 but for 0.03 %; the offset makes half a step. */
void linkstart_expand_luma(uint8_t *restrict to, const uint8_t *restrict from, size_t n)
{
	expand(to, from, n, 298, 110);
}

/* 291/256 is 255/224 but for 0.15 %; the offset makes a step, half of it because the middle moves from 127.5 to 128. */
void linkstart_expand_chroma(uint8_t *restrict to, const uint8_t *restrict from, size_t n)
{
	expand(to, from, n, 291, 226);
}
