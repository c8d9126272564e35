/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* pool.h - small blocks by the million, without a malloc each.
 *
 * Picture:   slabs of 256 KiB from vr_mem, cut into blocks of one size class (16, 32, 48, 64, 80,
 *            96, 112, 128, 160 ... 8 KiB, four in a doubling); larger ones straight from vr_mem.
 * Invariant: a freed block is the next one given out of its class. The caller tells the size
 *            again when it frees, so a block carries no header.
 * Memory:    slabs are returned only by vr_pool_done, which frees everything at once: so an
 *            engine is dropped without walking its contents. Larger blocks are linked and freed too.
 * Threads:   one owner.   Fails: NULL.                                                      */
#include "virality/mem.h"

enum { VR_POOL_CLASSES = 32 };
struct vr_pool {
	struct vr_mem *mem;			/* keeps */
	void *free[VR_POOL_CLASSES];
	char *slab, *slab_end;			/* the slab being cut */
	void *slabs, *large;			/* lists for vr_pool_done */
	size_t used;				/* bytes asked for and not freed */
};
/** Allocates nothing yet. */
void vr_pool_init(struct vr_pool *p, struct vr_mem *mem);
/** Every block is void at once; the pool is empty and may be used again. */
void vr_pool_done(struct vr_pool *p);
void *vr_pool_get(struct vr_pool *p, size_t size);		/* zeroed, aligned to 16 */
void vr_pool_put(struct vr_pool *p, void *block, size_t size);	/* NULL: nothing */
/** Like realloc: keeps min(old, size) bytes, the rest is zero; on failure the old block stays. */
void *vr_pool_resize(struct vr_pool *p, void *block, size_t old, size_t size);
/** A vr_mem whose bytes come from the pool (for vr_map, vr_buf). */
struct vr_mem vr_pool_mem(struct vr_pool *p);
