/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* diff_rig.h - a real redis-server with two histories to compare.
 *
 *      fold(r, LIVE, rules, happenings, n)   the engine folds, a cut is written, its alerts are announced
 *      fold(r, SPARE, ...); name_spare(r, rules given or NULL)
 *      diff(r) -> counts; what is printed as JSON is read by line
 *
 * One partition, t:0; offsets are the places in the list of happenings.   Threads: one.                     */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diff/parts.h"
#include "redis_server.h"
#include "rulebook.h"
#include "virality/rulefile.h"
#include "virality/writer.h"

enum { LIVE, SPARE, ALERTS };
#define T0 INT64_C(1440000000000)

/* `count` shares of a content, so many seconds after T0. */
struct happening { const char *content; int64_t at; uint32_t count; };

struct rig {
	struct redis_server *server;
	struct vr_redis *redis;
	struct vr_link link;
	struct vr_keys keys, part;	/* the deployment's; of partition t:0 */
	struct vr_config config;
	struct vr_mem mem;
	struct vr_diff *diff;
	struct vr_diag d;
	char *text;			/* what the diff printed as JSON */
	size_t n_text;
	int steps;			/* that are left before the caller breaks off; -1: never */
	int rounds;			/* that `again` was asked */
	void (*meanwhile)(struct rig *r);
};

/* ---- Redis ---- */

static inline void say(struct rig *r, struct vr_cmds *c, struct vr_arena *arena, struct vr_replies *replies)
{
	vr_cmd_select(c, LIVE);
	assert_int_equal(r->link.exchange(r->link.ctx, c, arena, replies, &r->d), VR_OK);
	assert_int_equal(vr_replies_check(replies, &r->d), VR_OK);
}

/* One command in a database, split at blanks; its integer, or 0. */
static inline int64_t run(struct rig *r, int db, const char *line)
{
	char text[512], *save = NULL, *word[16] = {NULL};
	uint32_t n = 0;
	struct vr_cmds c;
	struct vr_arena arena;
	struct vr_replies replies;
	vr_cmds_init(&c, &r->mem);
	vr_arena_init(&arena, &r->mem, 0);
	assert_true(strlen(line) < sizeof(text));
	memcpy(text, line, strlen(line) + 1);
	for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save))
		word[n++] = w;
	vr_cmd_select(&c, db);
	vr_cmd(&c, n, word[0]);
	for (uint32_t i = 1; i < n; i++)
		vr_cmd_c(&c, word[i]);
	say(r, &c, &arena, &replies);
	int64_t found = replies.at[1].integer;
	vr_arena_done(&arena);
	vr_cmds_done(&c);
	return found;
}

/* ---- a history ---- */

struct cut { struct rig *r; bool live; struct vr_cmds cmds, alerts; struct vr_buf scratch; };

static inline void write_alert(void *ctx, const struct vr_alert *a)
{
	struct cut *x = ctx;
	if (x->live)
		vr_write_alert(&x->alerts, &x->r->part, a, &x->scratch);
	else
		vr_write_replayed(&x->alerts, &x->r->part, VR_STR("try"), a, &x->scratch);
}

static inline void write_own(struct cut *x, int64_t off, int64_t stream_ms)
{
	vr_cmd(&x->cmds, 12, "HSET");
	vr_key_own(&x->cmds, &x->r->part, "own");
	vr_cmd_c(&x->cmds, "off");
	vr_cmd_i64(&x->cmds, off);
	vr_cmd_c(&x->cmds, "stream_ms");
	vr_cmd_i64(&x->cmds, stream_ms);
	vr_cmd_c(&x->cmds, "base_offset");
	vr_cmd_i64(&x->cmds, 0);
	vr_cmd_c(&x->cmds, "log_ms");
	vr_cmd_i64(&x->cmds, stream_ms);
	vr_cmd_c(&x->cmds, "rules");
	vr_cmd_i64(&x->cmds, 1);
}

static inline struct vr_engine *new_engine(struct rig *r)
{
	const struct vr_config *c = &r->config;
	struct vr_engine_config config = {.topic = VR_STR("t"), .windows = c->windows, .max_ahead = {300000}, .dedup_window = c->dedup_window,
		.retention = c->retention, .channels_max = (uint32_t)c->channels_max, .views_min_events = 1,
		.ts_min_events = (uint32_t)c->views_ts_min_events, .board_size = 3};
	struct vr_engine *e;
	assert_int_equal(vr_engine_new(&config, &r->mem, &e), VR_OK);
	return e;
}

static inline int64_t fold_one(struct vr_engine *e, const struct happening *h, int64_t offset)
{
	struct vr_event ev = {.content_id = vr_str_c(h->content), .action = VR_ACTION_SHARE, .event_time = {T0 + h->at * 1000}, .count = h->count,
		.channel = VR_STR("qq"), .actor_id = VR_STR("somebody")};
	struct vr_record record = {.offset = offset, .kafka_time = ev.event_time, .event = &ev, .channel = -1};
	struct vr_loaded none = {.home_known = true, .is_home = true};
	struct vr_outcome outcome;
	bool at_hand, more;
	assert_int_equal(vr_engine_want(e, ev.content_id, &at_hand), VR_OK);
	if (!at_hand)
		assert_int_equal(vr_engine_load(e, 0, &none, &more), VR_OK);
	vr_engine_loaded_all(e);
	assert_int_equal(vr_engine_fold(e, &record, &outcome), VR_OK);
	assert_int_equal(outcome.fate, VR_FATE_FOLDED);
	return ev.event_time.ms;
}

static inline void cut(struct cut *x, struct vr_engine *e, int64_t stream_ms)
{
	struct vr_writer w;
	struct vr_arena arena;
	struct vr_replies replies;
	vr_arena_init(&arena, &x->r->mem, 0);
	vr_writer_init(&w, &x->r->part, &x->cmds, &x->r->mem);
	w.alert = write_alert;
	w.alert_ctx = x;
	vr_cmd_select(&x->cmds, x->live ? LIVE : SPARE);
	vr_writer_begin(&w);
	struct vr_store store = vr_writer_store(&w);
	struct vr_cut_limits limits = {.view = {stream_ms}, .boards = true};
	assert_int_equal(vr_engine_cut(e, &limits, &store), VR_OK);
	vr_writer_end(&w);
	vr_engine_committed(e);
	vr_cmd_select(&x->alerts, ALERTS);
	say(x->r, &x->cmds, &arena, &replies);
	vr_writer_done(&w);
	vr_arena_done(&arena);
}

static inline struct vr_rules *compile(struct rig *r, const char *text, char json[2048], char hash[17])
{
	struct vr_rule_error error[4];
	struct vr_rule_errors errors = {.at = error, .cap = 4};
	struct vr_rulefile *file;
	struct vr_rules *rules;
	size_t n;
	assert_int_equal(vr_rulefile_parse(vr_str_c(text), VR_STR("rules"), &file, &errors), VR_OK);
	const struct vr_rule_spec *specs = vr_rulefile_specs(file, &n);
	assert_int_equal(vr_rules_compile(specs, n, &r->config.windows, &r->mem, &rules, &errors), VR_OK);
	vr_str_copy(json, 2048, vr_rulefile_json(file));
	vr_str_copy(hash, 17, vr_rulefile_hash(file));
	vr_rulefile_free(file);
	return rules;
}

/* The fold of these shares in one database, in one cut, and what it announces. */
static inline void fold(struct rig *r, int db, const char *rules_text, const struct happening *h, size_t n)
{
	struct cut x = {.r = r, .live = db == LIVE};
	struct vr_arena arena;
	struct vr_replies replies;
	char json[2048], hash[17];
	int64_t stream_ms = 0;
	vr_cmds_init(&x.cmds, &r->mem);
	vr_cmds_init(&x.alerts, &r->mem);
	vr_buf_init(&x.scratch, &r->mem);
	vr_arena_init(&arena, &r->mem, 0);
	vr_cmd_select(&x.alerts, ALERTS);
	struct vr_rules *rules = compile(r, rules_text, json, hash);
	struct vr_engine *e = new_engine(r);
	assert_int_equal(vr_engine_rules(e, rules, 1, 0), VR_OK);
	for (size_t i = 0; i < n; i++) {
		int64_t at = fold_one(e, &h[i], (int64_t)i);
		stream_ms = at > stream_ms ? at : stream_ms;
	}
	cut(&x, e, stream_ms);
	vr_cmds_clear(&x.cmds);
	vr_cmd_select(&x.cmds, db);
	write_own(&x, (int64_t)n, stream_ms);
	say(r, &x.cmds, &arena, &replies);
	say(r, &x.alerts, &arena, &replies);
	vr_engine_free(e);
	vr_rules_free(rules);
	vr_arena_done(&arena);
	vr_buf_done(&x.scratch);
	vr_cmds_done(&x.cmds);
	vr_cmds_done(&x.alerts);
}

/* What the spare database is called; rules: those given to it, NULL: live's. */
static inline void name_spare(struct rig *r, const char *rules_text)
{
	struct vr_generation_part part = {.topic = "t", .end = 1000};
	struct vr_generation g = {.name = "try", .state = VR_GENERATION_FULL, .from = "earliest", .to = "live", .part = &part, .n = 1};
	struct vr_cmds c;
	struct vr_arena arena;
	struct vr_replies replies;
	char json[2048];
	vr_cmds_init(&c, &r->mem);
	vr_arena_init(&arena, &r->mem, 0);
	if (rules_text) {
		vr_rules_free(compile(r, rules_text, json, g.rules_hash));
		g.rules = VR_GENERATION_RULES_GIVEN;
		g.rules_text = json;
	}
	vr_cmd_select(&c, SPARE);
	vr_generation_write(&g, &r->keys, &c);
	say(r, &c, &arena, &replies);
	vr_arena_done(&arena);
	vr_cmds_done(&c);
}

static inline void list_rules(struct rig *r, const char *text)
{
	struct vr_rulebook *book;
	char json[2048], hash[17];
	uint32_t no;
	vr_rules_free(compile(r, text, json, hash));
	assert_int_equal(vr_rulebook_new(&r->keys, &r->config.windows, &book), VR_OK);
	assert_int_equal(vr_rulebook_append(book, &r->link, vr_str_c(hash), vr_str_c(json), false, &no, &r->d), VR_OK);
	vr_rulebook_free(book);
}

/* ---- the diff ---- */

static inline bool step(void *ctx)
{
	struct rig *r = ctx;
	return r->steps < 0 || r->steps-- > 0;
}

static inline bool again(void *ctx, uint64_t left)
{
	struct rig *r = ctx;
	(void)left;
	if (r->rounds++ > 0)
		return false;
	if (r->meanwhile)
		r->meanwhile(r);
	return r->meanwhile != NULL;
}

static inline void forget_diff(struct rig *r)
{
	vr_diff_free(r->diff);
	free(r->text);
	r->diff = NULL;
	r->text = NULL;
}

static inline enum vr_err try_diff(struct rig *r)
{
	struct vr_diff_config config = {.config = &r->config, .redis = r->link, .name = "try", .show = 20, .again = again, .step = step, .ctx = r};
	forget_diff(r);
	r->rounds = 0;
	return vr_diff_run(&config, &r->diff, &r->d);
}

static const struct vr_diff_counts *diff(struct rig *r)
{
	assert_int_equal(try_diff(r), VR_OK);
	FILE *out = open_memstream(&r->text, &r->n_text);
	assert_non_null(out);
	vr_diff_print(r->diff, out, true);
	fclose(out);
	return vr_diff_counts(r->diff);
}

/* The number-th line of what it printed. */
static const char *line(struct rig *r, size_t number)
{
	const char *at = r->text;
	while (number-- > 0) {
		at = strchr(at, '\n');
		assert_non_null(at);
		at++;
	}
	return at;
}

static inline void line_begins(struct rig *r, size_t number, const char *text)
{
	const char *at = line(r, number);
	if (strncmp(at, text, strlen(text)) != 0)
		fail_msg("line %zu is %.*s", number, (int)strcspn(at, "\n"), at);
}

#define NO_RULES "groups: []"
#define RULES(threshold) "groups: [{name: g, rules: [" \
	"{alert: Fast, expr: 'shares_total >= " threshold "'}, {alert: Slow, expr: 'shares_total >= " threshold "', for: 60s}]}]"
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static inline int set_up(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	r->server = redis_server_start(NULL);
	struct vr_redis_config config = {.unix_path = vr_str_c(r->server->socket), .connect_timeout = {5000}};
	assert_int_equal(vr_redis_new(&config, &r->redis), VR_OK);
	r->link = vr_redis_link(r->redis);
	r->mem = vr_mem_heap();
	r->steps = -1;
	r->config = (struct vr_config){.redis_prefix = VR_STR("vir:"), .redis_live_db = LIVE, .redis_spare_db = SPARE, .redis_alerts_db = ALERTS,
		.dedup_window = {600000}, .retention = {7200000}, .channels_max = 16, .views_ts_min_events = 2};
	assert_int_equal(vr_windows_parse(VR_STR("1m 5m"), &r->config.windows, &r->d), VR_OK);
	assert_int_equal(vr_keys_init(&r->keys, VR_STR("vir:"), VR_STR(""), 0, LIVE, ALERTS), VR_OK);
	assert_int_equal(vr_keys_init(&r->part, VR_STR("vir:"), VR_STR("t"), 0, LIVE, ALERTS), VR_OK);
	*state = r;
	return 0;
}

static inline int tear_down(void **state)
{
	struct rig *r = *state;
	forget_diff(r);
	vr_redis_free(r->redis);
	redis_server_stop(r->server);
	free(r);
	return 0;
}
