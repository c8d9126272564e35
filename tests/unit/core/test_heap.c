/* SPDX-License-Identifier: Apache-2.0 */
#include "vr_test.h"
#include "heap.h"

enum { MEMBERS = 150, STEPS = 20000 };

struct member { uint32_t place; int id; int64_t key; };

static uint32_t *place_of(void *member)
{
	return &((struct member *)member)->place;
}

static int by_id(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static const struct member *brute_first(const struct member *m)
{
	const struct member *best = NULL;

	for (int i = 0; i < MEMBERS; i++)
		if (m[i].place && (!best || m[i].key < best->key))
			best = &m[i];
	return best;
}

static void name_all(struct member *m)
{
	for (int i = 0; i < MEMBERS; i++)
		m[i] = (struct member){.id = i};
}

static void first_is_always_the_least(void **state)
{
	static struct member m[MEMBERS];
	struct vr_rng rng = vr_rng_new();
	struct vr_test_mem t;
	struct vr_mem mem = vr_test_mem_of(&t);
	struct vr_heap h;
	int64_t key;

	(void)state;
	name_all(m);
	vr_heap_init(&h, &mem, place_of, by_id);
	for (int i = 0; i < STEPS; i++) {
		struct member *x = &m[vr_rng_below(&rng, MEMBERS)];
		if (vr_rng_below(&rng, 3) > 0) {
			x->key = vr_rng_between(&rng, -20, 20);
			assert_int_equal(vr_heap_set(&h, x, x->key), VR_OK);
		} else {
			vr_heap_remove(&h, x);
			assert_int_equal(x->place, 0);
		}
		assert_true(vr_heap_check(&h));
		x = vr_heap_top(&h, &key);
		assert_ptr_equal(x, brute_first(m));
		assert_true(!x || x->key == key);
	}
	vr_heap_done(&h);
	assert_int_equal(t.bytes, 0);
}

static void pops_come_sorted_and_ties_by_id(void **state)
{
	static struct member m[MEMBERS];
	struct vr_rng rng = vr_rng_new();
	struct vr_mem mem = vr_mem_heap();
	struct member *x, *before = NULL;
	struct vr_heap h;
	int64_t key;

	(void)state;
	name_all(m);
	vr_heap_init(&h, &mem, place_of, by_id);
	for (int i = MEMBERS; i-- > 0;) {
		m[i].key = vr_rng_below(&rng, 4) ? 7 : INT64_MIN;
		assert_int_equal(vr_heap_set(&h, &m[i], m[i].key), VR_OK);
	}
	while ((x = vr_heap_top(&h, &key))) {
		assert_true(!before || before->key < x->key || (before->key == x->key && before->id < x->id));
		before = x;
		vr_heap_remove(&h, x);
	}
	assert_int_equal(h.n, 0);
	vr_heap_done(&h);
}

static void without_memory_nothing_changes(void **state)
{
	static struct member m[MEMBERS];
	struct vr_test_mem t;
	struct vr_mem mem = vr_test_mem_of(&t);
	struct vr_heap h;

	(void)state;
	name_all(m);
	vr_heap_init(&h, &mem, place_of, NULL);
	for (size_t granted = 0; granted < 4; granted++) {
		uint32_t n;
		t.left = granted;
		for (n = 0; vr_heap_set(&h, &m[n], n) == VR_OK; n++)
			continue;
		assert_int_equal(m[n].place, 0);
		assert_int_equal(h.n, n);
		assert_true(vr_heap_check(&h));
		assert_true(n == 0 || vr_heap_set(&h, &m[0], 99) == VR_OK);
		vr_heap_done(&h);
		name_all(m);
	}
	assert_int_equal(t.bytes, 0);
}

static void check_sees_damage(void **state)
{
	static struct member m[MEMBERS];
	struct vr_mem mem = vr_mem_heap();
	struct vr_heap h;

	(void)state;
	name_all(m);
	vr_heap_init(&h, &mem, place_of, NULL);
	for (int i = 0; i < 9; i++)
		assert_int_equal(vr_heap_set(&h, &m[i], i), VR_OK);
	h.item[8].key = 0;
	assert_false(vr_heap_check(&h));
	h.item[8].key = 8;
	m[8].place = 3;
	assert_false(vr_heap_check(&h));
	vr_heap_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_is_always_the_least),
		cmocka_unit_test(pops_come_sorted_and_ties_by_id),
		cmocka_unit_test(without_memory_nothing_changes),
		cmocka_unit_test(check_sees_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
