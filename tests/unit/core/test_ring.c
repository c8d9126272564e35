/* SPDX-License-Identifier: Apache-2.0 */
#include "vr_test.h"
#include "ring.h"

enum { STEPS = 40000, SPAN = 64 };

/* The naive ring: a count for each of the last SPAN bucket numbers. */
struct model { int64_t now_k; uint64_t n[SPAN]; };

static uint64_t *model_at(struct model *m, int64_t k)
{
	return &m->n[(uint64_t)k % SPAN];
}

static uint64_t model_value(struct model *m, int64_t now_k)
{
	uint64_t sum = 0;

	for (int64_t k = now_k - 29; k <= m->now_k; k++)
		sum += *model_at(m, k);
	return sum;
}

static uint64_t model_advance(struct model *m, int64_t now_k)
{
	uint64_t held = model_value(m, m->now_k), left;

	for (int64_t k = m->now_k + 1; k <= now_k && k < m->now_k + SPAN; k++)
		*model_at(m, k) = 0;
	if (now_k - m->now_k >= SPAN)
		memset(m->n, 0, sizeof(m->n));
	m->now_k = now_k;
	left = model_value(m, now_k);
	return held - left;
}

static int64_t model_oldest(struct model *m)
{
	for (int64_t k = m->now_k - 29; k <= m->now_k; k++)
		if (*model_at(m, k))
			return k;
	return INT64_MAX;
}

static void compare(const struct vr_ring *r, struct model *m, struct vr_rng *rng)
{
	int64_t ahead = m->now_k + (int64_t)vr_rng_below(rng, 33);

	assert_true(vr_ring_check(r));
	assert_int_equal(r->sum, model_value(m, m->now_k));
	assert_int_equal(vr_ring_oldest(r), model_oldest(m));
	assert_int_equal(vr_ring_value(r, ahead), model_value(m, ahead));
}

static void step(struct vr_ring *r, struct model *m, struct vr_pool *pool, struct vr_rng *rng)
{
	uint64_t what = vr_rng_below(rng, 10), n = vr_rng_below(rng, 4);
	int64_t k = m->now_k - (int64_t)vr_rng_below(rng, 30);
	uint64_t *at = model_at(m, k);

	if (what < 2) {
		int64_t now_k = m->now_k + (int64_t)vr_rng_below(rng, vr_rng_below(rng, 8) ? 3 : 100);
		assert_int_equal(vr_ring_advance(r, now_k), model_advance(m, now_k));
	} else if (what < 7) {
		assert_int_equal(vr_ring_add(r, pool, k, n), VR_OK);
		*at += n;
	} else {
		uint64_t taken = n < *at ? n : *at;
		assert_int_equal(vr_ring_take(r, k, n), taken);
		*at -= taken;
	}
}

static void any_history_equals_the_naive_ring(void **state)
{
	struct vr_rng rng = vr_rng_new();
	struct vr_test_mem t;
	struct vr_mem mem = vr_test_mem_of(&t);
	struct vr_ring r = {0};
	struct model m = {.now_k = -200};
	struct vr_pool pool;

	(void)state;
	vr_pool_init(&pool, &mem);
	for (int i = 0; i < STEPS; i++) {
		step(&r, &m, &pool, &rng);
		compare(&r, &m, &rng);
	}
	vr_ring_done(&r, &pool);
	assert_int_equal(pool.used, 0);
	vr_pool_done(&pool);
}

static void all_thirty_buckets_fit(void **state)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_ring r = {0};
	struct vr_pool pool;

	(void)state;
	vr_pool_init(&pool, &mem);
	for (int64_t k = 0; k < 1000; k++) {
		(void)vr_ring_advance(&r, k);
		assert_int_equal(vr_ring_add(&r, &pool, k, 1), VR_OK);
		assert_int_equal(r.sum, k < 30 ? k + 1 : 30);
		assert_true(vr_ring_check(&r));
	}
	assert_int_equal(r.cap, 32);
	vr_pool_done(&pool);
}

static void bucket_is_out_at_exactly_thirty(void **state)
{
	struct vr_ring r = {0};
	struct vr_pool none = {0};

	(void)state;
	assert_int_equal(vr_ring_add(&r, &none, 7, 5), VR_OK);
	assert_int_equal(vr_ring_value(&r, 36), 5);
	assert_int_equal(vr_ring_value(&r, 37), 0);
	assert_int_equal(vr_ring_advance(&r, 36), 0);
	assert_int_equal(vr_ring_advance(&r, 37), 5);
	assert_int_equal(r.sum, 0);
	assert_int_equal(vr_ring_oldest(&r), INT64_MAX);
}

static void bump_only_where_both_times_are_in_the_newest_bucket(void **state)
{
	struct vr_ring r = {0};
	struct vr_pool none = {0};

	(void)state;
	assert_false(vr_ring_bump(&r, -3, -3, 1));
	assert_int_equal(vr_ring_add(&r, &none, -3, 1), VR_OK);
	assert_true(vr_ring_bump(&r, -3, -3, 2));
	assert_false(vr_ring_bump(&r, -2, -3, 2));
	assert_false(vr_ring_bump(&r, -3, -4, 2));
	assert_false(vr_ring_bump(&r, -2, -2, 2));
	assert_int_equal(r.sum, 3);
	assert_false(vr_ring_bump(&r, -3, -3, VR_COUNT_MAX - 2));
	assert_true(vr_ring_bump(&r, -3, -3, VR_COUNT_MAX - 3));
	assert_int_equal(r.sum, VR_COUNT_MAX);
	assert_true(vr_ring_check(&r));
}

static void counts_stop_at_the_limit(void **state)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_ring r = {0};
	struct vr_pool pool;

	(void)state;
	vr_pool_init(&pool, &mem);
	assert_int_equal(vr_ring_add(&r, &pool, 1, VR_COUNT_MAX - 1), VR_OK);
	assert_int_equal(vr_ring_add(&r, &pool, 2, UINT64_MAX), VR_OK);
	assert_int_equal(vr_ring_add(&r, &pool, 3, UINT64_MAX), VR_OK);
	assert_int_equal(r.sum, VR_COUNT_MAX);
	assert_int_equal(r.n, 2);
	assert_true(vr_ring_check(&r));
	assert_int_equal(vr_ring_take(&r, 1, UINT64_MAX), VR_COUNT_MAX - 1);
	assert_int_equal(r.sum, 1);
	assert_true(vr_ring_check(&r));
	vr_pool_done(&pool);
}

static void the_ends_of_time_are_no_trap(void **state)
{
	struct vr_ring r = {0};
	struct vr_pool none = {0};

	(void)state;
	assert_int_equal(vr_ring_add(&r, &none, INT64_MIN, 1), VR_OK);
	assert_int_equal(vr_ring_advance(&r, INT64_MIN + 29), 0);
	assert_int_equal(vr_ring_value(&r, INT64_MIN + 30), 0);
	assert_int_equal(vr_ring_advance(&r, INT64_MAX), 1);
	assert_int_equal(vr_ring_add(&r, &none, INT64_MAX, 1), VR_OK);
	assert_int_equal(vr_ring_value(&r, INT64_MAX), 1);
	assert_true(vr_ring_check(&r));
}

static void without_memory_nothing_changes(void **state)
{
	struct vr_test_mem t;
	struct vr_mem mem = vr_test_mem_of(&t);
	struct vr_ring r = {0}, before;
	struct vr_pool pool;

	(void)state;
	vr_pool_init(&pool, &mem);
	t.left = 0;
	assert_int_equal(vr_ring_add(&r, &pool, 5, 1), VR_OK);
	before = r;
	assert_int_equal(vr_ring_add(&r, &pool, 6, 1), VR_E_NOMEM);
	assert_int_equal(vr_ring_add(&r, &pool, 4, 1), VR_E_NOMEM);
	assert_memory_equal(&r, &before, sizeof(r));
	assert_int_equal(vr_ring_add(&r, &pool, 5, 1), VR_OK);
	assert_int_equal(r.sum, 2);
	vr_pool_done(&pool);
}

static void check_sees_damage(void **state)
{
	struct vr_bucket b[4] = {{1, 1}, {2, 2}, {30, 3}};
	struct vr_ring good = {.sum = 6, .at.many = b, .n = 3, .cap = 4}, r;

	(void)state;
	assert_true(vr_ring_check(&good));
	r = good, r.sum = 5;
	assert_false(vr_ring_check(&r));
	r = good, r.cap = 2;
	assert_false(vr_ring_check(&r));
	b[2].k = 31;
	assert_false(vr_ring_check(&good));
	b[2].k = 2;
	assert_false(vr_ring_check(&good));
	b[2] = (struct vr_bucket){30, 0};
	good.sum = 3;
	assert_false(vr_ring_check(&good));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_history_equals_the_naive_ring),
		cmocka_unit_test(all_thirty_buckets_fit),
		cmocka_unit_test(bucket_is_out_at_exactly_thirty),
		cmocka_unit_test(bump_only_where_both_times_are_in_the_newest_bucket),
		cmocka_unit_test(counts_stop_at_the_limit),
		cmocka_unit_test(the_ends_of_time_are_no_trap),
		cmocka_unit_test(without_memory_nothing_changes),
		cmocka_unit_test(check_sees_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
