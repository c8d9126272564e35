/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "virality/point.h"

#define NOW ((struct vr_wall){1800000000000})

static struct vr_point read_point(const char *text, bool end)
{
	struct vr_point p;
	struct vr_diag d = {0};
	if (vr_point_parse(vr_str_c(text), end, NOW, &p, &d))
		fail_msg("%s: %s", text, d.text);
	return p;
}

static void words_say_an_end_of_the_log(void **state)
{
	(void)state;
	assert_int_equal(read_point("earliest", false).kind, VR_POINT_EARLIEST);
	assert_int_equal(read_point("live", true).kind, VR_POINT_LIVE);
}

static void an_offset(void **state)
{
	(void)state;
	struct vr_point p = read_point("offset:1234", true);
	assert_int_equal(p.kind, VR_POINT_OFFSET);
	assert_int_equal(p.offset, 1234);
}

static void times_in_three_spellings(void **state)
{
	(void)state;
	static const struct { const char *text; int64_t ms; } row[] = {
		{"2027-01-15T08:00:00Z", 1800000000000}, {"2027-01-15T09:00:00.250+01:00", 1800000000250}, {"1500000000000", 1500000000000},
		{"0", 0}, {"-0", 1800000000000}, {"-2h", 1799992800000}, {"-1d12h", 1799870400000}};
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct vr_point p = read_point(row[i].text, i % 2);
		assert_int_equal(p.kind, VR_POINT_TIME);
		assert_int_equal(p.time.ms, row[i].ms);
	}
}

static void what_is_none_is_refused_and_told(void **state)
{
	(void)state;
	static const char *const text[] = {"", "live", "now", "offset:", "offset:-1", "offset:x", "-2", "-2x", "-99999999w", "2027-01-15", "-",
		"253402300800000", "99999999999999999999"};
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		struct vr_point p = {.offset = -7};
		struct vr_diag d = {0};
		assert_int_equal(vr_point_parse(vr_str_c(text[i]), false, NOW, &p, &d), VR_E_CONFIG);
		assert_int_equal(p.offset, -7);
		assert_non_null(strstr(d.text, "earliest"));
	}
	struct vr_point p;
	assert_int_equal(vr_point_parse(VR_STR("earliest"), true, NOW, &p, NULL), VR_E_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_say_an_end_of_the_log),
		cmocka_unit_test(an_offset),
		cmocka_unit_test(times_in_three_spellings),
		cmocka_unit_test(what_is_none_is_refused_and_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
