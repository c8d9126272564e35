/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* room.h - what the files of this room share; the only header that includes rdkafka.h.
 *
 * Picture:   struct vr_group --parts--> struct vr_part ..feed..> struct vr_feed   (one each, or none)
 *
 * A part is what the group has of a partition, a feed what its worker has. Both are tied under the
 * group's lock. The lock is held while librdkafka is told of assignments and seeks (it answers from a
 * thread of its own that never waits for us), and never while ops are called. */
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include "virality/kafka.h"

#define VR_TOPIC_MAX 250	/* Kafka's limit of 249 and a NUL */

enum vr_part_state {
	VR_PART_OFFERED,	/* assigned() said so; no answer yet */
	VR_PART_DECLINED,
	VR_PART_FRESH,		/* answered; librdkafka does not know yet */
	VR_PART_READ,
	VR_PART_GOING,		/* revoked() is at work */
};

struct vr_part {
	char topic[VR_TOPIC_MAX];
	int32_t partition;
	enum vr_part_state state;
	int64_t offset;		/* where it was started */
	struct vr_feed *feed;	/* borrows; NULL: none */
};

struct vr_group {
	struct vr_kafka_log log;	/* first: every instance's opaque begins with it */
	struct vr_group_ops ops;
	rd_kafka_t *rk;
	rd_kafka_topic_partition_list_t *topics;
	size_t budget_bytes;
	bool is_cooperative;
	_Atomic uint64_t commit_failures;
	pthread_mutex_t lock;		/* of all that follows, and of vr_feed's place in a part */
	struct vr_part *parts;
	size_t n_parts;
	size_t n_open;			/* parts still OFFERED */
	bool owes;			/* librdkafka waits for the answer to an assignment */
	size_t n_feeds;
	rd_kafka_resp_err_t refused;	/* what an assign call said, for the poll thread to tell */
};

struct vr_feed {
	struct vr_group *group;
	char topic[VR_TOPIC_MAX];
	int32_t partition;
	rd_kafka_queue_t *queue;
	rd_kafka_topic_t *rkt;
	bool woken;			/* there is a wake_fd */
	_Atomic bool alive;		/* not revoked */
	_Atomic bool stopped;		/* librdkafka gave up, outside the log; only assigning again revives it */
	_Atomic int64_t next;		/* nothing below it is shown */
};

/* ---- properties.c */
enum vr_kafka_role { VR_KAFKA_CONSUMER = 1, VR_KAFKA_PRODUCER = 2 };
/** A configuration with every setting but callbacks; gives *ret. */
VR_MUST enum vr_err vr_kafka_conf(const struct vr_kafka_config *c, enum vr_kafka_role role,
	rd_kafka_conf_t **ret,
	struct vr_diag *d);
/** Makes the instance (takes conf), its opaque beginning with a struct vr_kafka_log, its log served from
 * its main queue. */
VR_MUST enum vr_err vr_kafka_open(rd_kafka_conf_t *conf, enum vr_kafka_role role, void *opaque,
	rd_kafka_t **ret,
	struct vr_diag *d);

/* ---- fault.c */
enum vr_err vr_fault_of(rd_kafka_resp_err_t err);
/** Fill d with what happened where, and return vr_fault_of. */
enum vr_err vr_fault_set(struct vr_diag *d, rd_kafka_resp_err_t err, const char *where);

/* ---- group.c */
/** vr_group_new on a given configuration (takes conf, on failure too). */
VR_MUST enum vr_err vr_group_open(rd_kafka_conf_t *conf, const struct vr_kafka_config *c,
	const struct vr_group_ops *ops,
	struct vr_group **ret, struct vr_diag *d);

/* ---- assign.c: how librdkafka is told */
/** librdkafka's rebalance callback. */
void vr_assign_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list,
	void *opaque);
/** Offer partitions that no group gave; the answer is one rd_kafka_assign. */
VR_MUST enum vr_err vr_assign_offer(struct vr_group *g, const struct vr_topic_part *parts, size_t n,
	struct vr_diag *d);
/** Answer an assignment that is still owed with nothing, so that the group can be left. */
void vr_assign_abandon(struct vr_group *g);
/** Say revoked(), lost, for whatever is left, without telling librdkafka. */
void vr_assign_withdraw(struct vr_group *g);
/** Restart one partition at an offset where a seek is not possible. Lock held. */
rd_kafka_resp_err_t vr_assign_again(struct vr_group *g, struct vr_part *part, int64_t offset);

/* ---- parts.c; all with the lock held */
/** NUL-terminated copy of a topic's name; false when it cannot be one. */
bool vr_topic_z(char out[static VR_TOPIC_MAX], struct vr_str topic);
struct vr_part *vr_part_find(struct vr_group *g, const char *topic, int32_t partition);
void vr_part_add(struct vr_group *g, const char *topic, int32_t partition);
/** Mark what is on the list (NULL: all) GOING, its feeds dead; returns how many. */
size_t vr_parts_going(struct vr_group *g, const rd_kafka_topic_partition_list_t *list);
/** Forget what is GOING. */
void vr_parts_drop(struct vr_group *g);

static inline int vr_span_int(struct vr_span s)
{
	return s.ms <= 0 ? 0 : s.ms > INT32_MAX ? INT32_MAX : (int)s.ms;
}
