/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include "virality/mem.h"

enum { FEW = 16 };

static void *resize_heap(void *ctx, void *p, size_t old, size_t size)
{
	(void)ctx;
	(void)old;
	if (size > 0)
		return realloc(p, size);
	free(p);
	return NULL;
}

struct vr_mem vr_mem_heap(void)
{
	return (struct vr_mem){.resize = resize_heap};
}

void *vr_mem_grow(void *at, size_t n, size_t *cap, size_t size)
{
	size_t more = *cap ? *cap * 2 : FEW;
	void *moved = n < *cap ? at : reallocarray(at, more, size);

	if (moved && n >= *cap)
		*cap = more;
	return moved;
}
