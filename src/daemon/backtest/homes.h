/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* homes.h - which partition has a content: the first that comes with it, as `vir:c:{id} home` has it for the live daemon.
 *
 * 16 bytes for each content of the whole run, where a state takes some hundred.   Threads: one.            */
#include "virality/err.h"
#include "virality/mem.h"
#include "virality/str.h"

#include <stdint.h>

struct vr_home { uint64_t hash; uint32_t place; };	/* place 0: empty */
struct vr_homes {
	struct vr_mem *mem;			/* keeps */
	struct vr_home *at;			/* linear probing; cap is 0 or a power of two, at most 3/4 full */
	size_t n, cap;
};
void vr_homes_init(struct vr_homes *h, struct vr_mem *mem);
void vr_homes_done(struct vr_homes *h);
/** The content comes in that place (from 1). *ret_here: it is its home. VR_E_NOMEM. */
VR_MUST enum vr_err vr_homes_claim(struct vr_homes *h, struct vr_str id, uint32_t place, bool *ret_here);
