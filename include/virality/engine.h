/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* engine.h - everything virald knows about one partition, and how a record changes it.
 *
 * Flow, called by the partition's worker and by nobody else:
 *
 *     vr_engine_want(id)...  -> load from the store -> vr_engine_load
 *     vr_engine_fold(record)        one record: times, forgetting, duplicates, timers, counts, rules
 *     vr_engine_cut(store)          everything that changed since the last cut, absolute values
 *     vr_engine_committed()         the cut is in Redis
 *
 * A cut that was not committed leaves no way back: free the engine and acquire again.
 *
 * The engine is one deterministic value. It has no clock: *stream time* (highest accepted event time)
 * drives the fold and the alerts, *log time* (highest Kafka timestamp) checks event times and drives
 * forgetting, *view time* is told by the caller and only decides what is shown.
 * Memory: all from the vr_mem given at birth; vr_engine_free returns it at once.
 * Threads: one owner.   Fails: VR_E_NOMEM (the engine is then unusable: free it), what else is said below. */
#include "virality/mem.h"
#include "virality/rules.h"
#include "virality/store.h"

struct vr_engine_config {
	struct vr_str topic;		/* keeps */
	int32_t partition;
	struct vr_windows windows;
	struct vr_span max_ahead, dedup_window, retention;	/* retention: whole hours */
	uint32_t channels_max;		/* names a partition counts apart */
	uint32_t views_min_events;	/* records after which a content gets its views */
	uint32_t ts_min_events;		/* records after which it gets a time series */
	uint32_t board_size;		/* rows of a leaderboard */
	uint64_t max_contents;		/* cap of what is held in memory; 0: none */
};

struct vr_engine;
struct vr_content;
VR_MUST enum vr_err vr_engine_new(const struct vr_engine_config *config, struct vr_mem *mem, struct vr_engine **ret);
void vr_engine_free(struct vr_engine *e);

/* What the head of a stored content says. */
struct vr_brief { int64_t first_off, last_off, hour; uint64_t records; };
VR_MUST enum vr_err vr_content_brief(struct vr_str state, struct vr_brief *ret);

/* ---------------------------------------------------------------------- from the store ---- */
/** Times as the owner record holds them. */
void vr_engine_set_times(struct vr_engine *e, struct vr_wall stream, struct vr_wall log);
/** A stored slot without a content: PARTIAL (id = channel), RULES, DEDUP (id = minute). VR_E_CORRUPT. */
VR_MUST enum vr_err vr_engine_restore(struct vr_engine *e, enum vr_slot slot, struct vr_str id, struct vr_str value);
/** First and last minute whose set of accepted events matters at that stream time: the DEDUP slots to restore. */
void vr_engine_dedup_minutes(struct vr_span window, struct vr_wall stream, int64_t *ret_first, int64_t *ret_last);
/** Ids that stand on a stored board: to be loaded first. */
VR_MUST enum vr_err vr_board_ids(struct vr_str board, void (*each)(void *ctx, struct vr_str id), void *ctx);

/** The content will be needed. True: it is at hand; false: it is on the wanted list now. */
VR_MUST enum vr_err vr_engine_want(struct vr_engine *e, struct vr_str id, bool *ret_at_hand);
size_t vr_engine_wanted(const struct vr_engine *e);
/** The i-th wanted id (borrowed until the list is emptied by vr_engine_loaded_all). */
struct vr_str vr_engine_wanted_id(const struct vr_engine *e, size_t i);
struct vr_loaded {
	bool has_state;
	struct vr_str state, uniques, channels;	/* the last two empty when the state does not ask for them */
	bool home_known, is_home;		/* is the content's home this partition? */
	bool off_known;
	int64_t off;				/* the stored offset: a state that has reached it is torn */
};
/** What the store holds for the i-th wanted content. *ret_more: the state refers to UNIQUES or CHANNELS that were not
 * given: load them, call again. VR_E_CORRUPT. */
VR_MUST enum vr_err vr_engine_load(struct vr_engine *e, size_t i, const struct vr_loaded *l, bool *ret_more);
/** Every wanted content was loaded: the list is empty again. */
void vr_engine_loaded_all(struct vr_engine *e);
/** Is it in memory and not forgotten? */
bool vr_engine_has(const struct vr_engine *e, struct vr_str id);
/** Hour of log time below which a content counts as absent. */
int64_t vr_engine_forget_below(const struct vr_engine *e);

/* ------------------------------------------------------------------------- the fold ------- */
/** Rules in force from here on, number `no` of the fleet's list; borrowed, outlives the engine or the next call.
 * Rules that are gone resolve their alerts. `at_offset`: the record boundary. */
VR_MUST enum vr_err vr_engine_rules(struct vr_engine *e, const struct vr_rules *rules, uint32_t no, int64_t at_offset);
/** The set that was in force when the state was stored: nothing is adopted or resolved. */
VR_MUST enum vr_err vr_engine_rules_resume(struct vr_engine *e, const struct vr_rules *rules, uint32_t no);

struct vr_record {
	int64_t offset;
	struct vr_wall kafka_time;		/* 0: none */
	const struct vr_event *event;		/* NULL: refused, a tombstone or a tick: only log time moves */
	struct vr_content *content;		/* what vr_engine_want_all found; NULL: looked up */
	int32_t channel;			/* its number in the partition, with content only; -1: not met yet */
	enum vr_err refused;			/* why there is no event; VR_OK for a tombstone or tick */
};
enum vr_fate { VR_FATE_FOLDED, VR_FATE_DUPLICATE, VR_FATE_REFUSED, VR_FATE_PASSED };
struct vr_outcome {
	enum vr_fate fate;
	enum vr_err refused;			/* fate REFUSED: why */
	bool late, clock_ahead, dedup_unchecked, miskeyed;
};
/** Is a record that will be folded refused for its time? Before its content is wanted: what is refused leaves no trace.
 * *log: log time after the records asked about before, 0 at first; moves on. VR_OK, VR_E_NO_TIME, VR_E_TIME_AHEAD. */
VR_MUST enum vr_err vr_engine_admits(const struct vr_engine *e, const struct vr_record *r, struct vr_wall *log);
/** What vr_engine_want does, for the contents of a whole batch. */
VR_MUST enum vr_err vr_engine_want_all(struct vr_engine *e, struct vr_record *records, size_t n);
/** Before records[i] is folded: brings near the memory that the records behind it will need. Changes nothing. */
void vr_engine_ahead(const struct vr_engine *e, const struct vr_record *records, size_t n, size_t i);
/** Fold one record. Its content was wanted and loaded. */
VR_MUST enum vr_err vr_engine_fold(struct vr_engine *e, const struct vr_record *r, struct vr_outcome *ret);
/** Stream time goes on without a record, for who looks and stores nothing: what is due by then happens. */
VR_MUST enum vr_err vr_engine_pass(struct vr_engine *e, struct vr_wall until);

/* -------------------------------------------------------------------------- the cut ------- */
struct vr_cut_limits {
	struct vr_wall view;		/* view time; at least stream time */
	uint32_t drain;			/* contents that may be rewritten because of draining alone */
	uint32_t minutes;		/* or because an entry of their time series waits; some always are */
	bool boards;			/* write the leaderboards too */
};
/** Contents that the next cut writes. */
size_t vr_engine_dirty(const struct vr_engine *e);
/** Is there anything a cut would write (dirty contents, partials, alerts, drains due at that view time)? */
bool vr_engine_has_changes(struct vr_engine *e, struct vr_wall view);
/** Contents with an entry of their time series that waits. */
size_t vr_engine_minutes_wait(const struct vr_engine *e);
/** Alerts (transitions) waiting for the next cut. */
size_t vr_engine_alerts(const struct vr_engine *e);
/** Those, for who makes no cuts and calls vr_engine_committed after it; borrowed until then. */
typedef void vr_alert_f(void *ctx, const struct vr_alert *a);
VR_MUST enum vr_err vr_engine_tell(struct vr_engine *e, vr_alert_f *each, void *ctx);
VR_MUST enum vr_err vr_engine_cut(struct vr_engine *e, const struct vr_cut_limits *l, const struct vr_store *store);
void vr_engine_committed(struct vr_engine *e);

/* Does anybody look at the views? */
enum vr_views {
	VR_VIEWS_SHOWN,			/* yes: each cut keeps them as they should be */
	VR_VIEWS_WAIT,			/* not yet: none is written, and no content that has some is dropped */
	VR_VIEWS_COME,			/* from now on: those that waited are written as drains are, all of them first */
};
/** Begins with VR_VIEWS_SHOWN. What is loaded while views come has waited, too. */
VR_MUST enum vr_err vr_engine_views(struct vr_engine *e, enum vr_views views);
/** Is there a content in memory whose views waited and are not written yet? */
bool vr_engine_views_wait(const struct vr_engine *e);
/** A view of this content has to be written whole again (somebody else wrote over it). */
void vr_engine_reshow(struct vr_engine *e, struct vr_str id);
/** Between batches, when no record waits whose content was wanted: bring memory under its cap. Drops contents without a
 * record, and clean contents without a timer; counts them. Returns true when a
 * non-empty one was dropped: leaderboards are no longer complete. */
bool vr_engine_evict(struct vr_engine *e);

/* ------------------------------------------------------------------------- questions ------ */
struct vr_engine_facts {
	struct vr_wall stream, log;
	uint32_t rules_no;
	uint64_t contents, pending, firing, evicted;
	uint64_t views_wait;		/* contents whose views come, and are not written yet */
	uint64_t dedup_entries;
	size_t bytes;
};
void vr_engine_facts(const struct vr_engine *e, struct vr_engine_facts *ret);
/** Those that every record may move. */
struct vr_wall vr_engine_stream(const struct vr_engine *e);
struct vr_wall vr_engine_log(const struct vr_engine *e);
/** Every alert that is pending or firing, in order of content id and rule; borrowed for the call. */
VR_MUST enum vr_err vr_engine_active(struct vr_engine *e, void (*each)(void *ctx, const struct vr_alert *a), void *ctx);
/** All invariants of everything (tests, debug builds). */
bool vr_engine_check(const struct vr_engine *e);
