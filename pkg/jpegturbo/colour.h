/* Colours that are not YCbCr, as some programs put them into JPEGs. */
#ifndef LINKSTART_COLOUR_H
#define LINKSTART_COLOUR_H

#include "scale.h"
#include "trap.h"

/*
 * Makes Y, Cb and Cr (JFIF 1.02) of planes of the same size. Does nothing to YCbCr and gray. CMYK and YCCK are taken as
 * Adobe writes them: inverted.
 */
void linkstart_to_ycbcr(J_COLOR_SPACE space, struct linkstart_plane **planes);

#endif
