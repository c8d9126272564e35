/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* report.h - what the daemon says of itself: the one place where notes become counters and log lines.
 *
 * Rooms return and shards note; only here is anything logged.
 * Threads: any.                                                                                        */
#include "publisher.h"
#include "virality/config.h"
#include "worker.h"

struct vr_report;
VR_MUST enum vr_err vr_report_new(const struct vr_config *config, int workers, struct vr_report **ret, struct vr_diag *d);
void vr_report_free(struct vr_report *r);

/** A plain event of the daemon's life: name is a word of the field ("started", "rules", "reload", "signal"). */
void vr_report_say(struct vr_report *r, int level, const char *event, const char *fmt, ...) VR_PRINTF(4, 5);
/** A shard's word (struct vr_worker_config.note). */
void vr_report_note(void *report, int worker, const struct vr_topic_part *part, enum vr_note note, enum vr_err err, int64_t n, const char *text);
/** A partition changed its state. */
void vr_report_state(struct vr_report *r, const struct vr_topic_part *part, const char *state, enum vr_err err, const struct vr_diag *d);
/** Facts of all slots, about once a second: gauges. */
void vr_report_facts(struct vr_report *r, const struct vr_slot_facts *facts, size_t n);
/** Records behind the end of a partition; -1 unknown. */
void vr_report_lag(struct vr_report *r, const struct vr_topic_part *part, int64_t lag);
/** Partitions came ("assign") or went ("revoke", "lost"). */
void vr_report_rebalance(struct vr_report *r, const char *type, size_t n);
/** Did the last question to Redis get an answer? */
void vr_report_redis(struct vr_report *r, bool up);
/** A reload was taken up, or refused. */
void vr_report_reload(struct vr_report *r, bool ok);
void vr_report_level(struct vr_report *r, int level);
/** A merge was published, or failed. */
void vr_report_published(struct vr_report *r, struct vr_span took);
/** Sums for the demo's picture and its summary. */
struct vr_report_sums { uint64_t folded, duplicates, refused, late, cuts, alerts, rewinds; };
struct vr_report_sums vr_report_sums(const struct vr_report *r);
