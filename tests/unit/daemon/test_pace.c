/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "replay/pace.h"

/* Nobody would be disturbed, and Redis answers at once. */
static const struct vr_span NOBODY = {-1}, CALM = {0}, MAX_LAG = {2000}, MAX_LATENCY = {100};

static struct vr_mono at(int64_t ms) { return (struct vr_mono){ms}; }

static void begin(struct vr_pace *p, int64_t cap) { vr_pace_init(p, cap, MAX_LAG, MAX_LATENCY, at(1000)); }

/* All that may be taken now, a batch at a time. */
static size_t take(struct vr_pace *p, int64_t ms)
{
	size_t sum = 0, n;
	while ((n = vr_pace_ask(p, 500, at(ms))) > 0) {
		vr_pace_took(p, n);
		sum += n;
	}
	return sum;
}

static void no_more_than_the_cap_is_given(void **state)
{
	struct vr_pace p;
	size_t sum = 0;
	(void)state;
	begin(&p, 3000);
	assert_int_equal(take(&p, 1000), 0);
	for (int64_t ms = 1010; ms <= 11000; ms += 10) {
		sum += take(&p, ms);
		vr_pace_tell(&p, CALM, CALM, at(ms));
	}
	assert_in_range(sum, 29920, 30000);	/* less than a portion may be left */
	assert_true(p.rate <= 3000);
	vr_pace_done(&p);
}

static void who_rests_does_not_save_up(void **state)
{
	struct vr_pace p;
	(void)state;
	begin(&p, 3000);
	assert_int_equal(take(&p, 61000), 300);		/* a tenth of a second */
	vr_pace_done(&p);
}

static void one_record_a_second_is_one_record_a_second(void **state)
{
	struct vr_pace p;
	size_t sum = 0;
	(void)state;
	begin(&p, 1);
	for (int64_t ms = 1000; ms <= 11000; ms += 100)
		sum += take(&p, ms);
	assert_in_range(sum, 9, 10);
	vr_pace_done(&p);
}

static void what_is_taken_beyond_is_owed(void **state)
{
	struct vr_pace p;
	(void)state;
	begin(&p, 1000);
	assert_int_equal(vr_pace_ask(&p, 500, at(1100)), 100);
	vr_pace_took(&p, 300);		/* a batch that was there already */
	assert_int_equal(vr_pace_ask(&p, 500, at(1200)), 0);
	assert_int_equal(vr_pace_ask(&p, 500, at(1299)), 0);
	assert_int_equal(vr_pace_ask(&p, 500, at(1350)), 50);
	vr_pace_done(&p);
}

static void it_is_not_given_in_crumbs(void **state)
{
	struct vr_pace p;
	(void)state;
	begin(&p, 1000);
	assert_int_equal(vr_pace_ask(&p, 500, at(1024)), 0);
	assert_int_equal(vr_pace_ask(&p, 20, at(1024)), 20);		/* all that he wants */
	assert_int_equal(vr_pace_ask(&p, 500, at(1025)), 25);
	vr_pace_done(&p);
}

static void a_clock_read_too_early_takes_nothing_back(void **state)
{
	struct vr_pace p;
	(void)state;
	begin(&p, 1000);
	assert_int_equal(vr_pace_ask(&p, 500, at(1100)), 100);
	assert_int_equal(vr_pace_ask(&p, 500, at(1050)), 100);
	assert_int_equal(vr_pace_ask(&p, 500, at(1100)), 100);
	vr_pace_done(&p);
}

/* What becomes of a rate in a second of ten looks, in which more was wanted than was given, or not. */
static double second(struct vr_pace *p, int64_t *ms, bool wanted, struct vr_span lag, struct vr_span latency)
{
	double was = p->rate;
	for (int i = 0; i < 10; i++) {
		*ms += 100;
		if (wanted)
			take(p, *ms);
		vr_pace_tell(p, lag, latency, at(*ms));
	}
	return p->rate / was;
}

static void it_grows_where_it_is_too_low_and_only_there(void **state)
{
	struct vr_pace p;
	int64_t ms = 1000;
	(void)state;
	begin(&p, 0);
	assert_true(second(&p, &ms, false, CALM, CALM) == 1);		/* nobody asked */
	assert_int_equal(vr_pace_ask(&p, 500, at(ms)), 500);
	vr_pace_tell(&p, CALM, CALM, at(ms + 100));
	assert_true(p.rate == 50000);					/* all was given */
	for (int i = 0; i < 20; i++)
		assert_true(second(&p, &ms, true, CALM, CALM) > 1.2);
	assert_true(second(&p, &ms, false, CALM, CALM) == 1);
	vr_pace_done(&p);
}

/* Batches that are as large as what is given at a time, and long pauses: somebody goes short, but a third is taken. */
static void what_is_not_used_up_does_not_grow(void **state)
{
	struct vr_pace p;
	int64_t ms = 1000;
	(void)state;
	begin(&p, 0);
	for (int i = 0; i < 100; i++) {
		ms += 100;
		(void)vr_pace_ask(&p, 100000, at(ms));
		vr_pace_took(&p, 1700);
		vr_pace_tell(&p, CALM, CALM, at(ms));
	}
	assert_true(p.is_short == false && p.rate >= 50000 && p.rate < 80000);
	vr_pace_done(&p);
}

static void with_nobody_to_disturb_it_is_fast_at_once(void **state)
{
	struct vr_pace p;
	int64_t ms = 1000;
	(void)state;
	begin(&p, 0);
	second(&p, &ms, true, NOBODY, CALM);
	second(&p, &ms, true, NOBODY, CALM);
	assert_true(p.rate > 500000);
	assert_true(second(&p, &ms, true, NOBODY, (struct vr_span){400}) < 0.1);	/* but Redis may be somebody else's */
	vr_pace_done(&p);
}

static void the_further_from_the_limit_the_larger_the_step(void **state)
{
	static const struct { struct vr_span lag, latency; const char *held; double least, most; } looks[] = {
		{{0}, {0}, NULL, 1.3, 1.5}, {{1000}, {0}, NULL, 1.1, 1.3}, {{1000}, {90}, NULL, 1.02, 1.05}, {{1900}, {90}, NULL, 1.01, 1.05},
		{{2000}, {100}, NULL, 1, 1}, {{2200}, {100}, "live lags", 0.85, 0.95}, {{2000}, {110}, "Redis is slow", 0.85, 0.95},
		{{4000}, {0}, "live lags", 0.3, 0.4}, {{4000}, {900}, "live lags", 0.01, 0.06}, {{9000000}, {0}, "live lags", 0.01, 0.06}};
	(void)state;
	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
		struct vr_pace p;
		int64_t ms = 1000;
		begin(&p, 0);
		double factor = second(&p, &ms, true, looks[i].lag, looks[i].latency);
		assert_true(factor >= looks[i].least - 1e-9 && factor <= looks[i].most + 1e-9);
		if (looks[i].held)
			assert_string_equal(vr_pace_held(&p), looks[i].held);
		else
			assert_null(vr_pace_held(&p));
		vr_pace_done(&p);
	}
}

/* It is time that counts, not how often one looks. */
static void seldom_looks_do_as_much(void **state)
{
	struct vr_pace p, q;
	int64_t ms = 1000;
	(void)state;
	begin(&p, 0);
	begin(&q, 0);
	second(&p, &ms, true, (struct vr_span){3000}, CALM);
	vr_pace_tell(&q, (struct vr_span){3000}, CALM, at(2000));
	assert_true(p.rate / q.rate > 0.999 && p.rate / q.rate < 1.001);
	vr_pace_tell(&q, (struct vr_span){3000}, CALM, at(1500));	/* a clock that was read before */
	assert_true(p.rate / q.rate > 0.999 && p.rate / q.rate < 1.001);
	vr_pace_done(&p);
	vr_pace_done(&q);
}

/* A live whose waits grow with the replay's rate, told late: the rate settles where they are as long as they may be. */
static void it_comes_to_rest_at_the_limit(void **state)
{
	struct vr_pace p;
	int64_t ms = 1000, told[4] = {0};	/* the last words, a second each */
	(void)state;
	begin(&p, 0);
	for (int s = 0; s < 120; s++) {
		told[s % 4] = 800 + (int64_t)(p.rate / 100);	/* 2,000 at 120,000 a second */
		second(&p, &ms, true, (struct vr_span){told[(s + 2) % 4]}, CALM);
		if (s > 60)
			assert_true(p.rate > 90000 && p.rate < 150000);
	}
	vr_pace_done(&p);
}

static void it_never_stands_still(void **state)
{
	struct vr_pace p;
	(void)state;
	begin(&p, 0);
	for (int i = 0; i < 100; i++)
		vr_pace_tell(&p, (struct vr_span){60000}, CALM, at(1000 + 1000 * i));
	assert_true(p.rate == 1000);
	vr_pace_done(&p);
	begin(&p, 20);
	for (int i = 0; i < 100; i++)
		vr_pace_tell(&p, (struct vr_span){60000}, CALM, at(1000 + 1000 * i));
	assert_true(p.rate == 20);
	vr_pace_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_more_than_the_cap_is_given),
		cmocka_unit_test(who_rests_does_not_save_up),
		cmocka_unit_test(one_record_a_second_is_one_record_a_second),
		cmocka_unit_test(what_is_taken_beyond_is_owed),
		cmocka_unit_test(it_is_not_given_in_crumbs),
		cmocka_unit_test(a_clock_read_too_early_takes_nothing_back),
		cmocka_unit_test(it_grows_where_it_is_too_low_and_only_there),
		cmocka_unit_test(what_is_not_used_up_does_not_grow),
		cmocka_unit_test(with_nobody_to_disturb_it_is_fast_at_once),
		cmocka_unit_test(the_further_from_the_limit_the_larger_the_step),
		cmocka_unit_test(seldom_looks_do_as_much),
		cmocka_unit_test(it_comes_to_rest_at_the_limit),
		cmocka_unit_test(it_never_stands_still),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
