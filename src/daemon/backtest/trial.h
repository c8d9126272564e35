/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* trial.h - one set of rules over history: an engine for the partition that is read, and what it found.
 *
 *      vr_trial_begin(partition) ─> vr_trial_fold(batch)... ─> vr_trial_end        for one partition after the other
 *
 * The engine is the live daemon's with an empty store: every content that is not forgotten stays in memory until its
 * partition is through. It judges with set number 1 from the first record, as a first start does.
 * Ownership: a trial keeps its rules' set alive no longer than vr_trial_done.   Threads: one.
 * Fails: VR_E_NOMEM.                                                                                          */
#include <stdio.h>

#include "found.h"
#include "homes.h"
#include "virality/engine.h"

/* What became of the records; the same for every set of rules. */
struct vr_trial_counts { uint64_t fate[VR_FATE_PASSED + 1], late, clock_ahead, unchecked, miskeyed; };

struct vr_trial {
	const char *label;		/* keeps: "new", "old" */
	struct vr_rules *rules;		/* takes */
	struct vr_engine *engine;
	uint32_t place;			/* of the partition among those that are read, from 1 */
	struct vr_found_list found;
	struct vr_trial_counts counts;
	size_t bytes;			/* most that an engine had */
	uint64_t contents;
	FILE *lines;			/* where every state that is said goes as a line of JSON; NULL: nowhere */
	struct vr_buf line;
	struct vr_mem *mem;		/* keeps */
};
void vr_trial_init(struct vr_trial *t, const char *label, struct vr_rules *rules, struct vr_mem *mem);
void vr_trial_done(struct vr_trial *t);
VR_MUST enum vr_err vr_trial_begin(struct vr_trial *t, const struct vr_engine_config *config, uint32_t place, int64_t at_offset);
/** Records that were admitted (intake.h), in the order of the log; this trial's own copy of them. */
VR_MUST enum vr_err vr_trial_fold(struct vr_trial *t, struct vr_homes *homes, struct vr_record *records, size_t n);
/** The partition is through. */
void vr_trial_end(struct vr_trial *t);
