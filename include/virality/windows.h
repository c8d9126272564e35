/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* windows.h - which rolling windows there are, the same for every count of a deployment.
 *
 * A window of span W has VR_BUCKETS buckets of width W / VR_BUCKETS, aligned to the Unix
 * epoch. Its value at time T is the sum of the buckets floor(T/b)-29 .. floor(T/b): bucket k
 * is out at exactly (k+30)b. Ordered by rising span; index 0 is the shortest.             */
#include <stdbool.h>
#include <stdint.h>
#include "virality/err.h"
#include "virality/str.h"
#include "virality/time.h"

enum { VR_WINDOWS_MAX = 8, VR_BUCKETS = 30, VR_WINDOW_NAME_MAX = 12 };

struct vr_windows {
	uint8_t n;
	int64_t width_ms[VR_WINDOWS_MAX];			/* of one bucket; span / VR_BUCKETS */
	char name[VR_WINDOWS_MAX][VR_WINDOW_NAME_MAX];	/* as written in the settings: "5m" */
};

/** Index of the window called name, or -1. */
int vr_windows_find(const struct vr_windows *w, struct vr_str name);
/** Parse "1m 5m 1h 24h" (blanks or commas between; units ms s m h d; at most 8, each a
 * multiple of 30 ms, no two alike); sorts by span. */
VR_MUST enum vr_err vr_windows_parse(struct vr_str text, struct vr_windows *ret_w, struct vr_diag *d);

/** Bucket of time t: floor division, also below the epoch. */
static inline int64_t vr_bucket_of(int64_t t_ms, int64_t width_ms)
{
	int64_t q = t_ms / width_ms;
	return q - (t_ms % width_ms < 0);
}

/* A time, and the bucket of every window that it lies in: worked out once, for all that is counted at it. */
struct vr_moment { struct vr_wall t; int64_t k[VR_WINDOWS_MAX]; };
/** Does t lie in bucket k? Told without a division. */
static inline bool vr_bucket_has(int64_t k, int64_t width_ms, int64_t t_ms)
{
	return (uint64_t)t_ms - (uint64_t)k * (uint64_t)width_ms < (uint64_t)width_ms;
}
/** Move m (zeroed: at 0) to t, which often lies in the same buckets. True: a bucket changed. */
static inline bool vr_moment_set(struct vr_moment *m, const struct vr_windows *w, struct vr_wall t)
{
	bool changed = false;

	for (unsigned i = 0; i < w->n; i++)
		if (!vr_bucket_has(m->k[i], w->width_ms[i], t.ms)) {
			m->k[i] = vr_bucket_of(t.ms, w->width_ms[i]);
			changed = true;
		}
	m->t = t;
	return changed;
}
/** Move m to t, which often lies in the buckets of `now`. True: it does in all of them. */
static inline bool vr_moment_beside(struct vr_moment *m, const struct vr_windows *w, struct vr_wall t, const struct vr_moment *now)
{
	*m = *now;
	if (t.ms == now->t.ms)
		return true;
	return !vr_moment_set(m, w, t);
}
