/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "vr_test.h"
#include "fail_pool.h"
#include "uniques.h"

static struct vr_str actor_of(char *room, uint64_t i)
{
	return (struct vr_str){room, (size_t)snprintf(room, 32, "actor-%" PRIu64, i)};
}

static bool add(struct vr_uniques *u, struct vr_pool *pool, uint64_t i)
{
	char room[32];
	bool changed = false;

	assert_int_equal(vr_uniques_add(u, pool, actor_of(room, i), &changed), VR_OK);
	return changed;
}

static void assert_same(const struct vr_uniques *a, const struct vr_uniques *b)
{
	assert_int_equal(a->is_sketch, b->is_sketch);
	assert_int_equal(a->n, b->n);
	if (a->is_sketch)
		assert_memory_equal(a->at.sketch, b->at.sketch, sizeof(*a->at.sketch));
	else if (a->n > 0)
		assert_memory_equal(a->at.hash, b->at.hash, a->n * sizeof(uint64_t));
}

static size_t round_trip(const struct vr_uniques *u, struct vr_pool *pool)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_uniques back = {0};
	struct vr_buf b;
	struct vr_rd rd;
	size_t n;

	vr_buf_init(&b, &mem);
	vr_uniques_encode(u, &b);
	assert_false(b.failed);
	rd = vr_rd_of(vr_buf_str(&b));
	assert_int_equal(vr_uniques_decode(&back, pool, &rd), VR_OK);
	assert_ptr_equal(rd.p, rd.end);
	assert_true(vr_uniques_check(&back));
	assert_same(u, &back);
	n = b.n;
	vr_uniques_done(&back, pool);
	vr_buf_done(&b);
	return n;
}

static void exact_to_sixty_four(void **state)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_uniques u = {0};
	struct vr_pool pool;

	(void)state;
	vr_pool_init(&pool, &mem);
	assert_int_equal(vr_uniques_count(&u), 0);
	assert_int_equal(round_trip(&u, &pool), 2);
	for (uint64_t i = 0; i < 64; i++) {
		assert_true(add(&u, &pool, i));
		assert_false(add(&u, &pool, i / 2));
		assert_int_equal(vr_uniques_count(&u), i + 1);
		assert_true(vr_uniques_check(&u));
		assert_int_equal(round_trip(&u, &pool), 2 + 8 * (i + 1));
	}
	assert_false(u.is_sketch);
	assert_true(add(&u, &pool, 64));
	assert_true(u.is_sketch);
	assert_in_range(vr_uniques_count(&u), 64, 66);
	for (uint64_t i = 0; i <= 64; i++)
		assert_false(add(&u, &pool, i));
	assert_in_range(round_trip(&u, &pool), 100, 140);
	vr_uniques_done(&u, &pool);
	assert_int_equal(pool.used, 0);
	vr_pool_done(&pool);
}

static void empty_actor_is_none(void **state)
{
	struct vr_uniques u = {0};
	bool changed = true;

	(void)state;
	assert_int_equal(vr_uniques_add(&u, NULL, VR_STR(""), &changed), VR_OK);
	assert_false(changed);
	assert_int_equal(vr_uniques_count(&u), 0);
}

/* Always within five standard errors, on the way from 65 to a million; and what says "unchanged" is. */
static void estimate_is_near_all_the_way(void **state)
{
	const double error = 1.04 / sqrt(VR_UNIQUES_REGISTERS);
	struct vr_mem mem = vr_mem_heap();
	struct vr_uniques u = {0};
	struct vr_pool pool;
	uint64_t estimate = 0;

	(void)state;
	vr_pool_init(&pool, &mem);
	for (uint64_t n = 1; n <= 1000000; n++) {
		bool changed = add(&u, &pool, n);
		if (n % 997 == 0)
			assert_true(changed || vr_uniques_count(&u) == estimate);
		if (n >= 65 && (n < 200 || n % 997 == 996)) {
			estimate = vr_uniques_count(&u);
			assert_true(fabs((double)estimate - (double)n) <= 5 * error * (double)n + 1);
		}
		if (n % 200001 == 0 || n == 300 || n == 1500)
			assert_in_range(round_trip(&u, &pool), 65, 3073);
	}
	assert_true(vr_uniques_check(&u));
	vr_uniques_done(&u, &pool);
	vr_pool_done(&pool);
}

/* Figures are stored and compared with those of a replay: they may never move. */
static void known_figures(void **state)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_uniques a = {0}, b = {0};
	struct vr_pool pool;

	(void)state;
	vr_pool_init(&pool, &mem);
	for (uint64_t i = 0; i < 10000; i++) {
		(void)add(&a, &pool, i);
		(void)add(&b, &pool, 9999 - i);
	}
	assert_same(&a, &b);
	assert_int_equal(vr_uniques_count(&a), 10006);
	vr_pool_done(&pool);
}

static void registers_full_or_empty_have_an_estimate(void **state)
{
	static struct vr_sketch sketch = {.with = {VR_UNIQUES_REGISTERS}};
	struct vr_uniques u = {.at.sketch = &sketch, .is_sketch = true};

	(void)state;
	assert_int_equal(vr_uniques_count(&u), 0);
	memset(sketch.reg, 53, sizeof(sketch.reg));
	assert_false(vr_uniques_check(&u));
	sketch.with[0] = 0;
	sketch.with[53] = VR_UNIQUES_REGISTERS;
	assert_true(vr_uniques_check(&u));
	assert_int_equal(vr_uniques_count(&u), UINT64_C(1000000000000000000));
	sketch.reg[7] = 54;
	assert_false(vr_uniques_check(&u));
}

static void without_memory_nothing_changes(void **state)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_uniques u = {0}, before;
	struct vr_pool pool;
	char room[32];
	bool changed;

	(void)state;
	vr_pool_init(&pool, &mem);
	for (uint64_t i = 0; i < 70; i++) {
		before = u;
		fail_pool_left = 0;
		changed = true;
		if (vr_uniques_add(&u, &pool, actor_of(room, i), &changed) == VR_E_NOMEM) {
			assert_memory_equal(&u, &before, sizeof(u));
			assert_true(vr_uniques_check(&u));
			fail_pool_left = 1;
			assert_true(add(&u, &pool, i));
		}
	}
	assert_true(u.is_sketch);
	fail_pool_left = SIZE_MAX;
	vr_uniques_done(&u, &pool);
	assert_int_equal(pool.used, 0);
	vr_pool_done(&pool);
}

static enum vr_err decode(const void *p, size_t n, struct vr_pool *pool)
{
	struct vr_rd rd = vr_rd_of((struct vr_str){p, n});
	struct vr_uniques u = {0};
	enum vr_err err = vr_uniques_decode(&u, pool, &rd);

	assert_true(err ? u.cap == 0 && !u.is_sketch : vr_uniques_check(&u));
	vr_uniques_done(&u, pool);
	return err;
}

static void hostile_bytes_are_refused(void **state)
{
	static const struct { unsigned char p[20]; size_t n; } BAD[] = {
		{{0}, 0}, {{3}, 1}, {{0, 65}, 2}, {{0, 1, 1, 2, 3}, 5},
		{{0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}, 18},		/* a hash twice */
		{{1}, 1}, {{1, 1}, 2}, {{1, 1, 0}, 3}, {{1, 1, 54}, 3}, {{1, 0x81, 0x20}, 3},
		{{1, 1, 0x81, 0x80, 0x10}, 5},						/* register 4096 */
		{{1, 2, 0xc1, 0xff, 0x0f, 1}, 6},					/* and one after the last */
		{{2, 0, 0}, 3},
	};
	static unsigned char dense[3073] = {2};
	struct vr_mem mem = vr_mem_heap();
	struct vr_pool pool;

	(void)state;
	vr_pool_init(&pool, &mem);
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
		assert_int_equal(decode(BAD[i].p, BAD[i].n, &pool), VR_E_CORRUPT);
	assert_int_equal(decode("\x01\x01\xc1\xff\x0f", 5, &pool), VR_OK);
	assert_int_equal(decode(dense, sizeof(dense), &pool), VR_OK);
	dense[3072] = 63 << 2;
	assert_int_equal(decode(dense, sizeof(dense), &pool), VR_E_CORRUPT);
	fail_pool_left = 0;
	assert_int_equal(decode(dense, sizeof(dense), &pool), VR_E_NOMEM);
	assert_int_equal(decode("\0\1\1\1\1\1\1\1\1\1", 10, &pool), VR_E_NOMEM);
	fail_pool_left = SIZE_MAX;
	assert_int_equal(pool.used, 0);
	vr_pool_done(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_to_sixty_four),
		cmocka_unit_test(empty_actor_is_none),
		cmocka_unit_test(estimate_is_near_all_the_way),
		cmocka_unit_test(known_figures),
		cmocka_unit_test(registers_full_or_empty_have_an_estimate),
		cmocka_unit_test(without_memory_nothing_changes),
		cmocka_unit_test(hostile_bytes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
