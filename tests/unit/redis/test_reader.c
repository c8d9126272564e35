/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "failing_mem.h"
#include "reader.h"

#define SLOTS 4

struct scene {
	struct vr_mem mem;
	struct vr_arena arena;
	struct vr_reader *reader;
	struct vr_reply at[SLOTS];
	size_t got;
};

static void open_scene(struct scene *s)
{
	*s = (struct scene){.mem = vr_mem_heap(), .reader = vr_reader_new()};
	vr_arena_init(&s->arena, &s->mem, 256);
	assert_non_null(s->reader);
}

static void close_scene(struct scene *s)
{
	vr_reader_free(s->reader);
	vr_arena_done(&s->arena);
	assert_int_equal(s->mem.used, 0);
}

/* The bytes, cut into pieces of that many. */
static enum vr_err read_all(struct scene *s, struct vr_str bytes, size_t piece)
{
	struct vr_replies ret = {s->at, SLOTS};
	enum vr_err err = VR_OK;

	for (size_t i = 0; i < bytes.n && !err; i += piece) {
		err = vr_reader_feed(s->reader, bytes.p + i, bytes.n - i < piece ? bytes.n - i : piece);
		if (!err)
			err = vr_reader_take(s->reader, &s->arena, &ret, &s->got);
	}
	return err;
}

static void trees_come_out_whole_whatever_the_pieces(void **state)
{
	static const struct vr_str bytes = VR_STR("+OK\r\n"
		"*4\r\n:-5\r\n*-1\r\n*2\r\n*0\r\n$4\r\na\0\r\n\r\n-ERR no\r\n"
		"$-1\r\n$0\r\n\r\n");

	(void)state;
	for (size_t piece = 1; piece <= bytes.n; piece++) {
		struct scene s;
		open_scene(&s);
		assert_int_equal(read_all(&s, bytes, piece), VR_OK);
		assert_int_equal(s.got, 4);
		assert_true(vr_reader_empty(s.reader));
		assert_int_equal(s.at[0].type, VR_REPLY_STATUS);
		assert_string_equal(s.at[0].str.p, "OK");
		const struct vr_reply *e = s.at[1].elem;
		assert_int_equal(s.at[1].n, 4);
		assert_true(e[0].type == VR_REPLY_INT && e[0].integer == -5);
		assert_int_equal(e[1].type, VR_REPLY_NIL);
		assert_true(e[2].type == VR_REPLY_ARRAY && e[2].n == 2);
		assert_true(e[2].elem[0].type == VR_REPLY_ARRAY && e[2].elem[0].n == 0);
		assert_true(vr_str_eq(e[2].elem[1].str, VR_STR("a\0\r\n")));
		assert_true(e[3].type == VR_REPLY_ERROR && vr_str_eq(e[3].str, VR_STR("ERR no")));
		assert_int_equal(s.at[2].type, VR_REPLY_NIL);
		assert_true(s.at[3].type == VR_REPLY_STR && s.at[3].str.n == 0 && s.at[3].str.p[0] == '\0');
		close_scene(&s);
	}
}

/* The way of an exchange: what can be told without the parser is, the rest is fed. */
static enum vr_err exchange(struct scene *s, struct vr_replies *ret, struct vr_str bytes, size_t piece, size_t *ret_skipped)
{
	enum vr_err err = VR_OK;

	for (size_t i = 0; i < bytes.n && !err; i += piece) {
		size_t n = bytes.n - i < piece ? bytes.n - i : piece;
		size_t done = vr_reader_skip_queued(s->reader, bytes.p + i, n, ret, &s->got);
		*ret_skipped += done;
		err = vr_reader_feed(s->reader, bytes.p + i + done, n - done);
		if (!err)
			err = vr_reader_take(s->reader, &s->arena, ret, &s->got);
	}
	return err;
}

static void a_transaction_is_the_same_with_and_without_the_parser(void **state)
{
	static const struct vr_str bytes = VR_STR("+OK\r\n+QUEUED\r\n+QUEUED\r\n-ERR no\r\n+QUEUED\r\n*2\r\n$9\r\n+QUEUED\r\n\r\n+QUEUED\r\n");
	size_t skipped = 0;

	(void)state;
	for (size_t piece = 1; piece <= bytes.n; piece++) {
		struct vr_reply at[6];
		struct vr_replies ret = {at, 6};
		struct scene s;
		open_scene(&s);
		assert_int_equal(exchange(&s, &ret, bytes, piece, &skipped), VR_OK);
		assert_int_equal(s.got, 6);
		assert_true(vr_reader_empty(s.reader));
		for (size_t i = 1; i < 5; i++) {
			assert_int_equal(at[i].type, i == 3 ? VR_REPLY_ERROR : VR_REPLY_STATUS);
			assert_string_equal(at[i].str.p, i == 3 ? "ERR no" : "QUEUED");
			assert_int_equal(at[i].str.n, 6);
		}
		assert_true(at[5].type == VR_REPLY_ARRAY && at[5].n == 2);
		assert_true(vr_str_eq(at[5].elem[0].str, VR_STR("+QUEUED\r\n")));
		assert_string_equal(at[5].elem[1].str.p, "QUEUED");
		close_scene(&s);
	}
	assert_true(skipped > 0);
}

static void more_than_were_asked_for_are_left(void **state)
{
	static const struct vr_str bytes = VR_STR("+QUEUED\r\n+QUEUED\r\n");
	struct vr_replies ret = {NULL, 1};
	struct scene s;
	size_t skipped = 0;

	(void)state;
	open_scene(&s);
	ret.at = s.at;
	assert_int_equal(exchange(&s, &ret, bytes, bytes.n, &skipped), VR_OK);
	assert_int_equal(s.got, 1);
	assert_false(vr_reader_empty(s.reader));
	close_scene(&s);
}

static void half_a_reply_is_none(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	assert_int_equal(read_all(&s, VR_STR("*2\r\n:1\r\n"), 3), VR_OK);
	assert_int_equal(s.got, 0);
	close_scene(&s);
}

static void surplus_is_seen(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	assert_int_equal(read_all(&s, VR_STR(":1\r\n:2\r\n:3\r\n:4\r\n:5\r\n"), 64), VR_OK);
	assert_int_equal(s.got, SLOTS);
	assert_false(vr_reader_empty(s.reader));
	close_scene(&s);
}

static void nonsense_is_a_lost_link(void **state)
{
	static const struct vr_str bytes[] = {VR_STR("HTTP/1.1 400 Bad Request\r\n"), VR_STR("*2000000000\r\n"),
		VR_STR(":12x\r\n"), VR_STR("$99999999999999999999\r\n"),
			VR_STR("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n")};

	(void)state;
	for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
		struct scene s;
		open_scene(&s);
		assert_int_equal(read_all(&s, bytes[i], 64), VR_E_LOST_LINK);
		assert_true(vr_reader_complaint(s.reader)[0] != '\0');
		close_scene(&s);
	}
}

static void lack_of_memory_is_told_apart(void **state)
{
	struct vr_failing_mem failing;
	struct scene s;

	(void)state;
	open_scene(&s);
	s.mem = vr_failing_mem(&failing, 0);
	assert_int_equal(read_all(&s, VR_STR("*2\r\n+a\r\n+b\r\n"), 64), VR_E_NOMEM);
	close_scene(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trees_come_out_whole_whatever_the_pieces),
		cmocka_unit_test(a_transaction_is_the_same_with_and_without_the_parser),
		cmocka_unit_test(more_than_were_asked_for_are_left),
		cmocka_unit_test(half_a_reply_is_none),
		cmocka_unit_test(surplus_is_seen),
		cmocka_unit_test(nonsense_is_a_lost_link),
		cmocka_unit_test(lack_of_memory_is_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
