/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* heed.h - what a replay knows of how live fares, so that live does not feel it.
 *
 *      live's merged views ──> how long its records wait, and how fast it goes ──> pace.h
 *
 * Threads: main.   Fails: what cannot be read of live is taken as it was.                                       */
#include <stdint.h>

#include "virality/time.h"

struct vr_replay;

struct vr_heed {
	int64_t sum, stamp;		/* of live's offsets, when: for the rate it goes at */
	double rate;			/* known after two words of its */
	uint64_t words;
	struct vr_span lag;		/* how long its records wait; < 0: none does */
};
/** About ten times a second: look at live, and let the pace follow. */
void vr_replay_heed(struct vr_replay *r);
