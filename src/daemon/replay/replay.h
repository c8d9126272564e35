/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* replay.h - `virald replay`: a generation is folded in the spare database, beside live.
 *
 *   plan   what the spare database holds ─> bounds from Kafka, live's offsets ─> memory ─> `vir:gen`
 *   run    the daemon's own workers and publisher over shadows (shadow.h), without the group; pace, progress
 *   done   everything flushed and merged ─> state full [─> switch]
 *          of a dry run: compared with live ─> discarded
 *
 * The same name again goes on where its cuts say.   Threads: one caller.                                        */
#include "settings.h"

struct vr_replay_options {
	struct vr_settings settings;
	const char *from, *to;			/* as typed; NULL: earliest, live; or what the generation has */
	const char *name;			/* NULL: of the time of day */
	const char *discard;			/* the generation that may be thrown away; NULL: none */
	const char *rules;			/* a rule file; NULL: live's rules */
	const char *const *topics;		/* of those configured; none: all */
	size_t n_topics;
	int64_t rate;				/* -1: the setting */
	uint32_t rows;				/* of a dry run: how many of each kind that differs */
	bool dry_run;				/* compared with live, then thrown away */
	bool json, quiet;
	bool switches;				/* it becomes live at the end */
	bool accept_shorter_history, accept_state_loss;	/* then */
};
/** Exit code by sysexits: 0 all folded; 1 a dry run found differences; 64 usage, 69 a peer is away or somebody wrote in
 * between, 70 own fault, 75 not finished: the same command goes on, 78 refused. */
int vr_replay(const struct vr_replay_options *o);
