/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* hash.h - XXH3 with seed 0: the same on every machine and in every run, so it may be stored.
 *
 * Threads: pure functions.   Fails: never.                                                 */
#include <stdint.h>
#include "virality/str.h"

struct vr_hash128 { uint64_t lo, hi; };

/** XXH3_64bits: for tables in memory. */
uint64_t vr_hash64(struct vr_str s);
/** XXH3_128bits: for ids and stored sets. */
struct vr_hash128 vr_hash128(struct vr_str s);
