/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "ring.h"

enum { CAP_FIRST = 4, CAP_LAST = 32 };

static struct vr_bucket *buckets(struct vr_ring *r)
{
	return r->cap > 1 ? r->at.many : &r->at.one;
}

/* Takes the first `gone` buckets out. */
static void shift(struct vr_ring *r, unsigned gone)
{
	struct vr_bucket *at = buckets(r);

	r->n = (uint8_t)(r->n - gone);
	memmove(at, at + gone, r->n * sizeof(*at));
}

uint64_t vr_ring_advance(struct vr_ring *r, int64_t now_k)
{
	const struct vr_bucket *at = vr_ring_at(r);
	int64_t first = vr_ring_first(now_k);
	uint64_t held = 0;
	unsigned gone = 0;

	for (; gone < r->n && at[gone].k < first; gone++)
		held += at[gone].n;
	if (gone > 0)
		shift(r, gone);
	r->sum -= held;
	return held;
}

static enum vr_err grow(struct vr_ring *r, struct vr_pool *pool)
{
	unsigned cap = r->cap > 1 ? r->cap * 2U : CAP_FIRST;
	struct vr_bucket *many;

	VR_ASSERT(cap <= CAP_LAST);
	if (r->cap > 1)
		many = vr_pool_resize(pool, r->at.many, r->cap * sizeof(*many), cap * sizeof(*many));
	else
		many = vr_pool_get(pool, cap * sizeof(*many));
	if (!many)
		return VR_E_NOMEM;
	if (r->cap <= 1)
		many[0] = r->at.one;
	r->at.many = many;
	r->cap = (uint8_t)cap;
	return VR_OK;
}

static enum vr_err insert(struct vr_ring *r, struct vr_pool *pool, unsigned i, struct vr_bucket bucket)
{
	enum vr_err err = VR_OK;
	struct vr_bucket *at;

	if (r->n >= (r->cap ? r->cap : 1))
		err = grow(r, pool);
	if (err)
		return err;
	at = buckets(r);
	if (i < r->n)
		memmove(at + i + 1, at + i, (r->n - i) * sizeof(*at));
	at[i] = bucket;
	r->n++;
	return VR_OK;
}

/* An event that comes in time: nothing newer is held. False: nothing was done, for it is not so or there is no room. */
static bool append(struct vr_ring *r, int64_t k, uint64_t n)
{
	struct vr_bucket *at = buckets(r);

	if (r->n >= (r->cap ? r->cap : 1) || (r->n > 0 && at[r->n - 1].k >= k))
		return false;
	at[r->n++] = (struct vr_bucket){k, n};
	return true;
}

static __attribute__((noinline)) enum vr_err add_among(struct vr_ring *r, struct vr_pool *pool, int64_t k, uint64_t n)
{
	struct vr_bucket *at = buckets(r);
	unsigned i = r->n;

	while (i > 0 && at[i - 1].k > k)
		i--;
	if (i == 0 || at[i - 1].k != k)
		return insert(r, pool, i, (struct vr_bucket){k, n});
	at[i - 1].n += n;
	return VR_OK;
}

enum vr_err vr_ring_add(struct vr_ring *r, struct vr_pool *pool, int64_t k, uint64_t n)
{
	enum vr_err err = VR_OK;

	if (n > VR_COUNT_MAX - r->sum)
		n = VR_COUNT_MAX - r->sum;
	if (n == 0)
		return VR_OK;
	if (!append(r, k, n))
		err = add_among(r, pool, k, n);
	if (!err)
		r->sum += n;
	return err;
}

uint64_t vr_ring_take(struct vr_ring *r, int64_t k, uint64_t n)
{
	struct vr_bucket *at = buckets(r);
	unsigned i = r->n;

	while (i > 0 && at[i - 1].k > k)
		i--;
	if (i == 0 || at[i - 1].k != k)
		return 0;
	i--;
	if (n > at[i].n)
		n = at[i].n;
	at[i].n -= n;
	r->sum -= n;
	if (at[i].n == 0) {
		r->n--;
		memmove(at + i, at + i + 1, (r->n - i) * sizeof(*at));
	}
	return n;
}

uint64_t vr_ring_value(const struct vr_ring *r, int64_t now_k)
{
	const struct vr_bucket *at = vr_ring_at(r);
	int64_t first = vr_ring_first(now_k);
	uint64_t value = r->sum;

	for (unsigned i = 0; i < r->n && at[i].k < first; i++)
		value -= at[i].n;
	return value;
}

void vr_ring_done(struct vr_ring *r, struct vr_pool *pool)
{
	if (r->cap > 1)
		vr_pool_put(pool, r->at.many, r->cap * sizeof(*r->at.many));
	*r = (struct vr_ring){0};
}

static bool has_good_shape(const struct vr_ring *r)
{
	unsigned room = r->cap ? r->cap : 1;

	return r->n <= VR_BUCKETS && r->n <= room && room <= CAP_LAST && (room & (room - 1)) == 0 && room != 2;
}

bool vr_ring_check(const struct vr_ring *r)
{
	const struct vr_bucket *at = vr_ring_at(r);
	uint64_t sum = 0;

	if (!has_good_shape(r))
		return false;
	for (unsigned i = 0; i < r->n; i++) {
		if (at[i].n == 0 || at[i].n > VR_COUNT_MAX - sum || (i > 0 && at[i].k <= at[i - 1].k))
			return false;
		sum += at[i].n;
	}
	return sum == r->sum && (r->n == 0 || (uint64_t)at[r->n - 1].k - (uint64_t)at[0].k < VR_BUCKETS);
}
