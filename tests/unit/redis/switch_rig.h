/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* switch_rig.h - two generations in a real Redis, live and a shadow, for tests of the switch. */
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

static inline struct vr_redis *connect_as(struct rig *r, const char *user)
{
	struct vr_redis *redis;
	struct vr_redis_config config = {.unix_path = vr_str_c(r->server->socket), .connect_timeout = {5000}, .user = vr_str_c(user),
		.password = vr_str_c(user)};
	assert_int_equal(vr_redis_new(&config, &redis), VR_OK);
	return redis;
}

/* One command of words with blanks between, in a database; its reply lives until the next. */
static inline struct vr_reply *run(struct rig *r, int db, const char *line)
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

static inline void assert_text(struct rig *r, int db, const char *line, const char *text)
{
	const struct vr_reply *got = run(r, db, line);
	assert_int_equal(got->type, VR_REPLY_STR);
	assert_string_equal(got->str.p, text);
}

static inline void record(struct rig *r, int db, int part, const char *name, int64_t off, const char *more)
{
	char line[512];
	snprintf(line, sizeof(line), "HSET {vir:t:%d}:own format 1 token %032d seq 7 base_offset 3 cluster_id C group G generation %s off %lld "
		"complete 1 rules 2 %s", part, db * 10 + part, name, (long long)off, more);
	run(r, db, line);
}

static inline void set_said(struct rig *r, int part, int64_t off)
{
	char line[128];
	snprintf(line, sizeof(line), "HSET {vir:t:%d}:said off %lld dlq_off %lld", part, (long long)off, (long long)off);
	run(r, ALERTS, line);
}

static inline int set_up(void **state)
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

static inline int tear_down(void **state)
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
static inline int fill(void **state)
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

static inline void token_of(void *ctx, char out[VR_TOKEN_LEN + 1])
{
	int *n = ctx;
	snprintf(out, VR_TOKEN_LEN + 1, "fresh%027d", ++*n);
}

static inline enum vr_err say(struct vr_link link, struct rig *r, struct vr_cmds *c, struct vr_replies *ret)
{
	enum vr_err err = link.exchange(link.ctx, c, &r->arena, ret, NULL);
	vr_cmds_clear(c);
	return err;
}

static inline enum vr_err look(struct rig *r, struct vr_link link, enum vr_switch_verdict *ret, struct vr_diag *d)
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

static inline enum vr_err go(struct rig *r, struct vr_link link, struct vr_diag *d)
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

static inline void make_live(struct rig *r)
{
	enum vr_switch_verdict verdict;
	struct vr_diag d;
	assert_int_equal(look(r, r->link, &verdict, &d), VR_OK);
	assert_int_equal(verdict, VR_SWITCH_READY);
	assert_int_equal(go(r, r->link, &d), VR_OK);
}
