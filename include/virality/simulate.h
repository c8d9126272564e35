/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* simulate.h - an endless stream of made-up events that look like people sharing things.
 *
 * Picture:   births, exposures --> acts --(answers come later: a heap by time)--> events in rising time
 *
 * Two worlds, by config.zipf:
 *   0      living cascades: `contents` are alive at once, compete for attention, are reshared in trees,
 *          reach people through channels with scopes, and fade; new ones are born all the time.
 *   > 0    a benchmark: `contents` for ever, picked by Zipf's law with that exponent.
 * The mean rate holds for both; with `rhythm` it swings around that mean over the day.
 *
 * Pure: the same config gives the same bytes on the same machine; no clock is read.
 * Memory: from *mem (kept), all of it in vr_sim_new.   Threads: one owner.
 * Ownership: the strings of an event are borrowed until the next vr_sim_next.                    */
#include "virality/event.h"
#include "virality/mem.h"
#include "virality/err.h"

struct vr_sim_config {
	uint64_t seed;
	double rate;			/* events a second of event time, on average; > 0 */
	struct vr_wall start;		/* time of the first event, about */
	uint32_t contents;		/* 1 to 16 million */
	double zipf;			/* 0, or an exponent up to 10 */
	double duplicates;		/* share of SHARE and UNSHARE events that come twice, 0 to 1 */
	double late;			/* share of events whose time lies minutes to days back, 0 to 1 */
	struct vr_span life;		/* how long a content is talked about, on average */
	bool rhythm;			/* quiet nights, busy evenings (UTC+8) */
};

/** A small town: 2,000 contents, 1,000 events a second, an hour of life, a day's rhythm, seed 1. */
struct vr_sim_config vr_sim_config_default(void);

struct vr_sim;
/** VR_E_CONFIG with what is out of range, VR_E_NOMEM. */
VR_MUST enum vr_err vr_sim_new(struct vr_mem *mem, const struct vr_sim_config *config, struct vr_sim **ret,
	struct vr_diag *d);
/** Gives everything back. NULL is fine. */
void vr_sim_free(struct vr_sim *sim);
/** The next event. Times rise (late and repeated ones apart). */
void vr_sim_next(struct vr_sim *sim, struct vr_event *ret_ev);
