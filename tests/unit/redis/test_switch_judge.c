/* SPDX-License-Identifier: Apache-2.0 */
/* The switch on a real redis-server: what it refuses, and what it waits for. */
#include "switch_rig.h"

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
		{SPARE, "HSET {vir:t:1}:own complete 0", "leaderboards"},
		{SPARE, "HSET {vir:t:1}:own shown 0", "views"}};
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

static void test_rules_of_its_own_must_have_been_taken_up(void **state)
{
	struct rig *r = *state;
	enum vr_switch_verdict verdict;
	struct vr_diag d;
	r->w.own_rules = true;
	r->w.rules_n = 2;
	run(r, SPARE, "HSET {vir:t:1}:own rules 0");
	assert_int_equal(look(r, r->link, &verdict, &d), VR_OK);
	assert_int_equal(verdict, VR_SWITCH_WAIT);
	assert_non_null(strstr(d.text, "taken up its rules"));
}

/* Between the look that decided on the numbers and this one. */
static void test_rules_that_were_taken_up_meanwhile_are_looked_at_again(void **state)
{
	struct rig *r = *state;
	enum vr_switch_verdict verdict;
	struct vr_diag d;
	r->w.own_rules = r->w.rules_named = true;
	r->w.rules_was = 1;
	r->w.rules_n = 2;
	assert_int_equal(look(r, r->link, &verdict, &d), VR_OK);
	assert_int_equal(verdict, VR_SWITCH_WAIT);
	assert_non_null(strstr(d.text, "while they were looked at"));
	r->w.rules_was = 2;
	assert_int_equal(look(r, r->link, &verdict, &d), VR_OK);
	assert_int_equal(verdict, VR_SWITCH_READY);
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
		cmocka_unit_test_setup(test_what_is_refused, fill),
		cmocka_unit_test_setup(test_what_is_waited_for, fill),
		cmocka_unit_test_setup(test_rules_that_were_taken_up_meanwhile_are_looked_at_again, fill),
		cmocka_unit_test_setup(test_rules_of_its_own_must_have_been_taken_up, fill),
		cmocka_unit_test_setup(test_what_is_live_already_stays, fill),
		cmocka_unit_test_setup(test_a_lost_live_is_replaced_when_that_is_accepted, fill),
		cmocka_unit_test_setup(test_a_list_of_rules_that_has_grown_is_looked_at_again, fill),
		cmocka_unit_test_setup(test_without_the_right_to_swap_nothing_is_changed, fill),
		cmocka_unit_test_setup(test_without_memory_nothing_is_changed, fill),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
