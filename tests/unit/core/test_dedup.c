/* SPDX-License-Identifier: Apache-2.0 */
#include "vr_test.h"
#include "dedup.h"

enum { WINDOW = 600000, IDS = 3000, STEPS = 40000, MINUTES = 4000 };

/* The naive dictionary, and the store that cuts write to. */
struct model { int64_t t[IDS]; bool is_known[IDS]; };
struct store { struct { char *p; size_t n; } minute[MINUTES]; };

static struct vr_hash128 hash_of(uint64_t id)
{
	/* Few different low halves, half of them neighbours: long runs in the table. */
	return (struct vr_hash128){.lo = id % 700 * (id % 2 ? 1 : 5), .hi = id};
}

static bool model_has(const struct model *m, uint64_t id, int64_t now)
{
	return m->is_known[id] && m->t[id] >= now - WINDOW;
}

static struct vr_dedup *dedup_new(struct vr_mem *mem)
{
	struct vr_dedup *d;

	assert_int_equal(vr_dedup_new(mem, (struct vr_span){WINDOW}, &d), VR_OK);
	return d;
}

static bool has(const struct vr_dedup *d, uint64_t id, int64_t now)
{
	return vr_dedup_has(d, hash_of(id), (struct vr_wall){now});
}

static enum vr_err add(struct vr_dedup *d, uint64_t id, int64_t t, int64_t now)
{
	return vr_dedup_add(d, hash_of(id), (struct vr_wall){t}, (struct vr_wall){now});
}

static void store_visit(void *ctx, int64_t minute, struct vr_str bytes, enum vr_dedup_change change)
{
	struct store *s = ctx;
	size_t n;

	assert_in_range(minute, 0, MINUTES - 1);
	n = s->minute[minute].n;
	assert_true((n == 0) == (change == VR_DEDUP_SET));
	if (change == VR_DEDUP_DELETE) {
		assert_true(n > 0);
		assert_int_equal(bytes.n, 0);
		free(s->minute[minute].p);
		s->minute[minute].p = NULL;
		s->minute[minute].n = 0;
		return;
	}
	assert_true(bytes.n > 0 && bytes.n % 18 == 0);
	s->minute[minute].p = realloc(s->minute[minute].p, n + bytes.n);
	memcpy(s->minute[minute].p + n, bytes.p, bytes.n);
	s->minute[minute].n = n + bytes.n;
}

static void cut(struct vr_dedup *d, struct store *s)
{
	vr_dedup_changes(d, store_visit, s);
	vr_dedup_committed(d);
}

static struct vr_dedup *reload(struct vr_dedup *d, struct store *s, struct vr_mem *mem, int64_t now)
{
	int64_t first, last;
	size_t count = vr_dedup_count(d);

	cut(d, s);
	vr_dedup_free(d);
	d = dedup_new(mem);
	vr_dedup_range((struct vr_span){WINDOW}, (struct vr_wall){now}, &first, &last);
	assert_int_equal(last - first, now % 60000 < WINDOW % 60000 ? 11 : 10);
	for (int64_t i = 0; i < MINUTES; i++) {
		assert_true(s->minute[i].n == 0 || (i >= first && i <= last));
		if (s->minute[i].n == 0)
			continue;
		assert_int_equal(vr_dedup_load(d, i, (struct vr_str){s->minute[i].p, s->minute[i].n}), VR_OK);
	}
	assert_int_equal(vr_dedup_count(d), count);
	return d;
}

static void visit_nothing(void *ctx, int64_t minute, struct vr_str bytes, enum vr_dedup_change change)
{
	(void)ctx, (void)minute, (void)bytes, (void)change;
	fail_msg("a change where there is none");
}

static void run_history(struct vr_rng *rng, struct vr_mem *mem)
{
	static struct model m;
	static struct store s;
	struct vr_dedup *d = dedup_new(mem);
	int64_t now = 100000000;

	memset(&m, 0, sizeof(m));
	for (int i = 0; i < STEPS; i++) {
		uint64_t id = vr_rng_below(rng, IDS), what = vr_rng_below(rng, 1000);
		int64_t t = now - (int64_t)vr_rng_below(rng, 10) * (int64_t)vr_rng_below(rng, WINDOW / 8);
		if (what < 20) {
			now += (int64_t)vr_rng_below(rng, what == 0 ? 3 * WINDOW : 20000);
			vr_dedup_advance(d, (struct vr_wall){now});
		} else if (what < 25) {
			cut(d, &s);
			vr_dedup_changes(d, visit_nothing, NULL);
		} else if (what == 25) {
			d = reload(d, &s, mem, now);
		} else {
			bool was = model_has(&m, id, now);
			assert_int_equal(has(d, id, now), was);
			assert_int_equal(add(d, id, t, now), VR_OK);
			if (!was && t >= now - WINDOW) {
				m.t[id] = t;
				m.is_known[id] = true;
			}
			assert_int_equal(has(d, id, now), model_has(&m, id, now));
		}
		if (i % 32 == 0)
			assert_true(vr_dedup_check(d));
		assert_true(now / 60000 < MINUTES);
	}
	for (uint64_t id = 0; id < IDS; id++)
		assert_int_equal(has(d, id, now), model_has(&m, id, now));
	vr_dedup_advance(d, (struct vr_wall){now + 2 * WINDOW});
	assert_int_equal(vr_dedup_count(d), 0);
	cut(d, &s);
	for (int64_t i = 0; i < MINUTES; i++)
		assert_int_equal(s.minute[i].n, 0);
	vr_dedup_free(d);
}

static void any_history_equals_the_naive_dictionary(void **state)
{
	struct vr_rng rng = vr_rng_new();
	struct vr_test_mem t;
	struct vr_mem mem = vr_test_mem_of(&t);

	(void)state;
	run_history(&rng, &mem);
	assert_int_equal(t.bytes, 0);
	assert_int_equal(mem.used, 0);
}

static void the_edge_is_exact(void **state)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_dedup *d = dedup_new(&mem);

	(void)state;
	assert_false(has(d, 1, 0));
	assert_int_equal(add(d, 1, 1234567, 1234567), VR_OK);
	assert_true(has(d, 1, 1234567 + WINDOW));
	assert_false(has(d, 1, 1234567 + WINDOW + 1));
	/* Still within: the first stays the reference. */
	assert_int_equal(add(d, 1, 1300000, 1234567 + WINDOW), VR_OK);
	assert_false(has(d, 1, 1234567 + WINDOW + 1));
	/* Out: the second becomes it, though the first's minute is still held, and outlives that minute. */
	assert_int_equal(add(d, 1, 1239999, 1234568 + WINDOW), VR_OK);
	assert_true(has(d, 1, 1239999 + WINDOW));
	assert_int_equal(vr_dedup_count(d), 1);
	assert_int_equal(add(d, 1, 1300000, 1240000 + WINDOW), VR_OK);
	vr_dedup_advance(d, (struct vr_wall){1260000 + WINDOW});
	assert_true(has(d, 1, 1260000 + WINDOW));
	assert_true(vr_dedup_check(d));
	/* Too old to matter. */
	assert_int_equal(add(d, 2, 1259999, 1260000 + WINDOW), VR_OK);
	assert_int_equal(vr_dedup_count(d), 1);
	assert_int_equal(add(d, 2, 1260000, 1260000 + WINDOW), VR_OK);
	assert_int_equal(vr_dedup_count(d), 2);
	vr_dedup_free(d);
	vr_dedup_free(NULL);
}

static void minutes_go_when_they_are_over_and_stay_until_then(void **state)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_dedup *d = dedup_new(&mem);

	(void)state;
	assert_int_equal(add(d, 1, -1, -1), VR_OK);
	assert_int_equal(add(d, 2, 0, 0), VR_OK);
	vr_dedup_advance(d, (struct vr_wall){WINDOW - 1});
	assert_int_equal(vr_dedup_count(d), 2);
	vr_dedup_advance(d, (struct vr_wall){WINDOW});
	assert_int_equal(vr_dedup_count(d), 1);
	assert_true(has(d, 2, WINDOW));
	vr_dedup_advance(d, (struct vr_wall){WINDOW + 59999});
	assert_int_equal(vr_dedup_count(d), 1);
	vr_dedup_advance(d, (struct vr_wall){WINDOW + 60000});
	assert_int_equal(vr_dedup_count(d), 0);
	/* Nothing of it was ever stored: nothing to delete. */
	vr_dedup_changes(d, visit_nothing, NULL);
	vr_dedup_free(d);
}

static void first_seen(void *ctx, int64_t minute, struct vr_str bytes, enum vr_dedup_change change)
{
	static const unsigned char WANT[18] = {8, 7, 6, 5, 4, 3, 2, 1, 16, 15, 14, 13, 12, 11, 10, 9, 0x5f, 0xea};

	assert_int_equal(minute, -1);
	assert_int_equal(change, VR_DEDUP_SET);
	assert_int_equal(bytes.n, sizeof(WANT));
	assert_memory_equal(bytes.p, WANT, sizeof(WANT));
	++*(int *)ctx;
}

static void stored_form_is_as_told(void **state)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_dedup *d = dedup_new(&mem);
	struct vr_hash128 h = {UINT64_C(0x0102030405060708), UINT64_C(0x090a0b0c0d0e0f10)};
	int seen = 0;

	(void)state;
	assert_int_equal(vr_dedup_add(d, h, (struct vr_wall){-1}, (struct vr_wall){0}), VR_OK);
	vr_dedup_changes(d, first_seen, &seen);
	assert_int_equal(seen, 1);
	vr_dedup_free(d);
}

static void hostile_bytes_are_refused(void **state)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_dedup *d = dedup_new(&mem);
	char entry[36] = {0};

	(void)state;
	assert_int_equal(vr_dedup_load(d, 1, (struct vr_str){entry, 17}), VR_E_CORRUPT);
	assert_int_equal(vr_dedup_load(d, INT64_MAX, (struct vr_str){entry, 18}), VR_E_CORRUPT);
	assert_int_equal(vr_dedup_load(d, INT64_MIN, (struct vr_str){entry, 18}), VR_E_CORRUPT);
	entry[34] = (char)0x60, entry[35] = (char)0xea;
	assert_int_equal(vr_dedup_load(d, 1, (struct vr_str){entry, 36}), VR_E_CORRUPT);
	assert_int_equal(vr_dedup_count(d), 0);
	entry[34] = (char)0x5f;
	assert_int_equal(vr_dedup_load(d, 1, (struct vr_str){NULL, 0}), VR_OK);
	assert_int_equal(vr_dedup_load(d, 1, (struct vr_str){entry, 36}), VR_OK);
	assert_int_equal(vr_dedup_load(d, 1, (struct vr_str){entry, 36}), VR_E_CORRUPT);
	assert_int_equal(vr_dedup_count(d), 1);
	assert_true(vr_dedup_has(d, (struct vr_hash128){0, 0}, (struct vr_wall){119999 + WINDOW}));
	assert_true(vr_dedup_check(d));
	vr_dedup_free(d);
}

static void without_memory_nothing_changes(void **state)
{
	struct vr_test_mem t;
	struct vr_mem mem = vr_test_mem_of(&t);
	struct vr_dedup *d;
	size_t failures = 0;

	(void)state;
	t.left = 0;
	assert_int_equal(vr_dedup_new(&mem, (struct vr_span){WINDOW}, &d), VR_E_NOMEM);
	t.left = SIZE_MAX;
	d = dedup_new(&mem);
	for (uint64_t id = 0; id < 3000; id++) {
		int64_t now = (int64_t)id * 400;
		for (size_t granted = 0;; granted++, failures++) {
			t.left = granted;
			if (add(d, id, now, now) == VR_OK)
				break;
			assert_false(has(d, id, now));
			assert_int_equal(vr_dedup_count(d), id);
			assert_true(vr_dedup_check(d));
		}
	}
	assert_true(failures > 20);
	vr_dedup_free(d);
	assert_int_equal(t.bytes, 0);
}

static void the_ends_of_time_are_no_trap(void **state)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_dedup *d = dedup_new(&mem);
	int64_t first, last;

	(void)state;
	vr_dedup_advance(d, (struct vr_wall){INT64_MIN});
	assert_int_equal(add(d, 1, 5, INT64_MIN), VR_OK);
	assert_true(has(d, 1, INT64_MIN));
	vr_dedup_advance(d, (struct vr_wall){INT64_MAX});
	assert_int_equal(vr_dedup_count(d), 0);
	vr_dedup_range((struct vr_span){WINDOW}, (struct vr_wall){INT64_MIN}, &first, &last);
	assert_int_equal(first, last);
	vr_dedup_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_history_equals_the_naive_dictionary),
		cmocka_unit_test(the_edge_is_exact),
		cmocka_unit_test(minutes_go_when_they_are_over_and_stay_until_then),
		cmocka_unit_test(stored_form_is_as_told),
		cmocka_unit_test(hostile_bytes_are_refused),
		cmocka_unit_test(without_memory_nothing_changes),
		cmocka_unit_test(the_ends_of_time_are_no_trap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
