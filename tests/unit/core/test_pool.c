/* SPDX-License-Identifier: Apache-2.0 */
#include "vr_test.h"
#include "pool.h"

enum { LIVE = 400, STEPS = 60000 };

struct live { unsigned char *p; size_t size; unsigned char mark; };

static size_t any_size(struct vr_rng *rng)
{
	static const size_t TOP[] = {16, 64, 100, 1000, 8192, 20000};

	return 1 + vr_rng_below(rng, TOP[vr_rng_below(rng, sizeof(TOP) / sizeof(TOP[0]))]);
}

static void assert_all(const unsigned char *p, unsigned char mark, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		assert_int_equal(p[i], mark);
}

static void make(struct vr_pool *pool, struct live *l, struct vr_rng *rng)
{
	l->size = any_size(rng);
	l->p = vr_pool_get(pool, l->size);
	assert_non_null(l->p);
	assert_int_equal((uintptr_t)l->p % 16, 0);
	assert_all(l->p, 0, 0, l->size);
	l->mark = (unsigned char)(1 + vr_rng_below(rng, 255));
	memset(l->p, l->mark, l->size);
}

static void resize(struct vr_pool *pool, struct live *l, struct vr_rng *rng)
{
	size_t size = any_size(rng);

	l->p = vr_pool_resize(pool, l->p, l->size, size);
	assert_non_null(l->p);
	assert_all(l->p, l->mark, 0, size < l->size ? size : l->size);
	if (size > l->size)
		assert_all(l->p, 0, l->size, size);
	l->size = size;
	memset(l->p, l->mark, size);
}

static void release(struct vr_pool *pool, struct live *l)
{
	assert_all(l->p, l->mark, 0, l->size);
	vr_pool_put(pool, l->p, l->size);
	l->p = NULL;
}

static void any_history_keeps_blocks_apart(void **state)
{
	static struct live live[LIVE];
	struct vr_rng rng = vr_rng_new();
	struct vr_test_mem t;
	struct vr_mem mem = vr_test_mem_of(&t);
	struct vr_pool pool;
	size_t used = 0;

	(void)state;
	vr_pool_init(&pool, &mem);
	for (int step = 0; step < STEPS; step++) {
		struct live *l = &live[vr_rng_below(&rng, LIVE)];
		used -= l->p ? l->size : 0;
		if (!l->p)
			make(&pool, l, &rng);
		else if (vr_rng_below(&rng, 3) == 0)
			resize(&pool, l, &rng);
		else
			release(&pool, l);
		used += l->p ? l->size : 0;
		assert_int_equal(pool.used, used);
	}
	vr_pool_done(&pool);
	assert_int_equal(pool.used, 0);
	assert_int_equal(t.bytes, 0);
	assert_int_equal(mem.used, 0);
}

static void freed_block_is_the_next_of_its_class(void **state)
{
	struct vr_test_mem t;
	struct vr_mem mem = vr_test_mem_of(&t);
	struct vr_pool pool;
	void *a, *b;

	(void)state;
	vr_pool_init(&pool, &mem);
	for (size_t size = 0; size <= 8192; size++) {
		a = vr_pool_get(&pool, size);
		b = vr_pool_get(&pool, size);
		vr_pool_put(&pool, b, size);
		vr_pool_put(&pool, a, size);
		assert_ptr_equal(vr_pool_get(&pool, size), a);
		assert_ptr_equal(vr_pool_get(&pool, size), b);
		vr_pool_put(&pool, a, size);
		vr_pool_put(&pool, b, size);
	}
	vr_pool_put(&pool, NULL, 77);
	assert_int_equal(pool.used, 0);
	vr_pool_done(&pool);
}

static void slabs_are_cut_to_the_end(void **state)
{
	struct vr_test_mem t;
	struct vr_mem mem = vr_test_mem_of(&t);
	struct vr_pool pool;

	(void)state;
	vr_pool_init(&pool, &mem);
	for (size_t given = 0; given + 8192 < 4 * 256 * 1024; given += 6144)
		assert_non_null(vr_pool_get(&pool, 6144));
	assert_int_equal(t.calls, 5);
	for (int i = 0; i < 100; i++)
		assert_non_null(vr_pool_get(&pool, 16));
	assert_int_equal(t.calls, 5);
	vr_pool_done(&pool);
	assert_int_equal(t.bytes, 0);
}

static void without_memory_nothing_changes(void **state)
{
	struct vr_test_mem t;
	struct vr_mem mem = vr_test_mem_of(&t);
	struct vr_pool pool;
	char *small, *large;

	(void)state;
	vr_pool_init(&pool, &mem);
	t.left = 0;
	assert_null(vr_pool_get(&pool, 16));
	assert_null(vr_pool_get(&pool, 9000));
	assert_null(vr_pool_get(&pool, SIZE_MAX));
	assert_int_equal(pool.used, 0);
	t.left = 2;
	small = vr_pool_get(&pool, 8000);
	large = vr_pool_get(&pool, 9000);
	assert_non_null(small);
	assert_non_null(large);
	small[7999] = large[8999] = 'x';
	assert_null(vr_pool_resize(&pool, small, 8000, 9000));
	assert_null(vr_pool_resize(&pool, large, 9000, 10000));
	assert_int_equal(small[7999], 'x');
	assert_int_equal(large[8999], 'x');
	assert_int_equal(pool.used, 17000);
	vr_pool_done(&pool);
	assert_int_equal(t.bytes, 0);
}

static void mem_of_a_pool_takes_from_it(void **state)
{
	struct vr_test_mem t;
	struct vr_mem mem = vr_test_mem_of(&t), inner;
	struct vr_pool pool;
	char *p;

	(void)state;
	vr_pool_init(&pool, &mem);
	inner = vr_pool_mem(&pool);
	p = vr_mem_get(&inner, 10);
	memset(p, 'a', 10);
	p = vr_mem_resize(&inner, p, 10, 100000);
	assert_int_equal(p[9], 'a');
	assert_int_equal(inner.used, 100000);
	assert_int_equal(pool.used, 100000);
	vr_mem_put(&inner, p, 100000);
	assert_int_equal(inner.used, 0);
	assert_int_equal(pool.used, 0);
	vr_pool_done(&pool);
	assert_int_equal(t.bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_history_keeps_blocks_apart),
		cmocka_unit_test(freed_block_is_the_next_of_its_class),
		cmocka_unit_test(slabs_are_cut_to_the_end),
		cmocka_unit_test(without_memory_nothing_changes),
		cmocka_unit_test(mem_of_a_pool_takes_from_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
