/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to a real server. */
#include "rig.h"
#include "redis_server.h"

static struct redis_server *server;

static int start(void **state)
{
	(void)state;
	server = redis_server_start(NULL);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	redis_server_stop(server);
	return 0;
}

static void expect_str(const struct vr_reply *r, enum vr_reply_type type, const char *text)
{
	assert_int_equal(r->type, type);
	assert_string_equal(r->str.p, text);
}

static void replies_come_in_order(void **state)
{
	struct rig g;

	(void)state;
	rig_open_unix(&g, server->socket, 0);
	assert_int_equal(vr_redis_epoch(g.redis), 0);
	vr_cmd_words(&g.cmds, "SET", "a", "1", NULL);
	vr_cmd_words(&g.cmds, "GET", "a", NULL);
	vr_cmd_words(&g.cmds, "GET", "absent", NULL);
	vr_cmd_words(&g.cmds, "STRLEN", "a", NULL);
	vr_cmd_words(&g.cmds, "HSET", "h", "f", "v", "g", "w", NULL);
	vr_cmd_words(&g.cmds, "HGETALL", "h", NULL);
	assert_int_equal(rig_go(&g), VR_OK);
	assert_int_equal(g.replies.n, 6);
	expect_str(&g.replies.at[0], VR_REPLY_STATUS, "OK");
	expect_str(&g.replies.at[1], VR_REPLY_STR, "1");
	assert_int_equal(g.replies.at[2].type, VR_REPLY_NIL);
	assert_int_equal(g.replies.at[3].integer, 1);
	expect_str(vr_reply_field(&g.replies.at[5], "g"), VR_REPLY_STR, "w");
	assert_int_equal(vr_redis_epoch(g.redis), 1);
	rig_close(&g);
}

static void nothing_to_send_is_nothing_to_wait_for(void **state)
{
	struct rig g;

	(void)state;
	rig_open_unix(&g, server->socket, 0);
	assert_int_equal(rig_go(&g), VR_OK);
	assert_int_equal(g.replies.n, 0);
	rig_close(&g);
}

static void bytes_are_safe(void **state)
{
	char all[256];
	struct rig g;

	(void)state;
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (char)i;
	rig_open_unix(&g, server->socket, 0);
	for (size_t i = 0; i < 2; i++) {
		vr_cmd(&g.cmds, i ? 2 : 3, i ? "GET" : "SET");
		vr_cmd_key(&g.cmds, VR_STR("k\r\n"), VR_STR("\0"), (struct vr_str){all, sizeof(all)});
		if (i == 0)
			vr_cmd_str(&g.cmds, (struct vr_str){all, sizeof(all)});
	}
	assert_int_equal(rig_go(&g), VR_OK);
	assert_true(vr_str_eq(g.replies.at[1].str, (struct vr_str){all, sizeof(all)}));
	rig_close(&g);
}

#define MANY 200000U

/* 200 k commands whose replies are larger than the commands: neither side may block the other. */
static void a_huge_pipeline_passes(void **state)
{
	static char kilo[1000];
	struct rig g;

	(void)state;
	memset(kilo, 'k', sizeof(kilo));
	rig_open_unix(&g, server->socket, 60000);
	vr_cmd(&g.cmds, 3, "SET");
	vr_cmd_c(&g.cmds, "kilo");
	vr_cmd_str(&g.cmds, (struct vr_str){kilo, sizeof(kilo)});
	for (uint32_t i = 0; i < MANY; i++) {
		vr_cmd(&g.cmds, 3, "SET");
		vr_cmd_c(&g.cmds, "n");
		vr_cmd_i64(&g.cmds, i);
		if (i % 10 == 0)
			vr_cmd_words(&g.cmds, "GET", "kilo", NULL);
	}
	vr_cmd_words(&g.cmds, "GET", "n", NULL);
	assert_int_equal(rig_go(&g), VR_OK);
	assert_int_equal(g.replies.n, MANY + MANY / 10 + 2);
	expect_str(&g.replies.at[g.replies.n - 1], VR_REPLY_STR, "199999");
	assert_int_equal(g.replies.at[2].str.n, sizeof(kilo));
	rig_close(&g);
}

static void a_transaction_of_many_is_one_tree(void **state)
{
	struct rig g;
	const struct vr_reply *exec;

	(void)state;
	rig_open_unix(&g, server->socket, 60000);
	vr_cmd_words(&g.cmds, "MULTI", NULL);
	for (uint32_t i = 0; i < MANY / 10; i++)
		vr_cmd_words(&g.cmds, "SET", "k", "v", NULL);
	vr_cmd_words(&g.cmds, "EXEC", NULL);
	assert_int_equal(rig_go(&g), VR_OK);
	exec = &g.replies.at[g.replies.n - 1];
	assert_int_equal(exec->type, VR_REPLY_ARRAY);
	assert_int_equal(exec->n, MANY / 10);
	expect_str(&exec->elem[exec->n - 1], VR_REPLY_STATUS, "OK");
	rig_close(&g);
}

static void an_error_inside_exec_is_an_element(void **state)
{
	struct rig g;
	const struct vr_reply *error;

	(void)state;
	rig_open_unix(&g, server->socket, 0);
	assert_int_equal(rig_run(&g, "SET", "text", "x"), VR_OK);
	vr_cmd_words(&g.cmds, "MULTI", NULL);
	vr_cmd_words(&g.cmds, "HSET", "text", "f", "v", NULL);
	vr_cmd_words(&g.cmds, "SET", "other", "x", NULL);
	vr_cmd_words(&g.cmds, "EXEC", NULL);
	assert_int_equal(rig_go(&g), VR_OK);
	error = vr_replies_first_error(&g.replies);
	assert_ptr_equal(error, &g.replies.at[3].elem[0]);
	assert_int_equal(vr_reply_error_class(error), VR_E_REPLY);
	expect_str(&g.replies.at[3].elem[1], VR_REPLY_STATUS, "OK");
	rig_close(&g);
}

/* The EXEC was refused, and why stands before it. */
static void expect_abort(struct rig *g, enum vr_err err)
{
	const struct vr_reply *exec = &g->replies.at[g->replies.n - 1];

	assert_int_equal(exec->type, VR_REPLY_ERROR);
	assert_memory_equal(exec->str.p, "EXECABORT ", 10);
	assert_int_equal(vr_reply_error_class(vr_replies_first_error(&g->replies)), err);
}

static void transact(struct rig *g, const char *command)
{
	vr_cmd_words(&g->cmds, "MULTI", NULL);
	vr_cmd_words(&g->cmds, command, "k", "v", NULL);
	vr_cmd_words(&g->cmds, "EXEC", NULL);
	assert_int_equal(rig_go(g), VR_OK);
}

static void a_refusal_while_queueing_aborts(void **state)
{
	struct rig g;

	(void)state;
	rig_open_unix(&g, server->socket, 0);
	transact(&g, "NOSUCH");
	expect_abort(&g, VR_E_UNSUPPORTED);
	assert_int_equal(rig_run(&g, "CONFIG", "SET", "maxmemory", "1"), VR_OK);
	transact(&g, "SET");
	expect_abort(&g, VR_E_OOM);
	assert_int_equal(rig_run(&g, "CONFIG", "SET", "maxmemory", "0"), VR_OK);
	assert_int_equal(rig_run(&g, "CONFIG", "SET", "min-replicas-to-write", "1"), VR_OK);
	transact(&g, "SET");
	expect_abort(&g, VR_E_BUSY);
	assert_int_equal(rig_run(&g, "CONFIG", "SET", "min-replicas-to-write", "0"), VR_OK);
	assert_int_equal(rig_run(&g, "REPLICAOF", "127.0.0.1", "1"), VR_OK);
	transact(&g, "SET");
	expect_abort(&g, VR_E_READONLY);
	assert_int_equal(rig_run(&g, "REPLICAOF", "NO", "ONE"), VR_OK);
	transact(&g, "SET");
	assert_null(vr_replies_first_error(&g.replies));
	rig_close(&g);
}

static void database_is_selected_at_every_connection(void **state)
{
	struct rig g;

	(void)state;
	rig_open(&g, &(struct vr_redis_config){.unix_path = vr_str_c(server->socket), .db = 7});
	assert_int_equal(rig_run(&g, "SET", "in7", "x"), VR_OK);
	vr_redis_drop(g.redis);
	vr_cmd_words(&g.cmds, "GET", "in7", NULL);
	vr_cmd_words(&g.cmds, "CLIENT", "INFO", NULL);
	assert_int_equal(rig_go(&g), VR_OK);
	expect_str(&g.replies.at[0], VR_REPLY_STR, "x");
	assert_non_null(strstr(g.replies.at[1].str.p, " db=7 "));
	assert_int_equal(vr_redis_epoch(g.redis), 2);
	rig_close(&g);
}

static void a_database_that_is_not_there_is_a_setting(void **state)
{
	struct rig g;

	(void)state;
	rig_open(&g, &(struct vr_redis_config){.unix_path = vr_str_c(server->socket), .db = 99});
	assert_int_equal(vr_redis_connect(g.redis, &g.diag), VR_E_CONFIG);
	assert_non_null(strstr(g.diag.text, "SELECT refused"));
	assert_int_equal(vr_redis_epoch(g.redis), 0);
	rig_close(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_come_in_order),
		cmocka_unit_test(nothing_to_send_is_nothing_to_wait_for),
		cmocka_unit_test(bytes_are_safe),
		cmocka_unit_test(a_huge_pipeline_passes),
		cmocka_unit_test(a_transaction_of_many_is_one_tree),
		cmocka_unit_test(an_error_inside_exec_is_an_element),
		cmocka_unit_test(a_refusal_while_queueing_aborts),
		cmocka_unit_test(database_is_selected_at_every_connection),
		cmocka_unit_test(a_database_that_is_not_there_is_a_setting),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
