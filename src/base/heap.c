/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include "virality/mem.h"

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
