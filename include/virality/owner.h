/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* owner.h - protocol P: who may write a partition's state, and onto which state.
 *
 * The owner record is a hash. (token, seq) names exactly one state that was ever written: the token is
 * 128 random bits minted at each acquisition, seq rises by one with every cut of that token.
 *
 *     acquire   1. WATCH own; HGETALL own          -> vr_owner_seen       what is there
 *               2. MULTI; HSET own token.. ; EXEC  -> vr_owner_claimed    nil: somebody else was faster
 *     load         MULTI; HMGET own token seq; reads..; EXEC -> vr_owner_loaded    another pair: FENCED
 *     cut       1. WATCH own; HMGET own token seq  -> vr_owner_guarded    another pair: FENCED
 *               2. MULTI; writes..; HSET own seq+1 off ..; EXEC -> vr_owner_committed   nil: FENCED
 *
 * Anything but "committed" means: drop the partition's memory, acquire again, go back to the offset just read.
 * A lost connection or a timeout is such a thing, for what ran is unknown; nothing is ever sent twice.
 * Compare-and-write is atomic by WATCH; a write that arrives late finds another pair (model: fencing).
 *
 * Pure: builds commands and reads replies, does no I/O, so the same code runs on the simulated Redis.
 * Threads: one owner.                                                                                     */
#include "virality/keys.h"
#include "virality/time.h"

enum { VR_TOKEN_LEN = 32 };
struct vr_owner_record {
	bool exists;			/* has an `off`; one without counts as none */
	char token[VR_TOKEN_LEN + 1];
	int64_t seq, off, base_off;	/* off: next offset to fold; base_off: first ever folded */
	struct vr_wall stream, log, view, anchor;
	uint32_t rules;			/* number of the rule set in force; 0: none yet */
	bool complete;
	bool shown;			/* every content's views are written; false only of a shadow, whose views wait until it has come up */
	struct vr_wall cut;		/* for those who look on, these two: when it was written, by the writer's clock; and */
	struct vr_span wait;		/* the longest that a record waited lately, from its coming until it was stored */
	int64_t decided;		/* below it the clock has refused exactly the offsets of `refused`, and refuses no others */
	struct { bool known; int64_t off; int64_t time_ms; uint64_t hash; } last;	/* fingerprint of the last record */
	char cluster[64], group[128], generation[64];
};

struct vr_owner {
	const struct vr_keys *keys;	/* keeps */
	char token[VR_TOKEN_LEN + 1];
	int64_t seq;
	bool held;			/* a claim was committed and nothing has failed since */
};

void vr_owner_init(struct vr_owner *o, const struct vr_keys *keys);

/** Step 1 of acquire: two commands. The caller may add reads behind them. */
void vr_owner_look(struct vr_owner *o, struct vr_cmds *c);
/** replies: those two. VR_E_CORRUPT: a record of another format. */
VR_MUST enum vr_err vr_owner_seen(const struct vr_owner *o, const struct vr_reply *replies, struct vr_owner_record *ret);
/** Step 2: begin; the caller may add writes; end. The record is written as given, with the new token and seq 0. */
void vr_owner_claim_begin(struct vr_owner *o, struct vr_cmds *c);
void vr_owner_claim_end(struct vr_owner *o, const struct vr_owner_record *r, const char token[VR_TOKEN_LEN + 1], struct vr_cmds *c);
VR_MUST enum vr_err vr_owner_claimed(struct vr_owner *o, const struct vr_replies *replies, struct vr_diag *d);

/** A validated read: begin; the caller adds reads; end. */
void vr_owner_load_begin(struct vr_owner *o, struct vr_cmds *c);
void vr_owner_load_end(struct vr_owner *o, struct vr_cmds *c);
/** ret: replies of the reads that the caller added. An error among them is returned. */
VR_MUST enum vr_err vr_owner_loaded(struct vr_owner *o, const struct vr_replies *replies, struct vr_replies *ret, struct vr_diag *d);
/** The same, but an error among the reads is for the caller to look at. */
VR_MUST enum vr_err vr_owner_loaded_as_is(struct vr_owner *o, const struct vr_replies *replies, struct vr_replies *ret, struct vr_diag *d);

void vr_owner_guard(struct vr_owner *o, struct vr_cmds *c);
VR_MUST enum vr_err vr_owner_guarded(struct vr_owner *o, const struct vr_replies *replies, struct vr_diag *d);
void vr_owner_commit_begin(struct vr_owner *o, struct vr_cmds *c);
void vr_owner_commit_end(struct vr_owner *o, const struct vr_owner_record *r, struct vr_cmds *c);
/** ret: replies of the writes that the caller added (each may be an error while all others were applied). */
VR_MUST enum vr_err vr_owner_committed(struct vr_owner *o, const struct vr_replies *replies, struct vr_replies *ret, struct vr_diag *d);
