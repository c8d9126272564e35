/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* ring.h - the counts of one window: at most 30 buckets, only those that are not empty.
 *
 * Picture:   at[0] .. at[n-1], rising by bucket number, none empty, all within the last 30
 *            of the newest time that was told. One bucket lies in the ring itself (most
 *            contents are seen once); more are a block of the pool.
 * Invariant: sum == sum of at[i].n;  n == 0 => sum == 0;  at[n-1].k - at[0].k < 30.
 * Limits:    counts stop at VR_COUNT_MAX (what Redis can hold) instead of wrapping.
 * Time:      bucket numbers only; the caller divides by the width.
 * Threads:   one owner.   Fails: VR_E_NOMEM from add, then nothing has changed.         */
#include <stdint.h>
#include "virality/err.h"
#include "virality/windows.h"
#include "pool.h"

struct vr_bucket { int64_t k; uint64_t n; };
#define VR_UNSHOWN UINT64_MAX
#define VR_COUNT_MAX ((uint64_t)INT64_MAX)
struct vr_ring {
	uint64_t sum;
	uint64_t shown;				/* what the view holds; VR_UNSHOWN: not known (kept by the views' writer) */
	union {
		struct vr_bucket one;			/* cap == 1 */
		struct vr_bucket *many;			/* cap > 1; sorted by k */
	} at;
	uint8_t n, cap;				/* cap 0 counts as 1: a zeroed ring is an empty one */
};

/** The n buckets. Borrowed until the next change. */
static inline const struct vr_bucket *vr_ring_at(const struct vr_ring *r)
{
	return r->cap > 1 ? r->at.many : &r->at.one;
}
/** First bucket that is in at bucket time now_k. */
static inline int64_t vr_ring_first(int64_t now_k)
{
	return now_k < INT64_MIN + VR_BUCKETS ? INT64_MIN : now_k - (VR_BUCKETS - 1);
}
/** Forget the buckets below now_k - 29. Returns what they held. */
uint64_t vr_ring_advance(struct vr_ring *r, int64_t now_k);
/** Add n to bucket k (the caller has advanced to the newest time and checked that k is still in). */
VR_MUST enum vr_err vr_ring_add(struct vr_ring *r, struct vr_pool *pool, int64_t k, uint64_t n);
/** The commonest add by far: the newest bucket held is that of the event and of now, so nothing can have left since it
 * was made. False: it is another case, nothing was done. */
static inline bool vr_ring_bump(struct vr_ring *r, int64_t now_k, int64_t k, uint64_t n)
{
	struct vr_bucket *last;

	if (r->n == 0 || k != now_k || n > VR_COUNT_MAX - r->sum)
		return false;
	last = (r->cap > 1 ? r->at.many : &r->at.one) + r->n - 1;
	if (last->k != k)
		return false;
	last->n += n;
	r->sum += n;
	return true;
}
/** Take at most n from bucket k; returns what was taken. */
uint64_t vr_ring_take(struct vr_ring *r, int64_t k, uint64_t n);
/** Value at bucket time now_k, not before the newest bucket held, without changing anything. */
uint64_t vr_ring_value(const struct vr_ring *r, int64_t now_k);
/** Nothing held has left at now_ms: the commonest case, told without a division. */
static inline bool vr_ring_is_whole(const struct vr_ring *r, int64_t width_ms, int64_t now_ms)
{
	uint64_t width = (uint64_t)width_ms;

	return r->n == 0 || (uint64_t)now_ms - (uint64_t)vr_ring_at(r)[0].k * width < VR_BUCKETS * width;
}
/** The value at a time. */
static inline uint64_t vr_ring_value_at(const struct vr_ring *r, int64_t width_ms, int64_t now_ms)
{
	return vr_ring_is_whole(r, width_ms, now_ms) ? r->sum : vr_ring_value(r, vr_bucket_of(now_ms, width_ms));
}
/** Smallest k still held, or INT64_MAX when empty: it leaves at (k + 30) * width. */
static inline int64_t vr_ring_oldest(const struct vr_ring *r)
{
	return r->n ? vr_ring_at(r)[0].k : INT64_MAX;
}
/** Gives its block back; the ring is empty. */
void vr_ring_done(struct vr_ring *r, struct vr_pool *pool);
/** All invariants hold (tests). */
bool vr_ring_check(const struct vr_ring *r);
