/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* compare.h - what another set of rules would have said otherwise.
 *
 * Alerts of the same rule (by name) and content are put side by side in the order of time:
 *
 *      before   ──A──────B────────────C──        A, C fire at the same moment as 1, 4: a pair
 *      now      ──1────────2──3───────4──        between pairs the nearest: B and 2 are shifted, 3 is added
 *
 * A pair with the same beginning and end is unchanged, whatever its ids say (a rule's version is part of an id).
 * Two that fire farther apart than `far` are none: one is removed, the other added.
 * Threads: pure.   Fails: VR_E_NOMEM.                                                                     */
#include "found.h"

enum vr_change { VR_CHANGE_NONE, VR_CHANGE_ADDED, VR_CHANGE_REMOVED, VR_CHANGE_SHIFTED, VR_CHANGES };
const char *vr_change_name(enum vr_change c);

struct vr_difference {
	enum vr_change change;
	const struct vr_found *before, *now;	/* NULL: ADDED, REMOVED */
};
struct vr_comparison {
	struct vr_difference *at;		/* by rule, content, time */
	size_t n, cap;
	size_t of[VR_CHANGES];			/* how many of each */
};
/** Both lists sorted; borrowed as long as the result lives. */
VR_MUST enum vr_err vr_compare(const struct vr_found_list *before, const struct vr_found_list *now, struct vr_span far,
	struct vr_mem *mem, struct vr_comparison *ret);
void vr_comparison_free(struct vr_comparison *c, struct vr_mem *mem);
/** By how much it fires later (SHIFTED). */
struct vr_span vr_difference_start(const struct vr_difference *d);
/** By how much it ends later; false: one of them has no end. */
bool vr_difference_end(const struct vr_difference *d, struct vr_span *ret);
/** When it is, for a list in order of time. */
struct vr_wall vr_difference_when(const struct vr_difference *d);
