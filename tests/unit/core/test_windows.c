/* SPDX-License-Identifier: Apache-2.0 */
#include "vr_test.h"
#include "virality/windows.h"

static struct vr_windows parse(const char *text)
{
	struct vr_windows w;
	struct vr_diag d = {0};

	assert_int_equal(vr_windows_parse(vr_str_c(text), &w, &d), VR_OK);
	assert_string_equal(d.text, "");
	return w;
}

static void sorted_by_span_with_names_as_written(void **state)
{
	struct vr_windows w = parse("24h,1m, 5m\t60m\n90000ms 2d");
	static const char *const NAME[] = {"1m", "90000ms", "5m", "60m", "24h", "2d"};
	static const int64_t WIDTH[] = {2000, 3000, 10000, 120000, 2880000, 5760000};

	(void)state;
	assert_int_equal(w.n, 6);
	for (int i = 0; i < w.n; i++) {
		assert_string_equal(w.name[i], NAME[i]);
		assert_int_equal(w.width_ms[i], WIDTH[i]);
		assert_int_equal(vr_windows_find(&w, vr_str_c(NAME[i])), i);
	}
	assert_int_equal(vr_windows_find(&w, VR_STR("1h")), -1);
	assert_int_equal(vr_windows_find(&w, VR_STR("")), -1);
	assert_int_equal(vr_windows_find(&w, (struct vr_str){"1m\0", 3}), -1);
}

static void up_to_eight_of_thirty_milliseconds_and_more(void **state)
{
	struct vr_windows w = parse("30ms 60ms 90ms 3s 1h 2h 3h 36500d");

	(void)state;
	assert_int_equal(w.n, 8);
	assert_int_equal(w.width_ms[0], 1);
	assert_int_equal(w.width_ms[7], INT64_C(36500) * 86400000 / 30);
}

static void what_is_wrong_is_refused_with_a_word(void **state)
{
	static const struct { const char *text, *say; } BAD[] = {
		{"", "no window"}, {" , ", "no window"}, {"5", "\"5\""}, {"m", "\"m\""}, {"5x", "\"5x\""},
		{"5M", "\"5M\""}, {"05m", "\"05m\""}, {"0s", "\"0s\""}, {"-5m", "\"-5m\""}, {"1m5s", "\"1m5s\""},
		{"5m x", "\"x\""}, {"31ms", "30 ms"}, {"10ms", "30 ms"}, {"5m 300s", "twice"}, {"1m 1m", "twice"},
		{"36501d", "36501d"}, {"99999999999", "\"99999999999\""}, {"999999999999999999999999m", "no window"},
		{"9999999999d", "no window"}, {"1m 2m 3m 4m 5m 6m 7m 8m 9m", "more than 8"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		struct vr_windows w = {.n = 77};
		struct vr_diag d = {0};
		assert_int_equal(vr_windows_parse(vr_str_c(BAD[i].text), &w, &d), VR_E_CONFIG);
		assert_int_equal(w.n, 77);
		assert_non_null(strstr(d.text, BAD[i].say));
		assert_string_equal(d.where, "windows");
		assert_int_equal(vr_windows_parse(vr_str_c(BAD[i].text), &w, NULL), VR_E_CONFIG);
	}
}

static void buckets_are_floors_below_the_epoch_too(void **state)
{
	(void)state;
	assert_int_equal(vr_bucket_of(0, 2000), 0);
	assert_int_equal(vr_bucket_of(1999, 2000), 0);
	assert_int_equal(vr_bucket_of(2000, 2000), 1);
	assert_int_equal(vr_bucket_of(-1, 2000), -1);
	assert_int_equal(vr_bucket_of(-2000, 2000), -1);
	assert_int_equal(vr_bucket_of(-2001, 2000), -2);
	assert_int_equal(vr_bucket_of(INT64_MIN, 1), INT64_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorted_by_span_with_names_as_written),
		cmocka_unit_test(up_to_eight_of_thirty_milliseconds_and_more),
		cmocka_unit_test(what_is_wrong_is_refused_with_a_word),
		cmocka_unit_test(buckets_are_floors_below_the_epoch_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
