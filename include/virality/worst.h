/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* worst.h - the longest of the spans that were measured lately: of the last one to two seconds, so that who looks once
 * a second misses none.
 *
 * Pure.   Threads: one.   Fails: never. */
#include "virality/time.h"

enum { VR_WORST_MS = 1000 };

struct vr_worst {
	struct vr_span now, before;	/* of this period and of the one before */
	struct vr_mono began;		/* this period */
};
void vr_worst_add(struct vr_worst *w, struct vr_span span, struct vr_mono at);
/** 0: nothing was measured so lately. */
struct vr_span vr_worst_of(struct vr_worst *w, struct vr_mono at);
