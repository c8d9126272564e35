/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"
#include <stdio.h>
#include "fake_server.h"
#include "redis_server.h"

static void expect_verdict(struct redis_server *s, bool allow_eviction, enum vr_err want, const char *says)
{
	struct vr_redis_facts facts;
	struct rig g;

	rig_open(&g, &(struct vr_redis_config){.unix_path = vr_str_c(s->socket),
		.allow_eviction = allow_eviction});
	assert_int_equal(vr_redis_check(g.redis, &facts, &g.diag), want);
	if (want)
		assert_non_null(strstr(g.diag.text, says));
	rig_close(&g);
}

static void order(struct redis_server *s, const char *verb, const char *a, const char *b, const char *c)
{
	struct rig g;

	rig_open_unix(&g, s->socket, 0);
	assert_int_equal(rig_run(&g, verb, a, b, c), VR_OK);
	assert_null(vr_replies_first_error(&g.replies));
	rig_close(&g);
}

static void facts_of_a_real_server(void **state)
{
	static const char *const args[] = {"--appendonly", "yes", "--appendfsync", "always",
		"--min-replicas-to-write", "0", NULL};
	struct redis_server *s = redis_server_start(args);
	struct vr_redis_facts f;
	struct vr_buf text;
	struct rig g;

	(void)state;
	rig_open_unix(&g, s->socket, 0);
	assert_int_equal(vr_redis_check(g.redis, &f, &g.diag), VR_OK);
	assert_string_equal(f.role, "master");
	assert_string_equal(f.policy, "noeviction");
	assert_string_equal(f.appendonly, "yes");
	assert_string_equal(f.appendfsync, "always");
	assert_string_equal(f.aof_status, "ok");
	assert_int_equal(strlen(f.replid), 40);
	assert_int_equal(f.min_replicas, 0);
	assert_int_equal(f.maxmemory, 0);
	assert_int_equal(f.evicted_keys, 0);
	assert_false(f.cluster);
	assert_true(f.may_tear);
	assert_non_null(strstr(vr_redis_facts_warning(&f), "aof-load-truncated no"));
	vr_buf_init(&text, &g.mem);
	vr_redis_facts_text(&f, &text);
	vr_buf_byte(&text, '\0');
	assert_memory_equal(text.p, "redis ", 6);
	assert_non_null(strstr(text.p,
		" master noeviction appendonly=yes appendfsync=always aof=ok "
		"min_replicas=0 maxmemory=0 evicted=0 cluster=no replid="));
	vr_buf_done(&text);
	rig_close(&g);
	redis_server_stop(s);
}

static void what_cannot_tear_is_not_warned_of(void **state)
{
	static const char *const args[][5] = {{"--appendonly", "yes", "--aof-load-truncated", "no", NULL}, {"--appendonly", "no", NULL}};

	(void)state;
	for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++) {
		struct redis_server *s = redis_server_start(args[i]);
		struct vr_redis_facts f;
		struct rig g;
		rig_open_unix(&g, s->socket, 0);
		assert_int_equal(vr_redis_check(g.redis, &f, &g.diag), VR_OK);
		assert_null(vr_redis_facts_warning(&f));
		rig_close(&g);
		redis_server_stop(s);
	}
}

static void eviction_is_refused(void **state)
{
	static const char *const policies[] = {"allkeys-random", "allkeys-lru", "volatile-ttl", "volatile-lru"};
	struct redis_server *s = redis_server_start(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		order(s, "CONFIG", "SET", "maxmemory-policy", policies[i]);
		expect_verdict(s, false, VR_E_EVICTING, policies[i]);
	}
	expect_verdict(s, true, VR_OK, "");
	redis_server_stop(s);
}

static void a_replica_is_refused(void **state)
{
	static const char *const args[] = {"--replicaof", "127.0.0.1", "1", NULL};
	struct redis_server *s = redis_server_start(args);

	(void)state;
	expect_verdict(s, false, VR_E_READONLY, "slave");
	redis_server_stop(s);
}

static void a_cluster_is_refused(void **state)
{
	struct redis_server *s;

	(void)state;
	s = redis_server_start((const char *const[]){"--cluster-enabled", "yes", "--port", "0", NULL});
	expect_verdict(s, false, VR_E_UNSUPPORTED, "Cluster");
	redis_server_stop(s);
}

static void a_user_without_config_still_gets_facts(void **state)
{
	static const char *const args[] = {"--appendonly", "yes", "--user", "vir", "on", ">p", "~*", "+@all", "-config", NULL};
	struct redis_server *s = redis_server_start(args);
	struct vr_redis_facts f;
	struct rig g;

	(void)state;
	rig_open(&g, &(struct vr_redis_config){.unix_path = vr_str_c(s->socket), .user = VR_STR("vir"),
		.password = VR_STR("p")});
	assert_int_equal(vr_redis_check(g.redis, &f, &g.diag), VR_OK);
	assert_string_equal(f.policy, "noeviction");
	assert_string_equal(f.appendfsync, "?");
	assert_int_equal(f.min_replicas, -1);
	assert_string_equal(f.appendonly, "yes");
	assert_null(vr_redis_facts_warning(&f));
	rig_close(&g);
	redis_server_stop(s);
}

static void a_user_without_info_is_not_allowed(void **state)
{
	static const char *const args[] = {"--user", "vir", "on", ">p", "~*", "+@all", "-info", NULL};
	struct redis_server *s = redis_server_start(args);
	struct vr_redis_facts f;
	struct rig g;

	(void)state;
	rig_open(&g, &(struct vr_redis_config){.unix_path = vr_str_c(s->socket), .user = VR_STR("vir"),
		.password = VR_STR("p")});
	assert_int_equal(vr_redis_check(g.redis, &f, &g.diag), VR_E_AUTH);
	assert_non_null(strstr(g.diag.text, "INFO refused"));
	rig_close(&g);
	redis_server_stop(s);
}

/* A server that says what `arg` says to INFO, and refuses CONFIG. */
static void tell(int fd, void *arg)
{
	static const char no[] = "-ERR unknown command 'CONFIG'\r\n";
	char head[32];

	if (!fake_await(fd, "PING"))
		return;
	fake_say(fd, "+OK\r\n+PONG\r\n");
	if (!fake_await(fd, "aof-load-truncated"))
		return;
	(void)snprintf(head, sizeof(head), "$%zu\r\n", strlen(arg));
	fake_say(fd, head);
	fake_say(fd, arg);
	fake_say(fd, "\r\n");
	for (int i = 0; i < 4; i++)
		fake_say(fd, no);
	(void)fake_await(fd, "the end");
}

static enum vr_err check_fake(char *info, struct vr_redis_facts *f, struct vr_diag *d)
{
	struct fake_server *s = fake_server_start(false, tell, info);
	struct rig g;
	enum vr_err err;

	rig_open_unix(&g, s->path, 0);
	err = vr_redis_check(g.redis, f, d);
	rig_close(&g);
	fake_server_stop(s);
	return err;
}

static void strange_facts(void **state)
{
	static char old[] = "redis_version:5.0.14\r\nrole:master\r\nmaxmemory_policy:none\r\n";
	static char silent[] = "redis_version:7.2.4\r\nrole:master\r\nx:\r\n";
	static char cut[] = "redis_version";
	struct vr_redis_facts f;
	struct vr_diag d = {0};

	(void)state;
	assert_int_equal(check_fake(old, &f, &d), VR_E_UNSUPPORTED);
	assert_non_null(strstr(d.text, "5.0.14"));
	assert_int_equal(check_fake(silent, &f, &d), VR_E_EVICTING);
	assert_string_equal(f.policy, "?");
	assert_int_equal(check_fake(cut, &f, &d), VR_E_UNSUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_of_a_real_server),
		cmocka_unit_test(what_cannot_tear_is_not_warned_of),
		cmocka_unit_test(eviction_is_refused),
		cmocka_unit_test(a_replica_is_refused),
		cmocka_unit_test(a_cluster_is_refused),
		cmocka_unit_test(a_user_without_config_still_gets_facts),
		cmocka_unit_test(a_user_without_info_is_not_allowed),
		cmocka_unit_test(strange_facts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
