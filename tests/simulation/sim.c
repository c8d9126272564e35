/* SPDX-License-Identifier: Apache-2.0 */
#include "sim.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdlib.h>
#include "sim_check.h"
#include "virality/hash.h"

/* ------------------------------------------------------------------ what no schedule changes ---- */

/* A constant initialiser. */
#define TEXT(lit)                                                                                            \
	{                                                                                                        \
		lit, sizeof(lit) - 1                                                                                 \
	}
static const struct vr_pair page[] = {{TEXT("severity"), TEXT("page")}};
static const struct vr_pair summary[] = {{TEXT("summary"),
	TEXT("{{ $labels.content_id }} {{ $value }} of {{ $threshold }} on {{ $labels.channel }}")}};

#define RULE(name, text, reset, ms)                                                                          \
	{                                                                                                        \
		.alert = TEXT(name), .expr = TEXT(text), .reset_expr = TEXT(reset), .for_ = {ms}, .labels = page,    \
		.n_labels = 1, .annotations = summary, .n_annotations = 1                                            \
	}
static const struct vr_rule_spec spec[][4] = {
	{RULE("Fast", "shares{window=\"1m\"} > 2", "", 0), RULE("Slow", "shares{window=\"5m\"} > 2", "", 30000),
		RULE("Liked", "likes_total > 0", "shares{window=\"1m\"} < 1", 0)},
	{RULE("Fast", "shares{window=\"1m\"} > 2", "", 0), RULE("Many", "shares_total > 3", "", 0),
		RULE("People", "unique_sharers > 2", "", 1000)},
	{RULE("Fast", "shares{window=\"1m\"} > 1", "", 0), RULE("Slow", "shares{window=\"5m\"} > 2", "", 30000),
		RULE("Weibo", "shares{window=\"1h\",channel=\"weibo\"} > 1 and mean_depth >= 1", "", 5000),
		RULE("Quiet", "views_total < 1", "", 60000)},
	{RULE("Many", "shares_total > 3", "", 0)},
};
static const size_t specs[] = {3, 3, 4, 1};

static void make_keys(struct sim_fixed *f)
{
	for (int i = 0; i < SIM_CONTENTS; i++) {
		(void)snprintf(
			f->id_text[i], sizeof(f->id_text[i]), i == SIM_MISKEYED ? "m" : "%c%d", i < 6 ? 'a' : 'b', i % 6);
		f->id[i] = vr_str_c(f->id_text[i]);
	}
	for (int p = 0; p < SIM_PARTS; p++)
		VR_ASSERT(vr_keys_init(&f->keys[p], VR_STR("vir:"), VR_STR(SIM_TOPIC), p, SIM_LIVE_DB,
					  SIM_ALERTS_DB) == VR_OK);
}

struct sim_fixed *sim_fixed_new(void)
{
	struct sim_fixed *f = calloc(1, sizeof(*f));
	VR_ASSERT(f);
	f->heap = vr_mem_heap();
	struct vr_rule_error error[4];
	VR_ASSERT(vr_windows_parse(VR_STR("1m 5m 1h"), &f->windows, NULL) == VR_OK);
	for (size_t i = 0; i < 4; i++) {
		struct vr_rule_errors errors = {.at = error, .cap = 4};
		enum vr_err err = vr_rules_compile(spec[i], specs[i], &f->windows, &f->heap, &f->rules[i], &errors);
		if (err)
			(void)fprintf(stderr, "%s\n", error[0].text);
		VR_ASSERT(!err);
	}
	make_keys(f);
#ifndef __SANITIZE_ADDRESS__
	/* Slabs of 256 KiB come and go by the thousand: they stay in the process. */
	(void)mallopt(M_MMAP_THRESHOLD, 1 << 30);
	(void)mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
	return f;
}

void sim_fixed_free(struct sim_fixed *f)
{
	for (size_t i = 0; i < 4; i++)
		vr_rules_free(f->rules[i]);
	free(f);
}

/* ------------------------------------------------------------------ words ---- */

void sim_say(struct sim *s, const char *fmt, ...)
{
	char line[2048];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	VR_ASSERT(n >= 0);
	s->digest = s->digest * UINT64_C(0x100000001b3) ^ vr_hash64(vr_str_c(line));
	if (s->trace)
		(void)printf("%6llu %10lld  %s\n", (unsigned long long)s->steps, (long long)s->now_ms, line);
}

void sim_fail(struct sim *s, const char *fmt, ...)
{
	char line[sizeof(s->why)];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	VR_ASSERT(n >= 0);
	if (!s->failed)
		memcpy(s->why, line, sizeof(line));
	s->failed = true;
	sim_say(s, "BROKEN: %s", line);
}

/* ------------------------------------------------------------------ a schedule ---- */

struct sim *sim_new(const struct sim_fixed *fixed, struct sim_totals *totals)
{
	struct sim *s = calloc(1, sizeof(*s));
	VR_ASSERT(s);
	s->fixed = fixed;
	s->totals = totals;
	s->heap = vr_mem_heap();
	vr_arena_init(&s->arena, &s->heap, 0);
	vr_arena_init(&s->scratch, &s->heap, 0);
	for (int i = 0; i < SIM_CLIENTS; i++)
		s->daemon[i].number = i;
	return s;
}

void sim_free(struct sim *s)
{
	for (size_t i = 0; i < SIM_SERVERS; i++)
		sim_check_free(s->server[i].check), sim_check_free(s->server[i].other);
	for (int i = 0; i < SIM_CLIENTS; i++)
		sim_co_done(&s->daemon[i].co);
	vr_arena_done(&s->arena);
	vr_arena_done(&s->scratch);
	free(s);
}

static enum vr_policy draw_policy(struct sim *s, unsigned one_in)
{
	return sim_once_in(s, one_in) ? VR_POLICY_GO_ON : VR_POLICY_STOP;
}

static void draw_config(struct sim *s)
{
	s->config = (struct vr_shard_config){
		.engine = {.topic = VR_STR(SIM_TOPIC),
			.windows = s->fixed->windows,
			.max_ahead = {300000},
			.dedup_window = {600000},
			.retention = {(s->mood.forget ? sim_between(s, 1, 3) : 720) * VR_HOUR_MS},
			.channels_max = s->mood.burst ? 16 : 4,
			.views_min_events = (uint32_t)sim_between(s, 1, 2),
			.ts_min_events = (uint32_t)sim_between(s, 2, 5),
			.board_size = (uint32_t)sim_between(s, 2, 4),
			.max_contents = sim_once_in(s, 8) ? 3 : 0},
		.prefix = VR_STR("vir:"),
		.live_db = SIM_LIVE_DB,
		.alerts_db = SIM_ALERTS_DB,
		.cluster = "cluster",
		.group = "group",
		.on_gap = draw_policy(s, 2),
		.on_truncation = draw_policy(s, 4),
		.on_missing_state = draw_policy(s, 4),
		.on_growth = draw_policy(s, 4),
		.idle_timeout = {5000},
		.kafka_ahead = {3600000},
		.announce_history = !sim_once_in(s, 3)};
}

static void begin(struct sim *s, uint64_t seed)
{
	s->seed = s->random.state = seed;
	for (int i = 0; i < 4; i++)
		(void)vr_random_u64(&s->random);
	s->digest = s->steps = s->next_id = 0;
	s->failed = s->resting = s->letters_down = s->lost = false;
	s->names = 0;
	s->why[0] = '\0';
	vr_arena_reset(&s->arena);
	s->now_ms = 7200000;
	for (int p = 0; p < SIM_PARTS; p++) {
		s->log[p][0] = (struct sim_log){0};
		s->version[p] = 0;
		s->stops[p] = 0;
		s->committed[p] = -1;
	}
	s->listed = 0;
	sim_mood_draw(s);
	draw_config(s);
	s->left = (unsigned)sim_between(s, 15, 50);
	if (!sim_once_in(s, 8))
		s->list[s->listed++] = (uint32_t)vr_random_below(&s->random, 4);
	sim_cluster_start(s);
	if (sim_once_in(s, 2))
		sim_events_append(s, 0, (unsigned)sim_between(s, 1, 12));
}

static void end(struct sim *s)
{
	for (int i = 0; i < SIM_CLIENTS; i++)
		sim_daemon_kill(&s->daemon[i], false);
	if (sim_is_told(s)) {
		struct vr_buf b;
		vr_buf_init(&b, &s->heap);
		sim_redis_dump(sim_master(s)->redis, -1, &b);
		s->digest ^= vr_hash64(vr_buf_str(&b));
		vr_buf_done(&b);
	}
	sim_cluster_end(s);
}

bool sim_run_seed(struct sim *s, uint64_t seed)
{
	s->totals->running = seed;
	s->commits = 0;
	begin(s, seed);
	sim_schedule(s);
	sim_rest(s);
	end(s);
	s->totals->schedules++;
	s->totals->steps += s->steps;
	s->totals->commits += s->commits;
	return !s->failed;
}
