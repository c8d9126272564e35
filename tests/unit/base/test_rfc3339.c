/* SPDX-License-Identifier: Apache-2.0 */
#include <time.h>
#include "unit.h"
#include "random.h"
#include "virality/rfc3339.h"

static void known_times(void **state)
{
	static const struct { const char *text; int64_t ms; } rows[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2017-07-14T02:40:00Z", INT64_C(1500000000000)},
		{"2017-07-14t02:40:00.25z", INT64_C(1500000000250)},
		{"2017-07-14 10:40:00.123456789+08:00", INT64_C(1500000000123)},
		{"2017-07-13T21:10:00-05:30", INT64_C(1500000000000)},
		{"2016-12-31T23:59:60Z", INT64_C(1483228800000)},
		{"2000-02-29T00:00:00Z", INT64_C(951782400000)},
		{"1969-12-31T23:59:59.999Z", -1},
		{"9999-12-31T23:59:59.999Z", VR_WALL_MAX_MS},
		{"0001-01-01T00:00:00Z", INT64_C(-62135596800000)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vr_wall t;
		assert_int_equal(vr_rfc3339_parse(vr_str_c(rows[i].text), &t), VR_OK);
		assert_true(t.ms == rows[i].ms);
	}
}

static void what_is_not_a_time(void **state)
{
	static const char *const rows[] = {
		"",
		"2017",
		"2017-07-14",
		"2017-07-14T02:40Z",
		"2017-07-14T02:40:00",
		"2017-07-14T02:40:00.Z",
		"2017-13-01T00:00:00Z",
		"2017-00-01T00:00:00Z",
		"2017-02-29T00:00:00Z",
		"1900-02-29T00:00:00Z",
		"2017-04-31T00:00:00Z",
		"2017-07-14T24:00:00Z",
		"2017-07-14T02:60:00Z",
		"2017-07-14T02:40:61Z",
		"2017-07-14T02:40:00+24:00",
		"2017-07-14T02:40:00+8:00",
		"2017-07-14T02:40:00Z ",
		" 2017-07-14T02:40:00Z",
		"0000-01-01T00:00:00Z",
		"+017-07-14T02:40:00Z",
		"2017-07-14T02:40:00+08:60",
		"2017-07-14T02:40:00+0800",
		"17-07-14T02:40:00Z",
		"2017/07/14T02:40:00Z",
		"2017-07-14T02:40:00,5Z",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vr_wall t = {42};
		assert_int_equal(vr_rfc3339_parse(vr_str_c(rows[i]), &t), VR_E_DECODE);
		assert_true(t.ms == 42);
	}
}

/* Both directions against the C library's calendar. */
static void agrees_with_the_c_library(void **state)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_random r = {5};
	struct vr_buf b;

	(void)state;
	vr_buf_init(&b, &mem);
	for (int i = 0; i < 50000; i++) {
		int64_t ms = (int64_t)vr_random_below(&r, VR_WALL_MAX_MS) - (i % 2 ? INT64_C(62135596800000) : 0);
		struct vr_wall t = {ms > VR_WALL_MAX_MS ? VR_WALL_MAX_MS : ms}, back;
		time_t seconds = (t.ms - (t.ms % 1000 + 1000) % 1000) / 1000;
		char expected[32];
		struct tm tm;
		assert_non_null(gmtime_r(&seconds, &tm));
		tm.tm_isdst = 0;
		(void)strftime(expected, sizeof(expected), "%m-%dT%H:%M:%S", &tm);
		vr_buf_clear(&b);
		vr_rfc3339_add(&b, t);
		assert_int_equal(b.n, 24);
		assert_memory_equal(b.p + 5, expected, 14);
		assert_int_equal(vr_rfc3339_parse(vr_buf_str(&b), &back), VR_OK);
		assert_true(back.ms == t.ms);
	}
	vr_buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_times),
		cmocka_unit_test(what_is_not_a_time),
		cmocka_unit_test(agrees_with_the_c_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
