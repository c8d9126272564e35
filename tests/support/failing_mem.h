/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* failing_mem.h - a heap that refuses its n-th request to allocate or grow, and all after it. */
#include "virality/mem.h"

struct vr_failing_mem {
	struct vr_mem heap;
	size_t left;		/* requests still granted */
};

static inline void *vr_failing_resize(void *ctx, void *p, size_t old, size_t size)
{
	struct vr_failing_mem *f = ctx;

	if (size > old && f->left == 0)
		return NULL;
	f->left -= size > old;
	return f->heap.resize(f->heap.ctx, p, old, size);
}
/** The vr_mem of *f, which must outlive it. */
static inline struct vr_mem vr_failing_mem(struct vr_failing_mem *f, size_t granted)
{
	*f = (struct vr_failing_mem){vr_mem_heap(), granted};
	return (struct vr_mem){.resize = vr_failing_resize, .ctx = f};
}
