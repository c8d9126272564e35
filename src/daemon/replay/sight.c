/* SPDX-License-Identifier: Apache-2.0 */
#include "sight.h"

#include <stdlib.h>

#include "clock.h"
#include "parts.h"

enum { SETTLE_MS = 2000 };

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
	return follows ? (f->complete || f->engine.evicted > 0) && f->shown && f->live_off - f->reach <= r->config->replay_switch_max_lag
		       : f->quiet && f->reach >= r->shadow[i].end;
}

static void look_at_part(const struct vr_replay *r, const struct vr_slot_facts *f, struct vr_sight *s)
{
	struct vr_topic_part part = {vr_str_c(f->topic), f->partition};
	size_t i = vr_replay_index(r, &part);
	int64_t first = r->gen.part[i].first, goal = goal_of(r, i, f), reach = f->reach > first ? f->reach : first;
	s->total += (uint64_t)(goal > first ? goal - first : 0);
	s->views_wait += f->engine.views_wait;
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
	s->done = s->total = s->views_wait = 0;
	s->at.ms = 0;
	s->quiet = s->near = s->came_up = s->caught_up = s->n == r->gen.n;
	for (size_t i = 0; i < s->n; i++)
		look_at_part(r, &s->facts[i], s);
	s->views = s->views_wait > s->views ? s->views_wait : s->views;
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
