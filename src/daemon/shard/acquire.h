/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* acquire.h - becoming the owner of a partition, and what its files share.
 *
 *   acquire.c   look      owner record, index, where to begin, operator's word, what was said     (one exchange, WATCH)
 *   decide.c    decide    go on | begin | an accepted way out | stop and say why
 *   wipe.c      wipe      only when the operator accepted to fold anew: what is stored goes first
 *   acquire.c   claim     new token, seq 0                                                          (MULTI/EXEC)
 *   restore.c   restore   partials, boards, duplicates, rules; then contents with timers or on boards
 *   acquire.c   place     the first offset to read: that of the fingerprint's record, else the next
 *
 * Ownership: a takeover lives for one acquire.   Threads: the worker's.
 * Fails: VR_E_FENCED somebody else was faster; verdict STOP where an operator has to decide.                     */
#include "parts.h"

/* Replies of the look, in order. */
enum { VR_LOOK_WATCH, VR_LOOK_OWN, VR_LOOK_INDEX, VR_LOOK_BEGIN, VR_LOOK_ACCEPT, VR_LOOK_ALERTS_DB, VR_LOOK_SAID, VR_LOOK_LIVE_DB,
	VR_LOOK_GENERATION, VR_LOOK_RULES, VR_LOOKS, VR_LOOK_LIVE = VR_LOOKS };	/* LIVE: of a shadow, what live says */

/* What was decided. */
struct vr_takeover {
	struct vr_owner_record record;
	char generation[VR_GENERATION_MAX + 1];	/* of the database */
	bool fresh;			/* nothing stored is to be used */
	bool wipe;			/* and something is stored */
	bool silent;			/* below the log's end now nothing is announced */
	bool other_log;			/* offsets of what was said and of dead letters mean nothing in it */
	int64_t gap;			/* records skipped by an accepted gap */
	struct vr_owner_record old;	/* of what is wiped: its owner, and its stream time tells which minutes of duplicates are stored */
};

/** From the replies of the look; a shadow's have what live says behind them. */
VR_MUST enum vr_err vr_takeover_decide(struct vr_shard *s, const struct vr_replies *r, struct vr_takeover *p, struct vr_diag *d);
/** Memory as of the record; nothing but the times where it is fresh. */
VR_MUST enum vr_err vr_takeover_restore(struct vr_shard *s, const struct vr_takeover *p, struct vr_diag *d);
