/* SPDX-License-Identifier: Apache-2.0 */
/* On a real redis-server: what is written is read back, and only what is ours goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generation.h"
#include "virality/talk.h"
#include "redis_server.h"

enum { LIVE, SPARE, ALERTS };

struct rig { struct redis_server *server; struct vr_redis *redis; struct vr_link link; struct vr_keys keys; struct vr_mem mem; };

static int set_up(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	r->server = redis_server_start(NULL);
	struct vr_redis_config config = {.unix_path = vr_str_c(r->server->socket), .connect_timeout = {5000}};
	assert_int_equal(vr_redis_new(&config, &r->redis), VR_OK);
	r->link = vr_redis_link(r->redis);
	r->mem = vr_mem_heap();
	assert_int_equal(vr_keys_init(&r->keys, VR_STR("vir:"), VR_STR(""), 0, LIVE, ALERTS), VR_OK);
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *r = *state;
	vr_redis_free(r->redis);
	redis_server_stop(r->server);
	free(r);
	return 0;
}

/* One command in a database; its integer, or 0. */
static int64_t run(struct rig *r, int db, const char *name, const char *key, const char *value)
{
	struct vr_talk t;
	struct vr_diag d;
	vr_talk_open(&t, &r->link, &r->mem);
	vr_cmd_select(&t.cmds, db);
	vr_cmd(&t.cmds, (uint32_t)(1 + (key != NULL) + (value != NULL)), name);
	if (key)
		vr_cmd_c(&t.cmds, key);
	if (value)
		vr_cmd_c(&t.cmds, value);
	vr_cmd_select(&t.cmds, LIVE);
	assert_int_equal(vr_talk_ask(&t, &d), VR_OK);
	int64_t n = t.r.at[1].integer;
	vr_talk_close(&t);
	return n;
}

static void write(struct rig *r, const struct vr_generation *g)
{
	struct vr_talk t;
	struct vr_diag d;
	vr_talk_open(&t, &r->link, &r->mem);
	vr_cmd_select(&t.cmds, SPARE);
	vr_generation_write(g, &r->keys, &t.cmds);
	vr_cmd_select(&t.cmds, LIVE);
	assert_int_equal(vr_talk_ask(&t, &d), VR_OK);
	vr_talk_close(&t);
}

static struct vr_generation example(struct vr_generation_part *part)
{
	part[0] = (struct vr_generation_part){"a:b", 0, 7, 100, 0, false};
	part[1] = (struct vr_generation_part){"a:b", 10, 0, INT64_C(1) << 40, 12, true};
	return (struct vr_generation){.name = "fix-1", .state = VR_GENERATION_FULL, .rules = VR_GENERATION_RULES_GIVEN, .rules_hash = "0123456789abcdef",
		.rules_text = (char *)(uintptr_t)"{\"a\": 1}", .from = "-2h", .to = "live", .created = {5}, .beat = {6}, .runner = "me", .part = part, .n = 2};
}

static void what_is_written_is_read_back(void **state)
{
	struct rig *r = *state;
	struct vr_generation_part part[2];
	struct vr_generation g = example(part), back;
	struct vr_diag d;
	assert_int_equal(vr_generation_read(&r->link, &r->keys, SPARE, &back, &d), VR_OK);
	assert_string_equal(back.name, "");
	assert_false(back.made);
	write(r, &g);
	assert_int_equal(vr_generation_read(&r->link, &r->keys, SPARE, &back, &d), VR_OK);
	assert_true(back.made);
	assert_string_equal(back.name, g.name);
	assert_int_equal(back.state, g.state);
	assert_int_equal(back.rules, g.rules);
	assert_string_equal(back.rules_hash, g.rules_hash);
	assert_string_equal(back.rules_text, g.rules_text);
	assert_string_equal(back.from, g.from);
	assert_string_equal(back.to, g.to);
	assert_string_equal(back.runner, g.runner);
	assert_int_equal(back.created.ms, 5);
	assert_int_equal(back.beat.ms, 6);
	assert_int_equal(back.n, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_string_equal(back.part[i].topic, part[i].topic);
		assert_int_equal(back.part[i].partition, part[i].partition);
		assert_int_equal(back.part[i].first, part[i].first);
		assert_int_equal(back.part[i].end, part[i].end);
		assert_int_equal(back.part[i].gap, part[i].gap);
		assert_int_equal(back.part[i].gap_at_most, part[i].gap_at_most);
	}
	vr_generation_done(&back);
}

static void what_cannot_be_read_is_said(void **state)
{
	struct rig *r = *state;
	struct vr_generation_part part[2];
	struct vr_generation g = example(part), back;
	struct vr_diag d;
	write(r, &g);
	run(r, SPARE, "SET", "vir:generation", "other");
	assert_int_equal(vr_generation_read(&r->link, &r->keys, SPARE, &back, &d), VR_E_CORRUPT);
	assert_non_null(strstr(d.text, "other"));
	run(r, SPARE, "DEL", "vir:gen", NULL);
	assert_int_equal(vr_generation_read(&r->link, &r->keys, SPARE, &back, &d), VR_OK);
	assert_string_equal(back.name, "other");
	assert_false(back.made);
	vr_generation_done(&back);
}

static const struct vr_generation_turn nobody_waits = {NULL, NULL};

static void foreign_keys_are_counted_and_stay(void **state)
{
	struct rig *r = *state;
	struct vr_generation_part part[2];
	struct vr_generation g = example(part);
	struct vr_generation_census census;
	struct vr_diag d;
	write(r, &g);
	for (int i = 0; i < 3000; i++) {
		char key[32];
		snprintf(key, sizeof(key), i % 2 ? "vir:c:{%d}" : "{vir:t:%d}:own", i);
		run(r, SPARE, "SET", key, "1");
	}
	run(r, SPARE, "SET", "{other}:vir:", "1");
	run(r, ALERTS, "SET", "vir:replay:fix-1:alerts", "1");
	run(r, ALERTS, "SET", "vir:alerts", "1");
	run(r, LIVE, "SET", "vir:all", "1");
	assert_int_equal(vr_generation_count(&r->link, &r->keys, SPARE, nobody_waits, &census, &d), VR_OK);
	assert_int_equal(census.keys, 3003);
	assert_int_equal(census.foreign, 1);
	assert_string_equal(census.example, "{other}:vir:");
	assert_int_equal(vr_generation_discard(&r->link, &r->keys, SPARE, VR_STR("fix-2"), nobody_waits, &d), VR_E_FENCED);
	assert_int_equal(run(r, SPARE, "DBSIZE", NULL, NULL), 3003);
	assert_int_equal(vr_generation_discard(&r->link, &r->keys, SPARE, VR_STR("fix-1"), nobody_waits, &d), VR_OK);
	assert_int_equal(run(r, SPARE, "DBSIZE", NULL, NULL), 1);
	assert_int_equal(run(r, ALERTS, "DBSIZE", NULL, NULL), 1);
	assert_int_equal(run(r, LIVE, "DBSIZE", NULL, NULL), 1);
}

struct pages { unsigned n, last; size_t keys, weight; };

static bool some(void *ctx, size_t keys, size_t weight)
{
	struct pages *p = ctx;
	p->keys += keys;
	p->weight += weight;
	return ++p->n < p->last;
}

static void pages_take_turns_and_can_be_broken_off(void **state)
{
	struct rig *r = *state;
	struct vr_generation_part part[2];
	struct vr_generation g = example(part);
	struct vr_generation_census census;
	struct vr_diag d;
	write(r, &g);
	for (int i = 0; i < 5000; i++) {
		char key[32];
		snprintf(key, sizeof(key), "vir:c:{%d}", i);
		run(r, SPARE, "SET", key, "1");
	}
	struct pages all = {.last = UINT32_MAX}, two = {.last = 2};
	assert_int_equal(vr_generation_count(&r->link, &r->keys, SPARE, (struct vr_generation_turn){some, &all}, &census, &d), VR_OK);
	assert_true(all.n > 2);
	assert_int_equal(all.keys, 5002);
	assert_int_equal(all.weight, 5002);
	assert_int_equal(vr_generation_count(&r->link, &r->keys, SPARE, (struct vr_generation_turn){some, &two}, &census, &d), VR_E_BUSY);
	two = (struct pages){.last = 2};
	assert_int_equal(vr_generation_discard(&r->link, &r->keys, SPARE, VR_STR("fix-1"), (struct vr_generation_turn){some, &two}, &d), VR_E_BUSY);
	assert_non_null(strstr(d.text, "goes on"));
	long long left = run(r, SPARE, "DBSIZE", NULL, NULL);
	assert_in_range(left, 1, 5001);
	assert_int_equal(run(r, SPARE, "EXISTS", "vir:generation", NULL), 1);
	assert_int_equal(vr_generation_discard(&r->link, &r->keys, SPARE, VR_STR("fix-1"), nobody_waits, &d), VR_OK);
	assert_int_equal(run(r, SPARE, "DBSIZE", NULL, NULL), 0);
}

static void names(void **state)
{
	(void)state;
	assert_true(vr_generation_name_ok(VR_STR("2026-01-31_fix.A")));
	static const char *const bad[] = {"", "live", "a b", "a:b", "{a}", "\xc3\xa4",
		"0123456789012345678901234567890123456789012345678901234567890123"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(vr_generation_name_ok(vr_str_c(bad[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_written_is_read_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_cannot_be_read_is_said, set_up, tear_down),
		cmocka_unit_test_setup_teardown(foreign_keys_are_counted_and_stay, set_up, tear_down),
		cmocka_unit_test_setup_teardown(pages_take_turns_and_can_be_broken_off, set_up, tear_down),
		cmocka_unit_test(names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
