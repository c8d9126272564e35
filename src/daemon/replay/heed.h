/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* heed.h - what a replay knows of how live fares, so that live does not feel it.
 *
 *      live's merged views ──> how long its records wait, and how fast it goes ──> pace.h
 *      a page of keys ──how much may be asked of Redis now──> wait
 *
 * Threads: main.   Fails: what cannot be read of live is taken as it was.                                       */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "generation.h"
#include "virality/progress.h"

struct vr_replay;

struct vr_heed {
	int64_t sum, stamp;		/* of live's offsets, when: for the rate it goes at */
	double rate;			/* known after two words of its */
	uint64_t words;
	struct vr_span lag;		/* how long its records wait; < 0: none does */
	struct vr_mono next;		/* while pages are read */
};
/** About ten times a second: look at live, and let the pace follow. */
void vr_replay_heed(struct vr_replay *r);
/** For many pages of keys: each waits until it may take so much of Redis, unless the replay ends. What is told of them:
 * "throwing away", of a generation, and of how many keys; 0: nothing. */
struct vr_pages { struct vr_replay *replay; const char *what, *name; int64_t keys, done; struct vr_progress progress; };
void vr_pages_begin(struct vr_pages *p, struct vr_replay *r, const char *what, const char *name, int64_t keys);
void vr_pages_end(struct vr_pages *p);
struct vr_generation_turn vr_pages_turn(struct vr_pages *p);
