/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* publisher.h - the merged views, about once a second.
 *
 *     every partition's owner record, partials, boards ─> merge ─> vir:all, vir:ch:*, vir:top:*, vir:trending, vir:meta
 *
 * Whoever is assigned partition 0 of the first topic publishes: the consumer group is the election, protocol P with a
 * record of its own ({vir:pub}:own) is the fence. It also trims the alert stream by age.
 * A thread of its own with a connection of its own: a slow merge holds no partition up.
 * Threads: vr_publisher_lead and _beat by any thread.                                                                */
#include "virality/kafka.h"
#include "virality/merge.h"
#include "virality/owner.h"

struct vr_publisher_config {
	struct vr_redis_config redis;
	struct vr_str prefix;
	int live_db, alerts_db;
	struct vr_merge_config merge;
	struct vr_span interval, alerts_retention;
	bool replay;				/* a shadow's views, in the database live_db */
	const struct vr_str *topics;		/* keeps; all of the deployment */
	size_t n_topics;
	/** Partitions a topic has now; 0: not known. Any thread. */
	int32_t (*partitions)(void *ctx, struct vr_str topic);
	/** Records behind the end of the log; -1: not known. */
	int64_t (*lag)(void *ctx, const struct vr_topic_part *part, int64_t offset);
	void (*failed)(void *ctx, enum vr_err err, const struct vr_diag *d);
	void (*published)(void *ctx, struct vr_span took);
	void *ctx;
};
struct vr_publisher;
VR_MUST enum vr_err vr_publisher_new(const struct vr_publisher_config *config, struct vr_publisher **ret);
void vr_publisher_free(struct vr_publisher *p);
/** Merge once more, now, for all to be shown that was stored; the thread ends before. Whoever led calls it, or nobody. */
VR_MUST enum vr_err vr_publisher_finish(struct vr_publisher *p, struct vr_diag *d);
/** Begin or end being the one that publishes. NULL (it has ended already): nothing. */
void vr_publisher_lead(struct vr_publisher *p, bool lead);
struct vr_mono vr_publisher_beat(const struct vr_publisher *p);
