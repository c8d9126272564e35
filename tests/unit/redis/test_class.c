/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "virality/redis.h"

static struct vr_reply error_of(const char *text)
{
	return (struct vr_reply){.type = VR_REPLY_ERROR, .str = vr_str_c(text)};
}

static struct vr_reply text_of(struct vr_str s)
{
	return (struct vr_reply){.type = VR_REPLY_STR, .str = s};
}

static void classes(void **state)
{
	static const struct { const char *text; enum vr_err err; } rows[] = {
		{"OOM command not allowed when used memory > 'maxmemory'.", VR_E_OOM},
		{"OOM", VR_E_OOM},
		{"LOADING Redis is loading the dataset in memory", VR_E_BUSY},
		{"BUSY Redis is busy running a script.", VR_E_BUSY},
		{"BUSYGROUP Consumer Group name already exists", VR_E_REPLY},
		{"BUSYKEY Target key name already exists.", VR_E_REPLY},
		{"MISCONF Redis is configured to save RDB snapshots", VR_E_BUSY},
		{"NOREPLICAS Not enough good replicas to write.", VR_E_BUSY},
		{"TRYAGAIN Multiple keys request during rehashing of slot", VR_E_BUSY},
		{"CLUSTERDOWN The cluster is down", VR_E_BUSY},
		{"MASTERDOWN Link with MASTER is down", VR_E_BUSY},
		{"ERR max number of clients reached", VR_E_BUSY},
		{"READONLY You can't write against a read only replica.", VR_E_READONLY},
		{"NOAUTH Authentication required.", VR_E_AUTH},
		{"WRONGPASS invalid username-password pair or user is disabled.", VR_E_AUTH},
		{"NOPERM this user has no permissions to run the 'get' command", VR_E_AUTH},
		{"DENIED Redis is running in protected mode", VR_E_AUTH},
		{"ERR unknown command 'FOO', with args beginning with: ", VR_E_UNSUPPORTED},
		{"ERR unknown command, with args", VR_E_UNSUPPORTED},
		{"MOVED 3999 127.0.0.1:6381", VR_E_UNSUPPORTED},
		{"CROSSSLOT Keys in request don't hash to the same slot", VR_E_UNSUPPORTED},
		{"WRONGTYPE Operation against a key holding the wrong kind of value", VR_E_REPLY},
		{"ERR The ID specified in XADD is equal or smaller than the target stream top item", VR_E_REPLY},
		{"EXECABORT Transaction discarded because of previous errors.", VR_E_REPLY},
		{"EXECABORT Transaction discarded because of: OOM command not allowed", VR_E_OOM},
		{"", VR_E_REPLY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vr_reply r = error_of(rows[i].text);
		assert_string_equal(vr_err_name(vr_reply_error_class(&r)), vr_err_name(rows[i].err));
	}
}

static void what_is_no_error_has_no_class(void **state)
{
	struct vr_reply r = text_of(VR_STR("OOM not an error"));

	(void)state;
	assert_int_equal(vr_reply_error_class(&r), VR_OK);
	assert_null(vr_reply_first_error(&r));
}

static void first_error_is_found_depth_first(void **state)
{
	struct vr_reply deep[2] = {text_of(VR_STR("a")), error_of("DEEP")};
	struct vr_reply top[3] = {{.type = VR_REPLY_INT}, {.type = VR_REPLY_ARRAY, .elem = deep, .n = 2},
		error_of("LATE")};
	struct vr_reply tree = {.type = VR_REPLY_ARRAY, .elem = top, .n = 3};
	struct vr_replies all = {top, 3}, none = {top, 1};

	(void)state;
	assert_ptr_equal(vr_reply_first_error(&tree), &deep[1]);
	assert_ptr_equal(vr_replies_first_error(&all), &deep[1]);
	assert_null(vr_replies_first_error(&none));
}

static void numbers(void **state)
{
	static const struct { struct vr_str text; int64_t value; bool ok; } rows[] = {
		{VR_STR("0"), 0, true}, {VR_STR("-1"), -1, true}, {VR_STR("0042"), 42, true},
		{VR_STR("9223372036854775807"), INT64_MAX, true}, {VR_STR("-9223372036854775808"), INT64_MIN, true},
		{VR_STR("9223372036854775808"), 0, false}, {VR_STR("-9223372036854775809"), 0, false},
		{VR_STR("99999999999999999999"), 0, false}, {VR_STR(""), 0, false}, {VR_STR("-"), 0, false},
			{VR_STR("+1"), 0, false},
		{VR_STR("1 "), 0, false}, {VR_STR("1.0"), 0, false}, {VR_STR("1\0"), 0, false},
			{VR_STR("000000000000000000001"), 0, false},
	};
	struct vr_reply integer = {.type = VR_REPLY_INT, .integer = -7}, nil = {.type = VR_REPLY_NIL};
	int64_t v = 77;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vr_reply r = text_of(rows[i].text);
		v = 77;
		assert_int_equal(vr_reply_i64(&r, &v), rows[i].ok);
		assert_true(v == (rows[i].ok ? rows[i].value : 77));
	}
	assert_true(vr_reply_i64(&integer, &v));
	assert_int_equal(v, -7);
	assert_false(vr_reply_i64(&nil, &v));
}

static void fields_of_a_flat_array(void **state)
{
	struct vr_reply flat[5] = {text_of(VR_STR("a")), text_of(VR_STR("b")), text_of(VR_STR("b")),
		text_of(VR_STR("2")), text_of(VR_STR("odd"))};
	struct vr_reply r = {.type = VR_REPLY_ARRAY, .elem = flat, .n = 5}, nil = {.type = VR_REPLY_NIL};

	(void)state;
	assert_ptr_equal(vr_reply_field(&r, "b"), &flat[3]);
	assert_null(vr_reply_field(&r, "odd"));
	assert_null(vr_reply_field(&r, "c"));
	assert_null(vr_reply_field(&nil, "a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes),
		cmocka_unit_test(what_is_no_error_has_no_class),
		cmocka_unit_test(first_error_is_found_depth_first),
		cmocka_unit_test(numbers),
		cmocka_unit_test(fields_of_a_flat_array),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
