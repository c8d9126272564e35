/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that are refused, lost, slow or nonsense. */
#include "rig.h"
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <stdio.h>
#include "fake_server.h"
#include "redis_server.h"

static void expect_no_secret(const struct vr_diag *d)
{
	assert_null(strstr(d->text, "geheim"));
	assert_null(strstr(d->where, "geheim"));
}

/* ------------------------------------------------------------------ who may come in ---- */

static enum vr_err knock(const struct redis_server *s, const char *user, const char *password,
	struct vr_diag *d)
{
	struct rig g;
	enum vr_err err;

	rig_open(&g, &(struct vr_redis_config){.unix_path = vr_str_c(s->socket), .user = vr_str_c(user),
		.password = vr_str_c(password)});
	err = rig_run(&g, "GET", "k");
	if (!err && g.replies.at[0].type == VR_REPLY_ERROR)
		err = vr_reply_error_class(&g.replies.at[0]);
	*d = g.diag;
	rig_close(&g);
	return err;
}

static void passwords_open(void **state)
{
	static const char *const args[] = {"--requirepass", "geheim", "--user", "vir", "on", ">geheim2", "~*",
		"+@all", "-get", "-ping", NULL};
	struct redis_server *s = redis_server_start(args);
	struct vr_diag d = {0};

	(void)state;
	assert_int_equal(knock(s, "", "geheim", &d), VR_OK);
	assert_int_equal(knock(s, "", "geheim2", &d), VR_E_AUTH);
	expect_no_secret(&d);
	assert_int_equal(knock(s, "nobody", "geheim", &d), VR_E_AUTH);
	assert_int_equal(knock(s, "", "", &d), VR_E_AUTH);
	assert_non_null(strstr(d.text, "NOAUTH"));
	assert_int_equal(knock(s, "vir", "geheim2", &d), VR_E_AUTH);	/* came in, but GET is not his */
	assert_string_equal(d.text, "");
	redis_server_stop(s);
}

static void a_password_where_none_is_asked_is_a_setting(void **state)
{
	struct redis_server *s = redis_server_start(NULL);
	struct vr_diag d = {0};

	(void)state;
	assert_int_equal(knock(s, "", "geheim", &d), VR_E_AUTH);
	expect_no_secret(&d);
	redis_server_stop(s);
}

static void nobody_there_is_away(void **state)
{
	struct rig g;

	(void)state;
	rig_open_unix(&g, "/tmp/vr-there-is-no-such-socket", 0);
	assert_int_equal(rig_run(&g, "PING"), VR_E_AWAY);
	assert_non_null(strstr(g.diag.where, "/tmp/vr-there-is-no-such-socket"));
	rig_close(&g);
	rig_open(&g, &(struct vr_redis_config){.host = VR_STR("no-such-host.invalid"), .port = 6379});
	assert_int_equal(vr_redis_connect(g.redis, &g.diag), VR_E_AWAY);
	rig_close(&g);
}

/* ------------------------------------------------------------------ lost on the way ---- */

static void a_frozen_server_times_out_and_comes_back(void **state)
{
	struct redis_server *s = redis_server_start(NULL);
	struct rig g;

	(void)state;
	rig_open_unix(&g, s->socket, 100);
	assert_int_equal(rig_run(&g, "SET", "k", "before"), VR_OK);
	redis_server_freeze(s);
	assert_int_equal(rig_run(&g, "GET", "k"), VR_E_TIMEOUT);
	assert_int_equal(rig_run(&g, "GET", "k"), VR_E_TIMEOUT);	/* in the handshake */
	redis_server_thaw(s);
	rig_close(&g);
	rig_open_unix(&g, s->socket, 0);
	assert_int_equal(rig_run(&g, "GET", "k"), VR_OK);
	assert_string_equal(g.replies.at[0].str.p, "before");
	rig_close(&g);
	redis_server_stop(s);
}

static void a_killed_connection_is_lost_once(void **state)
{
	struct redis_server *s = redis_server_start(NULL);
	struct rig g, killer;

	(void)state;
	rig_open_unix(&g, s->socket, 0);
	rig_open_unix(&killer, s->socket, 0);
	assert_int_equal(rig_run(&g, "WATCH", "k"), VR_OK);
	assert_int_equal(rig_run(&killer, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"), VR_OK);
	assert_int_equal(rig_run(&g, "SET", "k", "v"), VR_E_LOST_LINK);
	assert_int_equal(vr_redis_epoch(g.redis), 1);
	assert_int_equal(rig_run(&g, "GET", "k"), VR_OK);
	assert_int_equal(g.replies.at[0].type, VR_REPLY_NIL);
	assert_int_equal(vr_redis_epoch(g.redis), 2);
	rig_close(&killer);
	rig_close(&g);
	redis_server_stop(s);
}

static void a_restarted_server_is_connected_anew(void **state)
{
	struct redis_server *s = redis_server_start(NULL);
	struct rig g;

	(void)state;
	rig_open_unix(&g, s->socket, 0);
	assert_int_equal(rig_run(&g, "PING"), VR_OK);
	redis_server_restart(s, NULL);
	assert_int_equal(rig_run(&g, "PING"), VR_E_LOST_LINK);
	assert_int_equal(rig_run(&g, "PING"), VR_OK);
	rig_close(&g);
	redis_server_stop(s);
}

/* Larger than any socket buffer, to a peer that closed: a write into it must not raise SIGPIPE. */
static void a_lost_huge_write_is_no_signal(void **state)
{
	struct redis_server *s = redis_server_start(NULL);
	struct rig g, killer;
	char *big = test_malloc(8U << 20);

	(void)state;
	(void)signal(SIGPIPE, SIG_DFL);
	memset(big, 'x', 8U << 20);
	rig_open_unix(&g, s->socket, 0);
	rig_open_unix(&killer, s->socket, 0);
	assert_int_equal(rig_run(&g, "PING"), VR_OK);
	assert_int_equal(rig_run(&killer, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"), VR_OK);
	vr_cmd(&g.cmds, 3, "SET");
	vr_cmd_c(&g.cmds, "k");
	vr_cmd_str(&g.cmds, (struct vr_str){big, 8U << 20});
	assert_int_equal(rig_go(&g), VR_E_LOST_LINK);
	test_free(big);
	rig_close(&killer);
	rig_close(&g);
	redis_server_stop(s);
}

/* ------------------------------------------------------------------ strange servers ---- */

struct script { const char *hello, *then; };

/* The handshake, then one answer to whatever comes, then the end. */
static void play(int fd, void *arg)
{
	const struct script *script = arg;

	if (!fake_await(fd, "PING"))
		return;
	fake_say(fd, script->hello);
	if (script->then && fake_await(fd, "GET"))
		fake_say(fd, script->then);
}

static enum vr_err ask_fake(bool tcp, struct script script, struct vr_diag *d)
{
	struct fake_server *s = fake_server_start(tcp, play, &script);
	struct rig g;
	enum vr_err err;

	rig_open(&g, &(struct vr_redis_config){.unix_path = vr_str_c(s->path), .host = VR_STR("127.0.0.1"),
		.port = s->port});
	err = rig_run(&g, "GET", "k");
	*d = g.diag;
	rig_close(&g);
	fake_server_stop(s);
	return err;
}

static void hellos(void **state)
{
	static const struct { struct script script; enum vr_err err; const char *says; } rows[] = {
		{{"+OK\r\n+PONG\r\n", "$1\r\nv\r\n"}, VR_OK, ""},
		{{"+OK\r\n-LOADING Redis is loading the dataset in memory\r\n", NULL}, VR_E_BUSY, "LOADING"},
		{{"+OK\r\n-MASTERDOWN Link with MASTER is down\r\n", NULL}, VR_E_BUSY, "MASTERDOWN"},
		{{"-ERR max number of clients reached\r\n", NULL}, VR_E_BUSY, "max number"},
		{{"-DENIED Redis is running in protected mode\r\n", NULL}, VR_E_AUTH, "DENIED"},
		{{"-ERR SELECT is not allowed in cluster mode\r\n+PONG\r\n", NULL}, VR_E_CONFIG, "cluster mode"},
		{{"+OK\r\n", NULL}, VR_E_AWAY, "closed by the server"},
		{{"HTTP/1.1 400 Bad Request\r\n", NULL}, VR_E_AWAY, "Protocol error"},
		{{"+OK\r\n+PONG\r\n", "$1\r\nv"}, VR_E_LOST_LINK, "0 of 1 replies"},
		{{"+OK\r\n+PONG\r\n", "?what\r\n"}, VR_E_LOST_LINK, "Protocol error"},
		{{"+OK\r\n+PONG\r\n", "+a\r\n+b\r\n"}, VR_E_LOST_LINK, "more replies"},
		{{"+OK\r\n+PONG\r\n", "*2000000000\r\n"}, VR_E_LOST_LINK, "absurd"},
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		struct vr_diag d = {0};
		enum vr_err err = ask_fake(i % 2, rows[i / 2].script, &d);
		assert_string_equal(vr_err_name(err), vr_err_name(rows[i / 2].err));
		assert_non_null(strstr(d.text, rows[i / 2].says));
	}
}

/* Reads nothing more before all its answers are taken: whoever only writes would wait for ever. */
static void stubborn(int fd, void *arg)
{
	static const char chunk[] = "$1000\r\n";
	static char body[1003];

	(void)arg;
	memset(body, 'b', 1000);
	memcpy(body + 1000, "\r\n", 3);
	if (!fake_await(fd, "PING"))
		return;
	fake_say(fd, "+OK\r\n+PONG\r\n");
	if (!fake_await(fd, "GET"))
		return;
	for (int i = 0; i < 20000; i++) {
		fake_say(fd, chunk);
		fake_say(fd, body);
	}
	(void)fake_await(fd, "last");
	fake_say(fd, "+last\r\n");
}

static void neither_side_blocks_the_other(void **state)
{
	struct fake_server *s = fake_server_start(false, stubborn, NULL);
	static char key[1000];
	struct rig g;

	(void)state;
	memset(key, 'k', sizeof(key) - 1);
	rig_open_unix(&g, s->path, 60000);
	for (int i = 0; i < 20000; i++)
		vr_cmd_words(&g.cmds, "GET", key, NULL);
	vr_cmd_words(&g.cmds, "GET", "last", NULL);
	assert_int_equal(rig_go(&g), VR_OK);
	assert_string_equal(g.replies.at[20000].str.p, "last");
	rig_close(&g);
	fake_server_stop(s);
}

/* Answers for ever, a byte now and then: the time is that of the whole exchange. */
static void drip(int fd, void *arg)
{
	(void)arg;
	if (!fake_await(fd, "PING"))
		return;
	fake_say(fd, "+OK\r\n+PONG\r\n");
	if (!fake_await(fd, "GET"))
		return;
	fake_say(fd, "$1000000000\r\n");
	while (send(fd, "x", 1, MSG_NOSIGNAL) == 1)
		(void)poll(NULL, 0, 1);
}

static void a_dripping_server_times_out(void **state)
{
	struct fake_server *s = fake_server_start(false, drip, NULL);
	struct rig g;

	(void)state;
	rig_open_unix(&g, s->path, 100);
	assert_int_equal(rig_run(&g, "GET", "k"), VR_E_TIMEOUT);
	rig_close(&g);
	fake_server_stop(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passwords_open),
		cmocka_unit_test(a_password_where_none_is_asked_is_a_setting),
		cmocka_unit_test(nobody_there_is_away),
		cmocka_unit_test(a_frozen_server_times_out_and_comes_back),
		cmocka_unit_test(a_killed_connection_is_lost_once),
		cmocka_unit_test(a_restarted_server_is_connected_anew),
		cmocka_unit_test(a_lost_huge_write_is_no_signal),
		cmocka_unit_test(hellos),
		cmocka_unit_test(neither_side_blocks_the_other),
		cmocka_unit_test(a_dripping_server_times_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
