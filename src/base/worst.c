/* SPDX-License-Identifier: Apache-2.0 */
#include "virality/worst.h"

static void turn(struct vr_worst *w, struct vr_mono at)
{
	int64_t passed = at.ms - w->began.ms;
	if (passed < VR_WORST_MS)
		return;
	w->before = passed < 2 * VR_WORST_MS ? w->now : (struct vr_span){0};
	w->now = (struct vr_span){0};
	w->began = at;
}

void vr_worst_add(struct vr_worst *w, struct vr_span span, struct vr_mono at)
{
	turn(w, at);
	if (span.ms > w->now.ms)
		w->now = span;
}

struct vr_span vr_worst_of(struct vr_worst *w, struct vr_mono at)
{
	turn(w, at);
	return w->now.ms > w->before.ms ? w->now : w->before;
}
