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
#include "settings.h"

struct vr_run_options {
	struct vr_settings settings;
	/** Called once a second from the main loop with what there is to see (the demo); may be NULL. True: stop. */
	bool (*each_second)(void *ctx, const struct vr_report_sums *sums, const struct vr_slot_facts *facts, size_t n);
	void *ctx;
};
/** Exit code by sysexits: 0, 64 usage, 69 unreachable, 70 own fault, 78 configuration. */
int vr_run(const struct vr_run_options *o);
