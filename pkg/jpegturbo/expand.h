/* Video range to the full range of JPEG (JFIF 1.02: Y, Cb and Cr use all of 0..255). */
#ifndef LINKSTART_EXPAND_H
#define LINKSTART_EXPAND_H

#include <stddef.h>
#include <stdint.h>

/* n samples: 16..235 to 0..255; what is outside is clamped. */
void linkstart_expand_luma(uint8_t *restrict to, const uint8_t *restrict from, size_t n);

/* n samples: 16..240 to 1..255, and 128 stays 128; what is outside is clamped. */
void linkstart_expand_chroma(uint8_t *restrict to, const uint8_t *restrict from, size_t n);

#endif
