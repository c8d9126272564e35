/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* tally.h - how often each action was seen, in total and per window, for one entity (a
 * content, a channel of a partition, a partition).
 *
 * Picture:   one struct vr_series per action that was ever seen, sorted by action; a series
 *            has a total and one ring per window (ring[windows->n]).
 * Invariant: an action without a series has total 0 and empty windows.
 * Threads:   one owner.   Fails: VR_E_NOMEM, then nothing has changed.                     */
#include "virality/buf.h"
#include "virality/event.h"
#include "ring.h"

struct vr_series {
	uint8_t action;			/* enum vr_action */
	uint64_t total;
	uint64_t shown_total;		/* what the view holds; VR_UNSHOWN: not known (kept by the views' writer) */
	struct vr_ring ring[];		/* windows->n of them */
};

enum { VR_TALLY_FEW = 2 };
/* Which actions there are is told without a look into a series: most contents have few. */
struct vr_tally {
	uint8_t n;
	uint8_t action[VR_ACTIONS_MAX];		/* n of them, rising */
	uint64_t places;			/* of each action's series, four bits, from 1; 0: there is none */
	union {
		struct vr_series *few[VR_TALLY_FEW];	/* n <= VR_TALLY_FEW */
		struct vr_series **many;		/* else: room for VR_ACTIONS_MAX */
	} at;
};
/** The series of action[i], n of them. Borrowed until the next change. */
static inline struct vr_series *const *vr_tally_at(const struct vr_tally *t)
{
	return t->n > VR_TALLY_FEW ? t->at.many : t->at.few;
}

_Static_assert(VR_ACTIONS_MAX < 16, "a place has four bits");
/** The place of an action's series, from 1; 0: there is none. */
static inline unsigned vr_tally_place(const struct vr_tally *t, enum vr_action a) { return t->places >> (4 * a) & 15; }
/** May be NULL. Without a search: it is asked for several times an event. */
static inline struct vr_series *vr_tally_find(const struct vr_tally *t, enum vr_action a)
{
	unsigned place = vr_tally_place(t, a);

	return place ? vr_tally_at(t)[place - 1] : NULL;
}
/** Find or make. */
VR_MUST enum vr_err vr_tally_series(struct vr_tally *t, struct vr_pool *pool, const struct vr_windows *w,
	enum vr_action a, struct vr_series **ret);
/** One event: n to the total and, for each window where bucket(at) is still in at `now`, to that bucket.
 * Rings are advanced to `now`, which is not before `at`, first (which stays done on failure). *ret_late: too old for every window. */
VR_MUST enum vr_err vr_series_add(struct vr_series *s, struct vr_pool *pool, const struct vr_windows *w,
	const struct vr_moment *now, const struct vr_moment *at, uint64_t n, bool *ret_late);
/** What an UNSHARE takes back: per window and in total. */
struct vr_taken { uint64_t total, window[VR_WINDOWS_MAX]; };
/** Take at most *want (all fields) from the bucket of `at` in each window and from the total;
 * *ret = what was taken. */
void vr_series_take(struct vr_series *s, const struct vr_windows *w, struct vr_wall now, struct vr_wall at,
	const struct vr_taken *want, struct vr_taken *ret);
/** Forget the buckets that are out at now. */
void vr_series_advance(struct vr_series *s, const struct vr_windows *w, struct vr_wall now);
/** 0 for an action never seen. */
uint64_t vr_tally_total(const struct vr_tally *t, enum vr_action a);
/** Value of that window at now, not before the newest add. */
uint64_t vr_tally_window(const struct vr_tally *t, const struct vr_windows *w, enum vr_action a,
	unsigned window, struct vr_wall now);
/** First moment at which some bucket held leaves, or INT64_MAX. A bucket that should have left already counts
 * too: advance first. */
int64_t vr_series_next_leave(const struct vr_series *s, const struct vr_windows *w);
/** The same over all series. */
int64_t vr_tally_next_leave(const struct vr_tally *t, const struct vr_windows *w);
/** All windows of all actions are 0 at now. */
bool vr_tally_empty(const struct vr_tally *t, const struct vr_windows *w, struct vr_wall now);
/** Gives everything back; the tally is empty. */
void vr_tally_done(struct vr_tally *t, struct vr_pool *pool, const struct vr_windows *w);
/** Stored form: number of series; per series action, total, and per window the number of buckets and, for
 * each, its k (the first whole, the others less the one before) and count. As held: advance before. */
void vr_tally_encode(const struct vr_tally *t, const struct vr_windows *w, struct vr_buf *b);
/** Nobody knows what the view holds of it: the next one shows all. So begins every series, for a figure that is 0 when
 * it is first shown must be there as it is after a reload. */
void vr_series_unshown(struct vr_series *s, const struct vr_windows *w);
/** Into an empty tally. All `shown` are VR_UNSHOWN. VR_E_CORRUPT: no encode of these windows writes that. */
VR_MUST enum vr_err vr_tally_decode(struct vr_tally *t, struct vr_pool *pool, const struct vr_windows *w,
	struct vr_rd *rd);
/** All invariants hold (tests). */
bool vr_tally_check(const struct vr_tally *t, const struct vr_windows *w);
