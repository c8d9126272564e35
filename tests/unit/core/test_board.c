/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "vr_test.h"
#include "board.h"

struct member { char id[40]; double score; bool in, is_gone; };
struct crowd { struct member *m; size_t n, alive; };

static double score_of(const void *ctx, const void *member)
{
	(void)ctx;
	return ((const struct member *)member)->score;
}

static struct vr_str id_of(const void *ctx, const void *member)
{
	(void)ctx;
	return vr_str_c(((const struct member *)member)->id);
}

static void *next_of(const void *ctx, void *member)
{
	const struct crowd *c = ctx;

	for (struct member *m = member ? (struct member *)member + 1 : c->m; m < c->m + c->n; m++)
		if (!m->is_gone)
			return m;
	return NULL;
}

static bool is_in(const void *ctx, const void *member)
{
	(void)ctx;
	return ((const struct member *)member)->in;
}

static void set_in(const void *ctx, void *member, bool in)
{
	(void)ctx;
	assert_int_not_equal(((struct member *)member)->in, in);
	((struct member *)member)->in = in;
}

static struct vr_board_source source_of(const struct crowd *c)
{
	return (struct vr_board_source){score_of, id_of, next_of, is_in, set_in, c};
}

static struct crowd crowd_of(size_t n, struct vr_rng *rng, const char *prefix)
{
	struct crowd c = {calloc(n, sizeof(struct member)), n, n};

	assert_non_null(c.m);
	for (size_t i = 0; i < n; i++)
		(void)snprintf(c.m[i].id, sizeof(c.m[i].id), "%s%08x%zx", prefix, (unsigned)vr_rng_next(rng), i);
	return c;
}

static int by_order(const void *a, const void *b)
{
	const struct member *x = *(struct member *const *)a, *y = *(struct member *const *)b;

	if (x->score > y->score || x->score < y->score)
		return x->score > y->score ? -1 : 1;
	return -strcmp(x->id, y->id);
}

/* The naive board: sort everybody. */
static size_t naive_best(const struct crowd *c, struct member **ret)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		if (!c->m[i].is_gone && c->m[i].score > 0)
			ret[n++] = &c->m[i];
	qsort(ret, n, sizeof(struct member *), by_order);
	return n;
}

static void compare(struct vr_board *b, const struct crowd *c, size_t wanted)
{
	struct member **want = calloc(c->n, sizeof(struct member *));
	struct vr_board_source src = source_of(c);
	const struct vr_board_row *row;
	size_t n, all;

	assert_non_null(want);
	all = naive_best(c, want);
	n = vr_board_best(b, &src, c->alive, &row);
	assert_int_equal(n, all < wanted ? all : wanted);
	for (size_t i = 0; i < n; i++) {
		assert_ptr_equal(row[i].member, want[i]);
		assert_true(row[i].score >= want[i]->score && row[i].score <= want[i]->score);
	}
	assert_true(vr_board_check(b, &src));
	free(want);
}

static void rise(struct vr_board *b, const struct crowd *c, struct member *m, double by)
{
	struct vr_board_source src = source_of(c);

	m->score += by;
	vr_board_raise(b, &src, m, m->score);
}

/* Time: everybody loses a part, some all. */
static void drain(const struct crowd *c, struct vr_rng *rng)
{
	uint64_t keep = vr_rng_below(rng, 4);

	for (size_t i = 0; i < c->n; i++) {
		struct member *m = &c->m[i];
		if (m->score > 0 && vr_rng_below(rng, 4) >= keep)
			m->score = (double)vr_rng_below(rng, (uint64_t)m->score + 1);
	}
}

static void leave(struct vr_board *b, struct crowd *c, struct member *m)
{
	struct vr_board_source src = source_of(c);

	if (m->is_gone)
		return;
	vr_board_drop(b, &src, m);
	assert_false(m->in);
	m->is_gone = true;
	m->score = 0;
	c->alive--;
}

static void come_back(struct crowd *c, struct member *m)
{
	c->alive += m->is_gone;
	m->is_gone = false;
}

static void run_history(size_t members, uint32_t n, int steps, int every, uint64_t top)
{
	struct vr_rng rng = vr_rng_new();
	struct crowd c = crowd_of(members, &rng, "");
	struct vr_board_source src = source_of(&c);
	struct vr_test_mem t;
	struct vr_mem mem = vr_test_mem_of(&t);
	struct vr_board *b;

	assert_int_equal(vr_board_new(&mem, n, &b), VR_OK);
	for (int i = 0; i < steps; i++) {
		struct member *m = &c.m[vr_rng_below(&rng, members)];
		uint64_t what = vr_rng_below(&rng, 1000);
		if (what < 20)
			leave(b, &c, m);
		else if (!m->is_gone)
			rise(b, &c, m, (double)(1 + vr_rng_below(&rng, vr_rng_below(&rng, 50) ? 2 : top)));
		else
			come_back(&c, m);
		if (i % (every * 5) == every)
			drain(&c, &rng);
		if (i % every == 0)
			compare(b, &c, n);
		else if (members <= 1000)
			assert_true(vr_board_check(b, &src));
	}
	compare(b, &c, n);
	assert_in_range(t.bytes, 0, 17 * n * sizeof(struct vr_board_row) + 512);
	vr_board_free(b);
	assert_int_equal(t.bytes, 0);
	free(c.m);
}

static void few_members_equal_the_naive_sort(void **state)
{
	(void)state;
	run_history(3, 5, 2000, 1, 10);
	run_history(40, 1, 3000, 3, 10);
	run_history(300, 3, 6000, 7, 5);
	run_history(1000, 10, 4000, 50, 100);
}

static void a_hundred_thousand_equal_the_naive_sort(void **state)
{
	(void)state;
	run_history(100000, 100, 1000000, 40000, 1000);
}

/* All alike in score and in the first bytes of the id: the id alone decides. */
static void ties_go_by_id(void **state)
{
	struct vr_rng rng = vr_rng_new();
	struct crowd c = crowd_of(5000, &rng, "same");
	struct vr_mem mem = vr_mem_heap();
	struct vr_board *b;

	(void)state;
	assert_int_equal(vr_board_new(&mem, 20, &b), VR_OK);
	for (size_t i = 0; i < c.n; i++)
		rise(b, &c, &c.m[i], 1);
	compare(b, &c, 20);
	vr_board_free(b);
	vr_board_free(NULL);
	free(c.m);
}

static void nobody_with_nothing_is_on_it(void **state)
{
	struct vr_rng rng = vr_rng_new();
	struct crowd c = crowd_of(10, &rng, "");
	struct vr_board_source src = source_of(&c);
	struct vr_mem mem = vr_mem_heap();
	const struct vr_board_row *row;
	struct vr_board *b;

	(void)state;
	assert_int_equal(vr_board_new(&mem, 5, &b), VR_OK);
	assert_int_equal(vr_board_best(b, &src, c.n, &row), 0);
	vr_board_raise(b, &src, &c.m[0], 0);
	vr_board_raise(b, &src, &c.m[1], -1);
	vr_board_raise(b, &src, &c.m[2], (double)NAN);
	assert_int_equal(vr_board_best(b, &src, c.n, &row), 0);
	rise(b, &c, &c.m[3], 2);
	assert_int_equal(vr_board_best(b, &src, c.n, &row), 1);
	c.m[3].score = 0;
	assert_int_equal(vr_board_best(b, &src, c.n, &row), 0);
	assert_false(c.m[3].in);
	vr_board_free(b);
	free(c.m);
}

static void without_memory_it_catches_up_later(void **state)
{
	struct vr_rng rng = vr_rng_new();
	struct crowd c = crowd_of(400, &rng, "");
	struct vr_test_mem t;
	struct vr_mem mem = vr_test_mem_of(&t);
	struct vr_board *b;

	(void)state;
	t.left = 0;
	assert_int_equal(vr_board_new(&mem, 10, &b), VR_E_NOMEM);
	for (size_t granted = 1; granted < 6; granted++) {
		t.left = granted;
		assert_int_equal(vr_board_new(&mem, 10, &b), VR_OK);
		for (size_t i = 0; i < c.n; i++)
			rise(b, &c, &c.m[i], (double)(1 + vr_rng_below(&rng, 9)));
		t.left = SIZE_MAX;
		compare(b, &c, 10);
		vr_board_free(b);
		for (size_t i = 0; i < c.n; i++)
			c.m[i].in = false;
	}
	assert_int_equal(t.bytes, 0);
	free(c.m);
}

static void check_sees_who_is_missing(void **state)
{
	struct vr_rng rng = vr_rng_new();
	struct crowd c = crowd_of(10, &rng, "");
	struct vr_board_source src = source_of(&c);
	struct vr_mem mem = vr_mem_heap();
	struct vr_board *b;

	(void)state;
	assert_int_equal(vr_board_new(&mem, 2, &b), VR_OK);
	c.m[4].score = 3;
	assert_false(vr_board_check(b, &src));
	c.m[4].in = true;
	assert_false(vr_board_check(b, &src));
	c.m[4].in = false;
	vr_board_raise(b, &src, &c.m[4], 3);
	assert_true(vr_board_check(b, &src));
	vr_board_free(b);
	free(c.m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_members_equal_the_naive_sort),
		cmocka_unit_test(a_hundred_thousand_equal_the_naive_sort),
		cmocka_unit_test(ties_go_by_id),
		cmocka_unit_test(nobody_with_nothing_is_on_it),
		cmocka_unit_test(without_memory_it_catches_up_later),
		cmocka_unit_test(check_sees_who_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
