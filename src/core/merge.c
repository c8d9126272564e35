/* SPDX-License-Identifier: Apache-2.0 */
#include "virality/merge.h"

#include "engine_parts.h"

struct part { struct vr_channel channel; struct part *next; };	/* one partition's partial of an entity */
struct rows { struct vr_merge_row *at; size_t n, cap; };

struct entity {
	struct vr_str name;
	struct part *parts;
	struct rows rows[VR_WINDOWS_MAX + 1];
	uint64_t shares;		/* in the longest window: who has boards */
	bool has_board;
};

struct vr_merge {
	struct vr_merge_config config;
	struct vr_pool pool;
	struct vr_mem mem;		/* the pool as one */
	struct vr_names names;
	struct entity **entity;
	size_t n, cap;
	struct vr_wall as_of, lowest;
	bool has_other;
};

enum vr_err vr_merge_new(const struct vr_merge_config *config, struct vr_mem *mem, struct vr_merge **ret)
{
	struct vr_merge *m = vr_mem_get(mem, sizeof(*m));
	if (!m)
		return VR_E_NOMEM;
	memset(m, 0, sizeof(*m));
	m->config = *config;
	vr_pool_init(&m->pool, mem);
	m->mem = vr_pool_mem(&m->pool);
	vr_names_init(&m->names, &config->windows);
	*ret = m;
	return VR_OK;
}

void vr_merge_free(struct vr_merge *m)
{
	if (!m)
		return;
	struct vr_mem *mem = m->pool.mem;
	vr_pool_done(&m->pool);
	vr_mem_put(mem, m, sizeof(*m));
}

void vr_merge_part(struct vr_merge *m, struct vr_wall view, bool has_events)
{
	if (!has_events)
		return;
	m->lowest = m->as_of.ms == 0 ? view : vr_wall_min(m->lowest, view);
	m->as_of = vr_wall_max(m->as_of, view);
}

/* ------------------------------------------------ entities ----------------------------- */

static struct vr_str copy(struct vr_merge *m, struct vr_str s)
{
	char *p = vr_pool_get(&m->pool, s.n ? s.n : 1);
	if (p && s.n)
		memcpy(p, s.p, s.n);
	return (struct vr_str){p, s.n};
}

static bool before(struct vr_str a, struct vr_str b)
{
	bool all_a = vr_str_eq(a, VR_STR("_all")), all_b = vr_str_eq(b, VR_STR("_all"));
	return all_a != all_b ? all_a : vr_str_cmp(a, b) < 0;
}

/* Sorted by name, "_all" first. NULL: no memory. */
static struct entity *get_entity(struct vr_merge *m, struct vr_str name)
{
	size_t i = m->n;
	while (i > 0 && before(name, m->entity[i - 1]->name))
		i--;
	if (i > 0 && vr_str_eq(m->entity[i - 1]->name, name))
		return m->entity[i - 1];
	if (m->n == m->cap) {
		size_t cap = m->cap ? m->cap * 2 : 16;
		void *p = vr_pool_resize(&m->pool, m->entity, m->cap * sizeof(m->entity[0]), cap * sizeof(m->entity[0]));
		if (!p)
			return NULL;
		m->entity = p;
		m->cap = cap;
	}
	struct entity *e = vr_pool_get(&m->pool, sizeof(*e));
	if (!e)
		return NULL;
	e->name = copy(m, name);
	memmove(&m->entity[i + 1], &m->entity[i], (m->n - i) * sizeof(m->entity[0]));
	m->entity[i] = e;
	m->n++;
	return e->name.p ? e : NULL;
}

static enum vr_err add_partial(struct vr_merge *m, struct vr_str name, struct vr_str value)
{
	struct entity *e = get_entity(m, name);
	struct part *p = e ? vr_pool_get(&m->pool, sizeof(*p)) : NULL;
	if (!p)
		return VR_E_NOMEM;
	m->has_other |= vr_str_eq(name, VR_STR("_other"));
	p->next = e->parts;
	e->parts = p;
	return vr_channel_decode(&p->channel, &m->pool, &m->config.windows, value);
}

/* ------------------------------------------------ boards ------------------------------- */

static enum vr_err add_row(struct vr_merge *m, struct rows *r, struct vr_str id, double score, uint64_t recent)
{
	if (r->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 128;
		void *p = vr_pool_resize(&m->pool, r->at, r->cap * sizeof(r->at[0]), cap * sizeof(r->at[0]));
		if (!p)
			return VR_E_NOMEM;
		r->at = p;
		r->cap = cap;
	}
	struct vr_str own = copy(m, id);
	if (!own.p)
		return VR_E_NOMEM;
	r->at[r->n++] = (struct vr_merge_row){own, score, recent};
	return VR_OK;
}

struct board_reader { struct vr_merge *m; struct entity *e; bool trend; };

static enum vr_err board_row(void *ctx, unsigned list, struct vr_str id, double score, uint64_t recent)
{
	struct board_reader *r = ctx;
	if (list >= VR_WINDOWS_MAX)
		return VR_E_CORRUPT;
	return add_row(r->m, &r->e->rows[r->trend ? VR_TREND_BOARD : list], id, score, recent);
}

static enum vr_err add_board(struct vr_merge *m, struct vr_str name, struct vr_str value)
{
	bool trend = vr_str_eq(name, VR_STR("_trend"));
	struct board_reader r = {m, get_entity(m, trend ? VR_STR("_all") : name), trend};
	return r.e ? vr_board_read(value, board_row, &r) : VR_E_NOMEM;
}

enum vr_err vr_merge_slot(struct vr_merge *m, enum vr_slot slot, struct vr_str name, struct vr_str value)
{
	return slot == VR_SLOT_BOARD ? add_board(m, name, value) : add_partial(m, name, value);
}

static bool better(const struct vr_merge_row *a, const struct vr_merge_row *b)
{
	return a->score != b->score ? a->score > b->score : vr_str_cmp(a->id, b->id) > 0;
}

/* Best first. Shell sort: a few thousand rows, no memory, the same order everywhere. */
static void sort_rows(struct rows *r)
{
	for (size_t gap = r->n / 2; gap > 0; gap /= 2)
		for (size_t i = gap; i < r->n; i++) {
			struct vr_merge_row row = r->at[i];
			size_t k = i;
			for (; k >= gap && better(&row, &r->at[k - gap]); k -= gap)
				r->at[k] = r->at[k - gap];
			r->at[k] = row;
		}
}

/* ------------------------------------------------ sums --------------------------------- */

static uint64_t window_sum(const struct vr_merge *m, const struct entity *e, enum vr_action a, unsigned window)
{
	uint64_t sum = 0;
	for (const struct part *p = e->parts; p; p = p->next)
		sum += vr_tally_window(&p->channel.tally, &m->config.windows, a, window, m->as_of);
	return sum;
}

static void choose_boards(struct vr_merge *m)
{
	for (uint32_t chosen = 0; chosen < m->config.top_channels; chosen++) {
		struct entity *best = NULL;
		for (size_t i = 1; i < m->n; i++) {
			struct entity *e = m->entity[i];
			if (!e->has_board && e->shares > 0 && (!best || e->shares > best->shares))
				best = e;
		}
		if (!best)
			return;
		best->has_board = true;
	}
}

enum vr_err vr_merge_done(struct vr_merge *m)
{
	struct entity *all = get_entity(m, VR_STR("_all"));
	if (!all)
		return VR_E_NOMEM;
	for (size_t i = 0; i < m->n; i++) {
		struct entity *e = m->entity[i];
		e->shares = window_sum(m, e, VR_ACTION_SHARE, (unsigned)(m->config.windows.n - 1));
		for (unsigned w = 0; w <= VR_TREND_BOARD; w++) {
			sort_rows(&e->rows[w]);
			if (e->rows[w].n > m->config.top_n)
				e->rows[w].n = m->config.top_n;
		}
	}
	all->has_board = true;
	choose_boards(m);
	return VR_OK;
}

/* ------------------------------------------------ what came of it ----------------------- */

struct vr_wall vr_merge_as_of(const struct vr_merge *m) { return m->as_of; }
struct vr_span vr_merge_spread(const struct vr_merge *m) { return (struct vr_span){m->as_of.ms - m->lowest.ms}; }
bool vr_merge_has_other(const struct vr_merge *m) { return m->has_other; }
size_t vr_merge_entities(const struct vr_merge *m) { return m->n; }
struct vr_str vr_merge_name(const struct vr_merge *m, size_t entity) { return m->entity[entity]->name; }
bool vr_merge_has_board(const struct vr_merge *m, size_t entity) { return m->entity[entity]->has_board; }

static bool was_seen(const struct entity *e, enum vr_action a)
{
	for (const struct part *p = e->parts; p; p = p->next)
		if (vr_tally_find(&p->channel.tally, a))
			return true;
	return false;
}

void vr_merge_fields(struct vr_merge *m, size_t entity, void (*each)(void *ctx, struct vr_str name, uint64_t value), void *ctx)
{
	const struct entity *e = m->entity[entity];
	for (unsigned a = 0; a < VR_ACTIONS_MAX; a++) {
		uint64_t total = 0;
		if (!was_seen(e, (enum vr_action)a))
			continue;
		for (const struct part *p = e->parts; p; p = p->next)
			total += vr_tally_total(&p->channel.tally, (enum vr_action)a);
		each(ctx, vr_name_str(&m->names.total[a]), total);
		for (unsigned w = 0; w < m->config.windows.n; w++)
			each(ctx, vr_name_str(&m->names.window[a][w]), window_sum(m, e, (enum vr_action)a, w));
	}
}

size_t vr_merge_board(const struct vr_merge *m, size_t entity, unsigned window, const struct vr_merge_row **ret)
{
	const struct rows *r = &m->entity[entity]->rows[window];
	*ret = r->at;
	return r->n;
}

/* ------------------------------------------------ minutes ------------------------------ */

static uint64_t minute_sum(const struct vr_minute *minute)
{
	uint64_t sum = 0;
	for (unsigned a = 0; a < VR_ACTIONS_MAX; a++)
		sum += minute->count[a];
	return sum;
}

/* Counted so far, and of that in minutes still to be told one by one (those after `told`). */
static void sums(const struct entity *e, int64_t told, uint64_t *ret_gross, uint64_t *ret_to_tell)
{
	*ret_gross = *ret_to_tell = 0;
	for (const struct part *p = e->parts; p; p = p->next) {
		*ret_gross += p->channel.gross;
		for (unsigned i = 0; i < p->channel.n_minutes; i++)
			if (p->channel.minute[i].minute > told)
				*ret_to_tell += minute_sum(&p->channel.minute[i]);
	}
}

static int64_t next_minute(const struct entity *e, int64_t told, int64_t open)
{
	int64_t next = open;
	for (const struct part *p = e->parts; p; p = p->next)
		for (unsigned i = 0; i < p->channel.n_minutes; i++) {
			int64_t minute = p->channel.minute[i].minute;
			if (minute > told && minute < next)
				next = minute;
		}
	return next;
}

bool vr_merge_next_minute(const struct vr_merge *m, size_t entity, struct vr_merge_told *told, struct vr_merge_minute *ret)
{
	const struct entity *e = m->entity[entity];
	int64_t open = vr_bucket_of(m->as_of.ms, VR_MINUTE_MS);
	int64_t next = next_minute(e, told->minute, open);
	uint64_t gross, to_tell;
	if (next >= open)
		return false;
	sums(e, told->minute, &gross, &to_tell);
	*ret = (struct vr_merge_minute){.minute = next};
	for (const struct part *p = e->parts; p; p = p->next)
		for (unsigned i = 0; i < p->channel.n_minutes; i++)
			for (unsigned a = 0; p->channel.minute[i].minute == next && a < VR_ACTIONS_MAX; a++)
				ret->count[a] += p->channel.minute[i].count[a];
	/* What was counted and will not be told in a minute of its own any more came late. */
	ret->late = gross - to_tell > told->sum ? gross - to_tell - told->sum : 0;
	told->minute = next;
	told->sum += ret->late;
	for (unsigned a = 0; a < VR_ACTIONS_MAX; a++)
		told->sum += ret->count[a];
	return true;
}
