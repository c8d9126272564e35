/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* worker.h - a thread with a Redis connection and the partitions it was given.
 *
 *      main thread  --give / take back-->  mailbox  -->  slots: one partition each, in one of these states
 *
 *            acquiring --> running <--> waiting (dead letters)        rewind: acquiring again, after a back-off
 *                  \-> stopped (an operator must decide)
 *
 * Nothing is shared with other workers but librdkafka and the rule book. Between rounds the worker waits on one
 * eventfd that its feeds and its mailbox make readable.
 * Threads: vr_worker_give, _take_back, _wake, _facts, _beat by any thread; the rest is the worker's own.                */
#include "rulebook.h"
#include "shard/shard.h"

enum { VR_BY_ANY = -1 };
struct vr_worker_config {
	struct vr_shard_config shard;		/* of every partition; engine.topic and .partition are filled in */
	struct vr_redis_config redis;
	struct vr_group *group;			/* keeps */
	struct vr_producer *producer;		/* keeps; NULL: no dead letters */
	struct vr_str dlq_topic;		/* "<topic>" stands for the record's; empty: count and drop */
	struct vr_str client_id;
	const struct vr_rulebook *rules;	/* keeps */
	struct vr_span kafka_timeout;
	/** A replay: what is given of a partition's shadow (kept); NULL: live. */
	const struct vr_shadow *(*shadow)(void *ctx, const struct vr_topic_part *part);
	/** A replay: how many of so many records may be taken now; NULL: all. */
	size_t (*pace)(void *ctx, size_t wanted);
	/** Told how many were. */
	void (*paced)(void *ctx, size_t taken);
	/** A shard's word, for metrics and log; worker = index, from the worker's thread; VR_BY_ANY: from any. */
	void (*note)(void *ctx, int worker, const struct vr_topic_part *part, enum vr_note note, enum vr_err err, int64_t n, const char *text);
	/** A cut was stored: how long it took, from building it to its replies; how long its oldest record had waited then, 0: it
	 * had none. From the worker's thread. */
	void (*cut)(void *ctx, int worker, struct vr_span took, struct vr_span waited);
	/** Something that ends the process: CONFIG or FATAL. */
	void (*fatal)(void *ctx, enum vr_err err, const struct vr_diag *d);
	/** A partition changed its state; d tells why when it is stopped or away. */
	void (*state)(void *ctx, int worker, const struct vr_topic_part *part, const char *state, enum vr_err err, const struct vr_diag *d);
	void *ctx;
	int index;
};

/* What others may know of a slot. */
struct vr_slot_facts {
	char topic[VR_TOPIC_MAX + 1];
	int32_t partition;
	const char *state;		/* "acquiring" "running" "waiting" "stopped" */
	int64_t offset, stored_off;
	struct vr_wall stream, view;
	bool complete, at_end;
	uint64_t unknown_fields;	/* met since the partition came */
	struct vr_engine_facts engine;
	int64_t live_off, reach;	/* of a shadow: live's offset, -1 for none; no unread record lies below reach */
	bool came_up;			/* of a shadow: it has folded all that live had, at some time */
	bool shown;			/* its views are written */
	bool quiet;			/* of a shadow: all it may fold now is folded, stored and shown */
};

struct vr_worker;
VR_MUST enum vr_err vr_worker_new(const struct vr_worker_config *config, struct vr_worker **ret, struct vr_diag *d);
/** Flush what is held, end the thread, free everything. */
void vr_worker_free(struct vr_worker *w);
/** A partition is ours: acquire it, read it. */
void vr_worker_give(struct vr_worker *w, const struct vr_topic_part *part);
/** It goes: flush and free its feed. Returns when done, or after the deadline (then its memory goes later). */
void vr_worker_take_back(struct vr_worker *w, const struct vr_topic_part *part, struct vr_span deadline);
/** Settings that may change while it runs: policies, intervals and limits of cuts. Taken up at the next round. */
void vr_worker_tune(struct vr_worker *w, const struct vr_shard_config *tuned);
/** It need not wait any longer. */
void vr_worker_wake(struct vr_worker *w);
size_t vr_worker_parts(struct vr_worker *w);
/** Copies at most n; returns how many there are. */
size_t vr_worker_facts(struct vr_worker *w, struct vr_slot_facts *out, size_t n);
/** Has each of them gone round, or said that it waits knowingly, of late? The watchdog's question. */
bool vr_workers_have_progress(struct vr_worker *const *w, int n);
