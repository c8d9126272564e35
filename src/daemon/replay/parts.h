/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* parts.h - what the files of a replay share.
 *
 *   replay.c  start to end, signals, what follows from errors
 *   plan.c    which generation, from where to where, is there room
 *   run.c     workers, publisher, the loop, progress                                                       */
#include <stdatomic.h>

#include "generation.h"
#include "replay.h"
#include "pace.h"
#include "rulebook.h"
#include "switch/switcher.h"
#include "virality/notify.h"
#include "virality/range.h"
#include "virality/talk.h"

enum { VR_REPLAY_KAFKA_MS = 30000, VR_REPLAY_PARTS_MAX = 4096 };

/* What live knows of a partition at the start. */
struct vr_replay_live { bool exists; int64_t off, committed; };

struct vr_replay {
	const struct vr_replay_options *options;
	struct vr_config *config;
	struct vr_rulefile *rulefile;		/* the configured one */
	struct vr_mem mem;
	struct vr_report *report;
	struct vr_notify notify;
	struct vr_redis *redis;
	struct vr_link link;
	struct vr_keys keys;			/* live's database and that of alerts */
	int spare_db;
	struct vr_property *properties;
	struct vr_kafka_config kafka;
	struct vr_group *group;
	struct vr_str *topic;			/* of the generation, texts of the configuration */
	size_t n_topics;
	struct vr_generation gen;
	bool is_new, discards;			/* discards: what the spare database holds goes when all else is known to be right */
	char live_name[VR_GENERATION_MAX + 1];
	struct vr_topic_part *part;		/* of gen.part, in its order; so are the two below */
	struct vr_shadow *shadow;
	struct vr_replay_live *live;
	struct vr_rulebook *rules;
	struct vr_worker **worker;
	int n_workers;
	struct vr_publisher *publisher;
	struct vr_switcher *switcher;		/* of --switch, once all is folded */
	struct vr_pace pace;
	char client_id[256], cluster[128], group_id[256];
	int signals;
	pthread_mutex_t lock;			/* of stopped */
	struct vr_diag stopped;			/* why a partition stands */
	bool complete;				/* all is folded; set when nothing runs but the publisher, which is asked once more */
	_Atomic bool stop;
	_Atomic int exit_code;
};

/** Stop with this code; the first one counts. Any thread. */
void vr_replay_end(struct vr_replay *r, int code);
/** Find the generation or plan it; it is written unless this is a dry run. */
VR_MUST enum vr_err vr_replay_plan(struct vr_replay *r, struct vr_diag *d);
/** Who may end here knows the bounds: told on standard output. */
void vr_replay_print(const struct vr_replay *r);
enum vr_replay_end { VR_REPLAY_BROKEN_OFF, VR_REPLAY_COMPLETE, VR_REPLAY_LIVE };
/** Run until all is folded (and is live, with --switch), stop is set, or nothing more can be done. */
VR_MUST enum vr_err vr_replay_run(struct vr_replay *r, enum vr_replay_end *ret_end, struct vr_diag *d);
/** The reading side's callbacks (struct vr_group_ops). */
void vr_replay_assigned(void *ctx, const struct vr_topic_part *parts, size_t n);
void vr_replay_revoked(void *ctx, const struct vr_topic_part *parts, size_t n, bool lost);
void vr_replay_group_error(void *ctx, enum vr_err err, bool fatal, const char *text);
/** Say that this process runs it (or no longer), and in what state it is. VR_E_BUSY: another one does; VR_E_FENCED: the
 * spare database is no longer this generation. */
VR_MUST enum vr_err vr_replay_mark(struct vr_replay *r, enum vr_generation_state state, bool runs, struct vr_diag *d);
