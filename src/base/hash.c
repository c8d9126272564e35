/* SPDX-License-Identifier: Apache-2.0 */
/* Inlined: the library needs no libxxhash at run time, and another version of it cannot change
 * what is stored (XXH3's output is frozen since 0.8.0). */
#define XXH_INLINE_ALL
#include <xxhash.h>
#include "virality/hash.h"

uint64_t vr_hash64(struct vr_str s)
{
	return XXH3_64bits(s.p, s.n);
}

struct vr_hash128 vr_hash128(struct vr_str s)
{
	XXH128_hash_t h = XXH3_128bits(s.p, s.n);

	return (struct vr_hash128){h.low64, h.high64};
}
