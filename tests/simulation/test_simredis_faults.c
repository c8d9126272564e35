/* SPDX-License-Identifier: Apache-2.0 */
/* What a real server cannot be made to do at will: prefixes, clones, ordered faults, late EXECs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "simredis.h"

struct scene {
	struct vr_mem mem;
	struct vr_arena arena;
	struct vr_cmds cmds;
	struct vr_replies replies;
	struct sim_redis *server;
	struct sim_session *a, *b;
};

static int begin(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->mem = vr_mem_heap();
	vr_arena_init(&s->arena, &s->mem, 0);
	vr_cmds_init(&s->cmds, &s->mem);
	s->server = sim_redis_new();
	s->a = sim_session_new(s->server);
	s->b = sim_session_new(s->server);
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct scene *s = *state;

	sim_session_free(s->a);
	sim_session_free(s->b);
	sim_redis_free(s->server);
	vr_cmds_done(&s->cmds);
	vr_arena_done(&s->arena);
	assert_int_equal(s->mem.used, 0);
	free(s);
	return 0;
}

static enum vr_err go(struct scene *s, struct sim_session *x)
{
	struct vr_link link = sim_session_link(x);
	enum vr_err err;

	s->replies = (struct vr_replies){0};
	err = link.exchange(link.ctx, &s->cmds, &s->arena, &s->replies, NULL);
	vr_cmds_clear(&s->cmds);
	return err;
}
#define RUN(s, x, ...) \
	(vr_cmd_words(&(s)->cmds, __VA_ARGS__, NULL), assert_int_equal(go(s, x), VR_OK), &(s)->replies.at[0])

static void add_set(struct scene *s, const char *key, const char *value)
{
	vr_cmd_words(&s->cmds, "SET", key, value, NULL);
}

static char *dump(const struct sim_redis *server, struct scene *s)
{
	struct vr_buf b;
	char *text;

	vr_buf_init(&b, &s->mem);
	sim_redis_dump(server, -1, &b);
	vr_buf_byte(&b, '\0');
	text = strdup(b.p);
	vr_buf_done(&b);
	return text;
}

static void expect_dump(const struct sim_redis *server, struct scene *s, const char *want)
{
	char *got = dump(server, s);

	assert_string_equal(got, want);
	free(got);
}

static void the_dump_shows_all_types_sorted(void **state)
{
	struct scene *s = *state;

	(void)RUN(s, s->a, "SET", "t", "a b");
	(void)RUN(s, s->a, "HSET", "h", "z", "1", "a", "2");
	(void)RUN(s, s->a, "ZADD", "o", "2", "m", "0.5", "n");
	(void)RUN(s, s->a, "RPUSH", "l", "z", "a");
	(void)RUN(s, s->a, "SELECT", "15");
	(void)RUN(s, s->a, "SADD", "e", "z", "a");
	(void)RUN(s, s->a, "XADD", "x", "5-1", "f", "\"");
	expect_dump(s->server, s,
		"0 \"h\" hash\n \"a\" \"2\"\n \"z\" \"1\"\n0 \"l\" list\n \"z\"\n \"a\"\n"
		"0 \"o\" zset\n \"n\" 0.5\n \"m\" 2\n"
		"0 \"t\" string \"a\\x20b\"\n15 \"e\" set\n \"a\"\n \"z\"\n15 \"x\" stream\n 5-1 \"f\" \"\\x22\"\n");
}

/* One transaction that depends on number and on the clock. */
static void commit(struct scene *s, unsigned number)
{
	char n[16];

	(void)snprintf(n, sizeof(n), "%u", number);
	sim_redis_set_clock(s->server, (struct vr_wall){1000 + number});
	vr_cmd_words(&s->cmds, "MULTI", NULL);
	vr_cmd_words(&s->cmds, "SELECT", "0", NULL);
	vr_cmd_words(&s->cmds, "HSET", "own", "seq", n, NULL);
	vr_cmd_words(&s->cmds, "APPEND", "all", n, NULL);
	vr_cmd_words(&s->cmds, "SELECT", "2", NULL);
	vr_cmd_words(&s->cmds, "XADD", "alerts", "MAXLEN", "~", "50", "*", "n", n, NULL);
	if (number % 7 == 0)
		vr_cmd_words(&s->cmds, "SWAPDB", "0", "1", NULL);
	vr_cmd_words(&s->cmds, "EXEC", NULL);
	assert_int_equal(go(s, s->a), VR_OK);
	assert_null(vr_replies_first_error(&s->replies));
	vr_arena_reset(&s->arena);
}

#define COMMITS 300

static void every_prefix_can_be_had(void **state)
{
	struct scene *s = *state;
	char *dumps[COMMITS + 1];

	dumps[0] = dump(s->server, s);
	for (unsigned i = 1; i <= COMMITS; i++) {
		commit(s, i);
		assert_int_equal(sim_redis_committed(s->server), i);
		dumps[i] = dump(s->server, s);
	}
	for (unsigned i = 0; i <= COMMITS; i++) {
		struct sim_redis *at = sim_redis_clone_at(s->server, i);
		expect_dump(at, s, dumps[i]);
		assert_int_equal(sim_redis_committed(at), i);
		sim_redis_free(at);
	}
	expect_dump(s->server, s, dumps[COMMITS]);
	for (unsigned i = 0; i <= COMMITS; i++)
		free(dumps[i]);
}

static void a_clone_goes_its_own_way(void **state)
{
	struct scene *s = *state;
	struct sim_redis *replica;
	struct sim_session *x;
	char *before;

	for (unsigned i = 0; i < 100; i++)
		commit(s, i);
	before = dump(s->server, s);
	replica = sim_redis_clone(s->server);
	x = sim_session_new(replica);
	(void)RUN(s, x, "APPEND", "all", "x");
	(void)RUN(s, x, "HSET", "own", "seq", "other");
	(void)RUN(s, x, "SELECT", "2");
	(void)RUN(s, x, "XTRIM", "alerts", "MAXLEN", "1");
	expect_dump(s->server, s, before);
	assert_int_equal(sim_redis_committed(replica), 103);
	sim_redis_rollback(replica, 100);
	expect_dump(replica, s, before);
	free(before);
	sim_session_free(x);
	sim_redis_free(replica);
}

static void a_rollback_ends_the_connections(void **state)
{
	struct scene *s = *state;

	(void)RUN(s, s->a, "SET", "k", "1");
	(void)RUN(s, s->a, "SET", "k", "2");
	(void)RUN(s, s->a, "WATCH", "k");
	sim_redis_rollback(s->server, 1);
	expect_dump(s->server, s, "0 \"k\" string \"1\"\n");
	add_set(s, "k", "3");
	assert_int_equal(go(s, s->a), VR_E_LOST_LINK);
	assert_true(sim_session_killed(s->b));
	assert_int_equal(sim_redis_committed(s->server), 1);
}

static void what_wrote_nothing_is_no_transaction(void **state)
{
	struct scene *s = *state;

	(void)RUN(s, s->a, "GET", "k");
	(void)RUN(s, s->a, "DEL", "k");
	(void)RUN(s, s->a, "MULTI");
	(void)RUN(s, s->a, "GET", "k");
	(void)RUN(s, s->a, "EXEC");
	(void)RUN(s, s->a, "HSET", "k", "f");
	assert_int_equal(sim_redis_committed(s->server), 0);
}

static void history_can_be_forgotten(void **state)
{
	struct scene *s = *state;
	struct sim_redis *at;

	for (unsigned i = 0; i < 70; i++)
		commit(s, i);
	sim_redis_forget(s->server);
	assert_int_equal(sim_redis_committed(s->server), 70);
	commit(s, 70);
	at = sim_redis_clone_at(s->server, 70);
	assert_int_equal(sim_redis_committed(at), 70);
	sim_redis_free(at);
}

static void a_wiped_server_knows_nothing(void **state)
{
	struct scene *s = *state;

	commit(s, 1);
	sim_redis_wipe(s->server);
	expect_dump(s->server, s, "");
	assert_int_equal(sim_redis_committed(s->server), 0);
	assert_true(sim_session_killed(s->a));
}

static void an_ordered_fault_aborts_the_transaction(void **state)
{
	struct scene *s = *state;

	sim_redis_fail_next(s->server, "SET", "OOM command not allowed when used memory > 'maxmemory'.", 1);
	vr_cmd_words(&s->cmds, "MULTI", NULL);
	add_set(s, "k", "v");
	add_set(s, "l", "v");
	vr_cmd_words(&s->cmds, "EXEC", NULL);
	assert_int_equal(go(s, s->a), VR_OK);
	assert_int_equal(vr_reply_error_class(vr_replies_first_error(&s->replies)), VR_E_OOM);
	assert_memory_equal(s->replies.at[3].str.p, "EXECABORT", 9);
	expect_dump(s->server, s, "");
	assert_int_equal(RUN(s, s->a, "SET", "k", "v")->type, VR_REPLY_STATUS);
}

static void a_refused_exec_quotes_the_reason(void **state)
{
	struct scene *s = *state;

	sim_redis_fail_next(s->server, "exec", "OOM command not allowed", 1);
	vr_cmd_words(&s->cmds, "MULTI", NULL);
	add_set(s, "k", "v");
	vr_cmd_words(&s->cmds, "EXEC", NULL);
	assert_int_equal(go(s, s->a), VR_OK);
	assert_int_equal(vr_reply_error_class(&s->replies.at[2]), VR_E_OOM);
	expect_dump(s->server, s, "");
	assert_int_equal(vr_reply_error_class(RUN(s, s->a, "EXEC")), VR_E_REPLY);
}

static void a_fault_of_any_command_counts_down(void **state)
{
	struct scene *s = *state;

	sim_redis_fail_next(s->server, NULL, "LOADING Redis is loading the dataset in memory", 2);
	assert_int_equal(vr_reply_error_class(RUN(s, s->a, "PING")), VR_E_BUSY);
	assert_int_equal(vr_reply_error_class(RUN(s, s->b, "GET", "k")), VR_E_BUSY);
	assert_int_equal(RUN(s, s->b, "PING")->type, VR_REPLY_STATUS);
}

/* A client sent its EXEC and died; the server runs it later. */
static void a_dead_clients_exec_still_meets_its_watch(void **state)
{
	struct scene *s = *state;

	for (int touched = 0; touched < 2; touched++) {
		struct sim_session *x = sim_session_new(s->server);
		(void)RUN(s, x, "WATCH", "own");
		vr_cmd_words(&s->cmds, "MULTI", NULL);
		add_set(s, "late", "1");
		vr_cmd_words(&s->cmds, "EXEC", NULL);
		sim_session_kill(x);
		struct vr_cmds flying = s->cmds;
		vr_cmds_init(&s->cmds, &s->mem);
		if (touched)
			(void)RUN(s, s->b, "HSET", "own", "token", "new");
		assert_int_equal(sim_execute(x, flying.buf.p, flying.buf.n, &s->arena, &s->replies), VR_OK);
		assert_int_equal(s->replies.at[2].type, touched ? VR_REPLY_NIL : VR_REPLY_ARRAY);
		vr_cmds_done(&flying);
		sim_session_free(x);
	}
}

static void a_cut_link_runs_what_came_before(void **state)
{
	struct scene *s = *state;

	sim_session_cut_after(s->a, 2);
	(void)RUN(s, s->a, "PING");
	add_set(s, "k", "1");
	add_set(s, "k", "2");
	assert_int_equal(go(s, s->a), VR_E_LOST_LINK);
	expect_dump(s->server, s, "0 \"k\" string \"1\"\n");
	add_set(s, "k", "3");
	assert_int_equal(go(s, s->a), VR_E_LOST_LINK);
	expect_dump(s->server, s, "0 \"k\" string \"1\"\n");
}

static void the_clock_names_stream_entries(void **state)
{
	struct scene *s = *state;

	sim_redis_set_clock(s->server, (struct vr_wall){5000});
	assert_string_equal(RUN(s, s->a, "XADD", "x", "*", "f", "v")->str.p, "5000-0");
	assert_string_equal(RUN(s, s->a, "XADD", "x", "*", "f", "v")->str.p, "5000-1");
	sim_redis_set_clock(s->server, (struct vr_wall){4000});
	assert_string_equal(RUN(s, s->a, "XADD", "x", "*", "f", "v")->str.p, "5000-2");
}

static void what_is_no_request_is_refused(void **state)
{
	static const char *const bytes[] = {"PING\r\n", "*0\r\n", "*1\r\n$4\r\nPIN", "*1\r\n$4\r\nPINGxx",
		"*1\r\n:1\r\n", "*99\r\n$1\r\na\r\n",
		"*1\r\n$99999999999999999999999\r\n", "*", "*1\r\n$-1\r\n"};
	struct scene *s = *state;

	for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++)
		assert_int_equal(sim_execute(s->a, bytes[i], strlen(bytes[i]), &s->arena, &s->replies), VR_E_DECODE);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(the_dump_shows_all_types_sorted),
		TEST(every_prefix_can_be_had),
		TEST(a_clone_goes_its_own_way),
		TEST(a_rollback_ends_the_connections),
		TEST(what_wrote_nothing_is_no_transaction),
		TEST(history_can_be_forgotten),
		TEST(a_wiped_server_knows_nothing),
		TEST(an_ordered_fault_aborts_the_transaction),
		TEST(a_refused_exec_quotes_the_reason),
		TEST(a_fault_of_any_command_counts_down),
		TEST(a_dead_clients_exec_still_meets_its_watch),
		TEST(a_cut_link_runs_what_came_before),
		TEST(the_clock_names_stream_entries),
		TEST(what_is_no_request_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
