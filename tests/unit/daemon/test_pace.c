/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "replay/pace.h"

static const struct vr_span CALM = {0}, MAX_LAG = {2000}, MAX_LATENCY = {100};

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
		vr_pace_tell(&p, CALM, true, CALM);
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

static void it_grows_where_it_is_too_low_and_only_there(void **state)
{
	struct vr_pace p;
	(void)state;
	begin(&p, 0);
	double first = p.rate;
	vr_pace_tell(&p, CALM, true, CALM);
	assert_true(p.rate == first);		/* nobody asked */
	assert_int_equal(vr_pace_ask(&p, 500, at(2000)), 500);
	vr_pace_tell(&p, CALM, true, CALM);
	assert_true(p.rate == first);		/* all was given */
	int64_t ms = 2000;
	while (p.rate < 1e6) {
		double was = p.rate;
		take(&p, ms += 100);
		vr_pace_tell(&p, CALM, true, CALM);
		assert_true(p.rate > was);
		assert_true(ms < 12000);
	}
	double last = p.rate;
	assert_int_equal(vr_pace_ask(&p, 1, at(ms + 100)), 1);
	vr_pace_tell(&p, CALM, true, CALM);
	assert_true(p.rate == last);
	vr_pace_done(&p);
}

static void it_halves_while_live_lags_or_redis_is_slow(void **state)
{
	static const struct { struct vr_span lag, latency; const char *held; double factor; } looks[] = {
		{{2000}, {100}, NULL, 1}, {{2001}, {100}, "live lags", 0.5}, {{2000}, {101}, "Redis is slow", 0.5}, {{-1}, {0}, NULL, 1},
		{{9000}, {900}, "live lags", 0.5}};
	struct vr_pace p;
	(void)state;
	begin(&p, 0);
	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
		double was = p.rate;
		vr_pace_tell(&p, looks[i].lag, true, looks[i].latency);
		assert_true(p.rate == was * looks[i].factor);
		if (looks[i].held)
			assert_string_equal(vr_pace_held(&p), looks[i].held);
		else
			assert_null(vr_pace_held(&p));
	}
	vr_pace_done(&p);
}

static void a_word_of_live_counts_once(void **state)
{
	struct vr_pace p;
	(void)state;
	begin(&p, 0);
	double first = p.rate;
	vr_pace_tell(&p, (struct vr_span){9000}, true, CALM);
	for (int i = 0; i < 9; i++) {
		take(&p, 2000 + 100 * i);
		vr_pace_tell(&p, (struct vr_span){9000}, false, CALM);
		assert_string_equal(vr_pace_held(&p), "live lags");
	}
	assert_true(p.rate == first / 2);		/* nor does it grow meanwhile */
	vr_pace_tell(&p, (struct vr_span){9000}, false, (struct vr_span){900});
	assert_true(p.rate == first / 4);		/* Redis' latency is measured each time */
	vr_pace_tell(&p, (struct vr_span){9000}, true, CALM);
	assert_true(p.rate == first / 8);
	vr_pace_done(&p);
}

static void it_never_stands_still(void **state)
{
	struct vr_pace p;
	(void)state;
	begin(&p, 0);
	for (int i = 0; i < 100; i++)
		vr_pace_tell(&p, (struct vr_span){60000}, true, CALM);
	assert_true(p.rate == 1000);
	vr_pace_done(&p);
	begin(&p, 20);
	for (int i = 0; i < 100; i++)
		vr_pace_tell(&p, (struct vr_span){60000}, true, CALM);
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
		cmocka_unit_test(it_halves_while_live_lags_or_redis_is_slow),
		cmocka_unit_test(a_word_of_live_counts_once),
		cmocka_unit_test(it_never_stands_still),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
