/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* parts.h - what the files of a diff share.
 *
 *   diff.c     partitions, pieces, again
 *   state.c    an engine that holds contents of one side
 *   show.c     two states of one content, or two merges, as fields
 *   rows.c     what differs of these, the largest first
 *   series.c   their time series
 *   shown.c    what live shows of a content, beside its state
 *   alerts.c   what was announced against what the replay brought forth
 *   pending.c  alerts that nobody has heard of yet
 *   print.c    for people and for programs                                                                 */
#include "generation.h"
#include "rulebook.h"
#include "virality/diff.h"
#include "virality/engine.h"
#include "virality/keys.h"
#include "virality/merge.h"
#include "virality/talk.h"

enum { VR_DIFF_LIVE, VR_DIFF_SHADOW, VR_DIFF_SIDES };
enum { VR_DIFF_SHOWN = VR_VIEWS + 1 };	/* of a field: not what state says, but what people are shown */

/* A field of something that is shown, by either side. */
struct vr_diff_item { struct vr_str id, name, value; uint8_t view; };
struct vr_diff_items { struct vr_diff_item *at; size_t n, cap; bool failed; };

/* Something that differs: the field that differs most, and how many do. */
struct vr_diff_row {
	char id[257], name[80], value[VR_DIFF_SIDES][64];
	uint32_t fields;
	double by;
};
struct vr_diff_rows { struct vr_diff_row *at; size_t n, cap; };

struct vr_diff_alert { char id[33], alertname[128], content[257], state[12]; int64_t offset, time_ms; int32_t part; bool only_shadow; };
struct vr_diff_alerts { struct vr_diff_alert *at; size_t n, cap; };

/* A content that was read on both sides. */
struct vr_diff_state {
	struct vr_str id, state[VR_DIFF_SIDES], uniques[VR_DIFF_SIDES], channels[VR_DIFF_SIDES];
	bool series;			/* it has records enough for a time series */
	const struct vr_reply *shown;	/* totals, as live shows them */
};

struct vr_diff_part {
	struct vr_str topic;		/* of `generation` */
	int32_t partition;
	struct vr_keys keys;
	int64_t off[VR_DIFF_SIDES];
	struct vr_wall stream[VR_DIFF_SIDES];
	uint32_t rules[VR_DIFF_SIDES];	/* number of the set in force, of its book; 0: none */
	bool moving;			/* its channels wait for another pass */
	bool merged;
};

struct vr_diff {
	struct vr_diff_config config;
	struct vr_mem mem;
	struct vr_talk page, ids, series;	/* one exchange; ids of a pass; time series of some contents */
	struct vr_rulebook *book[VR_DIFF_SIDES];
	uint64_t pending;			/* alerts of the contents shown last, of both sides */
	struct vr_arena texts;			/* fields of a piece */
	struct vr_buf left;			/* ids for the next pass: uint32_t number of the partition, length, bytes */
	struct vr_keys keys;
	int db[VR_DIFF_SIDES];
	struct vr_generation generation;	/* the shadow */
	struct vr_diff_part *part;
	size_t n_parts;
	struct vr_diff_counts counts;
	struct vr_diff_rows contents, channels;
	struct vr_merge *merge[VR_DIFF_SIDES];
	struct vr_wall merged_at;
	struct vr_diff_items items[VR_DIFF_SIDES];
	struct vr_diff_alerts alert;
	char live_name[VR_GENERATION_MAX + 1];
};

/** An exchange, unless the caller breaks off. */
VR_MUST static inline enum vr_err vr_diff_ask(struct vr_diff *f, struct vr_talk *t, struct vr_diag *d)
{
	if (f->config.step && !f->config.step(f->config.ctx))
		return vr_diag_set(d, VR_E_BUSY, "", "broken off while it compared");
	return vr_talk_ask(t, d);
}

/** A field of something that is shown, for the next comparison. */
VR_MUST enum vr_err vr_diff_item(struct vr_diff *f, int side, unsigned view, struct vr_str id, struct vr_str name, struct vr_str value);
/** All such fields of both sides: rows of what differs. *things: how many different ids there were. state: of the contents; else
 * NULL. */
void vr_diff_compare(struct vr_diff *f, struct vr_diff_rows *rows, uint64_t *things, uint64_t *differing,
	const struct vr_diff_state *state, size_t n);
/** The largest first, and no more than are shown. */
void vr_diff_sort(const struct vr_diff *f, struct vr_diff_rows *rows);
/** A whole content that only one side has. */
void vr_diff_only(struct vr_diff *f, struct vr_str id, int side);
/** Both sides of some contents of a partition, as fields at one moment; what differs is counted and noted.
 * slots: HGETALL of the partials of each side. */
VR_MUST enum vr_err vr_diff_show(struct vr_diff *f, const struct vr_diff_part *p, const struct vr_diff_state *state, size_t n,
	const struct vr_reply *const slots[VR_DIFF_SIDES], struct vr_diag *d);
/** Append: which totals live shows of a content. */
void vr_diff_ask_shown(struct vr_diff *f, struct vr_str id);
/** The answer for that content; NULL: nothing of it is shown. */
const struct vr_reply *vr_diff_shown(const struct vr_diff_state *state, size_t n, struct vr_str id);
/** Whether people are shown this value, if it is a total. *ret: what they are shown. */
VR_MUST bool vr_diff_is_shown(const struct vr_reply *shown, const struct vr_diff_item *item, struct vr_str *ret);
/** The partials of a partition join the merges. */
VR_MUST enum vr_err vr_diff_merge(struct vr_diff *f, struct vr_diff_part *p, const struct vr_reply *const slots[VR_DIFF_SIDES]);
/** All partitions are in: what differs of channels and overall. */
VR_MUST enum vr_err vr_diff_merged(struct vr_diff *f);
VR_MUST enum vr_err vr_diff_alerts(struct vr_diff *f, struct vr_diag *d);
/** The moment at which both sides are shown. */
struct vr_wall vr_diff_moment(const struct vr_diff_part *p);
/** An engine with one side's channels and rule versions, at that stream time. */
VR_MUST enum vr_err vr_diff_engine(struct vr_diff *f, const struct vr_diff_part *p, const struct vr_reply *slots, struct vr_wall stream,
	struct vr_engine **ret);
/** Contents of one side into an engine of that side. */
VR_MUST enum vr_err vr_diff_load(struct vr_engine *e, const struct vr_diff_state *state, size_t n, int side, struct vr_diag *d);
/** A field of the entry of a minute that begins at start, in the time series of a content, if both sides have left that minute. */
VR_MUST enum vr_err vr_diff_minute(struct vr_diff *f, const struct vr_diff_part *p, int side, struct vr_str id, int64_t start,
	struct vr_str name, struct vr_str value);
/** Time series of these contents, as such fields. */
VR_MUST enum vr_err vr_diff_series(struct vr_diff *f, const struct vr_diff_part *p, const struct vr_diff_state *state, size_t n,
	struct vr_diag *d);
/** Alerts of these contents that are pending on one side only. */
VR_MUST enum vr_err vr_diff_pending(struct vr_diff *f, const struct vr_diff_part *p, const struct vr_diff_state *state, size_t n,
	const struct vr_reply *const slots[VR_DIFF_SIDES], struct vr_diag *d);
VR_MUST enum vr_err vr_diff_alerts_add(struct vr_diff_alerts *list, const struct vr_diff_alert *a);
/** For qsort: by id, then state. */
int vr_diff_alert_order(const void *a, const void *b);
/** One side alone has it: counted and noted. */
VR_MUST enum vr_err vr_diff_alert_keep(struct vr_diff *f, const struct vr_diff_alert *a, bool only_shadow);
