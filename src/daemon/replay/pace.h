/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* pace.h - how fast a replay may be, for live's sake.
 *
 *      workers ──may I take n?──> tokens <──rate── cap of the operator
 *                                              <── grows as long as live's lag and Redis' latency are below their limits,
 *                                                  shrinks beyond: the more, the further from them
 *
 * Threads: ask and took by any; the rest by one.                                                          */
#include <pthread.h>
#include "virality/time.h"

struct vr_pace {
	pthread_mutex_t lock;		/* of tokens and filled */
	double rate, cap;		/* records a second; cap 0: none */
	double tokens;
	double taken, used;		/* records since the last telling; and a second, lately */
	bool is_short;			/* since the last telling somebody got less than he wanted */
	struct vr_mono filled, told;
	struct vr_span max_lag, max_latency;
	struct vr_span lag, latency;	/* as last told; lag < 0: nobody is disturbed, latency < 0: not known */
};
void vr_pace_init(struct vr_pace *p, int64_t cap, struct vr_span max_lag, struct vr_span max_latency, struct vr_mono now);
void vr_pace_done(struct vr_pace *p);
/** Of `wanted` records, how many may be taken now. */
size_t vr_pace_ask(struct vr_pace *p, size_t wanted, struct vr_mono now);
void vr_pace_took(struct vr_pace *p, size_t n);
/** About ten times a second: the longest that live's records wait now, < 0: nobody would be disturbed; Redis' latency. */
void vr_pace_tell(struct vr_pace *p, struct vr_span lag, struct vr_span latency, struct vr_mono now);
/** Why it is slow now, or NULL. */
const char *vr_pace_held(const struct vr_pace *p);
