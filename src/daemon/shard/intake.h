/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* intake.h - from what Kafka gave to what an engine folds: decode, refuse.
 *
 *      item ─> vr_intake_decode ─> record ─> vr_intake_admit ─> wanted, loaded, folded
 *
 * The live daemon and whatever runs over history refuse by this one way.
 * Ownership: a record's event points into the item and into the arena.   Threads: one.                            */
#include "virality/codec.h"
#include "virality/engine.h"
#include "virality/kafka.h"

struct vr_intake {
	struct vr_arena *arena;			/* keeps */
	struct vr_codec_stats *stats;		/* keeps */
	/** Headers of a record into out (at most n); returns how many there are. */
	size_t (*headers)(void *ctx, const struct vr_feed_item *item, struct vr_header *out, size_t n);
	void *ctx;
	struct vr_wall latest;			/* a record with a later Kafka timestamp is refused */
};
/** What the item says, into *event where it is one; a poisoned one is a record that tells why. VR_E_NOMEM. */
VR_MUST enum vr_err vr_intake_decode(
	const struct vr_intake *in, const struct vr_feed_item *item, struct vr_event *event, struct vr_record *ret);
/** Refuses it where the engine does for its time. *log: as vr_engine_admits has it. */
void vr_intake_admit(const struct vr_engine *e, struct vr_record *r, struct vr_wall *log);
