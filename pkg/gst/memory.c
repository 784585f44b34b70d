#define _GNU_SOURCE
#include "memory.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static int has_text_relocations(const struct dl_phdr_info *o) {
	for (int i = 0; i < o->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &o->dlpi_phdr[i];
		if (h->p_type != PT_DYNAMIC)
			continue;
		for (const ElfW(Dyn) *d = (const void *)(o->dlpi_addr + h->p_vaddr); d->d_tag != DT_NULL; d++)
			if (d->d_tag == DT_TEXTREL || (d->d_tag == DT_FLAGS && d->d_un.d_val & DF_TEXTREL))
				return 1;
	}
	return 0;
}

// give_back drops the pages of the segments that nobody can write: they come back from the file when they are touched.
// The loader's list of libraries is locked meanwhile, and one that is being loaded is not in it yet.
static int give_back(struct dl_phdr_info *o, size_t size, void *data) {
	(void)size, (void)data;
	if (!o->dlpi_name || !*o->dlpi_name || has_text_relocations(o)) // the program itself has no name, and is at work
		return 0;
	uintptr_t page = sysconf(_SC_PAGESIZE);
	for (int i = 0; i < o->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &o->dlpi_phdr[i];
		if (h->p_type != PT_LOAD || h->p_flags & PF_W)
			continue;
		uintptr_t from = (o->dlpi_addr + h->p_vaddr) & ~(page - 1);
		uintptr_t to = (o->dlpi_addr + h->p_vaddr + h->p_filesz + page - 1) & ~(page - 1);
		madvise((void *)from, to - from, MADV_DONTNEED);
	}
	return 0;
}

void ls_release_libraries(void) {
	dl_iterate_phdr(give_back, NULL);
}

void ls_release_heap(void) {
	malloc_trim(0);
}
