/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* shadow.h - a partition that is folded once more, beside live: a replay's.
 *
 *      live's database   own off, rules, refused, home of contents ──┐ read only, on the connection that WATCHes
 *      log               first ════ folded ════> limit = min(end, live's offset)
 *      spare database    the same keys as live's, cut by the same protocol
 *
 * What is another than in live: the limit, past which no record is folded and no cut is stored (live's offset is read
 * again in the guard of every cut; where it went back, memory is dropped, and records wait for live); rule sets are taken
 * up where live took them up; by its clock it refuses what live refused; contents have the home they have in live; alerts
 * go to vir:replay:<name>:alerts and nowhere else; no dead letters, no commits, no view time. Nobody looks at its views
 * before it has come up with live: they and leaderboards wait for that, beside a busy live until all of the replay have, and are
 * then written once instead of with each cut.
 * A live that went back and then decided otherwise is found out when it is there again: VR_E_STATE_LOST.
 * Threads: the worker's that has the shard.                                                                     */
#include <stdatomic.h>
#include "virality/kafka.h"
#include "virality/keys.h"
#include "virality/time.h"

/* A rule set in force from that offset on. */
struct vr_taken_rules { uint32_t no; int64_t off; };

enum vr_shadow_rules {
	VR_SHADOW_RULES_LIVE,		/* where live took them up; of a live that never did: LAST */
	VR_SHADOW_RULES_LAST,		/* the last of the book, as a live owner does */
	VR_SHADOW_RULES_OWN,		/* what the owner record says, for good */
};

/* What is given of it; kept as long as the shard lives. */
struct vr_shadow {
	struct vr_str name;		/* of the generation; a NUL follows */
	int live_db;
	int64_t first, end;		/* INT64_MAX: as far as live goes */
	enum vr_shadow_rules rules;
	bool viewless;			/* nobody will ever look at its views: of a dry run, which is compared by its state */
	bool lost;			/* live has no record of the partition: its bound is `end` alone */
	const atomic_bool *hurries;	/* keeps; false: others are far behind still, so that one that has come up with live need not
					 * be as fresh as live. NULL: it always has to */
	const atomic_bool *alone;	/* keeps; live has nothing to do, so that views may come while others still fold. NULL: never */
};

/* What is known of live's partition. */
struct vr_live {
	bool exists;
	bool unsure;			/* it went back before what is folded here: compared when it is there again */
	int64_t off, base;		/* base: the first offset it ever folded; it decided on none below */
	struct vr_buf rules, refused;	/* struct vr_taken_rules; int64_t */
	size_t next_rules;		/* the first of `rules` that is not taken up */
	int64_t reach;			/* no unread record lies below it */
	bool came_up;			/* all that live had at some look was folded, since it was acquired */
	bool shows;			/* its views are written */
	size_t granted;			/* so many of those that waited may be in the next cut */
	struct vr_mono turned;		/* when that was asked for */
	bool cut_short;			/* records from `reach` on were handed over and left: they must be read again */
	struct vr_mono asked;
	struct vr_buf homes;		/* of a chunk of contents: struct vr_str, then their texts */
	struct vr_arena texts;
};

struct vr_shard;
/** Where reading has to go on; how many offsets from there may be asked for now. */
int64_t vr_shadow_from(const struct vr_shard *s);
int64_t vr_shadow_room(const struct vr_shard *s);
/** All that can be folded now is folded, stored, and shown as of stream time. */
bool vr_shadow_quiet(struct vr_shard *s);
