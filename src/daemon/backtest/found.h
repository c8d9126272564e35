/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* found.h - the alerts that a run over history found, one entry each: when it fired, when it ended.
 *
 *      pending ──> firing ──> resolved        what was only pending is nobody's alert: it is not here
 *                    ^ fired    ^ ends
 * Ownership: a list owns its entries and their text.   Threads: one.
 * Fails: out of memory sticks in `failed`.                                                            */
#include "virality/alert.h"
#include "virality/arena.h"
#include "virality/map.h"

struct vr_found {
	char id[VR_ALERT_ID_LEN + 1];
	struct vr_str name, severity, content_id, title, topic;
	int32_t partition;
	int64_t offset;				/* record at which it began to be pending or firing */
	struct vr_wall starts, fired, ends;	/* ends 0: fires still when history ends */
	enum vr_alert_reason reason;		/* of its end */
	double value, threshold;		/* when it fired */
};

struct vr_found_list {
	struct vr_mem *mem;			/* keeps */
	struct vr_arena texts;
	struct vr_map open;			/* by id: those without an end */
	struct vr_found **at;
	size_t n, cap;
	bool failed;
};
void vr_found_init(struct vr_found_list *l, struct vr_mem *mem);
void vr_found_done(struct vr_found_list *l);
/** Is that state said to people (an entry of `vir:alerts`)? */
bool vr_found_is_said(const struct vr_alert *a);
/** One more state of some alert, in the order in which the fold brings them. */
void vr_found_take(struct vr_found_list *l, const struct vr_alert *a);
/** By time; at one time by topic, partition, offset, rule, content. */
void vr_found_sort(struct vr_found_list *l);
/** That order: <0, 0, >0. */
int vr_found_order(const struct vr_found *a, const struct vr_found *b);
