/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "virality/talk.h"

/* A peer that answers each exchange with what it was given. */
struct peer {
	struct vr_reply at[2];
	size_t n;
	enum vr_err err;
	unsigned exchanges;
	uint32_t commands;		/* of the last exchange */
};

static enum vr_err answer(void *ctx, const struct vr_cmds *cmds, struct vr_arena *arena, struct vr_replies *ret, struct vr_diag *d)
{
	struct peer *p = ctx;

	(void)d;
	p->exchanges++;
	p->commands = cmds->n;
	assert_non_null(vr_arena_alloc(arena, 100));
	if (!p->err)
		*ret = (struct vr_replies){p->at, p->n};
	return p->err;
}

struct scene { struct vr_mem mem; struct peer peer; struct vr_talk talk; struct vr_diag d; };

static void open_scene(struct scene *s)
{
	*s = (struct scene){.mem = vr_mem_heap()};
	s->peer.at[0] = (struct vr_reply){.type = VR_REPLY_INT, .integer = 7};
	s->peer.n = 1;
	vr_talk_open(&s->talk, &(struct vr_link){answer, &s->peer}, &s->mem);
}

static void close_scene(struct scene *s)
{
	vr_talk_close(&s->talk);
	assert_int_equal(s->mem.used, 0);
}

static void commands_of_one_exchange_are_not_those_of_the_next(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	vr_cmd_words(&s.talk.cmds, "PING", NULL);
	vr_cmd_words(&s.talk.cmds, "PING", NULL);
	assert_int_equal(vr_talk_ask(&s.talk, &s.d), VR_OK);
	assert_int_equal(s.peer.commands, 2);
	assert_int_equal(s.talk.r.n, 1);
	assert_int_equal(s.talk.r.at[0].integer, 7);
	s.peer.err = VR_E_TIMEOUT;
	vr_cmd_words(&s.talk.cmds, "PING", NULL);
	assert_int_equal(vr_talk_ask(&s.talk, &s.d), VR_E_TIMEOUT);
	assert_int_equal(s.peer.commands, 1);
	s.peer.err = VR_OK;
	vr_cmd_words(&s.talk.cmds, "PING", NULL);
	assert_int_equal(vr_talk_ask(&s.talk, &s.d), VR_OK);
	assert_int_equal(s.peer.commands, 1);
	close_scene(&s);
}

static void an_error_reply_deep_inside_is_an_error_for_who_asks(void **state)
{
	struct vr_reply bad = {.type = VR_REPLY_ERROR, .str = VR_STR("OOM command not allowed")};
	struct scene s;

	(void)state;
	open_scene(&s);
	s.peer.at[1] = (struct vr_reply){.type = VR_REPLY_ARRAY, .elem = &bad, .n = 1};
	s.peer.n = 2;
	vr_cmd_words(&s.talk.cmds, "PING", NULL);
	assert_int_equal(vr_talk_ask(&s.talk, &s.d), VR_E_OOM);
	assert_string_equal(s.d.where, "redis");
	assert_string_equal(s.d.text, "OOM command not allowed");
	vr_cmd_words(&s.talk.cmds, "PING", NULL);
	assert_int_equal(vr_talk_send(&s.talk, &s.d), VR_OK);
	assert_int_equal(s.talk.r.n, 2);
	close_scene(&s);
}

static void what_could_not_be_built_is_not_sent(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	s.talk.cmds.buf.failed = true;
	assert_int_equal(vr_talk_ask(&s.talk, &s.d), VR_E_NOMEM);
	assert_int_equal(s.peer.exchanges, 0);
	vr_cmd_words(&s.talk.cmds, "PING", NULL);
	assert_int_equal(vr_talk_ask(&s.talk, &s.d), VR_OK);
	assert_int_equal(s.peer.exchanges, 1);
	close_scene(&s);
}

static void memory_of_replies_is_used_again(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	vr_cmd_words(&s.talk.cmds, "PING", NULL);
	assert_int_equal(vr_talk_ask(&s.talk, &s.d), VR_OK);
	size_t used = s.mem.used;
	for (int i = 0; i < 2000; i++) {
		vr_cmd_words(&s.talk.cmds, "PING", NULL);
		assert_int_equal(vr_talk_ask(&s.talk, &s.d), VR_OK);
	}
	assert_int_equal(s.mem.used, used);
	close_scene(&s);
}

static void a_database_is_chosen_by_number(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	vr_cmd_select(&s.talk.cmds, 12);
	assert_int_equal(s.talk.cmds.n, 1);
	assert_true(vr_str_eq(vr_buf_str(&s.talk.cmds.buf), VR_STR("*2\r\n$6\r\nSELECT\r\n$2\r\n12\r\n")));
	close_scene(&s);
}

static void commands_join_others(void **state)
{
	struct scene s;
	struct vr_cmds more;

	(void)state;
	open_scene(&s);
	vr_cmds_init(&more, &s.mem);
	vr_cmd_words(&more, "UNLINK", "a", NULL);
	vr_cmd_words(&more, "UNLINK", "b", NULL);
	vr_cmd_words(&s.talk.cmds, "MULTI", NULL);
	vr_cmds_add(&s.talk.cmds, &more);
	assert_int_equal(vr_talk_ask(&s.talk, &s.d), VR_OK);
	assert_int_equal(s.peer.commands, 3);
	more.buf.failed = true;
	vr_cmds_add(&s.talk.cmds, &more);
	assert_int_equal(vr_talk_ask(&s.talk, &s.d), VR_E_NOMEM);
	vr_cmds_done(&more);
	close_scene(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_of_one_exchange_are_not_those_of_the_next),
		cmocka_unit_test(an_error_reply_deep_inside_is_an_error_for_who_asks),
		cmocka_unit_test(what_could_not_be_built_is_not_sent),
		cmocka_unit_test(memory_of_replies_is_used_again),
		cmocka_unit_test(a_database_is_chosen_by_number),
		cmocka_unit_test(commands_join_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
