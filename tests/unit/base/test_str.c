/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "virality/str.h"

static void order_is_that_of_bytes(void **state)
{
	(void)state;
	assert_true(vr_str_cmp(VR_STR("a"), VR_STR("b")) < 0);
	assert_true(vr_str_cmp(VR_STR("a"), VR_STR("aa")) < 0);
	assert_true(vr_str_cmp(VR_STR("\xff"), VR_STR("a")) > 0);
	assert_true(vr_str_cmp(VR_STR(""), (struct vr_str){NULL, 0}) == 0);
	assert_true(vr_str_eq(VR_STR("a\0b"), VR_STR("a\0b")));
	assert_false(vr_str_eq(VR_STR("a\0b"), VR_STR("a\0c")));
	assert_int_equal(vr_str_c(NULL).n, 0);
}

static void nearest_name(void **state)
{
	static const char *const names[] = {"brokers", "group_id", "topics", "max_ahead", "dlq"};

	(void)state;
	assert_string_equal(vr_str_nearest(VR_STR("broker"), names, 5), "brokers");
	assert_string_equal(vr_str_nearest(VR_STR("borkers"), names, 5), "brokers");
	assert_string_equal(vr_str_nearest(VR_STR("max-ahead"), names, 5), "max_ahead");
	assert_string_equal(vr_str_nearest(VR_STR("topics"), names, 5), "topics");
	assert_string_equal(vr_str_nearest(VR_STR("dlx"), names, 5), "dlq");
	assert_null(vr_str_nearest(VR_STR("redis_password"), names, 5));
	assert_null(vr_str_nearest(VR_STR("xyz"), names, 5));
	assert_null(vr_str_nearest(VR_STR(""), names, 5));
	assert_null(vr_str_nearest(VR_STR("brokers"), names, 0));
}

static void a_copy_ends_with_a_nul_and_is_cut_off(void **state)
{
	char out[4];

	(void)state;
	vr_str_copy(out, sizeof(out), VR_STR("abc"));
	assert_string_equal(out, "abc");
	vr_str_copy(out, sizeof(out), VR_STR("abcd"));
	assert_string_equal(out, "abc");
	vr_str_copy(out, sizeof(out), (struct vr_str){NULL, 0});
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_is_that_of_bytes),
		cmocka_unit_test(nearest_name),
		cmocka_unit_test(a_copy_ends_with_a_nul_and_is_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
