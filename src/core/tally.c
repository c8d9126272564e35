/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "tally.h"

static size_t series_size(const struct vr_windows *w)
{
	return sizeof(struct vr_series) + w->n * sizeof(struct vr_ring);
}

/* Place of the first series whose action is not below a. */
static unsigned seek(const struct vr_tally *t, enum vr_action a)
{
	unsigned i = 0;

	while (i < t->n && t->action[i] < (unsigned)a)
		i++;
	return i;
}

void vr_series_unshown(struct vr_series *s, const struct vr_windows *w)
{
	s->shown_total = VR_UNSHOWN;
	for (unsigned i = 0; i < w->n; i++)
		s->ring[i].shown = VR_UNSHOWN;
}

/* Room for one more: with the first that is too many for `few` the list moves out for good. */
static enum vr_err reserve(struct vr_tally *t, struct vr_pool *pool)
{
	struct vr_series **many;

	if (t->n != VR_TALLY_FEW)
		return VR_OK;
	many = vr_pool_get(pool, VR_ACTIONS_MAX * sizeof(*many));
	if (!many)
		return VR_E_NOMEM;
	memcpy(many, t->at.few, sizeof(t->at.few));
	t->at.many = many;
	return VR_OK;
}

static void put_in(struct vr_tally *t, unsigned i, struct vr_series *s)
{
	struct vr_series **at = t->n >= VR_TALLY_FEW ? t->at.many : t->at.few;

	memmove(at + i + 1, at + i, (t->n - i) * sizeof(struct vr_series *));
	memmove(t->action + i + 1, t->action + i, t->n - i);
	at[i] = s;
	t->action[i] = s->action;
	t->n++;
	t->places = 0;
	for (uint64_t place = 1; place <= t->n; place++)
		t->places |= place << (4 * t->action[place - 1]);
}

enum vr_err vr_tally_series(struct vr_tally *t, struct vr_pool *pool, const struct vr_windows *w,
	enum vr_action a, struct vr_series **ret)
{
	struct vr_series *s = vr_tally_find(t, a);

	if (!s) {
		s = vr_pool_get(pool, series_size(w));
		if (!s)
			return VR_E_NOMEM;
		if (reserve(t, pool) != VR_OK) {
			vr_pool_put(pool, s, series_size(w));
			return VR_E_NOMEM;
		}
		s->action = (uint8_t)a;
		vr_series_unshown(s, w);
		put_in(t, seek(t, a), s);
	}
	*ret = s;
	return VR_OK;
}

/* Any add. *late is cleared when the bucket is in; *ret_added is what the ring gained. */
static enum vr_err add_slowly(struct vr_ring *r, struct vr_pool *pool, int64_t now_k, int64_t k, uint64_t n, bool *late,
	uint64_t *ret_added)
{
	int64_t first = vr_ring_first(now_k);
	enum vr_err err = VR_OK;
	uint64_t before;

	if (vr_ring_oldest(r) < first)
		(void)vr_ring_advance(r, now_k);
	before = r->sum;
	if (k >= first) {
		*late = false;
		err = vr_ring_add(r, pool, k, n);
	}
	*ret_added = r->sum - before;
	return err;
}

static void undo(struct vr_series *s, const struct vr_moment *at, const uint64_t *added, unsigned done)
{
	for (unsigned i = 0; i < done; i++)
		(void)vr_ring_take(&s->ring[i], at->k[i], added[i]);
}

enum vr_err vr_series_add(struct vr_series *s, struct vr_pool *pool, const struct vr_windows *w,
	const struct vr_moment *now, const struct vr_moment *at, uint64_t n, bool *ret_late)
{
	uint64_t added[VR_WINDOWS_MAX];
	bool late = true;

	for (unsigned i = 0; i < w->n; i++) {
		enum vr_err err;

		added[i] = n;
		if (vr_ring_bump(&s->ring[i], now->k[i], at->k[i], n)) {
			late = false;
			continue;
		}
		err = add_slowly(&s->ring[i], pool, now->k[i], at->k[i], n, &late, &added[i]);
		if (err) {
			undo(s, at, added, i);
			return err;
		}
	}
	s->total += n < VR_COUNT_MAX - s->total ? n : VR_COUNT_MAX - s->total;
	*ret_late = late;
	return VR_OK;
}

void vr_series_take(struct vr_series *s, const struct vr_windows *w, struct vr_wall now, struct vr_wall at,
	const struct vr_taken *want, struct vr_taken *ret)
{
	struct vr_taken taken = {.total = want->total < s->total ? want->total : s->total};

	vr_series_advance(s, w, now);
	for (unsigned i = 0; i < w->n; i++)
		taken.window[i] = vr_ring_take(&s->ring[i], vr_bucket_of(at.ms, w->width_ms[i]), want->window[i]);
	s->total -= taken.total;
	*ret = taken;
}

void vr_series_advance(struct vr_series *s, const struct vr_windows *w, struct vr_wall now)
{
	for (unsigned i = 0; i < w->n; i++)
		if (!vr_ring_is_whole(&s->ring[i], w->width_ms[i], now.ms))
			(void)vr_ring_advance(&s->ring[i], vr_bucket_of(now.ms, w->width_ms[i]));
}

uint64_t vr_tally_total(const struct vr_tally *t, enum vr_action a)
{
	const struct vr_series *s = vr_tally_find(t, a);

	return s ? s->total : 0;
}

uint64_t vr_tally_window(const struct vr_tally *t, const struct vr_windows *w, enum vr_action a,
	unsigned window, struct vr_wall now)
{
	const struct vr_series *s = vr_tally_find(t, a);

	return s ? vr_ring_value_at(&s->ring[window], w->width_ms[window], now.ms) : 0;
}

/* When bucket k is out; at the end of time for one that would leave behind it. */
static int64_t leave_of(int64_t k, int64_t width_ms)
{
	int64_t end, ms;

	if (__builtin_add_overflow(k, VR_BUCKETS, &end) || __builtin_mul_overflow(end, width_ms, &ms))
		return INT64_MAX;
	return ms;
}

int64_t vr_series_next_leave(const struct vr_series *s, const struct vr_windows *w)
{
	int64_t next = INT64_MAX;

	for (unsigned i = 0; i < w->n; i++) {
		int64_t leave = leave_of(vr_ring_oldest(&s->ring[i]), w->width_ms[i]);
		if (leave < next)
			next = leave;
	}
	return next;
}

int64_t vr_tally_next_leave(const struct vr_tally *t, const struct vr_windows *w)
{
	int64_t next = INT64_MAX;

	for (unsigned i = 0; i < t->n; i++) {
		int64_t leave = vr_series_next_leave(vr_tally_at(t)[i], w);
		if (leave < next)
			next = leave;
	}
	return next;
}

static bool is_series_empty(const struct vr_series *s, const struct vr_windows *w, struct vr_wall now)
{
	for (unsigned i = 0; i < w->n; i++)
		if (s->ring[i].n > 0 && vr_ring_value(&s->ring[i], vr_bucket_of(now.ms, w->width_ms[i])) > 0)
			return false;
	return true;
}

bool vr_tally_empty(const struct vr_tally *t, const struct vr_windows *w, struct vr_wall now)
{
	for (unsigned i = 0; i < t->n; i++)
		if (!is_series_empty(vr_tally_at(t)[i], w, now))
			return false;
	return true;
}

void vr_tally_done(struct vr_tally *t, struct vr_pool *pool, const struct vr_windows *w)
{
	for (unsigned i = 0; i < t->n; i++) {
		struct vr_series *s = vr_tally_at(t)[i];
		for (unsigned j = 0; j < w->n; j++)
			vr_ring_done(&s->ring[j], pool);
		vr_pool_put(pool, s, series_size(w));
	}
	if (t->n > VR_TALLY_FEW)
		vr_pool_put(pool, t->at.many, VR_ACTIONS_MAX * sizeof(*t->at.many));
	*t = (struct vr_tally){0};
}

static bool is_series_good(const struct vr_series *s, const struct vr_windows *w)
{
	for (unsigned i = 0; i < w->n; i++)
		if (!vr_ring_check(&s->ring[i]))
			return false;
	return s->action < VR_ACTIONS_MAX && s->total <= VR_COUNT_MAX;
}

bool vr_tally_check(const struct vr_tally *t, const struct vr_windows *w)
{
	for (unsigned i = 0; i < t->n; i++) {
		if (vr_tally_place(t, (enum vr_action)t->action[i]) != i + 1)
			return false;
		if (t->action[i] != vr_tally_at(t)[i]->action || (i > 0 && t->action[i] <= t->action[i - 1]))
			return false;
		if (!is_series_good(vr_tally_at(t)[i], w))
			return false;
	}
	return t->n <= VR_ACTIONS_MAX;
}
