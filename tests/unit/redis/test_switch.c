/* SPDX-License-Identifier: Apache-2.0 */
/* The switch on a real redis-server: what it changes, and who notices. */
#include "switch_rig.h"

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

/* What was live before, and was replaced by other rules: those that judged it stay noted; one of its partitions had not
 * taken up the last of them. */
static void test_rules_that_come_back_are_noted_behind_those_before(void **state)
{
	struct rig *r = *state;
	r->w.own_rules = true;
	r->w.rules_was = 2;
	r->w.rules_no = 4;
	r->w.rules_n = 2;
	r->w.rules_entry = VR_STR("two");
	run(r, SPARE, "RPUSH {vir:t:0}:rules x y");
	run(r, SPARE, "RPUSH {vir:t:1}:rules x");
	run(r, SPARE, "HSET {vir:t:1}:own rules 1");
	make_live(r);
	assert_text(r, LIVE, "HGET {vir:t:0}:own rules", "4");
	assert_text(r, LIVE, "LINDEX {vir:t:0}:rules 1", "y");
	assert_text(r, LIVE, "LINDEX {vir:t:0}:rules 2", "4 97");
	assert_text(r, LIVE, "HGET {vir:t:1}:own rules", "1");
	assert_int_equal(run(r, LIVE, "LLEN {vir:t:1}:rules")->integer, 1);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_the_shadow_is_live_and_live_is_the_spare, fill),
		cmocka_unit_test_setup(test_every_record_made_live_is_nobodys, fill),
		cmocka_unit_test_setup(test_said_is_raised_to_live_and_never_lowered, fill),
		cmocka_unit_test_setup(test_what_live_refused_by_its_clock_is_carried_over, fill),
		cmocka_unit_test_setup(test_what_was_decided_before_live_is_carried_on, fill),
		cmocka_unit_test_setup(test_rules_of_its_own_are_appended_and_numbered, fill),
		cmocka_unit_test_setup(test_rules_that_come_back_are_noted_behind_those_before, fill),
		cmocka_unit_test_setup(test_the_retired_generation_gets_its_history, fill),
		cmocka_unit_test_setup(test_switched_back_the_databases_are_as_before, fill),
		cmocka_unit_test_setup(test_nothing_happens_when_somebody_wrote_in_between, fill),
		cmocka_unit_test_setup(test_an_owner_of_before_cannot_write, fill),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
