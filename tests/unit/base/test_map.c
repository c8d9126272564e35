/* SPDX-License-Identifier: Apache-2.0 */
/* The map against an array, with hashes that collide on purpose. */
#include <stdio.h>
#include "unit.h"
#include "failing_mem.h"
#include "random.h"
#include "virality/hash.h"
#include "virality/map.h"

#define KEYS 400

struct thing {
	char name[16];
	size_t n;
	bool in;
};

static struct vr_str name_of(const void *value)
{
	const struct thing *t = value;

	return (struct vr_str){t->name, t->n};
}

static void make_things(struct thing *things)
{
	for (int i = 0; i < KEYS; i++) {
		things[i].in = false;
		things[i].n = (size_t)snprintf(things[i].name, sizeof(things[i].name), "key-%d", i);
	}
}

/* Keeps so few bits of the hash that homes, and even whole hashes, are shared. */
static uint64_t weak(const struct thing *t, uint64_t mask)
{
	return vr_hash64(name_of(t)) & mask;
}

static void assert_same(const struct vr_map *map, const struct thing *things, uint64_t mask)
{
	size_t n = 0, seen = 0, pos = 0;

	assert_true(vr_map_check(map));
	for (int i = 0; i < KEYS; i++) {
		void *found = vr_map_find(map, weak(&things[i], mask), name_of(&things[i]));
		assert_ptr_equal(found, things[i].in ? &things[i] : NULL);
		n += things[i].in;
	}
	assert_int_equal(map->n, n);
	for (const struct thing *t; (t = vr_map_next(map, &pos)); seen++)
		assert_true(t->in);
	assert_int_equal(seen, n);
}

static void turn(struct vr_map *map, struct thing *t, uint64_t mask)
{
	if (t->in)
		assert_ptr_equal(vr_map_remove(map, weak(t, mask), name_of(t)), t);
	else
		assert_int_equal(vr_map_put(map, weak(t, mask), name_of(t), t), VR_OK);
	t->in = !t->in;
	if (!t->in)
		assert_null(vr_map_remove(map, weak(t, mask), name_of(t)));
}

static void follows_the_model(void **state)
{
	static const uint64_t masks[] = {UINT64_MAX, 0xff, 0x7, 0, ~UINT64_C(0xff)};
	static struct thing things[KEYS];

	(void)state;
	for (size_t m = 0; m < sizeof(masks) / sizeof(masks[0]); m++) {
		struct vr_mem mem = vr_mem_heap();
		struct vr_random r = {m};
		struct vr_map map;
		make_things(things);
		vr_map_init(&map, &mem, name_of);
		assert_same(&map, things, masks[m]);
		for (int i = 0; i < 3000; i++) {
			turn(&map, &things[vr_random_below(&r, i % 1000 < 500 ? KEYS : 20)], masks[m]);
			if (i % 50 == 0)
				assert_same(&map, things, masks[m]);
		}
		assert_same(&map, things, masks[m]);
		vr_map_done(&map);
		assert_int_equal(mem.used, 0);
	}
}

static void same_history_same_order(void **state)
{
	static struct thing a[KEYS], b[KEYS];
	struct vr_mem mem = vr_mem_heap();
	struct vr_random ra = {7}, rb = {7};
	struct vr_map ma, mb;
	size_t pa = 0, pb = 0;
	const struct thing *ta, *tb;

	(void)state;
	make_things(a);
	make_things(b);
	vr_map_init(&ma, &mem, name_of);
	vr_map_init(&mb, &mem, name_of);
	for (int i = 0; i < 1000; i++) {
		turn(&ma, &a[vr_random_below(&ra, KEYS)], UINT64_MAX);
		turn(&mb, &b[vr_random_below(&rb, KEYS)], UINT64_MAX);
	}
	while ((ta = vr_map_next(&ma, &pa))) {
		tb = vr_map_next(&mb, &pb);
		assert_int_equal(ta - a, tb - b);
	}
	assert_null(vr_map_next(&mb, &pb));
	vr_map_done(&ma);
	vr_map_done(&mb);
}

static void put_replaces(void **state)
{
	struct vr_mem mem = vr_mem_heap();
	struct thing one = {"same", 4, true}, two = {"same", 4, true};
	struct vr_map map;

	(void)state;
	vr_map_init(&map, &mem, name_of);
	assert_int_equal(vr_map_put(&map, 5, VR_STR("same"), &one), VR_OK);
	assert_int_equal(vr_map_put(&map, 5, VR_STR("same"), &two), VR_OK);
	assert_int_equal(map.n, 1);
	assert_ptr_equal(vr_map_find(&map, 5, VR_STR("same")), &two);
	vr_map_clear(&map);
	assert_null(vr_map_find(&map, 5, VR_STR("same")));
	vr_map_done(&map);
	vr_map_done(NULL);
}

static void no_memory_changes_nothing(void **state)
{
	static struct thing things[KEYS];
	struct vr_failing_mem f;
	struct vr_mem mem = vr_failing_mem(&f, 2);
	struct vr_map map;
	int i = 0;

	(void)state;
	make_things(things);
	vr_map_init(&map, &mem, name_of);
	while (!vr_map_put(&map, weak(&things[i], UINT64_MAX), name_of(&things[i]), &things[i]))
		things[i++].in = true;
	assert_int_equal(i, 24);
	assert_same(&map, things, UINT64_MAX);
	assert_int_equal(vr_map_reserve(&map, SIZE_MAX / 2), VR_E_NOMEM);
	vr_map_done(&map);
	assert_int_equal(mem.used, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_the_model),
		cmocka_unit_test(same_history_same_order),
		cmocka_unit_test(put_replaces),
		cmocka_unit_test(no_memory_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
