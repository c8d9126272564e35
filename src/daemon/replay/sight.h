/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* sight.h - what the loop of a replay sees: how far each partition is.
 *
 *      workers' facts ──look──> done of total, quiet | near, caught up ──> is it there?
 *
 * One that follows live never stands still: it is there when it has what live had a moment ago.
 * Ownership: a sight owns its lists; the replay is borrowed for the call.   Threads: main.                  */
#include "worker/worker.h"

struct vr_replay;

struct vr_sight {
	struct vr_slot_facts *facts;
	size_t n;
	uint64_t done, total;		/* offsets */
	uint64_t views_wait, views;	/* contents whose views come, once all is folded: those not written yet; the most there were */
	struct vr_wall at;		/* event time reached, in the partition furthest behind */
	bool quiet;			/* every partition is at its bound, stored and shown */
	bool came_up;			/* every partition has folded all that live had, at some time */
	bool near;			/* live is followed, and is nowhere further ahead than a switch allows */
	bool caught_up;			/* and all is folded that live had when it came that near */
	int64_t *target;		/* of each partition: that */
	struct vr_mono caught_up_since;
};
VR_MUST enum vr_err vr_sight_init(struct vr_sight *s, size_t partitions);
void vr_sight_done(struct vr_sight *s);
/** Read what the workers tell. */
void vr_sight_look(struct vr_sight *s, const struct vr_replay *r);
/** All is folded, or all that live had a moment ago. */
bool vr_sight_is_there(const struct vr_sight *s);
