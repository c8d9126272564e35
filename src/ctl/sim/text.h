/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* text.h - an act as an event: numbers become ids, traits become titles.
 *
 * Ownership: an event borrows from struct vr_sim_text until the next one is made.   Threads: one owner. */
#include "traits.h"

struct vr_sim_text {
	uint64_t seed;
	char prefix[9];			/* of all ids of this seed, so that two runs do not collide */
	char event[32], content[32], actor[32], parent[32], root[32], author[32], url[96],
		title[VR_SIM_TITLE_MAX];
};

void vr_sim_text_init(struct vr_sim_text *t, uint64_t seed);
void vr_sim_text_event(struct vr_sim_text *t, const struct vr_sim_act *act, struct vr_event *ret_ev);
