/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* mem.h - memory as an argument.
 *
 * The core takes every byte from a struct vr_mem that its caller made, so that who pays,
 * how much, and what happens at the limit is decided outside. vr_mem_heap() is malloc's;
 * tests hand in one that fails on the n-th call.
 * Threads: one user at a time.   Fails: NULL, and nothing has changed.                  */
#include <stddef.h>

struct vr_mem {
	/* p == NULL: allocate; size == 0: free and return NULL; else resize. old is the size p has. */
	void *(*resize)(void *ctx, void *p, size_t old, size_t size);
	void *ctx;
	size_t used;	/* bytes handed out now; kept by the inline functions below */
};

static inline void *vr_mem_resize(struct vr_mem *m, void *p, size_t old, size_t size)
{
	void *q = m->resize(m->ctx, p, old, size);
	if (q || size == 0)
		m->used += size - old;
	return q;
}
static inline void *vr_mem_get(struct vr_mem *m, size_t size) { return vr_mem_resize(m, NULL, 0, size); }
static inline void vr_mem_put(struct vr_mem *m, void *p, size_t size)
{
	if (p)
		(void)vr_mem_resize(m, p, size, 0);
}

/** malloc, realloc, free of the C library. Lives in src/base/heap.c, which the core does not link. */
struct vr_mem vr_mem_heap(void);
/** An array of malloc's with room for one more than n: `at`, or where it has moved to; *cap is raised. NULL: no memory, `at`
 * stays as it is. */
void *vr_mem_grow(void *at, size_t n, size_t *cap, size_t size);
