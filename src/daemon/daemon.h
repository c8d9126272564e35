/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* daemon.h - what the files that together are the daemon share.
 *
 *   run.c      the loop, signals, reload, the monitor, the stop
 *   start.c    everything between the files on disk and the first record
 *   daemon.c   the end, peers that are away, progress
 *   assign.c   partitions come from the group and go back to it
 *
 * Threads: the main thread's, but for what the lock guards and what is atomic.                                       */
#include <pthread.h>
#include <stdatomic.h>

#include "exit.h"
#include "run.h"
#include "virality/notify.h"
#include "virality/rulefile.h"

/* What the monitor knows of a partition, for whoever asks. */
struct known { struct vr_topic_part part; int worker; int64_t end; };

struct vr_daemon {
	const struct vr_run_options *options;
	struct vr_config *config;
	struct vr_rulefile *rulefile;
	struct vr_report *report;
	struct vr_notify notify;
	struct vr_mem mem;
	struct vr_redis *redis;			/* the main thread's, then the monitor's */
	struct vr_keys keys;
	struct vr_property *properties;
	struct vr_kafka_config kafka;
	struct vr_group *group;
	struct vr_producer *producer;
	struct vr_rulebook *rules;
	struct vr_worker **worker;
	int n_workers;
	struct vr_publisher *publisher;
	char client_id[256], cluster[128], group_id[256];
	int signals;
	pthread_t monitor;
	bool monitoring;
	pthread_mutex_t lock;			/* of known, partitions, reload */
	struct known *known;
	size_t n_known;
	int32_t *partitions;			/* of each topic */
	struct vr_rulefile *reload;		/* a checked set the monitor has to append */
	_Atomic bool stop;
	_Atomic int exit_code;
	struct vr_mono joined;
	bool ready;
};

/** Stop with this exit code; the first one counts. Any thread. */
void vr_daemon_end(struct vr_daemon *d, int code);
/** Wait a moment for a peer that is away; false when it is time to stop. */
bool vr_daemon_wait_retry(struct vr_daemon *d, const char *what, const struct vr_diag *why);
/** Everything between the files on disk and the first record; peers that are away are waited for. */
VR_MUST enum vr_err vr_daemon_start(struct vr_daemon *d, struct vr_diag *why);
/** The group's callbacks (struct vr_group_ops); ctx is the daemon. */
void vr_daemon_assigned(void *ctx, const struct vr_topic_part *parts, size_t n);
void vr_daemon_revoked(void *ctx, const struct vr_topic_part *parts, size_t n, bool lost);
void vr_daemon_group_error(void *ctx, enum vr_err err, bool fatal, const char *text);
