/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* sim_mem.h - a vr_mem that remembers its blocks, so that a killed process' memory goes at once. */
#include "virality/mem.h"

struct sim_block;
struct sim_mem {
	struct vr_mem mem; /* hand this out; keep the struct in place */
	struct sim_block *first;
};
void sim_mem_init(struct sim_mem *m);
/** Every block goes. */
void sim_mem_done(struct sim_mem *m);
