/* SPDX-License-Identifier: Apache-2.0 */
/* Stored state of the core from hostile bytes: tallies, unique actors, a minute of duplicates.
 *
 * The first byte chooses which. What is refused must leave nothing behind; what is accepted must pass the
 * part's own check and, written and read again, be the same bytes.                                     */
#include <stdint.h>
#include "dedup.h"
#include "tally.h"
#include "uniques.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static const struct vr_windows WINDOWS = {.n = 3, .width_ms = {1, 2000, 2880000}, .name = {"30ms", "1m", "24h"}};

static void refuse(const struct vr_pool *pool, enum vr_err err)
{
	VR_ASSERT(err == VR_E_CORRUPT);
	VR_ASSERT(pool->used == 0);
}

static void try_tally(struct vr_str bytes, struct vr_pool *pool, struct vr_buf *out)
{
	struct vr_rd rd = vr_rd_of(bytes);
	struct vr_tally t = {0}, again = {0};
	enum vr_err err = vr_tally_decode(&t, pool, &WINDOWS, &rd);

	if (err) {
		refuse(pool, err);
		return;
	}
	VR_ASSERT(vr_tally_check(&t, &WINDOWS));
	(void)vr_tally_next_leave(&t, &WINDOWS);
	(void)vr_tally_empty(&t, &WINDOWS, (struct vr_wall){INT64_MAX});
	vr_tally_encode(&t, &WINDOWS, out);
	rd = vr_rd_of(vr_buf_str(out));
	VR_ASSERT(vr_tally_decode(&again, pool, &WINDOWS, &rd) == VR_OK && rd.p == rd.end);
	vr_tally_done(&t, pool, &WINDOWS);
	vr_tally_done(&again, pool, &WINDOWS);
}

static void try_uniques(struct vr_str bytes, struct vr_pool *pool, struct vr_buf *out)
{
	struct vr_rd rd = vr_rd_of(bytes);
	struct vr_uniques u = {0}, again = {0};
	enum vr_err err = vr_uniques_decode(&u, pool, &rd);

	if (err) {
		refuse(pool, err);
		return;
	}
	VR_ASSERT(vr_uniques_check(&u));
	vr_uniques_encode(&u, out);
	rd = vr_rd_of(vr_buf_str(out));
	VR_ASSERT(vr_uniques_decode(&again, pool, &rd) == VR_OK && rd.p == rd.end);
	VR_ASSERT(vr_uniques_count(&u) == vr_uniques_count(&again));
	vr_uniques_done(&u, pool);
	vr_uniques_done(&again, pool);
}

static void try_dedup(struct vr_str bytes, struct vr_pool *pool, struct vr_buf *out)
{
	struct vr_mem mem = vr_pool_mem(pool);
	struct vr_rd rd = vr_rd_of(bytes);
	int64_t minute = vr_rd_zigzag(&rd);
	struct vr_dedup *d;
	enum vr_err err;

	(void)out;
	VR_ASSERT(vr_dedup_new(&mem, (struct vr_span){600000}, &d) == VR_OK);
	err = vr_dedup_load(d, minute, (struct vr_str){rd.p, (size_t)(rd.end - rd.p)});
	VR_ASSERT(!err || (err == VR_E_CORRUPT && vr_dedup_count(d) == 0));
	VR_ASSERT(vr_dedup_check(d));
	vr_dedup_advance(d, (struct vr_wall){INT64_MAX});
	VR_ASSERT(vr_dedup_check(d));
	vr_dedup_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static void (*const TRY[])(struct vr_str, struct vr_pool *, struct vr_buf *) = {
		try_tally, try_uniques, try_dedup,
	};
	struct vr_mem mem = vr_mem_heap();
	struct vr_pool pool;
	struct vr_buf out;

	if (n == 0)
		return 0;
	vr_pool_init(&pool, &mem);
	vr_buf_init(&out, &mem);
	TRY[p[0] % 3]((struct vr_str){(const char *)p + 1, n - 1}, &pool, &out);
	VR_ASSERT(pool.used == 0);
	vr_buf_done(&out);
	vr_pool_done(&pool);
	return 0;
}
