/* SPDX-License-Identifier: Apache-2.0 */
#include "golden.h"

#include <stdlib.h>

static void need(const struct golden *g, enum vr_err err, const char *what)
{
	if (err)
		golden_die(g, "%s: %s", what, vr_err_text(err));
}

static void need_sound(const struct golden *g, const struct golden_part *p)
{
	if (!vr_engine_check(p->engine))
		golden_die(g, "partition %d: an invariant of the engine does not hold", p->no);
}

/* ------------------------------------------------ contents from the store --------------- */

static struct vr_str slot_value(struct golden *g, const struct golden_part *p, enum vr_slot slot,
	struct vr_str id)
{
	const struct vr_str *value = model_get(&g->model, golden_slot_key(g, p, slot, id));
	return value ? *value : (struct vr_str){NULL, 0};
}

static void find_home(struct golden *g, const struct golden_part *p, struct vr_str id, struct vr_loaded *l)
{
	struct vr_str told[] = {VR_STR("home"), id}, shown[] = {VR_STR("c"), id, VR_STR("home")};
	const struct vr_str *home = model_get(&g->model, model_key(&g->key, told, 2));
	char mine[] = {'t', ':', (char)('0' + p->no)};
	if (!home)
		home = model_get(&g->model, model_key(&g->key, shown, 3));
	l->home_known = home != NULL;
	l->is_home = home && vr_str_eq(*home, (struct vr_str){mine, sizeof(mine)});
}

static void load(struct golden *g, struct golden_part *p)
{
	for (size_t i = 0; i < vr_engine_wanted(p->engine); i++) {
		struct vr_str id = vr_engine_wanted_id(p->engine, i);
		struct vr_loaded l = {.state = slot_value(g, p, VR_SLOT_CONTENT, id)};
		bool more;
		l.has_state = l.state.p != NULL;
		find_home(g, p, id, &l);
		need(g, vr_engine_load(p->engine, i, &l, &more), "load");
		if (!more)
			continue;
		l.uniques = slot_value(g, p, VR_SLOT_UNIQUES, id);
		l.channels = slot_value(g, p, VR_SLOT_CHANNELS, id);
		need(g, vr_engine_load(p->engine, i, &l, &more), "load");
		if (more)
			golden_die(g, "a content asks for what is not stored: %.*s", (int)id.n, id.p);
	}
	vr_engine_loaded_all(p->engine);
}

static void want(struct golden *g, struct golden_part *p, struct vr_str id)
{
	bool at_hand;
	need(g, vr_engine_want(p->engine, id, &at_hand), "want");
}

/* The ids of a ranked slot, up to a score. */
static void want_ranked(struct golden *g, struct golden_part *p, enum vr_slot slot, int64_t most)
{
	size_t n;
	struct model_row **row = model_rows(&g->model, golden_slot_key(g, p, slot, VR_STR("")), &n);
	for (size_t i = 0; i < n; i++)
		if (strtoll(row[i]->value.p, NULL, 10) <= most)
			want(g, p, model_word(row[i]->key, 3));
	free(row);
	load(g, p);
}

/* ------------------------------------------------ cuts ---------------------------------- */

static void forget_stored(struct golden *g, struct golden_part *p)
{
	int64_t below = vr_engine_forget_below(p->engine);
	if (below == p->forgot_below)
		return;
	want_ranked(g, p, VR_SLOT_INDEX, below - 1);
	p->forgot_below = below;
}

static void cut(struct golden *g, struct golden_part *p, struct vr_wall view)
{
	struct golden_writer w = {g, p};
	struct vr_store store = golden_store(&w);
	struct vr_engine_facts facts;
	forget_stored(g, p);
	vr_engine_facts(p->engine, &facts);
	struct vr_cut_limits limits = {.view = vr_wall_max(view, facts.stream), .drain = UINT32_MAX, .boards = true};
	need(g, vr_engine_cut(p->engine, &limits, &store), "cut");
	vr_engine_committed(p->engine);
	p->stream = facts.stream;
	p->log = facts.log;
	need_sound(g, p);
}

static void cut_all(struct golden *g)
{
	for (size_t i = 0; i < g->n_parts; i++)
		cut(g, &g->part[i], (struct vr_wall){0});
	g->since_cut = 0;
}

/* ------------------------------------------------ away with it, and back ----------------- */

static void make_engine(struct golden *g, struct golden_part *p)
{
	g->config.partition = p->no;
	need(g, vr_engine_new(&g->config, &g->mem, &p->engine), "engine");
}

static void restore(struct golden *g, struct golden_part *p, enum vr_slot slot)
{
	size_t n;
	int64_t first, last;
	struct model_row **row = model_rows(&g->model, golden_slot_key(g, p, slot, VR_STR("")), &n);
	vr_engine_dedup_minutes(g->config.dedup_window, p->stream, &first, &last);
	for (size_t i = 0; i < n; i++) {
		struct vr_str id = model_word(row[i]->key, 3);
		int64_t minute = slot == VR_SLOT_DEDUP ? strtoll(id.p, NULL, 10) : first;
		if (minute < first || minute > last)
			golden_die(g, "minute %" PRId64 " of duplicates is stored, but over", minute);
		need(g, vr_engine_restore(p->engine, slot, id, row[i]->value), "restore");
	}
	free(row);
}

struct board_reader { struct golden *g; struct golden_part *p; };

static void want_row(void *ctx, struct vr_str id)
{
	struct board_reader *r = ctx;
	want(r->g, r->p, id);
}

static void want_boards(struct golden *g, struct golden_part *p)
{
	size_t n;
	struct board_reader r = {g, p};
	struct model_row **row = model_rows(&g->model, golden_slot_key(g, p, VR_SLOT_BOARD, VR_STR("")), &n);
	for (size_t i = 0; i < n; i++)
		need(g, vr_board_ids(row[i]->value, want_row, &r), "board");
	free(row);
	load(g, p);
}

static void reload(struct golden *g, struct golden_part *p)
{
	vr_engine_free(p->engine);
	make_engine(g, p);
	vr_engine_set_times(p->engine, p->stream, p->log);
	restore(g, p, VR_SLOT_PARTIAL);
	restore(g, p, VR_SLOT_RULES);
	restore(g, p, VR_SLOT_DEDUP);
	if (g->n_sets > 0)
		need(g, vr_engine_rules_resume(p->engine, g->set[g->n_sets - 1], g->n_sets), "rules");
	want_ranked(g, p, VR_SLOT_TIMERS, INT64_MAX);
	want_boards(g, p);
	need_sound(g, p);
}

/* ------------------------------------------------ what scenarios call -------------------- */

void golden_begin(struct golden *g)
{
	for (size_t i = 0; i < g->n_parts; i++) {
		struct golden_part *p = &g->part[i];
		p->no = (int32_t)i;
		p->forgot_below = INT64_MIN;
		vr_buf_init(&p->alerts, &g->mem);
		make_engine(g, p);
	}
}

void golden_rules(struct golden *g, struct vr_rules *set)
{
	if (g->n_sets == GOLDEN_SETS)
		golden_die(g, "more than %d sets of rules", GOLDEN_SETS);
	g->set[g->n_sets++] = set;
	for (size_t i = 0; i < g->n_parts; i++)
		need(g, vr_engine_rules(g->part[i].engine, set, g->n_sets, g->part[i].next), "rules");
}

static void fold(struct golden *g, struct golden_part *p, const struct vr_record *r)
{
	struct vr_outcome o;
	need(g, vr_engine_fold(p->engine, r, &o), "fold");
	p->next = r->offset + 1;
	p->fates[o.fate]++;
	p->has_events |= o.fate == VR_FATE_FOLDED;
	p->late += o.late;
	p->clock_ahead += o.clock_ahead && o.fate != VR_FATE_REFUSED;
	p->unchecked += o.dedup_unchecked;
	p->miskeyed += o.miskeyed;
	g->since_reload++;
	if (g->options.check)
		need_sound(g, p);
	if (++g->since_cut >= g->options.cut_every)
		cut_all(g);
}

void golden_batch(struct golden *g)
{
	for (size_t i = 0; i < g->n_waiting; i++)
		if (g->waiting[i].record.event)
			want(g, &g->part[g->waiting[i].part], g->waiting[i].event.content_id);
	for (size_t i = 0; i < g->n_parts; i++)
		load(g, &g->part[i]);
	for (size_t i = 0; i < g->n_waiting; i++)
		fold(g, &g->part[g->waiting[i].part], &g->waiting[i].record);
	g->n_waiting = 0;
	vr_arena_reset(&g->arena);
	for (size_t i = 0; i < g->n_parts; i++)
		(void)vr_engine_evict(g->part[i].engine);
	if (g->options.reload_every == 0 || g->since_reload < g->options.reload_every)
		return;
	g->since_reload = 0;
	cut_all(g);
	for (size_t i = 0; i < g->n_parts; i++)
		reload(g, &g->part[i]);
}

void golden_finish(struct golden *g)
{
	golden_batch(g);
	for (size_t i = 0; i < g->n_parts; i++) {
		struct golden_part *p = &g->part[i];
		want_ranked(g, p, VR_SLOT_INDEX, INT64_MAX);
		cut(g, p, p->view);
		(void)vr_engine_evict(p->engine);
		p->view = vr_wall_max(p->view, p->stream);
		if (vr_engine_has_changes(p->engine, p->view))
			golden_die(g, "partition %d: a cut left something to write", p->no);
	}
}

/* ------------------------------------------------ bit by bit, and whole ------------------ */

static bool is_of_time(struct vr_str field)
{
	static const char *const ends[] = {"_total", "first_ms", "last_ms", "max_depth", "unique_sharers",
		"channel_top", "content_id", "content_type", "home", "title", "url", "mean_depth", "root_share_fraction"};
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct vr_str end = vr_str_c(ends[i]);
		if (field.n >= end.n && memcmp(field.p + field.n - end.n, end.p, end.n) == 0)
			return false;
	}
	return true;
}

static bool is_zero(struct vr_str s) { return vr_str_eq(s, VR_STR("0")) || vr_str_eq(s, VR_STR("0.000000")); }

/* A row that one of the two writings lacks may hold 0 in the other. */
static void need_same(const struct golden *g, const struct model_row *row, const struct model *other,
	const char *what)
{
	struct vr_str kind = model_word(row->key, 0), id = model_word(row->key, 1), field = model_word(row->key, 2);
	const struct vr_str *value = model_get(other, row->key);
	bool is_view = vr_str_eq(kind, VR_STR("c"));
	if (is_view ? is_of_time(field) : !vr_str_eq(kind, VR_STR("channels")) && !vr_str_eq(kind, VR_STR("info")))
		return;
	if (value ? vr_str_eq(*value, row->value) : is_view && is_zero(row->value))
		return;
	golden_die(g, "%.*s of %.*s, %.*s: %s %.*s, else %.*s", (int)kind.n, kind.p, (int)id.n, id.p, (int)field.n,
		field.p, what, (int)row->value.n, row->value.p, value ? (int)value->n : 6, value ? value->p : "absent");
}

void golden_reshow(struct golden *g)
{
	struct model before;
	size_t n;
	model_copy(&before, &g->model);
	for (size_t i = 0; i < g->n_parts; i++) {
		struct golden_part *p = &g->part[i];
		struct model_row **row = model_rows(&g->model, golden_slot_key(g, p, VR_SLOT_INDEX, VR_STR("")), &n);
		for (size_t k = 0; k < n; k++)
			vr_engine_reshow(p->engine, model_word(row[k]->key, 3));
		free(row);
		cut(g, p, p->view);
	}
	struct model_row **row = model_rows(&g->model, VR_STR(""), &n);
	for (size_t i = 0; i < n; i++)
		need_same(g, row[i], &before, "whole");
	free(row);
	row = model_rows(&before, VR_STR(""), &n);
	for (size_t i = 0; i < n; i++)
		need_same(g, row[i], &g->model, "bit by bit");
	free(row);
	model_done(&before);
}
