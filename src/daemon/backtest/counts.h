/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* counts.h - alerts counted per rule, and per rule and hour of the time at which they fired.
 *
 *      vr_rule_counts   one for each rule of the new and the old set, in the order of their files
 *      vr_hour_counts   one for each rule and hour with an alert of either set, in the order of time
 * Ownership: names borrow from the rules, the rest is the tally's.   Threads: one.   Fails: VR_E_NOMEM.      */
#include "compare.h"
#include "picture.h"
#include "virality/rules.h"

struct vr_rule_counts {
	struct vr_str name;
	uint64_t alerts, before;		/* of the new and of the old set */
	uint64_t change[VR_CHANGES];
	uint64_t contents, open;		/* of the new set: different ones; without an end */
	uint64_t most;				/* in an hour */
	struct vr_wall first, last;		/* fired; 0: none */
	uint64_t cell[VR_PICTURE_CELLS];	/* of the new set */
};
struct vr_hour_counts { int64_t hour; size_t rule; uint64_t alerts, before; };

struct vr_tallies {
	struct vr_mem *mem;			/* keeps */
	struct vr_axis axis;
	struct vr_rule_counts *rule;
	size_t n_rules, rules_cap;
	struct vr_hour_counts *hour;
	size_t n_hours, hours_cap;
};
/** now, and before if not NULL: sorted lists. rules_before may be NULL. */
VR_MUST enum vr_err vr_tallies_make(struct vr_tallies *t, const struct vr_rules *rules, const struct vr_rules *rules_before,
	const struct vr_found_list *now, const struct vr_found_list *before, const struct vr_comparison *c, struct vr_mem *mem);
void vr_tallies_done(struct vr_tallies *t);
