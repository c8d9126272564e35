/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* world.h - everything a shard can reach: Redis, clocks, Kafka's word on the log, dead letters, notes.
 *
 * One struct of functions, so that the very same shard runs on real parts (worker/world.c) and in the simulation.
 * Threads: that of the worker which has the shard.                                                        */
#include "virality/kafka.h"
#include "virality/owner.h"
#include "virality/rules.h"

/* What a shard tells about itself; the worker turns it into metrics and log lines. */
enum vr_note {
	VR_NOTE_ACQUIRED,		/* n = offset to go on from */
	VR_NOTE_BEGAN,			/* the first owner record; n = offset */
	VR_NOTE_CUT,			/* n = commands */
	VR_NOTE_OVERSIZE,		/* a cut above its byte limit; n = bytes */
	VR_NOTE_FOLDED,			/* n = records */
	VR_NOTE_DUPLICATE, VR_NOTE_PASSED, VR_NOTE_LATE, VR_NOTE_CLOCK_AHEAD, VR_NOTE_UNCHECKED, VR_NOTE_MISKEYED,
	VR_NOTE_REFUSED,		/* err = why */
	VR_NOTE_GAP,			/* n = records that Kafka no longer holds */
	VR_NOTE_VIEW_ERROR,		/* text = Redis' error on a view's key */
	VR_NOTE_RULES,			/* n = number of the set in force now */
	VR_NOTE_ALERT,			/* an announced firing or resolved */
	VR_NOTE_COMPLETE,		/* leaderboards are exact again */
	VR_NOTE_DEAD_LETTER,		/* one was acknowledged; of no partition */
	VR_NOTES
};

struct vr_world {
	void *ctx;
	struct vr_link redis;
	struct vr_mono (*mono)(void *ctx);
	struct vr_wall (*wall)(void *ctx);
	/** 32 hex digits from the system's randomness, and NUL. */
	void (*token)(void *ctx, char out[VR_TOKEN_LEN + 1]);
	/** Headers of a record into out (at most n); returns how many there are. */
	size_t (*headers)(void *ctx, const struct vr_feed_item *item, struct vr_header *out, size_t n);
	/** First offset the log holds and the one after its last. */
	enum vr_err (*bounds)(void *ctx, const struct vr_topic_part *part, int64_t *ret_first, int64_t *ret_end);
	/** The witness: the group's committed offset, -1 for none. */
	enum vr_err (*committed)(void *ctx, const struct vr_topic_part *part, int64_t *ret_off);
	/** Tell Kafka's lag tools (and the witness). */
	void (*commit)(void *ctx, const struct vr_topic_part *part, int64_t next_off);
	/** Rule set by number; 0: the last of the fleet's list. NULL: there is none. */
	const struct vr_rules *(*rules)(void *ctx, uint32_t no, uint32_t *ret_no);
	/** Queue a dead letter (copies); errors are kept for `settle`. */
	void (*dead_letter)(void *ctx, const struct vr_topic_part *part, const struct vr_feed_item *item, enum vr_err why, const char *what);
	/** Wait until every queued dead letter is acknowledged. VR_E_DLQ: not yet. VR_E_LOST_LINK: more than *known failed for
	 * good (*known is raised): perhaps one of this partition's, so it folds again what was not stored. */
	enum vr_err (*settle)(void *ctx, int64_t *known);
	/** Of n views that nobody waits for: how many may be written now. */
	size_t (*turn)(void *ctx, size_t n);
	void (*note)(void *ctx, const struct vr_topic_part *part, enum vr_note note, enum vr_err err, int64_t n, const char *text);
};
