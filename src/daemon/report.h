/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* report.h - what the daemon says of itself: the one place where notes become counters and log lines.
 *
 *      workers, publisher, main loop ──> struct vr_report ──> log (events.def)
 *                                                        ──> metrics (metrics.def), health ──> HTTP
 *
 * Rooms return and shards note; only here is anything logged.
 * Threads: any; a note of worker w only by its own thread.                                                */
#include "publisher/publisher.h"
#include "virality/config.h"
#include "virality/log.h"
#include "worker/worker.h"

struct vr_report;
/** Begins to log and to serve HTTP. workers: how many there will be. VR_E_CONFIG: http.listen cannot be
 * served. */
VR_MUST enum vr_err vr_report_new(
	const struct vr_config *config, int workers, struct vr_report **ret, struct vr_diag *d);
void vr_report_free(struct vr_report *r);

/** An event of the daemon's life. */
void vr_report_say(struct vr_report *r, enum vr_event_id event, const char *fmt, ...) VR_PRINTF(3, 4);
/** A shard's word (struct vr_worker_config.note); worker VR_M_SHARED: said by another thread. */
void vr_report_note(void *report, int worker, const struct vr_topic_part *part, enum vr_note note,
	enum vr_err err, int64_t n, const char *text);
/** A cut was stored; from worker's thread. */
void vr_report_cut(struct vr_report *r, int worker, struct vr_span took, struct vr_span waited);
/** A partition changed its state. */
void vr_report_state(struct vr_report *r, const struct vr_topic_part *part, const char *state,
	enum vr_err err, const struct vr_diag *d);
/** Facts of all slots, about once a second: gauges. progress: every worker goes round or waits knowingly. */
void vr_report_facts(struct vr_report *r, const struct vr_slot_facts *facts, size_t n, bool progress);
/** Records behind the end of a partition; -1 unknown. */
void vr_report_lag(struct vr_report *r, const struct vr_topic_part *part, int64_t lag);
/** This instance publishes, and tells of the lags of all partitions, or no longer does. */
void vr_report_leads(struct vr_report *r, bool leads);
/** Partitions came ("assign") or went ("revoke", "lost"). */
void vr_report_rebalance(struct vr_report *r, const char *type, size_t n);
/** Offsets that Kafka did not take, so far. */
void vr_report_commit_failures(struct vr_report *r, uint64_t n);
/** The start waits for something. */
void vr_report_waiting(struct vr_report *r, const char *what, const struct vr_diag *why);
/** It has started: all was found, the group is joined. */
void vr_report_ready(struct vr_report *r, size_t partitions);
/** Did the last question to Redis get an answer? */
void vr_report_redis(struct vr_report *r, bool up);
/** A reload was taken up, or refused. */
void vr_report_reload(struct vr_report *r, bool ok);
void vr_report_level(struct vr_report *r, int level);
/** How a replay is: gauges. rate: records a second. */
struct vr_report_replay { double done, left, rate, allowed, live_lag, latency; struct vr_wall event_time; bool complete; };
void vr_report_replay(struct vr_report *r, const struct vr_report_replay *now);
/** A merge was published. */
void vr_report_published(struct vr_report *r, struct vr_span took);
/** A merge failed. */
void vr_report_publish_failed(struct vr_report *r, enum vr_err err, const struct vr_diag *d);
/** A line of librdkafka's log (struct vr_kafka_log.say). */
void vr_report_kafka(void *report, int level, const char *fac, const char *text);
/** One line on how things are, for the service manager. */
void vr_report_status(const struct vr_report *r, char *out, size_t n);
/** Sums for the demo's picture and its summary. */
struct vr_report_sums { uint64_t folded, duplicates, refused, late, cuts, alerts, rewinds; };
struct vr_report_sums vr_report_sums(const struct vr_report *r);
