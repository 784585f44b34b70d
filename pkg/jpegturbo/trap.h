/* Errors of libjpeg as return values: its own way is to print them and to end the process. */
#ifndef LINKSTART_TRAP_H
#define LINKSTART_TRAP_H

#include <stddef.h>
#include <stdio.h> /* jpeglib.h does not include it, but needs it */

#include <jpeglib.h>
#include <setjmp.h>

struct trap {
	struct jpeg_error_mgr manager; /* first: libjpeg hands out its address */
	jmp_buf escape;                /* set by whoever calls libjpeg; jumped to on an error */
	char message[JMSG_LENGTH_MAX];
};

/* Prepares t; what it returns is for the field err of a libjpeg object. */
struct jpeg_error_mgr *linkstart_trap(struct trap *t);

#endif
