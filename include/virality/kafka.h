/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* kafka.h - records in, dead letters and events out.
 *
 * Picture:
 *      broker ==> librdkafka ==> one queue per partition (struct vr_feed) ==> its worker, in batches
 *                            ==> the main queue (struct vr_group: rebalance, errors, log) ==> main thread
 *
 *      a partition of the group:  offered --vr_group_start--> read --revoked()--> gone
 *                                    |---------- -1 -----> declined ---|
 *
 * Offsets come from Redis alone: nothing is stored or reset by librdkafka (auto.offset.reset=error).
 * Back-pressure is not taking from a feed; librdkafka then stops fetching for it.
 * Threads: vr_group_* by the main thread; a feed by the one worker that has it; what says "any thread"
 * by any.
 * All callbacks come from the thread that is in vr_group_poll, vr_group_free or vr_producer_*.
 * Ownership: a batch borrows librdkafka's messages until vr_batch_done; they outlive their feed's place
 * in the group, but not the group. Fails: as said; no memory for a few bytes ends the process, as in
 * librdkafka itself. */
#include "virality/buf.h"
#include "virality/err.h"
#include "virality/header.h"
#include "virality/time.h"

struct vr_topic_part { struct vr_str topic; int32_t partition; };

struct vr_property { struct vr_str name, value; };	/* of librdkafka, passed through by name */
/* A line of librdkafka's log: level as syslog's, fac its short name. say may be NULL. */
struct vr_kafka_log {
	void (*say)(void *ctx, int level, const char *fac, const char *text);
	void *ctx;
};
struct vr_kafka_config {				/* borrowed by every function that takes it */
	struct vr_str brokers, group_id;
	struct vr_str client_id;			/* another one for every instance */
	const struct vr_str *topics;			/* exact names */
	size_t n_topics;
	const struct vr_property *properties;
	size_t n_properties;
	size_t queue_budget_bytes;			/* for all feeds together; 0: librdkafka's own limits */
	bool bulk;					/* nobody waits for the newest record: a few large answers of the broker */
	struct vr_kafka_log log;
};

/* What a property may not be set to, and why: correctness hangs on it. NULL = may be set. */
const char *vr_kafka_property_refused(struct vr_str name);
/** Try every property on a throw-away configuration of librdkafka; VR_E_CONFIG names the first that is
 * wrong. */
VR_MUST enum vr_err vr_kafka_config_try(const struct vr_kafka_config *c, struct vr_diag *d);
const char *vr_kafka_version(void);

/* ------------------------------------------------------------------- the consumer group -- */
struct vr_group;
struct vr_group_ops {
	/** New partitions (parts borrowed). The group waits until vr_group_start has been called for them all,
	 * or they were declined. */
	void (*assigned)(void *ctx, const struct vr_topic_part *parts, size_t n);
	/** They go away now: flush within the deadline, stop reading, then return. lost: others may own them
	 * already. Their feeds yield nothing any more. Partitions that were never answered or were declined
	 * are among them. */
	void (*revoked)(void *ctx, const struct vr_topic_part *parts, size_t n, bool lost);
	/** Something worth a log line, perhaps many times. Only when fatal is set is the group useless for good,
	 * and no revoked() follows: VR_E_CONFIG when another instance has the same group.instance.id,
	 * else VR_E_BUG. */
	void (*error)(void *ctx, enum vr_err err, bool fatal, const char *text);
	void *ctx;
};
VR_MUST enum vr_err vr_group_new(const struct vr_kafka_config *c, const struct vr_group_ops *ops,
	struct vr_group **ret, struct vr_diag *d);
/** Subscribe; assigned() follows from vr_group_poll. Waits up to 10 s for the topics' partitions, among
 * which the queue budget is divided; until it returns no other thread may use the group. VR_E_AWAY,
 * VR_E_TIMEOUT: join again. */
VR_MUST enum vr_err vr_group_join(struct vr_group *g, struct vr_diag *d);
/** Instead of joining: read these partitions (parts borrowed) beside the group, without a place in it. assigned()
 * is called from here, then all is as in a group, but that nothing is revoked before vr_group_free. Once. */
VR_MUST enum vr_err vr_group_assign(struct vr_group *g, const struct vr_topic_part *parts, size_t n,
	struct vr_diag *d);
/** Serve the main queue for at most wait; calls ops. */
void vr_group_poll(struct vr_group *g, struct vr_span wait);
/** Leave the group (revoked() is called for what is left) and free everything, within about 10 s also
 * when no broker answers. All feeds must be free by the time the last revoked() returns. */
void vr_group_free(struct vr_group *g);
/** Start reading: for each partition handed to assigned() tell the first offset to read (>= 0), or -1 to
 * decline it (stays assigned to this member, is not read). The feed must have been made. Takes effect
 * when all of an assigned() call have been answered; an answer for what is not offered (any more) is
 * ignored. Any thread. */
void vr_group_start(struct vr_group *g, const struct vr_topic_part *part, int64_t offset);

/* -------------------------------------------------------------- what the brokers know ---- */
/* All blocking with a deadline; any thread but best not the poll thread. VR_E_AWAY, VR_E_TIMEOUT,
 * VR_E_AUTH, VR_E_CONFIG when topic or partition does not exist. */
/** First offset, and the end as read_committed sees it: the last stable offset, below open transactions. */
VR_MUST enum vr_err vr_kafka_bounds(struct vr_group *g, const struct vr_topic_part *part,
	struct vr_span timeout, int64_t *ret_first, int64_t *ret_end);
/** The group's committed offset: the witness that state existed. -1 when there is none. */
VR_MUST enum vr_err vr_kafka_committed(struct vr_group *g, const struct vr_topic_part *part,
	struct vr_span timeout, int64_t *ret_offset);
/** First offset whose record time is at least t, or the end. A lower bound: it may be that of a
 * transaction's marker. */
VR_MUST enum vr_err vr_kafka_offset_at(struct vr_group *g, const struct vr_topic_part *part,
	struct vr_wall t, struct vr_span timeout, int64_t *ret_offset);
/** Partitions of a topic; VR_E_CONFIG when it does not exist. */
VR_MUST enum vr_err vr_kafka_partitions(struct vr_group *g, struct vr_str topic, struct vr_span timeout,
	int32_t *ret_n, struct vr_diag *d);
/** VR_E_COMPACTED when cleanup.policy has "compact"; VR_OK also when the broker does not say (ACL):
 * *ret_known = false. */
VR_MUST enum vr_err vr_kafka_topic_check(struct vr_group *g, struct vr_str topic, struct vr_span timeout,
	bool *ret_known, struct vr_diag *d);
/** The cluster's id, into out (NUL-terminated, at most n). */
VR_MUST enum vr_err vr_kafka_cluster_id(struct vr_group *g, struct vr_span timeout, char *out, size_t n);
/** Commit offsets for lag tools and as the witness: asynchronous, failures are counted. Any thread. */
void vr_kafka_commit(struct vr_group *g, const struct vr_topic_part *part, int64_t next_offset);
uint64_t vr_kafka_commit_failures(const struct vr_group *g);

/* --------------------------------------------------------------- one partition's records -- */
struct vr_feed;
/** The feed of an offered partition; made before vr_group_start so that no record leaks to the main
 * queue. wake_fd (kept): a non-blocking eventfd, for any number of feeds, that becomes readable when
 * vr_feed_take had said 0 and there is more again (-1: none). VR_E_AWAY: the partition is not offered.
 * Any thread makes it, the one that takes from it frees it. */
VR_MUST enum vr_err vr_feed_new(struct vr_group *g, const struct vr_topic_part *part, int wake_fd,
	struct vr_feed **ret);
void vr_feed_free(struct vr_feed *f);
/** Go on at another offset; what was fetched before is dropped. VR_E_AWAY: the partition is revoked or
 * about to be; VR_E_BUSY: vr_group_start has not taken effect. After VR_FEED_RANGE this is the only way
 * on. */
VR_MUST enum vr_err vr_feed_seek(struct vr_feed *f, int64_t offset, struct vr_diag *d);

enum vr_feed_what {
	VR_FEED_RECORD,
	VR_FEED_END,		/* the end of the partition was reached: offset = end */
	VR_FEED_RANGE,		/* the asked offset is not in the log (below first or above end): offset = asked */
	VR_FEED_ERROR,		/* err tells, value says; librdkafka goes on by itself when it can */
};
struct vr_feed_item {
	enum vr_feed_what what;
	enum vr_err err;
	int64_t offset;
	struct vr_wall time;	/* Kafka timestamp; 0 when the record has none */
	bool log_append_time;
	struct vr_str key, value;
	bool has_key, has_value;
	const void *message;	/* for vr_feed_headers */
};
struct vr_batch { struct vr_feed_item *item; size_t n, cap; void *priv; };
/** Room for cap items, used again and again. */
VR_MUST enum vr_err vr_batch_init(struct vr_batch *b, size_t cap);
void vr_batch_free(struct vr_batch *b);
/** At most max items (and cap), without waiting or allocating: 0 when there are none. Only after a 0 the
 * wake_fd wakes. */
size_t vr_feed_take(struct vr_feed *f, size_t max, struct vr_batch *batch);
/** Give the messages back. */
void vr_batch_done(struct vr_batch *b);
/** Headers of a record into out (at most n), borrowed like the record; returns how many there are. Cheap
 * when none. */
size_t vr_feed_headers(const struct vr_feed_item *item, struct vr_header *out, size_t n);

/* ------------------------------------------------------------------------- the producer -- */
struct vr_producer;
/* Idempotent, acks=all. Threads: send by any, poll, flush and free by one. Uses of the config: brokers,
 * client_id, properties, log. */
VR_MUST enum vr_err vr_producer_new(const struct vr_kafka_config *c, struct vr_producer **ret,
	struct vr_diag *d);
/** What is not acknowledged yet fails (done is called). */
void vr_producer_free(struct vr_producer *p);
struct vr_outgoing {
	struct vr_str topic;
	int32_t partition;	/* -1: by key, murmur2_random like Java's clients */
	struct vr_str key, value;
	bool has_key, has_value;
	struct vr_wall time;	/* 0: now */
	const struct vr_header *headers;
	size_t n_headers;
	/* Acknowledged or failed for good, once; from poll, flush or free; NULL: none. */
	void (*done)(void *ctx, enum vr_err err);
	void *ctx;
};
/** Queue one record (copies). VR_E_BUSY: the queue is full, poll and try again. VR_E_SIZE: too large. On
 * failure done is not called. */
VR_MUST enum vr_err vr_producer_send(struct vr_producer *p, const struct vr_outgoing *o, struct vr_diag *d);
/** Call done of what is acknowledged or failed, waiting at most so long for the first. 0: nothing
 * happened. */
int vr_producer_poll(struct vr_producer *p, struct vr_span wait);
/** Wait until everything queued is acknowledged. */
VR_MUST enum vr_err vr_producer_flush(struct vr_producer *p, struct vr_span timeout);

/* ------------------------------------------------- a Kafka in the process, for the demo ---- */
struct vr_mock;
/** librdkafka's mock cluster: one broker. It keeps at most 5 MiB or 100,000 records of a partition, has
 * no times to look up by, no ACLs and no topic settings. Nothing survives it. */
VR_MUST enum vr_err vr_mock_new(struct vr_mock **ret, struct vr_diag *d);
/** A topic of n partitions; one that is only used gets four. */
VR_MUST enum vr_err vr_mock_topic(struct vr_mock *m, const char *topic, int partitions, struct vr_diag *d);
const char *vr_mock_brokers(const struct vr_mock *m);
void vr_mock_free(struct vr_mock *m);
