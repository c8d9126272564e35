/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* range.h - from two places (point.h) to the offsets of each partition: [first, end).
 *
 *      removed by retention | records ...  first ==== to be read ==== end ... records | open transactions
 *                           ^ log_first                                      log_end ^
 *
 * The first record of a time or later is exactly that: a look-up by time is a lower bound only (a
 * transaction's marker carries the broker's clock), so records are read from there on. Brokers that look
 * nothing up are searched by reading, in halves; there, where times fall, it is one such place.
 * log_end is what read_committed shows: the last stable offset.
 * A beginning that retention removed is never moved in silence: `gap` says by how much.
 * Threads: the group's owner, before vr_group_join or vr_group_assign. */
#include "virality/kafka.h"
#include "virality/point.h"

struct vr_range {
	struct vr_topic_part part;	/* borrows */
	int64_t first, end;
	int64_t log_first, log_end;
	int64_t gap;			/* offsets that the beginning asks for and that are gone */
	bool gap_at_most;		/* how many of them were that late nobody can know */
};
/** ret: n of them. Waits at most timeout for each partition. VR_E_AWAY, VR_E_TIMEOUT, VR_E_AUTH,
 * VR_E_CONFIG: no such partition. */
VR_MUST enum vr_err vr_range_find(struct vr_group *g, const struct vr_topic_part *parts, size_t n,
	const struct vr_point *from, const struct vr_point *to, struct vr_span timeout, struct vr_range *ret,
	struct vr_diag *d);
