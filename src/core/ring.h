/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* ring.h - the counts of one window: at most 30 buckets, only those that are not empty.
 *
 * Picture:   at[0] .. at[n-1], rising by bucket number, none empty, all within the last 30
 *            of the newest time that was told. One bucket lies in the ring itself (most
 *            contents are seen once); more are a block of the pool.
 * Invariant: sum == sum of at[i].n;  n == 0 => sum == 0.
 * Time:      bucket numbers only; the caller divides by the width.
 * Threads:   one owner.   Fails: VR_E_NOMEM from add, then nothing has changed.         */
#include <stdint.h>
#include "virality/err.h"
#include "virality/windows.h"
#include "pool.h"

struct vr_bucket { int64_t k; uint64_t n; };
#define VR_UNSHOWN UINT64_MAX
struct vr_ring {
	uint64_t sum;
	uint64_t shown;				/* what the view holds; VR_UNSHOWN when not known (kept by the views' writer) */
	union {
		struct vr_bucket one;			/* cap == 1 */
		struct vr_bucket *many;			/* cap > 1; sorted by k */
	} at;
	uint8_t n, cap;				/* cap 0 counts as 1: a zeroed ring is an empty one */
};

const struct vr_bucket *vr_ring_at(const struct vr_ring *r);
/** Forget the buckets below now_k - 29. Returns what they held. */
uint64_t vr_ring_advance(struct vr_ring *r, int64_t now_k);
/** Add n to bucket k (the caller has advanced to the newest time and checked that k is still in). */
VR_MUST enum vr_err vr_ring_add(struct vr_ring *r, struct vr_pool *pool, int64_t k, uint64_t n);
/** Take at most n from bucket k; returns what was taken. */
uint64_t vr_ring_take(struct vr_ring *r, int64_t k, uint64_t n);
/** Value at bucket time now_k without changing anything (also for now_k ahead of the newest). */
uint64_t vr_ring_value(const struct vr_ring *r, int64_t now_k);
/** Smallest k still held, or INT64_MAX when empty: it leaves at (k + 30) * width. */
static inline int64_t vr_ring_oldest(const struct vr_ring *r) { return r->n ? vr_ring_at(r)[0].k : INT64_MAX; }
void vr_ring_done(struct vr_ring *r, struct vr_pool *pool);
bool vr_ring_check(const struct vr_ring *r);
