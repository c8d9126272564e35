/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* history.h - all records between two places in the log, partition by partition, through the trials.
 *
 *      vr_history_open    brokers, partitions, bounds       what is gone already is told
 *      vr_history_run     read ─> decode ─> admit ─> every trial
 *
 * Partitions come one after the other, so that memory holds the contents of one. Records are read beside the group,
 * with its settings (read_committed); nothing is committed.
 * Threads: one.   Fails: VR_E_AWAY after a minute without anything from Kafka; VR_E_TRUNCATED; what else Kafka says. */
#include "shard/intake.h"
#include "trial.h"
#include "virality/config.h"
#include "virality/progress.h"
#include "virality/range.h"

struct vr_history_options {
	const struct vr_config *config;
	const struct vr_kafka_config *kafka;
	struct vr_engine_config engine;		/* topic and partition are filled in */
	struct vr_point from, to;
	bool silent, json;			/* of the progress */
};
/* What happened to the log meanwhile. */
struct vr_history_facts {
	size_t partitions;
	uint64_t offsets, records;		/* to be read; read */
	uint64_t lost, lost_at_most;		/* offsets that retention had removed, or removed meanwhile */
	struct vr_wall first, last;		/* of event time: the least first, the highest reached; 0: none */
	struct vr_span took;
};
struct vr_history;
VR_MUST enum vr_err vr_history_open(const struct vr_history_options *o, struct vr_mem *mem, struct vr_history **ret, struct vr_diag *d);
void vr_history_close(struct vr_history *h);
/** All of it through n trials. */
VR_MUST enum vr_err vr_history_run(struct vr_history *h, struct vr_trial *trials, size_t n, struct vr_diag *d);
const struct vr_history_facts *vr_history_facts(const struct vr_history *h);
