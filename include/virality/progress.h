/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* progress.h - how far a long run is, on standard error.
 *
 * On a terminal one line that is redrawn:
 *     [####----]  42.0%  9143210 events  118304 events/s  ETA 0:00:12  at 2012-07-04 09:30:00
 * Elsewhere such a line without the bar every 30 s; with `json` one object a line every second.
 * `done` of `total` is what the run can measure itself by (offsets, or events): it gives percent and ETA.
 * Threads: one.                                                                                          */
#include <stdbool.h>
#include "virality/time.h"

struct vr_progress {
	const char *who;		/* keeps: begins a line */
	bool bar, silent;
	bool json;			/* set by the caller after vr_progress_start */
	uint64_t total;			/* 0: endless */
	uint64_t done, events;
	struct vr_mono started, shown;
	uint64_t shown_done, shown_events;
	double done_rate, rate;		/* a second; rate: of events */
	unsigned look;			/* calls until the clock is read again */
};

void vr_progress_start(struct vr_progress *p, const char *who, uint64_t total, bool silent);
/** Cheap; draws only when it is time. at: event time reached. */
void vr_progress_step(struct vr_progress *p, uint64_t done, uint64_t events, struct vr_wall at);
/** A phase without events: "reading FILE", part 0 to 1. */
void vr_progress_phase(struct vr_progress *p, const char *what, const char *name, double part);
/** Take the bar away. */
void vr_progress_end(struct vr_progress *p);
