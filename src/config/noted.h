/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* noted.h - malloc's memory that notes a failure once, so that nobody in between need carry it up. */
#include <stdbool.h>
#include "virality/mem.h"

struct vr_noted_mem {
	struct vr_mem heap, mem;	/* mem: hand this out; it points here, so the struct must not move */
	bool failed;
};

static inline void *vr_noted_resize(void *ctx, void *p, size_t old, size_t size)
{
	struct vr_noted_mem *m = ctx;
	void *q = m->heap.resize(m->heap.ctx, p, old, size);

	m->failed |= !q && size > 0;
	return q;
}

static inline void vr_noted_mem_init(struct vr_noted_mem *m)
{
	*m = (struct vr_noted_mem){.heap = vr_mem_heap(), .mem = {.resize = vr_noted_resize, .ctx = m}};
}
