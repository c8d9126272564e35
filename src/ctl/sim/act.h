/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* act.h - one thing somebody does, in numbers only; text is made of it last.
 *
 * struct vr_sim_agenda is the heap of acts that follow from others and whose time has not come yet.
 * Memory: of a fixed size from init on; what finds no room does not happen.   Threads: one owner. */
#include "virality/event.h"
#include "virality/mem.h"
#include "virality/err.h"

struct vr_sim_act {
	double due_ms;			/* when it is emitted: the order of the stream */
	int64_t time_ms;		/* what it says; equal to due_ms unless late or repeated */
	uint64_t event, content, actor, parent, root;	/* numbers; 0 = none */
	int64_t parent_ms, deadline_ms;
	uint64_t audience;
	uint32_t depth, place;		/* place: of the content's slot */
	uint8_t action, channel, scope, tie;
	bool incentivized, repeat;
};

struct vr_sim_agenda {
	struct vr_mem *mem;
	struct vr_sim_act *heap;
	size_t n, cap;
};

VR_MUST enum vr_err vr_sim_agenda_init(struct vr_sim_agenda *a, struct vr_mem *mem, size_t cap);
void vr_sim_agenda_done(struct vr_sim_agenda *a);
/** False when full: the act is dropped. */
bool vr_sim_agenda_push(struct vr_sim_agenda *a, const struct vr_sim_act *act);
/** The earliest, or NULL. */
static inline const struct vr_sim_act *vr_sim_agenda_first(const struct vr_sim_agenda *a)
{
	return a->n ? a->heap : NULL;
}
/** Takes the earliest out; there must be one. */
struct vr_sim_act vr_sim_agenda_pop(struct vr_sim_agenda *a);
