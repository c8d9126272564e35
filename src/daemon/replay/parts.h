/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* parts.h - what the files of a replay share.
 *
 *   replay.c  start to end, signals, what follows from errors
 *   plan.c    which generation: a new one, or one that goes on
 *   bounds.c  its partitions, from where to where
 *   memory.c  is there room for it
 *   runner.c  who fills it: one process at a time
 *   print.c   the plan in words
 *   crew.c    workers, publisher and what they say
 *   run.c     the loop: pace, progress, the end;  sight.h: what it sees
 *   heed.h    how live fares, and the pace that follows
 *   pages.c   all keys of the spare database are counted, or thrown away, at that pace
 *   dry.c     of a dry run: what would change, and nothing is left
 *
 * Ownership: struct vr_replay owns what it points at, but for options and texts of the configuration.
 * Threads:   main, but for what is atomic or under `lock`: workers and publisher write those.                */
#include <stdatomic.h>

#include "generation.h"
#include "heed.h"
#include "replay.h"
#include "pace.h"
#include "report.h"
#include "rulebook.h"
#include "switch/switcher.h"
#include "virality/diff.h"
#include "virality/notify.h"
#include "virality/range.h"
#include "virality/talk.h"

enum { VR_REPLAY_KAFKA_MS = 30000, VR_REPLAY_PARTS_MAX = 4096 };

/* What live knows of a partition at the start. */
struct vr_replay_live { bool exists; int64_t off, committed; };

/* Bytes: what a second generation needs beside what it has, what Redis may use, what it uses. */
struct vr_replay_memory { bool known, bounded; double need, most, used; };

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
	bool is_new;
	char gone[VR_GENERATION_MAX + 1];	/* what the spare database holds and goes when all else is known to be right */
	bool held;				/* it does not: this is a dry run, which then cannot be */
	struct vr_replay_memory memory;
	atomic_bool hurries;			/* all partitions have come up with live, once */
	atomic_bool alone;			/* no record of live's waits */
	bool already;				/* what is to become live is so: killed after the switch, or begun twice */
	char live_name[VR_GENERATION_MAX + 1];
	struct vr_topic_part *part;		/* of gen.part, in its order; so are the two below */
	struct vr_shadow *shadow;
	struct vr_replay_live *live;
	struct vr_rulebook *rules;
	struct vr_worker **worker;
	int n_workers;
	struct vr_publisher *publisher;
	struct vr_switcher *switcher;		/* of --switch, once all is folded */
	struct vr_diff *diff;			/* of a dry run */
	struct vr_pace pace;
	struct vr_heed heed;
	char client_id[256], cluster[128], group_id[256];
	int signals;
	pthread_mutex_t lock;			/* of stopped */
	struct vr_diag stopped;			/* why a partition stands */
	bool complete;				/* all is folded; set when nothing runs but the publisher, which is asked once more */
	_Atomic bool stop;
	_Atomic int exit_code;
};

/** vr_talk_ask that ends in live's database. */
VR_MUST static inline enum vr_err vr_replay_ask(const struct vr_replay *r, struct vr_talk *t, struct vr_diag *d)
{
	vr_cmd_select(&t->cmds, r->keys.live_db);
	return vr_talk_ask(t, d);
}

/* --- plan.c ------------------------------------------------------------------------------------------------ */
/** Find the generation or plan it. Writes nothing. */
VR_MUST enum vr_err vr_replay_plan(struct vr_replay *r, struct vr_diag *d);
/** If there is room for what is planned: discard what is in its place, and write down that it begins. */
VR_MUST enum vr_err vr_replay_begin(struct vr_replay *r, struct vr_diag *d);

/* --- pages.c ----------------------------------------------------------------------------------------------- */
/** What the spare database holds. VR_E_BUSY, also of the next: a signal came. */
VR_MUST enum vr_err vr_replay_count(struct vr_replay *r, struct vr_generation_census *ret, struct vr_diag *d);
/** Throw generation `name` of the spare database away. */
VR_MUST enum vr_err vr_replay_discard(struct vr_replay *r, const char *name, struct vr_diag *d);

/* --- bounds.c ---------------------------------------------------------------------------------------------- */
/** All partitions of the topics that were asked for, tied. */
VR_MUST enum vr_err vr_replay_find_parts(struct vr_replay *r, struct vr_diag *d);
/** The topics that were asked for, if any, are those of the generation. */
bool vr_replay_has_topics(const struct vr_replay *r);
/** The configured topics that the generation has; each of its partitions knows its topic by the configuration's text. */
VR_MUST enum vr_err vr_replay_tie_parts(struct vr_replay *r, struct vr_diag *d);
/** Where live stands; where it has no record, what the group has committed is all that is known. */
VR_MUST enum vr_err vr_replay_read_live(struct vr_replay *r, struct vr_diag *d);
/** First and end of each partition, as the options say. */
VR_MUST enum vr_err vr_replay_find_bounds(struct vr_replay *r, struct vr_diag *d);

/* --- memory.c ---------------------------------------------------------------------------------------------- */
/** What a second generation takes, into r->memory. */
VR_MUST enum vr_err vr_replay_ask_memory(struct vr_replay *r, struct vr_diag *d);
/** VR_E_REFUSED: Redis has no room for that. */
VR_MUST enum vr_err vr_replay_check_memory(const struct vr_replay *r, struct vr_diag *d);

/* --- runner.c ---------------------------------------------------------------------------------------------- */
/** VR_E_BUSY: another process that is alive fills it. */
VR_MUST enum vr_err vr_replay_check_runner(const struct vr_replay *r, struct vr_diag *d);
/** `vir:gen` as it is planned, with this process as its runner. */
VR_MUST enum vr_err vr_replay_write(struct vr_replay *r, struct vr_diag *d);
/** Say that this process runs it (or no longer), and in what state it is. VR_E_BUSY: another one does; VR_E_FENCED: the
 * spare database is no longer this generation. */
VR_MUST enum vr_err vr_replay_mark(struct vr_replay *r, enum vr_generation_state state, bool runs, struct vr_diag *d);

/* --- print.c ----------------------------------------------------------------------------------------------- */
/** Who may end here knows the bounds: told on standard output. */
void vr_replay_print(const struct vr_replay *r);

/* --- crew.c ------------------------------------------------------------------------------------------------ */
/** Stop with this code; the first one counts. Any thread. */
void vr_replay_end(struct vr_replay *r, int code);
/** A signal does. True: there was one. Main thread. */
bool vr_replay_serve_signals(struct vr_replay *r);
/** The reading side's callbacks (struct vr_group_ops). */
void vr_replay_assigned(void *ctx, const struct vr_topic_part *parts, size_t n);
void vr_replay_revoked(void *ctx, const struct vr_topic_part *parts, size_t n, bool lost);
void vr_replay_group_error(void *ctx, enum vr_err err, bool fatal, const char *text);
/** Rules, publisher, workers; then the group hands out the partitions. */
VR_MUST enum vr_err vr_replay_start_crew(struct vr_replay *r, struct vr_diag *d);
/** Partitions are flushed as they are taken back; the publisher stays. */
void vr_replay_stop_reading(struct vr_replay *r);
/** Of one of its partitions: where it stands in part, shadow, live and gen.part. */
size_t vr_replay_index(const struct vr_replay *r, const struct vr_topic_part *part);

/* --- dry.c ------------------------------------------------------------------------------------------------- */
/** All partitions are folded: compare with live. What live goes on with meanwhile is folded by `turn`, the loop's body,
 * which is called time and again. The result is r->diff. */
VR_MUST enum vr_err vr_replay_compare(struct vr_replay *r, void (*turn)(void *ctx), void *ctx, struct vr_diag *d);
/** When nothing writes any more: leave nothing. */
VR_MUST enum vr_err vr_replay_dismiss(struct vr_replay *r, struct vr_diag *d);

/* --- run.c ------------------------------------------------------------------------------------------------- */
enum vr_replay_end { VR_REPLAY_BROKEN_OFF, VR_REPLAY_COMPLETE, VR_REPLAY_LIVE };
/** Run until all is folded (and is live, with --switch), stop is set, or nothing more can be done. */
VR_MUST enum vr_err vr_replay_run(struct vr_replay *r, enum vr_replay_end *ret_end, struct vr_diag *d);
