/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "virality/worst.h"

static struct vr_mono at(int64_t ms) { return (struct vr_mono){ms}; }
static void add(struct vr_worst *w, int64_t span, int64_t ms) { vr_worst_add(w, (struct vr_span){span}, at(ms)); }

static void nothing_measured_is_nothing(void **state)
{
	struct vr_worst w = {0};
	(void)state;
	assert_int_equal(vr_worst_of(&w, at(123456)).ms, 0);
}

static void the_longest_is_told_for_a_second_at_least(void **state)
{
	(void)state;
	for (int64_t when = 5000; when < 6000; when += 50) {
		struct vr_worst w = {0};
		for (int64_t ms = 0; ms < when; ms += 50)
			add(&w, 7, ms);
		add(&w, 900, when);
		for (int64_t ms = when; ms <= when + VR_WORST_MS; ms += 50) {
			add(&w, 7, ms);
			assert_int_equal(vr_worst_of(&w, at(ms)).ms, 900);
		}
	}
}

static void it_is_forgotten_after_two(void **state)
{
	(void)state;
	for (int64_t step = 10; step <= 400; step += 30) {
		struct vr_worst w = {0};
		int64_t ms = 0;
		add(&w, 900, ms);
		while (ms <= 2 * VR_WORST_MS + step)
			add(&w, 7, ms += step);
		assert_int_equal(vr_worst_of(&w, at(ms)).ms, 7);
	}
}

static void who_measures_nothing_more_forgets_too(void **state)
{
	struct vr_worst w = {0};
	(void)state;
	add(&w, 900, 100);
	assert_int_equal(vr_worst_of(&w, at(100 + 2 * VR_WORST_MS)).ms, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_measured_is_nothing),
		cmocka_unit_test(the_longest_is_told_for_a_second_at_least),
		cmocka_unit_test(it_is_forgotten_after_two),
		cmocka_unit_test(who_measures_nothing_more_forgets_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
