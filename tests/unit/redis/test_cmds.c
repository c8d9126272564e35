/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "failing_mem.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include "virality/redis.h"

static struct vr_mem mem;
static struct vr_cmds c;

static int begin(void **state)
{
	(void)state;
	mem = vr_mem_heap();
	vr_cmds_init(&c, &mem);
	return 0;
}

static int end(void **state)
{
	(void)state;
	vr_cmds_done(&c);
	assert_int_equal(mem.used, 0);
	return 0;
}

static void expect(const char *resp, uint32_t n)
{
	assert_false(c.buf.failed);
	assert_int_equal(c.open, 0);
	assert_int_equal(c.n, n);
	assert_int_equal(c.buf.n, strlen(resp));
	assert_memory_equal(c.buf.p, resp, c.buf.n);
}

static void words_become_bulk_strings(void **state)
{
	(void)state;
	vr_cmd_words(&c, "SET", "k", "", NULL);
	vr_cmd_words(&c, "PING", NULL);
	expect("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n*1\r\n$4\r\nPING\r\n", 2);
}

static void integers_are_decimal_to_both_ends(void **state)
{
	(void)state;
	vr_cmd(&c, 5, "X");
	vr_cmd_i64(&c, 0);
	vr_cmd_i64(&c, INT64_MIN);
	vr_cmd_i64(&c, INT64_MAX);
	vr_cmd_i64(&c, -10);
	expect("*5\r\n$1\r\nX\r\n$1\r\n0\r\n$20\r\n-9223372036854775808\r\n"
		"$19\r\n9223372036854775807\r\n$3\r\n-10\r\n", 1);
}

static void long_arguments_have_long_lengths(void **state)
{
	static char big[1234];

	(void)state;
	memset(big, 'x', sizeof(big));
	vr_cmd(&c, 2, "X");
	vr_cmd_str(&c, (struct vr_str){big, sizeof(big)});
	assert_memory_equal(c.buf.p, "*2\r\n$1\r\nX\r\n$1234\r\nxxx", 21);
	assert_int_equal(c.buf.n, 18 + sizeof(big) + 2);
}

static void keys_are_joined_from_parts(void **state)
{
	(void)state;
	vr_cmd(&c, 2, "GET");
	vr_cmd_key(&c, VR_STR("vir:"), VR_STR("a\0b"), (struct vr_str){NULL, 0});
	assert_int_equal(c.buf.n, 4 + 9 + 4 + 7 + 2);
	assert_memory_equal(c.buf.p + 13, "$7\r\nvir:a\0b\r\n", 13);
}

/* The text of the only argument of the last command. */
static const char *argument(void)
{
	char *p = c.buf.p + c.buf.n - 2;

	*p = '\0';
	while (p[-1] != '\n')
		p--;
	return p;
}

static void doubles_read_back_equal(void **state)
{
	static const double values[] = {0, -0.0, 1, -3, 0.1, 1.0 / 3, 1e15, 9007199254740992.0,
		9007199254740994.0, 1e300, 5e-324,
		DBL_MAX, 987653.12345678912, INFINITY, -INFINITY};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		vr_cmds_clear(&c);
		vr_cmd(&c, 2, "X");
		vr_cmd_f64(&c, values[i]);
		double back = strtod(argument(), NULL);
		assert_memory_equal(&back, &values[i], sizeof(back));
	}
	vr_cmds_clear(&c);
	vr_cmd(&c, 2, "X");
	vr_cmd_f64(&c, 42);
	assert_string_equal(argument(), "42");
}

static void lack_of_memory_sticks(void **state)
{
	struct vr_failing_mem failing;
	struct vr_mem none = vr_failing_mem(&failing, 0);
	struct vr_cmds d;

	(void)state;
	vr_cmds_init(&d, &none);
	vr_cmd(&d, 3, "X");
	vr_cmd_i64(&d, 1);
	vr_cmd_key(&d, VR_STR("a"), VR_STR("b"), VR_STR("c"));
	assert_true(d.buf.failed);
	assert_int_equal(d.n, 1);
	assert_int_equal(d.open, 0);
	vr_cmds_done(&d);
}

static void words_may_be_gathered_and_commands_inserted(void **state)
{
	struct vr_cmds words, head;

	(void)state;
	vr_cmds_init(&words, &mem);
	vr_cmds_init(&head, &mem);
	vr_cmd_words(&c, "A", NULL);
	size_t at = c.buf.n;
	vr_cmd_words(&c, "B", NULL);
	vr_cmds_insert(&c, at, &head);
	vr_cmd_gather(&words, 1);
	vr_cmd_i64(&words, 5);
	vr_cmd_gather(&words, 1);
	vr_cmd_c(&words, "x");
	vr_cmd(&head, 2 + words.n, "Z");
	vr_cmd_c(&head, "k");
	vr_cmd_gathered(&head, &words);
	vr_cmds_insert(&c, at, &head);
	vr_cmds_done(&words);
	vr_cmds_done(&head);
	expect("*1\r\n$1\r\nA\r\n*4\r\n$1\r\nZ\r\n$1\r\nk\r\n$1\r\n5\r\n$1\r\nx\r\n*1\r\n$1\r\nB\r\n", 3);
}

static void lack_of_memory_for_what_is_inserted_sticks(void **state)
{
	struct vr_failing_mem failing;
	struct vr_mem none = vr_failing_mem(&failing, 0);
	struct vr_cmds words, head;

	(void)state;
	vr_cmds_init(&words, &none);
	vr_cmds_init(&head, &mem);
	vr_cmd_gather(&words, 1);
	vr_cmd_c(&words, "x");
	vr_cmd(&head, 2, "Z");
	vr_cmd_gathered(&head, &words);
	assert_true(head.buf.failed);
	vr_cmds_insert(&c, 0, &head);
	assert_true(c.buf.failed);
	vr_cmds_done(&words);
	vr_cmds_done(&head);
}

static void clear_begins_anew(void **state)
{
	(void)state;
	vr_cmd(&c, 7, "X");
	vr_cmds_clear(&c);
	vr_cmd_words(&c, "PING", NULL);
	expect("*1\r\n$4\r\nPING\r\n", 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(words_become_bulk_strings),
		TEST(integers_are_decimal_to_both_ends),
		TEST(long_arguments_have_long_lengths),
		TEST(keys_are_joined_from_parts),
		TEST(doubles_read_back_equal),
		TEST(lack_of_memory_sticks),
		TEST(words_may_be_gathered_and_commands_inserted),
		TEST(lack_of_memory_for_what_is_inserted_sticks),
		TEST(clear_begins_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
