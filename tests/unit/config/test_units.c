/* SPDX-License-Identifier: Apache-2.0 */
#include "units.h"
#include "vr_test.h"

static void durations(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} GOOD[] = {
		{"0", 0},
		{"200ms", 200},
		{"5s", 5000},
		{"5m", 300000},
		{"1h30m", 5400000},
		{"30d", INT64_C(2592000000)},
		{"1w", 604800000},
		{"1d12h30m5s7ms", 131405007},
	};
	static const char *const BAD[] = {
		"", "5", "m", "5 m", "5M", "-5m", "1m1h", "1m1m", "5mx", "99999999999999999999d", "40000d", "1.5h"};
	struct vr_span v = {-7};

	(void)state;
	for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++) {
		assert_true(vr_span_parse(vr_str_c(GOOD[i].text), &v));
		assert_int_equal(v.ms, GOOD[i].ms);
	}
	v.ms = -7;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
		if (vr_span_parse(vr_str_c(BAD[i]), &v) || v.ms != -7)
			fail_msg("%s was taken", BAD[i]);
}

static void sizes_and_numbers(void **state)
{
	static const char *const BAD[] = {
		"", "KiB", "1kb", "1MB", "-1", "9999999999999999999", "99999999999999999GiB", "1 KiB"};
	int64_t v = -7;

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
		assert_false(vr_size_parse(vr_str_c(BAD[i]), &v));
	assert_int_equal(v, -7);
	assert_true(vr_size_parse(VR_STR("64MiB"), &v));
	assert_int_equal(v, 64 << 20);
	assert_true(vr_size_parse(VR_STR("100"), &v));
	assert_int_equal(v, 100);
	assert_true(vr_int_parse(VR_STR("-12"), &v));
	assert_int_equal(v, -12);
	assert_false(vr_int_parse(VR_STR("12x"), &v));
	assert_false(vr_int_parse(VR_STR("-"), &v));
}

static void what_is_printed_reads_back(void **state)
{
	struct vr_rng rng = vr_rng_new();
	char text[VR_UNIT_TEXT_MAX];
	struct vr_span span;
	int64_t size;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		int64_t v = vr_rng_between(&rng, 0, 100000) * (i % 3 == 0 ? 60000 : i % 3 == 1 ? 1024 : 1);
		vr_span_print(v, text);
		assert_true(vr_span_parse(vr_str_c(text), &span));
		assert_int_equal(span.ms, v);
		vr_size_print(v, text);
		assert_true(vr_size_parse(vr_str_c(text), &size));
		assert_int_equal(size, v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations),
		cmocka_unit_test(sizes_and_numbers),
		cmocka_unit_test(what_is_printed_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
