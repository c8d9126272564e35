/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* generation.h - what a database holds: `vir:generation` its name, `vir:gen` how it came about.
 *
 *       (empty) --replay--> filling --all bounds reached--> full --switch--> live      the old one: retired
 *                              ^ killed: the same name goes on |                 <--switch --undo--
 *
 * A database without a name that has an owner record is the first generation, VR_GENERATION_FIRST; it has no `vir:gen`
 * and, like all that were live at first, no bounds.
 * `vir:gen` is a hash: format, name, state, rules, rules_hash, rules_text, from, to, created_ms, runner, beat_ms, and
 * for every partition `p:<topic>:<n>` = "<first> <end> <gap> <at_most>". deploy/redis/CONTRACT.md has their meaning.
 * Ownership: a struct vr_generation owns what is in it (vr_generation_done).   Threads: one owner.
 * Fails: as Redis does; VR_E_CORRUPT for a hash that is not ours.                                              */
#include "virality/keys.h"
#include "virality/time.h"

enum vr_generation_state {
	VR_GENERATION_FILLING,
	VR_GENERATION_FULL,
	VR_GENERATION_RETIRED,
	VR_GENERATION_DRY,		/* of a dry run: rubbish once nobody runs it, which the next replay throws away */
};
enum vr_generation_rules {
	VR_GENERATION_RULES_LIVE,	/* those that live had at each offset */
	VR_GENERATION_RULES_GIVEN,	/* rules_text throughout: number 1 in its owner records */
	VR_GENERATION_RULES_OWN,	/* the set of vir:rules that its owner records name, and no other */
};

enum { VR_RUNNER_MAX = 127 };
struct vr_generation_part { char topic[VR_TOPIC_MAX + 1]; int32_t partition; int64_t first, end, gap; bool gap_at_most; };

struct vr_generation {
	char name[VR_GENERATION_MAX + 1];	/* empty: the database has none */
	bool made;				/* there is a `vir:gen`: all that follows */
	enum vr_generation_state state;
	enum vr_generation_rules rules;
	char rules_hash[17];			/* of GIVEN */
	char *rules_text;			/* of GIVEN: canonical, as in vir:rules; NULL: none */
	char from[64], to[64];			/* as they were asked for; to "live": it follows live beyond `end` */
	struct vr_wall created, beat;		/* beat: when its runner last said that it runs */
	char runner[VR_RUNNER_MAX + 1];		/* host:pid:token of the process that fills it; empty: none */
	struct vr_generation_part *part;
	size_t n;
};
void vr_generation_done(struct vr_generation *g);
/** Letters, digits, dot, underscore and minus, at most VR_GENERATION_MAX; not VR_GENERATION_FIRST. */
bool vr_generation_name_ok(struct vr_str name);
const char *vr_generation_state_name(enum vr_generation_state state);
const char *vr_generation_rules_name(enum vr_generation_rules rules);
/** The generation of database db, whose link is in keys->live_db and stays there. Gives *ret. */
VR_MUST enum vr_err vr_generation_read(const struct vr_link *redis, const struct vr_keys *keys, int db, struct vr_generation *ret,
	struct vr_diag *d);
/** Commands that write it whole, name and hash, into the selected database. Fits in a MULTI. */
void vr_generation_write(const struct vr_generation *g, const struct vr_keys *keys, struct vr_cmds *c);
/** A command that changes its state; the hash must be there. */
void vr_generation_set_state(enum vr_generation_state state, const struct vr_keys *keys, struct vr_cmds *c);

/* Something that takes many pages of keys waits after each until it may go on: `take` is told the keys, and what they took
 * of Redis, in records that are folded. False: it has to end. Without `take` nothing waits. */
struct vr_generation_turn { bool (*take)(void *ctx, size_t keys, size_t weight); void *ctx; };

/* What a database has beside keys of ours. */
struct vr_generation_census { int64_t keys, foreign; char example[128]; };
/** Look at every key of database db. VR_E_BUSY: it had to end. */
VR_MUST enum vr_err vr_generation_count(const struct vr_link *redis, const struct vr_keys *keys, int db, struct vr_generation_turn turn,
	struct vr_generation_census *ret, struct vr_diag *d);
/** Delete all of generation `name` in database db, its name last, and its alerts. VR_E_FENCED: it is not there (any more);
 * VR_E_BUSY: it had to end. */
VR_MUST enum vr_err vr_generation_discard(const struct vr_link *redis, const struct vr_keys *keys, int db, struct vr_str name,
	struct vr_generation_turn turn, struct vr_diag *d);
