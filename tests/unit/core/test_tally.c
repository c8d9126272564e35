/* SPDX-License-Identifier: Apache-2.0 */
#include "vr_test.h"
#include "fail_pool.h"
#include "tally.h"

enum { STEPS = 6000, EVENTS_MAX = STEPS };

/* The naive tally: every add as (action, time, what is left of it in total order of arrival). */
struct note { int action; int64_t t; uint64_t left[VR_WINDOWS_MAX]; };
struct model { struct note note[EVENTS_MAX]; int n; int64_t now; uint64_t total[VR_ACTIONS_MAX]; };

static struct vr_windows windows_of(const char *text)
{
	struct vr_windows w;

	assert_int_equal(vr_windows_parse(vr_str_c(text), &w, NULL), VR_OK);
	return w;
}

static enum vr_err add(struct vr_series *s, struct vr_pool *pool, const struct vr_windows *w, int64_t now,
	int64_t at, uint64_t n, bool *late)
{
	struct vr_moment is = {0}, was = {0};
	vr_moment_set(&is, w, (struct vr_wall){now > at ? now : at});
	vr_moment_set(&was, w, (struct vr_wall){at});
	return vr_series_add(s, pool, w, &is, &was, n, late);
}

static bool is_in(int64_t t, int64_t now, int64_t width)
{
	return vr_bucket_of(t, width) > vr_bucket_of(now, width) - 30;
}

static uint64_t model_window(const struct model *m, int action, int64_t width, unsigned window, int64_t now)
{
	uint64_t sum = 0;

	for (int i = 0; i < m->n; i++)
		if (m->note[i].action == action && is_in(m->note[i].t, now, width))
			sum += m->note[i].left[window];
	return sum;
}

static uint64_t model_take(struct model *m, int action, int64_t width, unsigned window, int64_t at,
	uint64_t want)
{
	uint64_t taken = 0;

	for (int i = 0; i < m->n && taken < want && is_in(at, m->now, width); i++) {
		struct note *o = &m->note[i];
		uint64_t part = o->left[window] < want - taken ? o->left[window] : want - taken;
		if (o->action != action || vr_bucket_of(o->t, width) != vr_bucket_of(at, width))
			continue;
		o->left[window] -= part;
		taken += part;
	}
	return taken;
}

static void do_add(struct vr_tally *t, struct vr_pool *pool, const struct vr_windows *w, struct model *m,
	int action, int64_t at, uint64_t n)
{
	struct note *o = &m->note[m->n++];
	struct vr_series *s;
	bool late, want_late = true;

	*o = (struct note){action, at, {0}};
	m->now = at > m->now ? at : m->now;
	m->total[action] += n;
	for (unsigned i = 0; i < w->n; i++) {
		if (is_in(at, m->now, w->width_ms[i])) {
			o->left[i] = n;
			want_late = false;
		}
	}
	assert_int_equal(vr_tally_series(t, pool, w, (enum vr_action)action, &s), VR_OK);
	assert_int_equal(add(s, pool, w, m->now, at, n, &late), VR_OK);
	assert_int_equal(late, want_late);
}

static void do_take(struct vr_tally *t, const struct vr_windows *w, struct model *m, int action, int64_t at,
	uint64_t n)
{
	struct vr_series *s = vr_tally_find(t, (enum vr_action)action);
	struct vr_taken want = {.total = n}, got;
	uint64_t total = n < m->total[action] ? n : m->total[action];

	if (!s)
		return;
	for (unsigned i = 0; i < w->n; i++)
		want.window[i] = n;
	vr_series_take(s, w, (struct vr_wall){m->now}, (struct vr_wall){at}, &want, &got);
	assert_int_equal(got.total, total);
	m->total[action] -= total;
	for (unsigned i = 0; i < VR_WINDOWS_MAX; i++)
		assert_int_equal(got.window[i], i < w->n ? model_take(m, action, w->width_ms[i], i, at, n) : 0);
}

static int64_t model_next_leave(const struct vr_tally *t, const struct vr_windows *w)
{
	int64_t next = INT64_MAX;

	for (unsigned i = 0; i < t->n; i++)
		for (unsigned j = 0; j < w->n; j++)
			for (unsigned b = 0; b < vr_tally_at(t)[i]->ring[j].n; b++) {
				int64_t at = (vr_ring_at(&vr_tally_at(t)[i]->ring[j])[b].k + 30) * w->width_ms[j];
				next = at < next ? at : next;
			}
	return next;
}

static void compare(const struct vr_tally *t, const struct vr_windows *w, const struct model *m, int64_t now)
{
	bool empty = true;

	assert_true(vr_tally_check(t, w));
	for (int a = 0; a < VR_ACTIONS_MAX; a++) {
		assert_int_equal(vr_tally_total(t, (enum vr_action)a), m->total[a]);
		for (unsigned i = 0; i < w->n; i++) {
			uint64_t want = model_window(m, a, w->width_ms[i], i, now);
			assert_int_equal(vr_tally_window(t, w, (enum vr_action)a, i, (struct vr_wall){now}), want);
			empty = empty && want == 0;
		}
	}
	assert_int_equal(vr_tally_empty(t, w, (struct vr_wall){now}), empty);
	assert_int_equal(vr_tally_next_leave(t, w), model_next_leave(t, w));
}

static void assert_same(const struct vr_tally *a, const struct vr_tally *b, const struct vr_windows *w)
{
	assert_int_equal(a->n, b->n);
	for (unsigned i = 0; i < a->n; i++) {
		assert_int_equal(vr_tally_at(a)[i]->action, vr_tally_at(b)[i]->action);
		assert_int_equal(vr_tally_at(a)[i]->total, vr_tally_at(b)[i]->total);
		assert_true(vr_tally_at(b)[i]->shown_total == VR_UNSHOWN);
		for (unsigned j = 0; j < w->n; j++) {
			const struct vr_ring *x = &vr_tally_at(a)[i]->ring[j], *y = &vr_tally_at(b)[i]->ring[j];
			assert_int_equal(x->n, y->n);
			assert_int_equal(x->sum, y->sum);
			assert_true(y->shown == VR_UNSHOWN);
			assert_memory_equal(vr_ring_at(x), vr_ring_at(y), x->n * sizeof(struct vr_bucket));
		}
	}
}

static void round_trip(const struct vr_tally *t, struct vr_pool *pool, const struct vr_windows *w,
	struct vr_mem *mem)
{
	struct vr_tally back = {0};
	struct vr_buf b;
	struct vr_rd rd;

	vr_buf_init(&b, mem);
	vr_tally_encode(t, w, &b);
	assert_false(b.failed);
	rd = vr_rd_of(vr_buf_str(&b));
	assert_int_equal(vr_tally_decode(&back, pool, w, &rd), VR_OK);
	assert_ptr_equal(rd.p, rd.end);
	assert_true(vr_tally_check(&back, w));
	assert_same(t, &back, w);
	vr_tally_done(&back, pool, w);
	vr_buf_done(&b);
}

static int64_t any_step(struct vr_rng *rng)
{
	static const int64_t TOP[] = {5, 50, 500, 5000, 60000};

	return (int64_t)vr_rng_below(rng, (uint64_t)TOP[vr_rng_below(rng, 5)]);
}

static void any_step_of(struct vr_tally *t, struct vr_pool *pool, const struct vr_windows *w, struct model *m,
	struct vr_rng *rng)
{
	int action = (int)vr_rng_below(rng, 5) * 3;
	uint64_t what = vr_rng_below(rng, 20), n = 1 + vr_rng_below(rng, 5);

	if (what < 10)
		do_add(t, pool, w, m, action, m->now + any_step(rng) / 8, n);
	else if (what < 14)
		do_add(t, pool, w, m, action, m->now - any_step(rng) * 2, n);
	else if (what < 19)
		do_take(t, w, m, action, m->now - any_step(rng), n);
	else
		for (unsigned i = 0; i < t->n; i++)
			vr_series_advance(vr_tally_at(t)[i], w, (struct vr_wall){m->now});
}

static void run_history(const char *windows, int64_t start, int steps)
{
	static struct model m;
	struct vr_rng rng = vr_rng_new();
	struct vr_windows w = windows_of(windows);
	struct vr_test_mem tm;
	struct vr_mem mem = vr_test_mem_of(&tm);
	struct vr_tally t = {0};
	struct vr_pool pool;

	m = (struct model){.now = start};
	vr_pool_init(&pool, &mem);
	for (int i = 0; i < steps; i++) {
		any_step_of(&t, &pool, &w, &m, &rng);
		assert_true(vr_tally_check(&t, &w));
		if (i % 16 == 0)
			compare(&t, &w, &m, m.now + any_step(&rng));
		if (i % 64 == 0)
			round_trip(&t, &pool, &w, &mem);
	}
	vr_tally_done(&t, &pool, &w);
	assert_int_equal(pool.used, 0);
	vr_pool_done(&pool);
	assert_int_equal(tm.bytes, 0);
}

static void any_history_equals_the_naive_tally(void **state)
{
	(void)state;
	run_history("3s 9s 1m 1h", 1760000000000, STEPS);
	run_history("30ms", -40000, 1000);
	run_history("30ms 300ms 3s 30s 5m 1h 24h 30d", -3600000, 1500);
}

static struct vr_series *series_of(struct vr_tally *t, struct vr_pool *pool, const struct vr_windows *w)
{
	struct vr_series *s = NULL;

	assert_int_equal(vr_tally_series(t, pool, w, VR_ACTION_SHARE, &s), VR_OK);
	return s;
}

static void bucket_leaves_at_its_exact_millisecond(void **state)
{
	struct vr_windows w = windows_of("1m");
	struct vr_mem mem = vr_mem_heap();
	struct vr_tally t = {0};
	struct vr_pool pool;
	bool late;

	(void)state;
	vr_pool_init(&pool, &mem);
	assert_int_equal(add(series_of(&t, &pool, &w), &pool, &w, 1999, 1999, 4, &late), VR_OK);
	assert_int_equal(vr_tally_next_leave(&t, &w), 60000);
	assert_int_equal(vr_tally_window(&t, &w, VR_ACTION_SHARE, 0, (struct vr_wall){59999}), 4);
	assert_int_equal(vr_tally_window(&t, &w, VR_ACTION_SHARE, 0, (struct vr_wall){60000}), 0);
	assert_int_equal(add(t.at.few[0], &pool, &w, 60000, 1999, 1, &late), VR_OK);
	assert_true(late);
	assert_int_equal(add(t.at.few[0], &pool, &w, 60000, 2000, 1, &late), VR_OK);
	assert_false(late);
	assert_int_equal(vr_tally_total(&t, VR_ACTION_SHARE), 6);
	assert_int_equal(vr_tally_window(&t, &w, VR_ACTION_SHARE, 0, (struct vr_wall){60000}), 1);
	vr_pool_done(&pool);
}

static void content_seen_once_is_stored_in_thirty_bytes(void **state)
{
	struct vr_windows w = windows_of("1m 5m 1h 24h");
	struct vr_mem mem = vr_mem_heap();
	struct vr_wall now = {1760000000000};
	struct vr_tally t = {0};
	struct vr_pool pool;
	struct vr_buf b;
	bool late;

	(void)state;
	vr_pool_init(&pool, &mem);
	vr_buf_init(&b, &mem);
	assert_int_equal(add(series_of(&t, &pool, &w), &pool, &w, now.ms, now.ms, 1, &late), VR_OK);
	assert_true(t.at.few[0]->shown_total == VR_UNSHOWN);
	vr_tally_encode(&t, &w, &b);
	assert_in_range(b.n, 20, 30);
	vr_buf_done(&b);
	vr_pool_done(&pool);
}

static void counts_stop_at_the_limit(void **state)
{
	struct vr_windows w = windows_of("1m 1h");
	struct vr_mem mem = vr_mem_heap();
	struct vr_taken want = {UINT64_MAX, {UINT64_MAX, UINT64_MAX}}, got;
	struct vr_wall at = {12345};
	struct vr_tally t = {0};
	struct vr_pool pool;
	bool late;

	(void)state;
	vr_pool_init(&pool, &mem);
	for (int i = 0; i < 3; i++) {
		struct vr_series *s = series_of(&t, &pool, &w);
		assert_int_equal(add(s, &pool, &w, at.ms, at.ms, VR_COUNT_MAX / 2, &late), VR_OK);
		assert_true(vr_tally_check(&t, &w));
	}
	assert_int_equal(vr_tally_total(&t, VR_ACTION_SHARE), VR_COUNT_MAX);
	assert_int_equal(vr_tally_window(&t, &w, VR_ACTION_SHARE, 1, at), VR_COUNT_MAX);
	round_trip(&t, &pool, &w, &mem);
	vr_series_take(t.at.few[0], &w, at, at, &want, &got);
	assert_int_equal(got.total, VR_COUNT_MAX);
	assert_int_equal(got.window[0], VR_COUNT_MAX);
	assert_true(vr_tally_empty(&t, &w, at));
	vr_pool_done(&pool);
}

/* Every step is first tried with every number of blocks too few: it must fail and change nothing. */
static void try_with_too_little(struct vr_tally *t, struct vr_pool *pool, const struct vr_windows *w,
	struct vr_wall now, enum vr_action action, struct vr_buf *before, struct vr_buf *after)
{
	struct vr_series *s;
	enum vr_err err;
	bool late;

	for (size_t granted = 0;; granted++) {
		for (unsigned j = 0; j < t->n; j++)
			vr_series_advance(vr_tally_at(t)[j], w, now);
		vr_buf_clear(before);
		vr_buf_clear(after);
		vr_tally_encode(t, w, before);
		fail_pool_left = granted;
		s = vr_tally_find(t, action);
		err = s ? add(s, pool, w, now.ms, now.ms, 1, &late) : vr_tally_series(t, pool, w, action, &s);
		fail_pool_left = SIZE_MAX;
		if (!err)
			return;
		assert_int_equal(err, VR_E_NOMEM);
		assert_true(vr_tally_check(t, w));
		vr_tally_encode(t, w, after);
		assert_true(vr_str_eq(vr_buf_str(before), vr_buf_str(after)));
	}
}

static void decode_with_too_little(struct vr_pool *pool, const struct vr_windows *w, struct vr_str bytes)
{
	struct vr_tally t = {0};
	size_t used = pool->used, granted = 0;
	struct vr_rd rd = vr_rd_of(bytes);

	for (fail_pool_left = 0; vr_tally_decode(&t, pool, w, &rd) != VR_OK; fail_pool_left = ++granted) {
		assert_int_equal(t.n, 0);
		assert_int_equal(pool->used, used);
		rd = vr_rd_of(bytes);
	}
	fail_pool_left = SIZE_MAX;
	assert_in_range(granted, 10, 200);
	vr_tally_done(&t, pool, w);
}

static void without_memory_nothing_changes(void **state)
{
	struct vr_windows w = windows_of("3s 6s 9s 12s");
	struct vr_mem mem = vr_mem_heap();
	struct vr_tally t = {0};
	struct vr_pool pool;
	struct vr_buf before, after;

	(void)state;
	vr_pool_init(&pool, &mem);
	vr_buf_init(&before, &mem);
	vr_buf_init(&after, &mem);
	for (int64_t i = 0; i < 200; i++) {
		struct vr_wall now = {i * 170};
		try_with_too_little(&t, &pool, &w, now, (enum vr_action)(i % 5), &before, &after);
	}
	vr_buf_clear(&before);
	vr_tally_encode(&t, &w, &before);
	decode_with_too_little(&pool, &w, vr_buf_str(&before));
	vr_buf_done(&before);
	vr_buf_done(&after);
	vr_tally_done(&t, &pool, &w);
	assert_int_equal(pool.used, 0);
	vr_pool_done(&pool);
}

static enum vr_err decode(const unsigned char *p, size_t n, struct vr_pool *pool, const struct vr_windows *w)
{
	struct vr_rd rd = vr_rd_of((struct vr_str){(const char *)p, n});
	struct vr_tally t = {0};
	enum vr_err err = vr_tally_decode(&t, pool, w, &rd);

	assert_true(err ? t.n == 0 : vr_tally_check(&t, w));
	vr_tally_done(&t, pool, w);
	return err;
}

static void hostile_bytes_are_refused(void **state)
{
	static const struct { unsigned char p[20]; size_t n; } BAD[] = {
		{{0}, 0},			/* nothing */
		{{14}, 1},			/* more series than actions */
		{{1, 3, 1}, 3},			/* cut off */
		{{1, 13, 1, 0}, 4},		/* no such action */
		{{2, 3, 1, 0, 3, 1, 0}, 7},	/* an action twice */
		{{2, 3, 1, 0, 2, 1, 0}, 7},	/* falling actions */
		{{1, 3, 1, 31}, 4},		/* too many buckets */
		{{1, 3, 1, 1, 2, 0}, 6},	/* an empty bucket */
		{{1, 3, 1, 2, 2, 1, 0, 1}, 8},	/* a bucket twice */
		{{1, 3, 1, 2, 2, 1, 30, 1}, 8},	/* too wide */
		{{1, 3, 1, 3, 2, 1, 29, 1, 1, 1}, 10},	/* too wide in all */
		{{1, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0}, 13},	/* total over the limit */
		{{1, 3, 1, 2, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 1}, 16},	/* sum over it */
		{{1, 3, 1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1}, 15},	/* before all time */
	};
	struct vr_windows w = windows_of("1m");
	struct vr_mem mem = vr_mem_heap();
	struct vr_pool pool;

	(void)state;
	vr_pool_init(&pool, &mem);
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
		assert_int_equal(decode(BAD[i].p, BAD[i].n, &pool, &w), VR_E_CORRUPT);
	assert_int_equal(decode((const unsigned char[]){1, 3, 1, 2, 2, 1, 29, 1}, 8, &pool, &w), VR_OK);
	assert_int_equal(pool.used, 0);
	vr_pool_done(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_history_equals_the_naive_tally),
		cmocka_unit_test(bucket_leaves_at_its_exact_millisecond),
		cmocka_unit_test(content_seen_once_is_stored_in_thirty_bytes),
		cmocka_unit_test(counts_stop_at_the_limit),
		cmocka_unit_test(without_memory_nothing_changes),
		cmocka_unit_test(hostile_bytes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
