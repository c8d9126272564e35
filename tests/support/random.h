/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* random.h - seeded numbers for property tests (splitmix64): the same seed, the same test. */
#include <stdint.h>

struct vr_random { uint64_t state; };

static inline uint64_t vr_random_u64(struct vr_random *r)
{
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}
/** 0 to n - 1; n > 0. */
static inline uint64_t vr_random_below(struct vr_random *r, uint64_t n) { return vr_random_u64(r) % n; }
/** A number with a random count of bits, so that small and huge ones both come. */
static inline uint64_t vr_random_scaled(struct vr_random *r)
{
	uint64_t v = vr_random_u64(r);

	return v >> vr_random_below(r, 64);
}
