/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* sim_cover.h - what happened how often: a run in which something never happened has tested less than it
 * says. */
#include <stdint.h>
#include "virality/err.h"

enum sim_hit {
#define SIM_HIT(name, text) SIM_HIT_##name,
#include "sim_cover.def"
#undef SIM_HIT
	SIM_HITS
};
struct sim_totals {
	uint64_t hit[SIM_HITS], err[_VR_ERR_MAX];
	uint64_t schedules, steps, commits, records;
	uint64_t running; /* the seed at work, to be named should the process die */
};
const char *sim_hit_text(enum sim_hit h);
