/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* heap.h - who is due first: a 4-ary min-heap of members by (time, tie), where each member
 * knows its place, so that it can be moved or taken out.
 *
 * Ownership: keeps pointers; the member's `place` (1-based, 0 = not in the heap) is written through
 * the caller's function.   Threads: one owner.   Fails: VR_E_NOMEM, then nothing has changed.    */
#include <stdint.h>
#include "virality/err.h"
#include "virality/mem.h"

struct vr_heap_item { int64_t key; void *member; };
struct vr_heap {
	struct vr_mem *mem;
	struct vr_heap_item *item;
	uint32_t n, cap;
	uint32_t *(*place)(void *member);
	int (*tie)(const void *a, const void *b);	/* order of equals; NULL: any */
};
/** Allocates nothing yet. */
void vr_heap_init(struct vr_heap *h, struct vr_mem *mem, uint32_t *(*place)(void *),
	int (*tie)(const void *, const void *));
/** Gives the items back; the members' places are void. */
void vr_heap_done(struct vr_heap *h);
/** Insert, or move to another key. */
VR_MUST enum vr_err vr_heap_set(struct vr_heap *h, void *member, int64_t key);
void vr_heap_remove(struct vr_heap *h, void *member);	/* not in: nothing */
/** The key of the member at that place. */
static inline int64_t vr_heap_key(const struct vr_heap *h, uint32_t place) { return h->item[place - 1].key; }
/** The first, or NULL. */
static inline void *vr_heap_top(const struct vr_heap *h, int64_t *ret_key)
{
	if (h->n == 0)
		return NULL;
	*ret_key = h->item[0].key;
	return h->item[0].member;
}
bool vr_heap_check(const struct vr_heap *h);
