/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* content.h - what is known about one content of a partition.
 *
 * Picture:   content -- tally (13 actions x windows)
 *                    -- chan[] one per channel it was shared or used through (in order of arrival)
 *                    -- uniques, depth, trend, open minute, rule states
 * Stored:    one string with a format byte (content_state.c); a sketch of uniques and the channels
 *            beyond the eighth in strings of their own.
 * Ownership: the engine's pool holds all of it; contents are linked in one list in order of birth.
 * Threads:   one owner.                                                                           */
#include <stddef.h>
#include "virality/alert.h"
#include "virality/hash.h"
#include "tally.h"
#include "uniques.h"

enum { VR_CONTENT_INLINE_CHANNELS = 8, VR_TREND_BOARD = VR_WINDOWS_MAX };
/* A longer value would turn the small hash of a view into a table four times its size. */
enum { VR_SHORT_TEXT = 60, VR_TOP_UNKNOWN = -2 };

/* Totals of one action through one channel. SHARE is not here: it has a series. */
struct vr_count { uint64_t n; uint8_t action; };

/* A content on one channel. Linked with the others of that channel for its leaderboard. */
struct vr_chan {
	struct vr_content *content;
	struct vr_chan *next, *prev;		/* in the channel's list */
	struct vr_series *share;		/* NULL until the first SHARE */
	struct vr_count *count;
	uint16_t channel;			/* number in the partition, in order of arrival */
	uint8_t n_counts, cap_counts;
	bool on_board[VR_WINDOWS_MAX];
};

/* A rule that is not inactive for this content. */
struct vr_rule_state {
	uint64_t key;				/* vr_rule_key */
	struct vr_wall since;			/* stream time at which it began to be pending or firing */
	int64_t offset;				/* record at which it began */
	uint8_t state;				/* enum vr_alert_state: SUPPRESSED, PENDING, FIRING */
};

/* The minute of stream time whose time series entry is being counted. */
struct vr_open_minute {
	struct vr_content *next, **from;	/* in one of the engine's lists (minutes.c); what points at it there */
	int64_t minute;				/* number since the epoch */
	uint64_t count[VR_ACTIONS_MAX];
};

enum vr_home { VR_HOME_UNKNOWN, VR_HOME_HERE, VR_HOME_ELSEWHERE };

/* In the order of use: what a fold looks at lies in the first four lines of the cache, what only a cut and a view need
 * behind it, and the bytes of the id at the end. */
struct vr_content {
	struct vr_str id;
	uint64_t hash;				/* vr_hash64(id) */
	struct vr_tally tally;
	struct vr_chan **chan;			/* cap_chan of them, behind which as many numbers lie */
	struct vr_uniques uniques;
	uint64_t texts;				/* hash of those of its last event; 0: not known */
	struct vr_open_minute *open;		/* NULL: no open minute */
	uint64_t late;				/* for the next entry of the time series */
	struct vr_rule_state *rule;
	struct vr_wall first, last;		/* lowest and highest event time */
	int64_t last_off;
	uint64_t records;			/* accepted records */
	uint64_t counted;			/* of all actions together; after a load without what was taken back twice */
	uint64_t depth_sum, depth_n, depth_roots;
	double trend;				/* log2 of the decayed sum; -INFINITY: no share yet */
	int64_t leave;				/* when its next bucket leaves: kept by vr_content_leave; 0: not known */
	int64_t still;				/* until then no bucket leaves that was there when its rules were last asked */
	int64_t drain_due;			/* when its views drain; its place in the heap may be an earlier one */
	uint32_t timer_place, drain_place;
	uint32_t depth_max;
	uint32_t rules_no;			/* rule set that judged it last; 0: none */
	int32_t hour;				/* of log time at its last accepted record */
	int32_t stored_hour;			/* what the index holds; INT32_MIN: not in it */
	uint16_t n_chan, cap_chan;
	uint16_t on_boards;			/* a bit for each window, and VR_TREND_BOARD's: trending */
	uint8_t n_rules, cap_rules;
	uint8_t home;				/* enum vr_home */
	bool loaded : 1, dirty : 1, wipe : 1;	/* wipe: what is stored under this id is older than a forgetting */
	bool uniques_dirty : 1, chans_dirty : 1;	/* what is stored apart */
	bool spare : 1;				/* without a record, to go between two batches */
	bool has_series : 1;			/* its first minute was opened: what comes late is counted from then on */
	bool has_info : 1;			/* the view of its long texts is there */
	bool meta_dirty : 1, first_dirty : 1, depth_dirty : 1;	/* parts of the view that change seldom */
	bool touched : 1;			/* second chance before it is dropped from memory */
	bool uniques_stale : 1;			/* unique_count is not that of `uniques` any more */
	bool view_full : 1;			/* the view must be written whole */
	int32_t shown_top;			/* channel_top in the view; -1: none; VR_TOP_UNKNOWN */

	struct vr_str title, content_type, url, author_id;	/* pool blocks of their length */
	struct vr_content *next, *prev;		/* all contents, newest last */
	struct vr_content *spare_next;
	struct vr_wall view_at;			/* view time of the last write of its views; 0: none */
	int64_t first_off;
	int64_t stored_timer;			/* what the timers hold; 0: not in them */
	uint64_t unique_count, shown_uniques;	/* the first by vr_content_uniques only */
};
_Static_assert(offsetof(struct vr_content, title) <= 256, "a fold looks at four lines of 64 bytes");
_Static_assert(VR_TREND_BOARD < 16, "on_boards has a bit for each board");

/** A new, empty content with a copy of the id. NULL: no memory. */
struct vr_content *vr_content_new(struct vr_pool *pool, struct vr_str id, uint64_t hash);
void vr_content_free(struct vr_content *c, struct vr_pool *pool, const struct vr_windows *w);
/** The numbers of its channels, so that one is found without a look into each. */
static inline uint16_t *vr_content_numbers(const struct vr_content *c) { return (uint16_t *)(c->chan + c->cap_chan); }
/** Its channel entry, or NULL. */
struct vr_chan *vr_content_chan(const struct vr_content *c, uint16_t channel);
/** Find or make; *ret_new tells which (the caller links a new one). */
VR_MUST enum vr_err vr_content_chan_get(struct vr_content *c, struct vr_pool *pool, uint16_t channel, struct vr_chan **ret, bool *ret_new);
VR_MUST enum vr_err vr_chan_count(struct vr_chan *ch, struct vr_pool *pool, enum vr_action a, uint64_t n);
uint64_t vr_chan_total(const struct vr_chan *ch, enum vr_action a);
VR_MUST enum vr_err vr_chan_series(struct vr_chan *ch, struct vr_pool *pool, const struct vr_windows *w, struct vr_series **ret);
/** Replace a text if the new one is not empty and differs. */
VR_MUST enum vr_err vr_content_text(struct vr_content *c, struct vr_pool *pool, struct vr_str *field, struct vr_str value);
/** Is one of the texts too long for the main view? */
bool vr_content_is_long(const struct vr_content *c);
/** Number of its channel with most shares, or -1; name_of breaks ties by the greater name. */
int vr_content_top_channel(const struct vr_content *c, struct vr_str (*name_of)(const void *ctx, uint16_t channel), const void *ctx);
struct vr_rule_state *vr_content_rule(const struct vr_content *c, uint64_t key);
VR_MUST enum vr_err vr_content_rule_set(struct vr_content *c, struct vr_pool *pool, const struct vr_rule_state *state);
void vr_content_rule_drop(struct vr_content *c, uint64_t key);
/** Pending or firing by any rule. */
bool vr_content_has_alert(const struct vr_content *c);
/** What its views hold is not known: they are to be written whole. */
void vr_content_unshown(struct vr_content *c, const struct vr_windows *w);
/** Distinct sharers; 4096 registers are walked only when somebody asks after a change. */
uint64_t vr_content_uniques(struct vr_content *c);
/** All rings forget what is out at `now` (stream time). */
void vr_content_advance(struct vr_content *c, const struct vr_windows *w, struct vr_wall now);
/** First moment after stream time at which a bucket leaves; INT64_MAX: none. Remembered until then. */
int64_t vr_content_leave(struct vr_content *c, const struct vr_windows *w, struct vr_wall stream);
/** An event at t is about to be counted: does it leave before what is remembered? */
static inline void vr_content_leave_counts(struct vr_content *c, const struct vr_windows *w, struct vr_wall t)
{
	if (t.ms < c->leave - (VR_BUCKETS - 1) * w->width_ms[0])
		c->leave = 0;
}
/** First moment after `after` at which a bucket leaves, with the width of that bucket; INT64_MAX: none. */
int64_t vr_content_next_leave(const struct vr_content *c, const struct vr_windows *w, int64_t after, int64_t *ret_width);

/* Stored forms. Decode fills an empty content; *ret_more: it refers to a sketch or to channels that were not given. */
void vr_content_encode(const struct vr_content *c, const struct vr_windows *w, struct vr_buf *b);
void vr_content_encode_channels(const struct vr_content *c, const struct vr_windows *w, struct vr_buf *b);
VR_MUST enum vr_err vr_content_decode(struct vr_content *c, struct vr_pool *pool, const struct vr_windows *w, struct vr_str state);
VR_MUST enum vr_err vr_content_decode_channels(struct vr_content *c, struct vr_pool *pool, const struct vr_windows *w, struct vr_str state);
/** After decode: does the state refer to a sketch or to more channels than are stored in it? */
bool vr_content_wants_uniques(struct vr_str state);
bool vr_content_wants_channels(struct vr_str state);
bool vr_content_check(const struct vr_content *c, const struct vr_windows *w);
