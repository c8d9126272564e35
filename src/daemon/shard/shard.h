/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* shard.h - one partition in the hands of its worker: acquire, fold, cut.
 *
 *      vr_shard_acquire --> start offset --> vr_shard_take(batch)... vr_shard_tick... --> vr_shard_flush
 *
 * Any error drops the partition's memory (nothing is lost: Redis holds the fold up to the stored offset), and the
 * caller acquires again and goes back to the offset just read. Except VR_E_DLQ: memory stays, the cut waits.
 *
 * Threads: the worker's.                                                                                          */
#include "said.h"
#include "shadow.h"
#include "virality/arena.h"
#include "virality/codec.h"
#include "virality/engine.h"
#include "virality/worst.h"
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
	bool at_end, boards_due, evicted;
	bool full;				/* memory is above its cap: views that wait hold contents in it */
	bool walked, walks;			/* the walk has begun; there is more of it */
	bool walks_all;				/* the walk brings in every content there is */
	bool whole;				/* it did: an unknown content is a new one */
	int64_t letters_failed;			/* dead letters that had failed for good when it was last asked */
	bool letters_wait;			/* in this batch a cut could not be made: dead letters first */
	bool boards_owed;			/* the last cut left the boards out */
	struct vr_span late;			/* how far behind now the records are that come; 0 at the end */
	struct vr_mono end_since, last_cut, last_boards, last_check;
	struct vr_span cut_took, cut_waited;	/* the last cut: from building it to its replies; its oldest record, until then */
	int64_t forgot_below;			/* hour up to which the index has been swept */
	size_t bytes_per_content;		/* of the last cuts, to hold the byte limit */
	uint64_t folded;			/* records of this batch that were not told of yet */
	bool holds;				/* there are records that no cut has stored */
	struct vr_mono came, oldest;		/* when the batch at hand came, and that of the first such record */
	struct vr_worst wait;			/* of the oldest in a cut, from its coming until it was stored */
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
/** A record's fingerprint, as the owner record has it. */
uint64_t vr_record_hash(const struct vr_feed_item *item);
