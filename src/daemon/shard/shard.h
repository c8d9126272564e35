/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* shard.h - one partition in the hands of its worker: acquire, fold, cut.
 *
 *      vr_shard_acquire --> start offset --> vr_shard_take(batch)... vr_shard_tick... --> vr_shard_flush
 *
 * Any error drops the partition's memory (nothing is lost: Redis holds the fold up to the stored offset), and the
 * caller acquires again and goes back to the offset just read. Except VR_E_DLQ: memory stays, the cut waits.
 *
 *   acquire.c   whose is it, where to begin, what is loaded first
 *   load.c      contents from Redis, in pipelined batches; the background walk; forgetting
 *   pipeline.c  THE FLOW: a batch of records, top to bottom
 *   commit.c    a cut: guard, write, commit
 *   shadow.c    what is another in a replay
 * Threads: the worker's.                                                                                          */
#include "said.h"
#include "shadow.h"
#include "virality/arena.h"
#include "virality/codec.h"
#include "virality/engine.h"
#include "virality/writer.h"
#include "world.h"

enum vr_policy { VR_POLICY_STOP, VR_POLICY_GO_ON };

struct vr_shard_config {
	struct vr_engine_config engine;
	struct vr_str prefix;
	int live_db, alerts_db;
	const char *cluster, *group;		/* keeps */
	enum vr_policy on_gap, on_truncation, on_missing_state, on_growth;
	struct vr_span cut_interval, idle_timeout, kafka_ahead;
	uint32_t cut_contents, cut_contents_behind;
	size_t cut_bytes;
	bool announce_history;
	const struct vr_shadow *shadow;		/* keeps; NULL: this is live. Else live_db is the spare database */
};

struct vr_shard {
	struct vr_shard_config config;
	const struct vr_world *world;		/* keeps */
	struct vr_mem *mem;			/* keeps */
	struct vr_topic_part part;
	struct vr_keys keys;
	struct vr_owner owner;
	struct vr_owner_record record;		/* as the next cut will write it */
	int64_t stored_off;			/* as the last cut wrote it */
	struct vr_engine *engine;		/* NULL: no memory of the partition */
	struct vr_said said;
	struct vr_writer writer;
	struct vr_cmds cmds, said_cmds, repairs;	/* repairs: for the next cut, what makes way for views */
	struct vr_arena arena;			/* of one exchange */
	struct vr_arena events;			/* of one batch */
	struct vr_buf scratch;
	struct vr_buf refused, taken;		/* the next cut notes: refused offsets, int64; rule sets, struct vr_taken_rules */
	struct vr_buf decided;			/* offsets that were refused below record.decided, int64 */
	bool stop_noted;			/* stands, and stop_token says over which owner record (empty: none) */
	char stop_token[VR_TOKEN_LEN + 1];
	struct vr_buf walk;			/* ids the background walk still has to load: varint length and bytes each */
	size_t walk_at;
	struct vr_codec_stats codec;
	bool seam;				/* the next record must be the one of the fingerprint */
	bool anew;				/* the log is another one and the settings say: fold it anew */
	bool at_end, boards_due, walked, evicted;
	bool walks_all;				/* the walk brings in every content there is */
	bool whole;				/* it did: an unknown content is a new one */
	int64_t letters_failed;			/* dead letters that had failed for good when it was last asked */
	bool letters_wait;			/* in this batch a cut could not be made: dead letters first */
	bool boards_owed;			/* the last cut left the boards out */
	struct vr_span late;			/* how far behind now the records are that come; 0 at the end */
	struct vr_mono end_since, last_cut, last_boards, last_check;
	struct vr_span cut_took;		/* the last cut, from building it to its replies */
	int64_t forgot_below;			/* hour up to which the index has been swept */
	size_t bytes_per_content;		/* of the last cuts, to hold the byte limit */
	uint64_t folded;			/* records since the last cut */
	struct vr_live live;			/* of a shadow */
};

VR_MUST enum vr_err vr_shard_new(const struct vr_shard_config *config, const struct vr_world *world, struct vr_mem *mem,
	struct vr_shard **ret, struct vr_diag *d);
void vr_shard_free(struct vr_shard *s);
/** Become the owner, load what must be at hand. *ret_start: the first record to read. */
VR_MUST enum vr_err vr_shard_acquire(struct vr_shard *s, int64_t *ret_start, struct vr_diag *d);
/** Records of this partition, in order. Cuts in between when one is due. */
VR_MUST enum vr_err vr_shard_take(struct vr_shard *s, const struct vr_feed_item *items, size_t n, struct vr_diag *d);
/** Time passes: a due cut, draining views, the background walk. */
VR_MUST enum vr_err vr_shard_tick(struct vr_shard *s, struct vr_diag *d);
/** When vr_shard_tick should be called next. */
struct vr_mono vr_shard_due(const struct vr_shard *s);
/** Cut everything now (revoke, stop). */
VR_MUST enum vr_err vr_shard_flush(struct vr_shard *s, struct vr_diag *d);
/** Forget the partition's memory; Redis keeps what it has. */
void vr_shard_drop(struct vr_shard *s);
/** Tell in Redis why it stands (`{..}:stop`), or nothing when that cannot be said now. */
void vr_shard_tell_stop(struct vr_shard *s, enum vr_err err, const char *text);
/** Is there a reason to try again: an operator decided (`{..}:accept`), or the owner record is another one than the one it
 * stopped over (a generation was switched)? False also when Redis is away. */
bool vr_shard_accepted(struct vr_shard *s);

/* --- between the files of the shard ------------------------------------------------------------------------ */
/** How long a write may wait: what is late already may be later by an eighth, alerts too. */
struct vr_span vr_shard_patience(const struct vr_shard *s, struct vr_span shortest, struct vr_span longest);
VR_MUST enum vr_err vr_shard_exchange(struct vr_shard *s, struct vr_replies *ret, struct vr_diag *d);
VR_MUST enum vr_err vr_shard_load(struct vr_shard *s, struct vr_diag *d);		/* every wanted content */
/** Step 1 of a guarded write; the transaction follows in the next exchange. */
VR_MUST enum vr_err vr_shard_guard(struct vr_shard *s, struct vr_diag *d);
VR_MUST enum vr_err vr_shard_cut(struct vr_shard *s, struct vr_diag *d);
VR_MUST enum vr_err vr_shard_background(struct vr_shard *s, struct vr_diag *d);
/** A newer set of the fleet's rules is taken up, at this record boundary. */
VR_MUST enum vr_err vr_shard_follow_rules(struct vr_shard *s);
/** All that is stored goes, content by content; of `old` the owner record, with the first of them. */
VR_MUST enum vr_err vr_shard_wipe(struct vr_shard *s, struct vr_owner_record *old, bool other_log, struct vr_diag *d);
/** Commands: what is stored beside contents; the owner record, and the duplicates that only it can find. */
void vr_shard_forget_slots(struct vr_shard *s);
void vr_shard_forget_owner(struct vr_shard *s, const struct vr_owner_record *old);
/** This set is in force from here on: `off` is the record boundary that is noted. */
VR_MUST enum vr_err vr_shard_take_rules(struct vr_shard *s, const struct vr_rules *rules, uint32_t no, int64_t off);
/** Where announcing begins: the announced alerts that are no more in the fold end with reason `switch`, those that are
 * pending are told of from here on: commands into said_cmds. */
VR_MUST enum vr_err vr_shard_reconcile(struct vr_shard *s, struct vr_diag *d);
/** What a person can do where a partition stands: accept, and how; a replay is begun anew. A sentence. */
struct vr_way_out { char text[VR_TOPIC_MAX + VR_GENERATION_MAX + 160]; };
struct vr_way_out vr_shard_way_out(const struct vr_shard *s, const char *what_for, const char *accept);
void vr_shard_note(const struct vr_shard *s, enum vr_note note, enum vr_err err, int64_t n, const char *text);
uint64_t vr_record_hash(const struct vr_feed_item *item);

/* --- of a shadow (shadow.c) ---------------------------------------------------------------------------------- */
enum { VR_SHADOW_ASKS = 7, VR_SHADOW_ASK_MS = 200 };
void vr_shadow_init(struct vr_shard *s);
void vr_shadow_done(struct vr_shard *s);
/** Everything known of live is forgotten. */
void vr_shadow_reset(struct vr_shard *s);
/** VR_SHADOW_ASKS commands about live, for any exchange; and the replies to them. VR_E_FENCED: it went back. */
void vr_shadow_ask(struct vr_shard *s);
VR_MUST enum vr_err vr_shadow_hear(struct vr_shard *s, const struct vr_reply *replies, struct vr_diag *d);
/** After an acquire: is what was decided so far what live decided? */
VR_MUST enum vr_err vr_shadow_agrees(struct vr_shard *s, struct vr_diag *d);
/** No record at or past it is folded now. */
int64_t vr_shadow_limit(const struct vr_shard *s);
/** Where reading has to go on; how many offsets from there may be asked for now. */
int64_t vr_shadow_from(const struct vr_shard *s);
int64_t vr_shadow_room(const struct vr_shard *s);
/** It cannot go on before live does. */
bool vr_shadow_waits(const struct vr_shard *s);
/** Rule sets that live had from an offset at most up_to on are taken up. */
VR_MUST enum vr_err vr_shadow_follow(struct vr_shard *s, int64_t up_to);
/** Of n records that lie one behind the other: how many may be folded before the next limit or rule set. */
VR_MUST enum vr_err vr_shadow_run(struct vr_shard *s, const struct vr_feed_item *items, size_t n, size_t *ret_n);
/** The latest Kafka timestamp that the record at offset may have: live decided that; by the clock only where there is none. */
struct vr_wall vr_shadow_latest(const struct vr_shard *s, int64_t offset, struct vr_wall clock);
/** Time passes: where live is waited for, look how far it is. */
VR_MUST enum vr_err vr_shadow_tick(struct vr_shard *s, struct vr_diag *d);
/** Learn the homes that n wanted contents have in live; *ret_own: none has another than this partition. */
VR_MUST enum vr_err vr_shadow_homes(struct vr_shard *s, size_t from, size_t n, bool *ret_own, struct vr_diag *d);
/** Of the i-th of them; empty: live knows none. */
struct vr_str vr_shadow_home(const struct vr_shard *s, size_t i);
/** All that can be folded now is folded, stored, and shown as of stream time. */
bool vr_shadow_quiet(struct vr_shard *s);
