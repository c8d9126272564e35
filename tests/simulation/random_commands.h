/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* random_commands.h - commands made up from patterns.
 *
 * Picture:   "SET S v" --> SET S1 "x"
 * A word of one letter stands for something random (the switch in random_commands.c), all else for itself.
 * The same seed makes the same commands.   Threads: one owner of a maker.   Fails: as vr_cmds does.     */
#include "virality/redis.h"

#define DATABASES 3	/* a D is one of them */

struct maker {
	uint64_t random;	/* seed */
	uint64_t step;		/* stream ids rise with it; raised by the caller */
	char text[128];
};

/** 0 to n - 1. */
uint64_t maker_below(struct maker *m, uint64_t n);
/** Add a command of that pattern. */
void maker_add(struct maker *m, struct vr_cmds *c, const char *pattern);
