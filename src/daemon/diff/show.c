/* SPDX-License-Identifier: Apache-2.0 */
/* show.c - both sides as fields, by the code that shows them, and what differs. */
#include <math.h>
#include <stdlib.h>

#include "parts.h"

/* ------------------------------------------------ fields of a side -------------------- */

struct side { struct vr_diff *f; int side; enum vr_err err; };

enum vr_err vr_diff_item(struct vr_diff *f, int side, unsigned view, struct vr_str id, struct vr_str name, struct vr_str value)
{
	struct vr_diff_items *items = &f->items[side];
	struct vr_diff_item item = {.view = (uint8_t)view};
	struct vr_diff_item *at = vr_mem_grow(items->at, items->n, &items->cap, sizeof(*at));
	if (!at)
		return VR_E_NOMEM;
	items->at = at;
	if (vr_arena_dup(&f->texts, id, &item.id) || vr_arena_dup(&f->texts, name, &item.name) || vr_arena_dup(&f->texts, value, &item.value))
		return VR_E_NOMEM;
	items->at[items->n++] = item;
	return VR_OK;
}

static void add_item(struct side *s, unsigned view, struct vr_str id, struct vr_str name, struct vr_str value)
{
	if (!s->err)
		s->err = vr_diff_item(s->f, s->side, view, id, name, value);
}

static void take_view(void *ctx, enum vr_view view, struct vr_str id, const struct vr_field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fields[i].value.p && !vr_str_eq(fields[i].name, VR_STR("as_of_ms")))
			add_item(ctx, view, id, fields[i].name, fields[i].value);
}

static void no_slot(void *ctx, enum vr_slot slot, struct vr_str id, struct vr_str value) { (void)ctx, (void)slot, (void)id, (void)value; }
static void no_del(void *ctx, enum vr_slot slot, struct vr_str id) { (void)ctx, (void)slot, (void)id; }
static void no_rank(void *ctx, enum vr_slot slot, struct vr_str id, int64_t score) { (void)ctx, (void)slot, (void)id, (void)score; }
static void no_unview(void *ctx, struct vr_str id) { (void)ctx, (void)id; }
static void no_minute(void *ctx, struct vr_str id, struct vr_wall start, const struct vr_field *fields, size_t n)
{
	(void)ctx, (void)id, (void)start, (void)fields, (void)n;
}
static void no_alert(void *ctx, const struct vr_alert *alert) { (void)ctx, (void)alert; }

static enum vr_err show_side(struct vr_diff *f, const struct vr_diff_part *p, const struct vr_diff_state *state, size_t n, int side,
	const struct vr_reply *slots, struct vr_diag *d)
{
	struct vr_engine *e;
	struct side s = {f, side, VR_OK};
	struct vr_store store = {.set = no_slot, .append = no_slot, .del = no_del, .rank = no_rank, .unrank = no_del, .view = take_view,
		.unview = no_unview, .minute = no_minute, .alert = no_alert, .ctx = &s};
	struct vr_cut_limits limits = {.view = vr_diff_moment(p)};
	f->items[side].n = 0;
	enum vr_err err = vr_diff_engine(f, p, slots, limits.view, &e);
	if (err)
		return err;
	struct vr_engine_facts facts = {.pending = 0};
	err = vr_diff_load(e, state, n, side, d);
	vr_engine_facts(e, &facts);
	f->pending += facts.pending;
	for (size_t i = 0; i < n && !err; i++)
		vr_engine_reshow(e, state[i].id);
	if (!err)
		err = vr_engine_cut(e, &limits, &store);
	vr_engine_free(e);
	return err ? err : s.err;
}

/* ------------------------------------------------ what differs ------------------------ */

static int by_place(const void *a, const void *b)
{
	const struct vr_diff_item *x = a, *y = b;
	int order = vr_str_cmp(x->id, y->id);
	if (!order)
		order = (x->view > y->view) - (x->view < y->view);
	return order ? order : vr_str_cmp(x->name, y->name);
}

/* Counts matter most: a ratio or a time differs because a count does. */
static double weight_of(struct vr_str name, const struct vr_str value[VR_DIFF_SIDES])
{
	char text[VR_DIFF_SIDES][32];
	for (int i = 0; i < VR_DIFF_SIDES; i++)
		vr_str_copy(text[i], sizeof(text[i]), value[i]);
	double by = fabs(strtod(text[VR_DIFF_SHADOW], NULL) - strtod(text[VR_DIFF_LIVE], NULL));
	bool is_time = name.n > 3 && memcmp(name.p + name.n - 3, "_ms", 3) == 0;
	bool is_count = !is_time && !memchr(value[VR_DIFF_LIVE].p ? value[VR_DIFF_LIVE].p : "", '.', value[VR_DIFF_LIVE].n);
	return isfinite(by) && is_count ? by : 0;
}

/* Of what differs by as much as another it says most. */
static bool is_total(struct vr_str name) { return name.n > 6 && memcmp(name.p + name.n - 6, "_total", 6) == 0; }

static void note_field(struct vr_diff_row *row, const struct vr_diff_item *x, const struct vr_str value[VR_DIFF_SIDES])
{
	static const char *const prefix[] = {[VR_VIEW_CONTENT] = "", [VR_VIEW_CHANNELS] = "channel ", [VR_VIEW_INFO] = "info "};
	double by = weight_of(x->name, value);
	if (row->fields++ > 0 && (by < row->by || (by == row->by && !is_total(x->name))))
		return;
	row->by = by;
	snprintf(row->name, sizeof(row->name), "%s%.*s", x->view <= VR_VIEW_INFO ? prefix[x->view] : "", (int)x->name.n, x->name.p);
	for (int i = 0; i < VR_DIFF_SIDES; i++)
		vr_str_copy(row->value[i], sizeof(row->value[i]), value[i].p ? value[i] : VR_STR("-"));
}

static int by_size(const void *a, const void *b)
{
	const struct vr_diff_row *x = a, *y = b;
	if (x->by != y->by)
		return x->by < y->by ? 1 : -1;
	return x->fields != y->fields ? (x->fields < y->fields ? 1 : -1) : strcmp(x->id, y->id);
}

/* The largest stay: twice as many as are shown, then the lesser half goes. */
static void keep_row(struct vr_diff *f, struct vr_diff_rows *rows, const struct vr_diff_row *row)
{
	size_t most = f->config.show ? f->config.show : 1;
	if (rows->n == rows->cap && rows->cap < 2 * most) {
		size_t cap = rows->cap ? 2 * rows->cap : 64;
		struct vr_diff_row *at = reallocarray(rows->at, cap < 2 * most ? cap : 2 * most, sizeof(*at));
		if (!at)
			return;
		rows->at = at;
		rows->cap = cap < 2 * most ? cap : 2 * most;
	}
	if (rows->n == 2 * most) {
		qsort(rows->at, rows->n, sizeof(rows->at[0]), by_size);
		rows->n = most;
	}
	rows->at[rows->n++] = *row;
}

static void sort_rows(const struct vr_diff *f, struct vr_diff_rows *rows)
{
	if (rows->n)
		qsort(rows->at, rows->n, sizeof(rows->at[0]), by_size);
	if (rows->n > f->config.show)
		rows->n = f->config.show;
}

/* Of one thing: its items on both sides are at [i, i_end) and [k, k_end). */
static void compare_one(struct vr_diff *f, struct vr_diff_rows *rows, uint64_t *differing, const struct vr_diff_item *i,
	const struct vr_diff_item *i_end, const struct vr_diff_item *k, const struct vr_diff_item *k_end)
{
	static const struct vr_str none = {NULL, 0};
	struct vr_diff_row row = {.fields = 0};
	vr_str_copy(row.id, sizeof(row.id), i < i_end ? i->id : k->id);
	while (i < i_end || k < k_end) {
		int order = i == i_end ? 1 : k == k_end ? -1 : by_place(i, k);
		const struct vr_str value[VR_DIFF_SIDES] = {order <= 0 ? i->value : none, order >= 0 ? k->value : none};
		f->counts.fields++;
		if (order != 0 || !vr_str_eq(value[VR_DIFF_LIVE], value[VR_DIFF_SHADOW]))
			note_field(&row, order <= 0 ? i : k, value);
		i += order <= 0;
		k += order >= 0;
	}
	if (row.fields == 0)
		return;
	++*differing;
	keep_row(f, rows, &row);
}

static const struct vr_diff_item *run_of(const struct vr_diff_item *at, const struct vr_diff_item *end, struct vr_str id)
{
	while (at < end && vr_str_eq(at->id, id))
		at++;
	return at;
}

/* Both sides sorted; *things: how many different ids there were. */
static void compare_items(struct vr_diff *f, struct vr_diff_rows *rows, uint64_t *things, uint64_t *differing)
{
	struct vr_diff_items *a = &f->items[VR_DIFF_LIVE], *b = &f->items[VR_DIFF_SHADOW];
	if (a->n)
		qsort(a->at, a->n, sizeof(a->at[0]), by_place);
	if (b->n)
		qsort(b->at, b->n, sizeof(b->at[0]), by_place);
	const struct vr_diff_item *i = a->at, *i_all = a->at + a->n, *k = b->at, *k_all = b->at + b->n;
	while (i < i_all || k < k_all) {
		struct vr_str id = i == i_all ? k->id : k == k_all || vr_str_cmp(i->id, k->id) <= 0 ? i->id : k->id;
		const struct vr_diff_item *i_end = run_of(i, i_all, id), *k_end = run_of(k, k_all, id);
		compare_one(f, rows, differing, i, i_end, k, k_end);
		++*things;
		i = i_end;
		k = k_end;
	}
}

enum vr_err vr_diff_show(struct vr_diff *f, const struct vr_diff_part *p, const struct vr_diff_state *state, size_t n,
	const struct vr_reply *const slots[VR_DIFF_SIDES], struct vr_diag *d)
{
	uint64_t shown = 0;
	f->pending = 0;
	vr_arena_reset(&f->texts);
	enum vr_err err = VR_OK;
	for (int i = 0; i < VR_DIFF_SIDES && !err; i++)
		err = show_side(f, p, state, n, i, slots[i], d);
	if (!err)
		err = vr_diff_series(f, p, state, n, d);
	if (err)
		return err;
	compare_items(f, &f->contents, &shown, &f->counts.differing);
	f->counts.contents += n;
	f->counts.miskeyed += n > shown ? n - shown : 0;	/* their home is elsewhere: neither side shows them */
	return VR_OK;
}

void vr_diff_only(struct vr_diff *f, struct vr_str id, int side)
{
	struct vr_diff_row row = {.fields = 1, .by = INFINITY};
	vr_str_copy(row.id, sizeof(row.id), id);
	vr_str_copy(row.name, sizeof(row.name), VR_STR("the whole content"));
	vr_str_copy(row.value[side], sizeof(row.value[side]), VR_STR("there"));
	vr_str_copy(row.value[!side], sizeof(row.value[!side]), VR_STR("-"));
	f->counts.contents++;
	f->counts.differing++;
	f->counts.only_live += side == VR_DIFF_LIVE;
	f->counts.only_shadow += side == VR_DIFF_SHADOW;
	keep_row(f, &f->contents, &row);
}

/* ------------------------------------------------ channels and overall ---------------- */

enum vr_err vr_diff_merge(struct vr_diff *f, struct vr_diff_part *p, const struct vr_reply *const slots[VR_DIFF_SIDES])
{
	struct vr_merge_config config = {.windows = f->config.config->windows, .top_n = 1, .top_channels = 0};
	struct vr_wall moment = vr_wall_max(p->stream[VR_DIFF_LIVE], p->stream[VR_DIFF_SHADOW]);
	enum vr_err err = VR_OK;
	for (int i = 0; i < VR_DIFF_SIDES && !err; i++) {
		if (!f->merge[i])
			err = vr_merge_new(&config, &f->mem, &f->merge[i]);
		if (err)
			return err;
		vr_merge_part(f->merge[i], moment, moment.ms > 0);
		for (size_t k = 0; k + 1 < slots[i]->n && !err; k += 2)
			if (!vr_str_eq(slots[i]->elem[k].str, VR_STR("_rules")))
				err = vr_merge_slot(f->merge[i], VR_SLOT_PARTIAL, slots[i]->elem[k].str, slots[i]->elem[k + 1].str);
	}
	p->merged = true;
	return err;
}

struct entity { struct side side; struct vr_str name; };

static void take_field(void *ctx, struct vr_str name, uint64_t value)
{
	struct entity *e = ctx;
	char text[24];
	int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	add_item(&e->side, 0, e->name, name, (struct vr_str){text, (size_t)n});
}

enum vr_err vr_diff_merged(struct vr_diff *f)
{
	enum vr_err err = VR_OK;
	vr_arena_reset(&f->texts);
	for (int i = 0; i < VR_DIFF_SIDES && !err; i++) {
		struct entity e = {.side = {f, i, VR_OK}};
		f->items[i].n = 0;
		err = f->merge[i] ? vr_merge_done(f->merge[i]) : VR_OK;
		for (size_t k = 0; !err && f->merge[i] && k < vr_merge_entities(f->merge[i]); k++) {
			e.name = k ? vr_merge_name(f->merge[i], k) : VR_STR("(overall)");
			vr_merge_fields(f->merge[i], k, take_field, &e);
			err = e.side.err;
		}
	}
	if (!err)
		compare_items(f, &f->channels, &f->counts.channels, &f->counts.channels_differing);
	sort_rows(f, &f->contents);
	sort_rows(f, &f->channels);
	return err;
}
