/* SPDX-License-Identifier: Apache-2.0 */
/* The switch on a real redis-server: what it changes, what it refuses, what it waits for, and who notices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis_server.h"
#include "virality/switch.h"

enum { LIVE, SPARE, ALERTS, PARTS = 2, WORDS = 40 };

struct rig {
	struct redis_server *server;
	struct vr_redis *redis;
	struct vr_link link;
	struct vr_mem mem;
	struct vr_arena arena, lines;	/* of a switch; of one run() */
	struct vr_switch w;
	struct vr_switch_part part[PARTS];
};

/* ------------------------------------------------ the rig ------------------------------ */

static struct vr_redis *connect_as(struct rig *r, const char *user)
{
	struct vr_redis *redis;
	struct vr_redis_config config = {.unix_path = vr_str_c(r->server->socket), .connect_timeout = {5000}, .user = vr_str_c(user),
		.password = vr_str_c(user)};
	assert_int_equal(vr_redis_new(&config, &redis), VR_OK);
	return redis;
}

/* One command of words with blanks between, in a database; its reply lives until the next. */
static struct vr_reply *run(struct rig *r, int db, const char *line)
{
	char text[512], *word[WORDS] = {0}, *save = NULL;
	uint32_t n = 0;
	struct vr_cmds c;
	struct vr_replies replies;
	snprintf(text, sizeof(text), "%s", line);
	for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save))
		word[n++] = w;
	vr_cmds_init(&c, &r->mem);
	vr_cmd(&c, 2, "SELECT");
	vr_cmd_i64(&c, db);
	vr_cmd(&c, n, word[0]);
	for (uint32_t i = 1; i < n; i++)
		vr_cmd_c(&c, word[i]);
	vr_arena_reset(&r->lines);
	assert_int_equal(r->link.exchange(r->link.ctx, &c, &r->lines, &replies, NULL), VR_OK);
	vr_cmds_done(&c);
	if (replies.at[1].type == VR_REPLY_ERROR)
		fail_msg("%s: %s", line, replies.at[1].str.p);
	return &replies.at[1];
}

static void assert_text(struct rig *r, int db, const char *line, const char *text)
{
	const struct vr_reply *got = run(r, db, line);
	assert_int_equal(got->type, VR_REPLY_STR);
	assert_string_equal(got->str.p, text);
}

static void record(struct rig *r, int db, int part, const char *name, int64_t off, const char *more)
{
	char line[512];
	snprintf(line, sizeof(line), "HSET {vir:t:%d}:own format 1 token %032d seq 7 base_offset 3 cluster_id C group G generation %s off %lld "
		"complete 1 rules 2 %s", part, db * 10 + part, name, (long long)off, more);
	run(r, db, line);
}

static void set_said(struct rig *r, int part, int64_t off)
{
	char line[128];
	snprintf(line, sizeof(line), "HSET {vir:t:%d}:said off %lld dlq_off %lld", part, (long long)off, (long long)off);
	run(r, ALERTS, line);
}

static int set_up(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	r->server = redis_server_start(NULL);
	r->mem = vr_mem_heap();
	vr_arena_init(&r->arena, &r->mem, 0);
	vr_arena_init(&r->lines, &r->mem, 0);
	r->redis = connect_as(r, "");
	r->link = vr_redis_link(r->redis);
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *r = *state;
	vr_arena_done(&r->arena);
	vr_arena_done(&r->lines);
	vr_redis_free(r->redis);
	redis_server_stop(r->server);
	free(r);
	return 0;
}

/* Live at 100 and 200, its shadow n1 three records behind. */
static int fill(void **state)
{
	struct rig *r = *state;
	run(r, LIVE, "FLUSHALL");
	r->w = (struct vr_switch){.name = VR_STR("n1"), .live_db = LIVE, .spare_db = SPARE, .alerts_db = ALERTS, .max_lag = 10,
		.part = r->part, .n = PARTS};
	assert_int_equal(vr_switch_init(&r->w, VR_STR("vir:")), VR_OK);
	run(r, SPARE, "SET vir:generation n1");
	run(r, SPARE, "HSET vir:meta generation n1 state replay");
	run(r, SPARE, "HSET {vir:pub}:own format 1 token x seq 5 off 0");
	run(r, LIVE, "HSET vir:meta generation live state live");
	run(r, ALERTS, "RPUSH vir:rules one two");
	for (int i = 0; i < PARTS; i++) {
		assert_int_equal(vr_switch_part_init(&r->part[i], &r->w, VR_STR("vir:"), VR_STR("t"), i), VR_OK);
		record(r, LIVE, i, "live", 100 * (i + 1), "");
		record(r, SPARE, i, "n1", 100 * (i + 1) - 3, "");
		set_said(r, i, 100 * (i + 1));
	}
	return 0;
}

static void token_of(void *ctx, char out[VR_TOKEN_LEN + 1])
{
	int *n = ctx;
	snprintf(out, VR_TOKEN_LEN + 1, "fresh%027d", ++*n);
}

static enum vr_err say(struct vr_link link, struct rig *r, struct vr_cmds *c, struct vr_replies *ret)
{
	enum vr_err err = link.exchange(link.ctx, c, &r->arena, ret, NULL);
	vr_cmds_clear(c);
	return err;
}

static enum vr_err look(struct rig *r, struct vr_link link, enum vr_switch_verdict *ret, struct vr_diag *d)
{
	struct vr_cmds c;
	struct vr_replies replies;
	vr_cmds_init(&c, &r->mem);
	vr_arena_reset(&r->arena);
	*d = (struct vr_diag){.where = ""};
	vr_switch_look(&r->w, &c);
	assert_int_equal(say(link, r, &c, &replies), VR_OK);
	vr_cmds_done(&c);
	return vr_switch_judge(&r->w, &replies, ret, d);
}

static enum vr_err go(struct rig *r, struct vr_link link, struct vr_diag *d)
{
	struct vr_cmds c;
	struct vr_replies replies;
	int tokens = 0;
	vr_cmds_init(&c, &r->mem);
	*d = (struct vr_diag){.where = ""};
	vr_switch_go(&r->w, token_of, &tokens, &c);
	assert_int_equal(say(link, r, &c, &replies), VR_OK);
	vr_cmds_done(&c);
	return vr_switch_done(&r->w, &replies, d);
}

static void make_live(struct rig *r)
{
	enum vr_switch_verdict verdict;
	struct vr_diag d;
	assert_int_equal(look(r, r->link, &verdict, &d), VR_OK);
	assert_int_equal(verdict, VR_SWITCH_READY);
	assert_int_equal(go(r, r->link, &d), VR_OK);
}

/* ------------------------------------------------ what it changes ---------------------- */

static void test_the_shadow_is_live_and_live_is_the_spare(void **state)
{
	struct rig *r = *state;
	make_live(r);
	assert_text(r, LIVE, "GET vir:generation", "n1");
	assert_text(r, SPARE, "GET vir:generation", "live");
	assert_text(r, LIVE, "HGET vir:meta state", "live");
	assert_text(r, SPARE, "HGET vir:meta state", "replay");
	assert_text(r, LIVE, "HGET {vir:t:0}:own off", "97");
	assert_text(r, SPARE, "HGET {vir:t:0}:own off", "100");
	assert_text(r, LIVE, "HGET vir:t:begin 1", "3");
}

static void test_every_record_made_live_is_nobodys(void **state)
{
	struct rig *r = *state;
	make_live(r);
	assert_text(r, LIVE, "HGET {vir:t:0}:own token", "fresh000000000000000000000000001");
	assert_text(r, LIVE, "HGET {vir:t:1}:own token", "fresh000000000000000000000000002");
	assert_text(r, LIVE, "HGET {vir:pub}:own token", "fresh000000000000000000000000003");
	assert_text(r, LIVE, "HGET {vir:t:1}:own seq", "0");
	assert_text(r, SPARE, "HGET {vir:t:1}:own seq", "7");
}

static void test_said_is_raised_to_live_and_never_lowered(void **state)
{
	struct rig *r = *state;
	set_said(r, 0, 40);
	set_said(r, 1, 900);
	make_live(r);
	assert_text(r, ALERTS, "HGET {vir:t:0}:said off", "100");
	assert_text(r, ALERTS, "HGET {vir:t:0}:said dlq_off", "100");
	assert_text(r, ALERTS, "HGET {vir:t:1}:said off", "900");
}

static void test_what_live_refused_by_its_clock_is_carried_over(void **state)
{
	struct rig *r = *state;
	run(r, LIVE, "RPUSH {vir:t:0}:refused 5 96 97 99");
	run(r, SPARE, "RPUSH {vir:t:0}:refused 5 96");
	make_live(r);
	const struct vr_reply *list = run(r, LIVE, "LRANGE {vir:t:0}:refused 0 -1");
	assert_int_equal(list->n, 4);
	assert_string_equal(list->elem[2].str.p, "97");
	assert_string_equal(list->elem[3].str.p, "99");
	assert_text(r, LIVE, "HGET {vir:t:0}:own decided", "100");
	assert_text(r, LIVE, "HGET {vir:t:1}:own decided", "200");
}

/* Switched twice in a row: live has not folded yet what was decided before it. */
static void test_what_was_decided_before_live_is_carried_on(void **state)
{
	struct rig *r = *state;
	record(r, LIVE, 0, "live", 100, "decided 120");
	make_live(r);
	assert_text(r, LIVE, "HGET {vir:t:0}:own decided", "120");
}

static void test_rules_of_its_own_are_appended_and_numbered(void **state)
{
	struct rig *r = *state;
	r->w.own_rules = true;
	r->w.rules_no = 3;
	r->w.rules_n = 2;
	r->w.rules_entry = VR_STR("three");
	run(r, SPARE, "RPUSH {vir:t:0}:rules x");
	make_live(r);
	assert_text(r, ALERTS, "LINDEX vir:rules -1", "three");
	assert_text(r, LIVE, "HGET {vir:t:0}:own rules", "3");
	assert_text(r, LIVE, "LINDEX {vir:t:0}:rules 0", "3 3");
	assert_int_equal(run(r, LIVE, "LLEN {vir:t:0}:rules")->integer, 1);
}

static void test_the_retired_generation_gets_its_history(void **state)
{
	struct rig *r = *state;
	struct vr_cmds more;
	vr_cmds_init(&more, &r->mem);
	vr_cmd_words(&more, "HSET", "vir:gen", "state", "retired", NULL);
	r->w.retire = &more;
	make_live(r);
	vr_cmds_done(&more);
	assert_text(r, SPARE, "HGET vir:gen state", "retired");
	assert_int_equal(run(r, LIVE, "EXISTS vir:gen")->integer, 0);
}

static void test_switched_back_the_databases_are_as_before(void **state)
{
	struct rig *r = *state;
	make_live(r);
	run(r, LIVE, "HSET {vir:t:0}:own off 100");
	run(r, LIVE, "HSET {vir:t:1}:own off 200");
	run(r, SPARE, "HSET {vir:t:0}:own generation live");
	r->w.name = VR_STR("live");
	make_live(r);
	assert_text(r, LIVE, "GET vir:generation", "live");
	assert_text(r, SPARE, "GET vir:generation", "n1");
}

/* ------------------------------------------------ who notices -------------------------- */

static void test_nothing_happens_when_somebody_wrote_in_between(void **state)
{
	static const struct { int db; const char *line; } writes[] = {
		{SPARE, "HSET {vir:t:1}:own seq 8"}, {LIVE, "HSET {vir:t:0}:own seq 8"}, {ALERTS, "RPUSH vir:rules three"},
		{SPARE, "SET vir:generation n2"}, {LIVE, "SET vir:generation n0"}, {SPARE, "HSET {vir:pub}:own seq 6"},
		{LIVE, "SWAPDB 0 1"}, {LIVE, "FLUSHALL"}};
	struct rig *r = *state;
	struct vr_redis *other = connect_as(r, "");
	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
		enum vr_switch_verdict verdict;
		struct vr_diag d;
		fill(state);
		assert_int_equal(look(r, vr_redis_link(other), &verdict, &d), VR_OK);
		run(r, writes[i].db, writes[i].line);
		assert_int_equal(go(r, vr_redis_link(other), &d), VR_E_FENCED);
	}
	vr_redis_free(other);
}

/* An owner between the two steps of a cut: its EXEC is nil, and what it holds is not what live holds. */
static void test_an_owner_of_before_cannot_write(void **state)
{
	struct rig *r = *state;
	struct vr_redis *other = connect_as(r, "");
	struct vr_link link = vr_redis_link(other);
	struct vr_owner o;
	struct vr_owner_record seen;
	struct vr_cmds c;
	struct vr_replies replies, writes;
	struct vr_diag d;
	vr_cmds_init(&c, &r->mem);
	vr_owner_init(&o, &r->part[0].keys);
	vr_owner_look(&o, &c);
	assert_int_equal(say(link, r, &c, &replies), VR_OK);
	assert_int_equal(vr_owner_seen(&o, replies.at, &seen), VR_OK);
	vr_owner_claim_begin(&o, &c);
	vr_owner_claim_end(&o, &seen, "0123456789abcdef0123456789abcdef", &c);
	assert_int_equal(say(link, r, &c, &replies), VR_OK);
	assert_int_equal(vr_owner_claimed(&o, &replies, &d), VR_OK);
	vr_owner_guard(&o, &c);
	assert_int_equal(say(link, r, &c, &replies), VR_OK);
	assert_int_equal(vr_owner_guarded(&o, &replies, &d), VR_OK);
	make_live(r);
	vr_owner_commit_begin(&o, &c);
	vr_cmd_words(&c, "SET", "vir:written", "1", NULL);
	vr_owner_commit_end(&o, &seen, &c);
	assert_int_equal(say(link, r, &c, &replies), VR_OK);
	assert_int_equal(vr_owner_committed(&o, &replies, &writes, &d), VR_E_FENCED);
	assert_int_equal(run(r, LIVE, "EXISTS vir:written")->integer, 0);
	assert_int_equal(run(r, SPARE, "EXISTS vir:written")->integer, 0);
	vr_cmds_done(&c);
	vr_redis_free(other);
}

/* ------------------------------------------------ what it refuses ---------------------- */

struct refusal { int db; const char *line, *says; };

static void test_what_is_refused(void **state)
{
	static const struct refusal refusals[] = {
		{SPARE, "DEL vir:generation", "holds no generation"},
		{SPARE, "SET vir:generation n2", "holds generation n2, not n1"},
		{SPARE, "DEL {vir:t:1}:own", "no partition t:1, which live counts"},
		{LIVE, "DEL {vir:t:1}:own", "--accept-state-loss"},
		{SPARE, "HSET {vir:t:1}:own generation n2", "t:1 of the spare database is of generation n2"},
		{SPARE, "HSET {vir:t:0}:own group H", "group 'H'"},
		{SPARE, "HSET {vir:t:0}:own cluster_id D", "cluster 'D'"}};
	struct rig *r = *state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		enum vr_switch_verdict verdict;
		struct vr_diag d;
		fill(state);
		run(r, refusals[i].db, refusals[i].line);
		assert_int_equal(look(r, r->link, &verdict, &d), VR_E_REFUSED);
		if (!strstr(d.text, refusals[i].says))
			fail_msg("\"%s\" does not say \"%s\"", d.text, refusals[i].says);
	}
}

static void test_what_is_waited_for(void **state)
{
	static const struct refusal waits[] = {
		{SPARE, "HSET {vir:t:0}:own off 101", "live has not reached the shadow"},
		{SPARE, "HSET {vir:t:1}:own off 189", "the shadow has not reached live"},
		{SPARE, "HSET {vir:t:1}:own rules 1", "live's rules"},
		{SPARE, "HSET {vir:t:1}:own complete 0", "leaderboards"}};
	struct rig *r = *state;
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		enum vr_switch_verdict verdict;
		struct vr_diag d;
		fill(state);
		run(r, waits[i].db, waits[i].line);
		assert_int_equal(look(r, r->link, &verdict, &d), VR_OK);
		assert_int_equal(verdict, VR_SWITCH_WAIT);
		if (!strstr(d.text, waits[i].says))
			fail_msg("\"%s\" does not say \"%s\"", d.text, waits[i].says);
	}
}

static void test_what_is_live_already_stays(void **state)
{
	struct rig *r = *state;
	enum vr_switch_verdict verdict;
	struct vr_diag d;
	make_live(r);
	assert_int_equal(look(r, r->link, &verdict, &d), VR_OK);
	assert_int_equal(verdict, VR_SWITCH_ALREADY);
}

static void test_a_lost_live_is_replaced_when_that_is_accepted(void **state)
{
	struct rig *r = *state;
	run(r, LIVE, "FLUSHDB");
	run(r, ALERTS, "FLUSHDB");
	r->w.accept_state_loss = true;
	r->part[0].committed = 100;
	r->part[1].committed = 205;
	make_live(r);
	assert_text(r, ALERTS, "HGET {vir:t:0}:said off", "100");
	assert_text(r, ALERTS, "HGET {vir:t:1}:said off", "205");
	assert_text(r, LIVE, "HGET {vir:t:1}:own off", "197");
}

static void test_a_list_of_rules_that_has_grown_is_looked_at_again(void **state)
{
	struct rig *r = *state;
	enum vr_switch_verdict verdict;
	struct vr_diag d;
	r->w.own_rules = true;
	r->w.rules_n = 1;
	assert_int_equal(look(r, r->link, &verdict, &d), VR_E_FENCED);
}

static void test_without_the_right_to_swap_nothing_is_changed(void **state)
{
	struct rig *r = *state;
	enum vr_switch_verdict verdict;
	struct vr_diag d;
	run(r, LIVE, "ACL SETUSER u reset on >u allkeys allchannels +@all -swapdb");
	struct vr_redis *user = connect_as(r, "u");
	assert_int_equal(look(r, vr_redis_link(user), &verdict, &d), VR_OK);
	assert_int_equal(go(r, vr_redis_link(user), &d), VR_E_AUTH);
	assert_non_null(strstr(d.text, "virald.acl"));
	assert_text(r, SPARE, "GET vir:generation", "n1");
	assert_text(r, SPARE, "HGET {vir:t:0}:own seq", "7");
	vr_redis_free(user);
}

static void test_without_memory_nothing_is_changed(void **state)
{
	struct rig *r = *state;
	enum vr_switch_verdict verdict;
	struct vr_diag d;
	assert_int_equal(look(r, r->link, &verdict, &d), VR_OK);
	struct vr_redis *other = connect_as(r, "");
	struct vr_link mine = r->link;
	r->link = vr_redis_link(other);
	run(r, LIVE, "CONFIG SET maxmemory 1");
	assert_int_equal(go(r, mine, &d), VR_E_OOM);
	assert_non_null(strstr(d.text, "maxmemory"));
	run(r, LIVE, "CONFIG SET maxmemory 0");
	r->link = mine;
	vr_redis_free(other);
	assert_text(r, SPARE, "GET vir:generation", "n1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_the_shadow_is_live_and_live_is_the_spare, fill),
		cmocka_unit_test_setup(test_every_record_made_live_is_nobodys, fill),
		cmocka_unit_test_setup(test_said_is_raised_to_live_and_never_lowered, fill),
		cmocka_unit_test_setup(test_what_live_refused_by_its_clock_is_carried_over, fill),
		cmocka_unit_test_setup(test_what_was_decided_before_live_is_carried_on, fill),
		cmocka_unit_test_setup(test_rules_of_its_own_are_appended_and_numbered, fill),
		cmocka_unit_test_setup(test_the_retired_generation_gets_its_history, fill),
		cmocka_unit_test_setup(test_switched_back_the_databases_are_as_before, fill),
		cmocka_unit_test_setup(test_nothing_happens_when_somebody_wrote_in_between, fill),
		cmocka_unit_test_setup(test_an_owner_of_before_cannot_write, fill),
		cmocka_unit_test_setup(test_what_is_refused, fill),
		cmocka_unit_test_setup(test_what_is_waited_for, fill),
		cmocka_unit_test_setup(test_what_is_live_already_stays, fill),
		cmocka_unit_test_setup(test_a_lost_live_is_replaced_when_that_is_accepted, fill),
		cmocka_unit_test_setup(test_a_list_of_rules_that_has_grown_is_looked_at_again, fill),
		cmocka_unit_test_setup(test_without_the_right_to_swap_nothing_is_changed, fill),
		cmocka_unit_test_setup(test_without_memory_nothing_is_changed, fill),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
