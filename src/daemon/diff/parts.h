/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* parts.h - what the files of a diff share.
 *
 *   diff.c     partitions, pieces, again
 *   show.c     two states of one content, or two merges, as fields; what differs
 *   alerts.c   what was announced against what the replay brought forth
 *   print.c    for people and for programs                                                                 */
#include "generation.h"
#include "virality/diff.h"
#include "virality/engine.h"
#include "virality/keys.h"
#include "virality/merge.h"
#include "virality/talk.h"

enum { VR_DIFF_LIVE, VR_DIFF_SHADOW, VR_DIFF_SIDES };

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

/* A content that was read on both sides. */
struct vr_diff_state { struct vr_str id, state[VR_DIFF_SIDES], uniques[VR_DIFF_SIDES], channels[VR_DIFF_SIDES]; };

struct vr_diff_part {
	struct vr_str topic;		/* of `generation` */
	int32_t partition;
	struct vr_keys keys;
	int64_t off[VR_DIFF_SIDES];
	struct vr_wall stream[VR_DIFF_SIDES];
	bool moving;			/* its channels wait for another pass */
	bool merged;
};

struct vr_diff {
	struct vr_diff_config config;
	struct vr_mem mem;
	struct vr_talk page, ids;		/* one exchange; ids of a pass */
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
	struct vr_diff_alert *alert;
	size_t n_alerts, cap_alerts;
	char live_name[VR_GENERATION_MAX + 1];
};

/** An exchange, unless the caller breaks off. */
VR_MUST enum vr_err vr_diff_ask(struct vr_diff *f, struct vr_talk *t, struct vr_diag *d);
/** Both sides of some contents of a partition, as fields at one moment; what differs is counted and noted.
 * slots: HGETALL of the partials of each side. */
VR_MUST enum vr_err vr_diff_show(struct vr_diff *f, const struct vr_diff_part *p, const struct vr_diff_state *state, size_t n,
	const struct vr_reply *const slots[VR_DIFF_SIDES], struct vr_diag *d);
/** A whole content that only one side has. */
void vr_diff_only(struct vr_diff *f, struct vr_str id, int side);
/** The partials of a partition join the merges. */
VR_MUST enum vr_err vr_diff_merge(struct vr_diff *f, struct vr_diff_part *p, const struct vr_reply *const slots[VR_DIFF_SIDES]);
/** All partitions are in: what differs of channels and overall. */
VR_MUST enum vr_err vr_diff_merged(struct vr_diff *f);
VR_MUST enum vr_err vr_diff_alerts(struct vr_diff *f, struct vr_diag *d);
