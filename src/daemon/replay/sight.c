/* SPDX-License-Identifier: Apache-2.0 */
#include "sight.h"

#include <stdlib.h>

#include "clock.h"
#include "parts.h"

enum { SETTLE_MS = 2000, STALE_MS = 10000, RATE_LEAST = 1000 };

enum vr_err vr_sight_init(struct vr_sight *s, size_t partitions)
{
	*s = (struct vr_sight){.facts = calloc(VR_REPLAY_PARTS_MAX, sizeof(*s->facts)), .target = calloc(partitions + 1, sizeof(*s->target))};
	return s->facts && s->target ? VR_OK : VR_E_NOMEM;
}

void vr_sight_done(struct vr_sight *s)
{
	free(s->facts);
	free(s->target);
}

/* ------------------------------------------------ how far ----------------------------- */

/* The offset a partition has to get to, as it is now. */
static int64_t goal_of(const struct vr_replay *r, size_t i, const struct vr_slot_facts *f)
{
	const struct vr_shadow *sh = &r->shadow[i];
	if (sh->end != INT64_MAX)
		return sh->end;
	return f->live_off > r->gen.part[i].end ? f->live_off : r->gen.part[i].end;
}

static bool is_near(const struct vr_replay *r, size_t i, const struct vr_slot_facts *f)
{
	bool follows = r->shadow[i].end == INT64_MAX;
	return follows ? (f->complete || f->engine.evicted > 0) && f->live_off - f->reach <= r->config->replay_switch_max_lag
		       : f->quiet && f->reach >= r->shadow[i].end;
}

static void look_at_part(const struct vr_replay *r, const struct vr_slot_facts *f, struct vr_sight *s)
{
	struct vr_topic_part part = {vr_str_c(f->topic), f->partition};
	size_t i = vr_replay_index(r, &part);
	int64_t first = r->gen.part[i].first, goal = goal_of(r, i, f), reach = f->reach > first ? f->reach : first;
	s->total += (uint64_t)(goal > first ? goal - first : 0);
	s->done += (uint64_t)((reach < goal ? reach : goal) - first);
	s->quiet &= f->quiet && strcmp(f->state, "running") == 0 && (r->shadow[i].end == INT64_MAX || f->reach >= r->shadow[i].end);
	s->came_up &= f->came_up;
	s->near &= is_near(r, i, f) && strcmp(f->state, "running") == 0;
	s->caught_up &= reach >= s->target[i] || reach >= goal;
	if (f->stream.ms > 0 && (s->at.ms == 0 || (!f->quiet && f->stream.ms < s->at.ms)))
		s->at = f->stream;
}

static void set_targets(const struct vr_replay *r, struct vr_sight *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct vr_topic_part part = {vr_str_c(s->facts[i].topic), s->facts[i].partition};
		s->target[vr_replay_index(r, &part)] = s->facts[i].live_off;
	}
}

void vr_sight_look(struct vr_sight *s, const struct vr_replay *r)
{
	bool was_near = s->near, had_caught_up = s->caught_up;
	s->n = 0;
	for (int i = 0; i < r->n_workers; i++)
		s->n += vr_worker_facts(r->worker[i], s->facts + s->n, VR_REPLAY_PARTS_MAX - s->n);
	s->done = s->total = 0;
	s->at.ms = 0;
	s->quiet = s->near = s->came_up = s->caught_up = s->n == r->gen.n;
	for (size_t i = 0; i < s->n; i++)
		look_at_part(r, &s->facts[i], s);
	if (s->near && !was_near)
		set_targets(r, s);
	s->caught_up &= s->near && was_near;
	if (s->caught_up && !had_caught_up)
		s->caught_up_since = vr_clock_mono();
}

bool vr_sight_is_there(const struct vr_sight *s)
{
	return s->quiet || (s->caught_up && vr_clock_mono().ms - s->caught_up_since.ms >= SETTLE_MS);
}

/* ------------------------------------------------ what live has to do ----------------- */

static int64_t sum_offsets(const struct vr_reply *parts)
{
	int64_t sum = 0;
	for (size_t i = 0; i + 1 < parts->n; i += 2)
		if (parts->elem[i + 1].type == VR_REPLY_STR)
			sum += strtoll(parts->elem[i + 1].str.p, NULL, 10);
	return sum;
}

/* What it does in a second, as its merged views tell. */
static void learn_rate(struct vr_sight *s, int64_t stamp, int64_t sum)
{
	if (stamp <= s->live_stamp)
		return;
	double rate = (double)(sum - s->live_sum) * 1000 / (double)(stamp - s->live_stamp);
	if (s->live_words > 0 && sum >= s->live_sum)
		s->live_rate = s->live_words == 1 ? rate : (s->live_rate + rate) / 2;
	s->live_words++;
	s->live_stamp = stamp;
	s->live_sum = sum;
}

/* In milliseconds, once that rate is known. */
static int64_t records_wait(const struct vr_sight *s, int64_t records)
{
	double rate = s->live_rate > RATE_LEAST ? s->live_rate : RATE_LEAST;
	return s->live_words < 2 ? 0 : (int64_t)((double)records * 1000 / rate);
}

/* How long its records wait: those that became visible did, and what lies in Kafka will at the rate it goes at. Views that
 * stand still are of a live that is down, and one that gets nothing has nobody waiting: < 0. */
static struct vr_span live_lag(struct vr_sight *s, const struct vr_reply *meta, const struct vr_reply *parts)
{
	int64_t stamp = vr_reply_field_i64(meta, "updated_ms"), waited = vr_reply_field_i64(meta, "wait_ms");
	if (stamp == 0 || vr_clock_wall().ms - stamp > STALE_MS)
		return (struct vr_span){-1};
	learn_rate(s, stamp, sum_offsets(parts));
	int64_t waits = records_wait(s, vr_reply_field_i64(meta, "lag_records")), lag = waits > waited ? waits : waited;
	return (struct vr_span){lag > 0 ? lag : -1};
}

bool vr_sight_live(struct vr_sight *s, struct vr_replay *r, struct vr_span *ret_took)
{
	struct vr_talk t;
	struct vr_diag d;
	vr_talk_open(&t, &r->link, &r->mem);
	vr_cmd(&t.cmds, 2, "HGETALL");
	vr_key_global(&t.cmds, &r->keys, "meta");
	vr_cmd(&t.cmds, 2, "HGETALL");
	vr_key_global(&t.cmds, &r->keys, "meta:parts");
	int64_t begin = vr_clock_mono().ms;
	bool up = vr_talk_ask(&t, &d) == VR_OK;
	if (up)
		s->lag = live_lag(s, &t.r.at[0], &t.r.at[1]);
	*ret_took = (struct vr_span){vr_clock_mono().ms - begin};
	vr_talk_close(&t);
	return up;
}
