/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* run.h - the daemon: everything put together, from start to stop.
 *
 *   start   configuration ─> Redis (waits for it) ─> Kafka ─> where to begin ─> rules ─> workers, publisher ─> join the group
 *   loop    the group's queue; signals; every second: rules, lag, facts, watchdog
 *   stop    leave the group (partitions are flushed) ─> end the threads
 *
 * Threads: one caller.                                                                                              */
#include "report.h"

struct vr_run_options {
	const char *config_path;
	const char *const *sets;		/* path=value */
	size_t n_sets;
	/** Called once a second from the main loop with what there is to see (the demo); may be NULL. True: stop. */
	bool (*each_second)(void *ctx, const struct vr_report_sums *sums, const struct vr_slot_facts *facts, size_t n);
	void *ctx;
};
/** Exit code by sysexits: 0, 64 usage, 69 unreachable, 70 own fault, 78 configuration. */
int vr_run(const struct vr_run_options *o);
/** `virald check`: configuration and rules; connect: also tries Kafka and Redis; dump: prints every setting. */
int vr_run_check(const struct vr_run_options *o, bool connect, bool dump);
int vr_run_versions(void);

/* --- between the files of the daemon ------------------------------------------------------------------------ */
/** Load and check everything that is in files; prints every mistake to stderr. Gives *ret and *ret_rules (NULL: the
 * configured rules are not looked at). */
struct vr_rulefile;
VR_MUST enum vr_err vr_run_load(const struct vr_run_options *o, struct vr_config **ret, struct vr_rulefile **ret_rules);
/** Rules of other files than the configured ones; prints every mistake, or warnings, to stderr. Free the set. */
VR_MUST enum vr_err vr_run_rules(
	const struct vr_str_list *files, const struct vr_windows *windows, struct vr_mem *mem, struct vr_rules **ret);
/** The same, but the files as they are kept in vir:rules. Free it. */
VR_MUST enum vr_err vr_run_rulefile(
	const struct vr_str_list *files, const struct vr_windows *windows, struct vr_mem *mem, struct vr_rulefile **ret);
struct vr_redis_config vr_run_redis(const struct vr_config *c);
/** Borrows from c; the property list is made in *list (free it). */
VR_MUST enum vr_err vr_run_kafka(const struct vr_config *c, const char *client_id, struct vr_property **list, struct vr_kafka_config *ret);
struct vr_shard_config vr_run_shard(const struct vr_config *c);
