/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* switch.h - one transaction that makes the shadow generation of the spare database the live one.
 *
 *      look    WATCH and read: both databases' generations, every owner record of both, what was said    vr_switch_look
 *      judge   may it be? ALREADY, WAIT (the shadow is too far behind), refused, READY                   vr_switch_judge
 *      go      MULTI; said raised; what live decided carried over; fresh tokens; SWAPDB; EXEC            vr_switch_go
 *      done    nil: somebody wrote in between, look again                                                vr_switch_done
 *
 * Everything that is compared is WATCHed on the connection that runs EXEC, in both databases: what was read still
 * holds when the databases change places. The owners' own WATCH and their (token, seq) fail by it, so they drop their
 * memory and go on from what is live now. Needs Redis 6.2: before it a WATCH did not notice SWAPDB.
 *
 * Carried over from live to the shadow, for the offsets from the shadow's on: the records that live refused by its
 * clock. Another clock, later, would not refuse them again.
 *
 * Pure: builds commands and reads replies, does no I/O, so the same code runs on the simulated Redis.
 * Ownership: the parts are the caller's; replies of look are borrowed until go has been built.   Threads: one owner.
 * Fails: with the reason and what to do; nothing was changed then.                                                 */
#include "virality/owner.h"

enum vr_switch_verdict {
	VR_SWITCH_READY,
	VR_SWITCH_ALREADY,		/* it is live: nothing to do */
	VR_SWITCH_WAIT,			/* d says which partition is behind, and by how much */
	VR_SWITCH_AGAIN,		/* never judged: for whoever tries again when somebody wrote in between */
};

struct vr_switch_part {
	struct vr_str topic;		/* keeps */
	int32_t partition;
	struct vr_keys keys;
	/** Given, and asked only where live has no record: the group's offset in Kafka; -1: none. */
	int64_t committed;
	/* Found by look. */
	struct vr_owner_record live, shadow;
	int64_t said_off, dlq_off;
	const struct vr_reply *refused;	/* the end of live's list */
	int64_t reached;		/* by live: its offset, or what the group has committed */
};

struct vr_switch {
	/* Given. */
	struct vr_str name;		/* of the generation that becomes live */
	int live_db, spare_db, alerts_db;
	int64_t max_lag;		/* records the shadow may be behind: so many are folded again */
	bool accept_state_loss;
	bool capped;			/* memory holds not all contents: leaderboards need not be complete */
	bool own_rules;			/* the shadow was judged by rules of its own: */
	bool rules_named;		/* they are those that its owner records name, or were when this was decided */
	uint32_t rules_was;		/* their number in vir:rules so far; 0: they were given, and are not in the list */
	uint32_t rules_no;		/* their number in vir:rules once `rules_entry` is appended */
	struct vr_str rules_entry;	/* empty: they are in the list */
	int64_t rules_n;		/* entries the list had when this was decided */
	const struct vr_cmds *retire, *promote;	/* more to write into the generation that was live, and that becomes it; may be NULL */
	struct vr_keys keys;		/* of no partition: the publisher's */
	struct vr_switch_part *part;
	size_t n;
	/* Found. */
	char was[VR_GENERATION_MAX + 1];	/* the live generation's name */
	char spare[VR_GENERATION_MAX + 1];	/* the spare one's; empty: none */
	bool has_publisher, has_meta, had_meta;
};

/** Fill in keys of the whole and of a part, in place. */
VR_MUST enum vr_err vr_switch_init(struct vr_switch *w, struct vr_str prefix);
VR_MUST enum vr_err vr_switch_part_init(struct vr_switch_part *p, const struct vr_switch *w, struct vr_str prefix, struct vr_str topic,
	int32_t partition);

/** Step 1: the connection may be in any database, and is in live's afterwards. */
void vr_switch_look(struct vr_switch *w, struct vr_cmds *c);
/** The replies to that. VR_OK: *ret says what now; VR_E_REFUSED: a person has to decide or do something first;
 * VR_E_FENCED: the list of rules has grown, decide anew about the rules and look again. */
VR_MUST enum vr_err vr_switch_judge(struct vr_switch *w, const struct vr_replies *r, enum vr_switch_verdict *ret, struct vr_diag *d);
/** Let go of what look WATCHed. */
void vr_switch_leave(struct vr_cmds *c);
/** Step 2. token makes 128 fresh random bits. */
void vr_switch_go(struct vr_switch *w, void (*token)(void *ctx, char out[VR_TOKEN_LEN + 1]), void *ctx, struct vr_cmds *c);
/** VR_OK: it is live. VR_E_FENCED: nothing was changed, look again. VR_E_LOST_LINK cannot come from here: whoever had
 * it looks again, and is told ALREADY where it ran. */
VR_MUST enum vr_err vr_switch_done(const struct vr_switch *w, const struct vr_replies *r, struct vr_diag *d);
