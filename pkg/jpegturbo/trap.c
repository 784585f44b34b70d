#include "trap.h"

static void escape(j_common_ptr info)
{
	struct trap *t = (struct trap *)info->err;
	t->manager.format_message(info, t->message);
	longjmp(t->escape, 1);
}

/* Negative levels are warnings, which libjpeg leaves to us to count; the others are traces. */
static void count(j_common_ptr info, int level)
{
	if (level < 0)
		info->err->num_warnings++;
}

static void silent(j_common_ptr info)
{
	(void)info;
}

struct jpeg_error_mgr *linkstart_trap(struct trap *t)
{
	jpeg_std_error(&t->manager);
	t->manager.error_exit = escape;
	t->manager.emit_message = count;
	t->manager.output_message = silent;
	t->message[0] = 0;
	return &t->manager;
}
