/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* progress.h - how far a long run is, on standard error.
 *
 * On a terminal one line that is redrawn: [####----] 42.0%  118304 events/s  ETA 0:00:12  at 2012-07-04
 * Elsewhere a line every 30 s.   Threads: none.                                                           */
#include "virality/arena.h"
#include "virality/time.h"

struct vr_ctl_progress {
	bool bar, silent;
	uint64_t total;			/* 0: endless */
	uint64_t done;
	struct vr_mono started, shown;
	uint64_t shown_done;
	double rate;
	unsigned look;			/* calls until the clock is read again */
};

void vr_ctl_progress_start(struct vr_ctl_progress *p, uint64_t total, bool silent);
/** Cheap; draws only when it is time. at: event time reached. */
void vr_ctl_progress_step(struct vr_ctl_progress *p, uint64_t done, struct vr_wall at);
/** A phase without events: "reading FILE", part 0 to 1. */
void vr_ctl_progress_phase(struct vr_ctl_progress *p, const char *what, const char *name, double part);
/** Take the bar away. */
void vr_ctl_progress_end(struct vr_ctl_progress *p);
