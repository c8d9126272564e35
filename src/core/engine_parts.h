/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* engine_parts.h - what the engine is made of, for the files that together are the engine.
 *
 *   engine.c    birth and death, the end of a cut, questions; engine_contents.c: contents in memory and out of it;
 *               engine_load.c: what the store gives back
 *   fold.c      one record: the order of CONTRACT.md "Order for one record", top to bottom
 *   ahead.c     what a batch needs, brought near before it is needed
 *   count.c     step 7: the event into content, channel, overall
 *   minutes.c   and into its time series
 *   judge.h     steps 5, 6, 8: rules, timers, alerts
 *   cut.c       what changed since the last cut, into a vr_store
 *   drain.c     whose views are written though nothing changed
 *   show.c      a content's figures as the fields of its views
 *   channel.c   per-channel and overall counts of the partition, and their stored form
 *
 * Ownership: everything lives in `pool`, whose slabs go at once when the engine is freed.      */
#include "board.h"
#include "content.h"
#include "dedup.h"
#include "heap.h"
#include "list.h"
#include "virality/arena.h"
#include "virality/engine.h"
#include "virality/map.h"

enum { VR_HOUR_MS = 3600000, VR_MINUTE_MS = 60000, VR_CHANNEL_MINUTES = 60, VR_TREND_HALF_LIFE_MS = 1800000 };
/* The score of a timer that no time will bring: the end of year 9999. */
#define VR_NEVER INT64_C(253402300799000)

/* How often each action happened in one minute of event time. */
struct vr_minute { int64_t minute; uint64_t count[VR_ACTIONS_MAX]; };

/* One channel of this partition, or (number VR_CHANNEL_ALL) all of it. */
enum { VR_CHANNEL_ALL = UINT16_MAX };
struct vr_channel {
	struct vr_str name;
	uint16_t number;
	bool dirty;
	struct vr_tally tally;
	struct vr_chan *chans;			/* contents on it */
	size_t n_chans;
	struct vr_board *board[VR_WINDOWS_MAX];	/* not for "all": the engine's own */
	uint64_t waiting[VR_ACTIONS_MAX];	/* counted at `at`, not in tally, gross and minutes yet */
	uint32_t waits, turn;			/* actions that wait, 1 << action; the engine's turn at `at` */
	struct vr_moment at;
	uint64_t gross;				/* all actions ever counted, with count, nothing taken back */
	struct vr_minute minute[VR_CHANNEL_MINUTES];	/* rising by minute, n_minutes of them */
	uint8_t n_minutes;
};

/* Contents with an open minute, in no order. */
struct vr_minutes { struct vr_content *first; size_t n; };

/* A closed minute of a content, waiting for the cut. */
struct vr_entry { struct vr_content *content; int64_t minute; uint64_t count[VR_ACTIONS_MAX], late; };

/** Names of all counter fields: "shares_total", "shares_5m". */
struct vr_name { size_t n; char text[32]; };
static inline struct vr_str vr_name_str(const struct vr_name *name) { return (struct vr_str){name->text, name->n}; }
struct vr_names { struct vr_name total[VR_ACTIONS_MAX], window[VR_ACTIONS_MAX][VR_WINDOWS_MAX]; };

struct vr_engine {
	struct vr_engine_config config;
	struct vr_pool pool;
	struct vr_mem pool_mem;			/* the pool as a vr_mem */
	struct vr_map contents;
	struct vr_content *first, *last;	/* all contents, oldest first */
	struct vr_list dirty;			/* struct vr_content *, in the order they changed: the next cut writes them */
	struct vr_content *spare;
	size_t n_contents;
	double rules_least;			/* events of a content below which no rule can hold */
	uint32_t rules_by;			/* actions that any rule asks for, 1 << action */
	bool rules_by_time;			/* counts that leave may begin some */
	struct vr_moment now, at;		/* stream time and the event's, as they are counted */
	bool beside;				/* `at` lies in the buckets and the minute of `now` */
	int64_t minute;				/* of stream time, likewise */
	uint32_t turn;				/* goes up when a bucket or the minute of stream time ends */
	struct vr_list wanted;			/* struct vr_content *, not loaded yet */
	struct vr_channel all;
	struct vr_list channels;		/* struct vr_channel *, by number */
	struct vr_map channel_names;
	struct vr_dedup *dedup;
	struct vr_wall stream, log;
	int64_t hour;				/* of log time */
	const struct vr_rules *rules;
	uint32_t rules_no;
	struct vr_list since;			/* struct vr_since: since which set each rule has been in force */
	bool rules_dirty;
	struct vr_heap timers, drains;
	enum vr_views views;
	size_t n_waiting;			/* contents whose views waited, and are due at once */
	struct vr_board *board[VR_WINDOWS_MAX], *trend;
	struct vr_minutes open, left;		/* contents with an open minute: stream time's, or one that it has left */
	struct vr_list entries;			/* struct vr_entry */
	struct vr_list alerts;			/* struct vr_alert; their text is in `texts` */
	struct vr_arena texts;
	struct vr_buf scratch, fields;
	struct vr_names names;
	uint64_t evicted, n_pending, n_firing;
	bool broken;				/* out of memory somewhere: nothing may be cut any more */
};

struct vr_since { uint64_t key; uint32_t no; };

/** Contents with an alert that is pending or firing, in order of id: struct vr_content *, in a list of the caller's. */
VR_MUST enum vr_err vr_alerting(struct vr_engine *e, struct vr_list *ret);

/** One of the engine's own buffers (scratch, fields), empty. That it was too small before is not forgotten. */
static inline struct vr_buf *vr_engine_buf(struct vr_engine *e, struct vr_buf *b)
{
	e->broken |= b->failed;
	vr_buf_clear(b);
	return b;
}

/* engine_contents.c */
struct vr_content *vr_engine_find(const struct vr_engine *e, struct vr_str id, uint64_t hash);
void vr_engine_touch(struct vr_engine *e, struct vr_content *c);	/* the next cut writes it */
/** A content without a record: it goes when no batch can want it any more. */
void vr_engine_spare(struct vr_engine *e, struct vr_content *c);
/** Back to "never seen": what is stored under its id goes with the next cut. */
void vr_engine_absent(struct vr_engine *e, struct vr_content *c);
int64_t vr_hour_of(struct vr_wall t);
/** The content, wanted from the store where it is not in memory. */
VR_MUST enum vr_err vr_want(struct vr_engine *e, struct vr_str id, uint64_t hash, struct vr_content **ret);
static inline struct vr_content *vr_engine_wanted_at(const struct vr_engine *e, size_t i)
{
	VR_ASSERT(i < e->wanted.n);
	return ((struct vr_content **)e->wanted.at)[i];
}

/* channel.c */
/** The number under which a channel counts (VR_E_NOMEM): its own, or `_other`'s when the table is full. */
VR_MUST enum vr_err vr_channel_number(struct vr_engine *e, struct vr_str name, uint16_t *ret);
struct vr_channel *vr_engine_channel(const struct vr_engine *e, uint16_t number);
/** For vr_content_top_channel. */
struct vr_str vr_engine_channel_name(const void *engine, uint16_t number);
struct vr_channel *vr_channel_find(const struct vr_engine *e, struct vr_str name);	/* NULL: never seen */
void vr_channel_link(struct vr_channel *ch, struct vr_chan *chan);
void vr_channel_unlink(struct vr_channel *ch, struct vr_chan *chan);
/** n of an action at e->at. Until a bucket or a minute ends they wait as a sum: one addition instead of one per window. */
VR_MUST enum vr_err vr_channel_count(struct vr_engine *e, struct vr_channel *ch, enum vr_action a, uint64_t n);
/** Nothing waits any more: before the tally is read or taken from. */
VR_MUST enum vr_err vr_channel_settle(struct vr_engine *e, struct vr_channel *ch);
void vr_channel_encode(const struct vr_channel *ch, const struct vr_windows *w, struct vr_buf *b);
VR_MUST enum vr_err vr_channel_decode(struct vr_channel *ch, struct vr_pool *pool, const struct vr_windows *w, struct vr_str value);
VR_MUST enum vr_err vr_channel_restore(struct vr_engine *e, struct vr_str name, struct vr_str value);
VR_MUST enum vr_err vr_channel_init(struct vr_engine *e, struct vr_channel *ch, struct vr_str name, uint16_t number);

/* boards.c */
/** Its counts may have risen: overall and trending (ch NULL), or on a channel. */
void vr_boards_raise(struct vr_engine *e, struct vr_content *c, struct vr_chan *ch);
void vr_boards_drop(struct vr_engine *e, struct vr_content *c);
VR_MUST enum vr_err vr_boards_write(struct vr_engine *e, struct vr_wall view, const struct vr_store *store);

/** Each row of a stored board; list = index of its window, recent = shares in the shortest window. */
typedef enum vr_err vr_board_row_f(void *ctx, unsigned list, struct vr_str id, double score, uint64_t recent);
VR_MUST enum vr_err vr_board_read(struct vr_str board, vr_board_row_f *row, void *ctx);

/* count.c */
VR_MUST enum vr_err vr_count(struct vr_engine *e, struct vr_content *c, const struct vr_event *ev, struct vr_wall t, uint16_t channel,
	struct vr_outcome *ret);

/* minutes.c */
VR_MUST enum vr_err vr_minute_count(struct vr_engine *e, struct vr_content *c, const struct vr_event *ev, struct vr_wall t);
/** A content with an open minute came or goes. */
void vr_minute_link(struct vr_engine *e, struct vr_content *c);
void vr_minute_unlink(struct vr_engine *e, struct vr_content *c);
/** Stream time has left a minute. */
void vr_minutes_leave(struct vr_engine *e);
/** A minute that was left becomes an entry, which the next cut writes; so do some of those that were, and up to `most`. */
VR_MUST enum vr_err vr_minute_close(struct vr_engine *e, struct vr_content *c);
VR_MUST enum vr_err vr_minutes_close(struct vr_engine *e, size_t most);
bool vr_minutes_check(const struct vr_engine *e);

/* judge.c, judge_time.c, judge_rules.c */
VR_MUST enum vr_err vr_timers_until(struct vr_engine *e, struct vr_wall until, int64_t at_offset);
/** Rules that never judged this content look at its values before the event. */
VR_MUST enum vr_err vr_judge_before(struct vr_engine *e, struct vr_content *c);
/** After an event of that action was counted. still: no bucket has left since the record before. */
VR_MUST enum vr_err vr_judge(struct vr_engine *e, struct vr_content *c, enum vr_action action, bool still, int64_t offset);
/** End whatever is pending or firing for it. */
VR_MUST enum vr_err vr_judge_end(struct vr_engine *e, struct vr_content *c, enum vr_alert_reason reason, int64_t at_offset);
/** Drop states of rules that are no longer in force, or were not all the time (after loading). */
void vr_judge_loaded(struct vr_engine *e, struct vr_content *c);
VR_MUST enum vr_err vr_timer_set(struct vr_engine *e, struct vr_content *c);
uint32_t vr_rule_since(const struct vr_engine *e, uint64_t key);

/** Does it have views? Where its home is elsewhere, that partition writes them. */
static inline bool vr_has_views(const struct vr_engine *e, const struct vr_content *c)
{
	return c->home != VR_HOME_ELSEWHERE && c->records >= e->config.views_min_events;
}

static inline struct vr_content *vr_engine_dirty_at(const struct vr_engine *e, size_t i)
{
	return ((struct vr_content **)e->dirty.at)[i];
}

/* ahead.c */
/** Dirty content i is about to be written: brings near what the next ones are made of. */
void vr_ahead_cut(const struct vr_engine *e, size_t i);
/** The same before it is marked as written. */
void vr_ahead_committed(const struct vr_engine *e, size_t i);

/* drain.c */
/** When the view shown as of `view` has to be written again though nothing happens: when the next bucket leaves, spread
 * over that bucket's width so that not every content is written at the same moment, and not within a second. */
VR_MUST enum vr_err vr_drain_plan(struct vr_engine *e, struct vr_content *c, struct vr_wall view);
/** The same for one that was just loaded. */
VR_MUST enum vr_err vr_drain_loaded(struct vr_engine *e, struct vr_content *c);
/** The content whose views drain next, if that is due; NULL: none is. */
struct vr_content *vr_drain_next(struct vr_engine *e, struct vr_wall view);
/** It goes, or begins anew. */
void vr_drain_forget(struct vr_engine *e, struct vr_content *c);
bool vr_drain_check(const struct vr_engine *e);
/** It must stay in memory until its views are written. */
bool vr_drain_holds(const struct vr_engine *e, const struct vr_content *c);

/* show.c */
void vr_names_init(struct vr_names *n, const struct vr_windows *w);
/* Fields of one view being put together; their text lies in `text`, which must not move meanwhile. */
enum { VR_FIELDS_MAX = 192, VR_FIELDS_TEXT = 8192 };
struct vr_fields { struct vr_field at[VR_FIELDS_MAX]; size_t n; struct vr_buf *text; };
/** Begin: room for the numbers of a view and `extra` bytes. */
void vr_fields_begin(struct vr_fields *f, struct vr_buf *text, size_t extra);
void vr_fields_str(struct vr_fields *f, struct vr_str name, struct vr_str value);
void vr_fields_i64(struct vr_fields *f, struct vr_str name, int64_t value);
void vr_fields_ratio(struct vr_fields *f, struct vr_str name, double value);
/** Totals and windows of a tally as of `view`. Those that are as `shown` say are left out; shown is updated. */
void vr_fields_tally(struct vr_fields *f, const struct vr_names *names, const struct vr_windows *w, struct vr_tally *t, struct vr_wall view);
/** Write the fields of a content's views that changed, as of `view`. */
VR_MUST enum vr_err vr_show_content(struct vr_engine *e, struct vr_content *c, struct vr_wall view, const struct vr_store *store);
/** Shares in the shortest window, per minute. */
double vr_velocity(const struct vr_windows *w, uint64_t shares);
