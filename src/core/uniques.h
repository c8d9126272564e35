/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* uniques.h - distinct actors: exact up to 64, then a HyperLogLog of 2^12 registers
 * (Flajolet et al. 2007; estimator of Ertl 2017, arXiv 1702.01284; standard error 1.04/sqrt(4096) = 1.6 %).
 *
 * Picture:   up to 64: a sorted array of 64-bit hashes; beyond: 4096 one-byte registers, and how many have each rank.
 * The hash (XXH3-64, seed 0) never changes: a replay repeats the figures to the digit.
 * Threads: one owner.   Fails: VR_E_NOMEM, then nothing has changed.                        */
#include "virality/buf.h"
#include "virality/err.h"
#include "pool.h"

enum { VR_UNIQUES_EXACT = 64, VR_UNIQUES_REGISTERS = 4096, VR_UNIQUES_RANKS = 54 };
struct vr_sketch {
	uint16_t with[VR_UNIQUES_RANKS];	/* registers of each rank: all that the estimate looks at */
	uint8_t reg[VR_UNIQUES_REGISTERS];
};
struct vr_uniques {
	union { uint64_t *hash; struct vr_sketch *sketch; } at;	/* hash while cap > 0, sketch when is_sketch */
	uint8_t n, cap;
	bool is_sketch;
};
/** Note that actor was seen; an empty one is none. *ret_changed: the estimate may have. */
VR_MUST enum vr_err vr_uniques_add(struct vr_uniques *u, struct vr_pool *pool, struct vr_str actor,
	bool *ret_changed);
/** Exact, or the estimate rounded to a whole number. */
uint64_t vr_uniques_count(const struct vr_uniques *u);
/** Stored form: 8 bytes a hash, or 6 bits a register with zeros cheap. The exact form is part of the
 * content's state, a sketch has a key of its own. */
void vr_uniques_encode(const struct vr_uniques *u, struct vr_buf *b);
/** Into an empty one. VR_E_CORRUPT: no encode writes that. */
VR_MUST enum vr_err vr_uniques_decode(struct vr_uniques *u, struct vr_pool *pool, struct vr_rd *rd);
/** Gives everything back; nobody was seen. */
void vr_uniques_done(struct vr_uniques *u, struct vr_pool *pool);
/** All invariants hold (tests). */
bool vr_uniques_check(const struct vr_uniques *u);
