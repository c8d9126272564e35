/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* store.h - what a cut writes, in the core's words; which keys and commands that becomes is
 * the redis room's business, and a text file's in the golden tests.
 *
 * All values are absolute; only DEDUP sets are appended to.
 * Ownership: every string is borrowed for the call.   Fails: never; a writer's failure sticks in it.  */
#include "virality/alert.h"
#include "virality/windows.h"

enum vr_slot {
	VR_SLOT_CONTENT,	/* id -> state of a content */
	VR_SLOT_UNIQUES,	/* id -> its sketch of unique sharers, once there is one */
	VR_SLOT_CHANNELS,	/* id -> its channels beyond the eighth */
	VR_SLOT_PARTIAL,	/* channel name, or "_all" -> counts of this partition */
	VR_SLOT_BOARD,		/* channel name, "_all" or "_trend" -> the best of this partition */
	VR_SLOT_DEDUP,		/* minute (decimal) -> hashes of accepted events */
	VR_SLOT_RULES,		/* "" -> since when each rule version has been in force */
	VR_SLOT_INDEX,		/* ranked: id -> hour of log time at its last accepted record */
	VR_SLOT_TIMERS,		/* ranked: id -> next time-driven transition, ms */
	VR_SLOTS
};

enum vr_view { VR_VIEW_CONTENT, VR_VIEW_CHANNELS, VR_VIEW_INFO, VR_VIEW_CHANNEL, VR_VIEW_ALL, VR_VIEWS };
struct vr_field { struct vr_str name, value; };

struct vr_store {
	void (*set)(void *ctx, enum vr_slot slot, struct vr_str id, struct vr_str value);
	void (*append)(void *ctx, enum vr_slot slot, struct vr_str id, struct vr_str value);
	void (*del)(void *ctx, enum vr_slot slot, struct vr_str id);
	void (*rank)(void *ctx, enum vr_slot slot, struct vr_str id, int64_t score);
	/** An id is ranked or unranked in a slot, and once in a cut: ranks may be written ahead of all else. */
	void (*unrank)(void *ctx, enum vr_slot slot, struct vr_str id);
	/** Fields of a view that changed; the others stay. A value whose p is NULL: the field goes. */
	void (*view)(void *ctx, enum vr_view view, struct vr_str id, const struct vr_field *fields, size_t n);
	/** The content was forgotten: all its views go, its time series too. */
	void (*unview)(void *ctx, struct vr_str content_id);
	/** One entry of a content's time series. */
	void (*minute)(void *ctx, struct vr_str content_id, struct vr_wall start, const struct vr_field *fields, size_t n);
	void (*alert)(void *ctx, const struct vr_alert *alert);
	void *ctx;
};
