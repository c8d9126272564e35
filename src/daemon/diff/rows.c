/* SPDX-License-Identifier: Apache-2.0 */
/* rows.c - fields of both sides, put side by side: what differs, the largest first. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "parts.h"

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
	static const char *const prefix[VR_DIFF_SHOWN + 1] = {[VR_VIEW_CHANNELS] = "channel ", [VR_VIEW_INFO] = "info ",
		[VR_DIFF_SHOWN] = "shown "};
	double by = weight_of(x->name, value);
	if (row->fields++ > 0 && (by < row->by || (by == row->by && !is_total(x->name))))
		return;
	row->by = by;
	snprintf(row->name, sizeof(row->name), "%s%.*s", prefix[x->view] ? prefix[x->view] : "", (int)x->name.n, x->name.p);
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

void vr_diff_sort(const struct vr_diff *f, struct vr_diff_rows *rows)
{
	if (rows->n)
		qsort(rows->at, rows->n, sizeof(rows->at[0]), by_size);
	if (rows->n > f->config.show)
		rows->n = f->config.show;
}

/* What live's state says, and what people are shown. */
static void compare_shown(struct vr_diff_row *row, const struct vr_reply *shown, const struct vr_diff_item *i, struct vr_str shadow)
{
	struct vr_diff_item item = *i;
	struct vr_str value[VR_DIFF_SIDES] = {[VR_DIFF_SHADOW] = shadow};
	if (vr_diff_is_shown(shown, i, &value[VR_DIFF_LIVE]))
		return;
	item.view = VR_DIFF_SHOWN;
	note_field(row, &item, value);
}

/* Of one thing: its items on both sides are at [i, i_end) and [k, k_end). shown: what people see of it; NULL: nothing. */
static void compare_one(struct vr_diff *f, struct vr_diff_rows *rows, uint64_t *differing, const struct vr_diff_item *i,
	const struct vr_diff_item *i_end, const struct vr_diff_item *k, const struct vr_diff_item *k_end, const struct vr_reply *shown)
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
		if (order <= 0 && shown)
			compare_shown(&row, shown, i, value[VR_DIFF_SHADOW]);
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

/* In order, and each once: an entry of a time series may be in a state and written already. */
static void put_in_order(struct vr_diff_items *items)
{
	size_t kept = 0;
	if (items->n)
		qsort(items->at, items->n, sizeof(items->at[0]), by_place);
	for (size_t i = 0; i < items->n; i++)
		if (kept == 0 || by_place(&items->at[kept - 1], &items->at[i]) || !vr_str_eq(items->at[kept - 1].value, items->at[i].value))
			items->at[kept++] = items->at[i];
	items->n = kept;
}

void vr_diff_compare(struct vr_diff *f, struct vr_diff_rows *rows, uint64_t *things, uint64_t *differing,
	const struct vr_diff_state *state, size_t n)
{
	struct vr_diff_items *a = &f->items[VR_DIFF_LIVE], *b = &f->items[VR_DIFF_SHADOW];
	put_in_order(a);
	put_in_order(b);
	const struct vr_diff_item *i = a->at, *i_all = a->at + a->n, *k = b->at, *k_all = b->at + b->n;
	while (i < i_all || k < k_all) {
		struct vr_str id = i == i_all ? k->id : k == k_all || vr_str_cmp(i->id, k->id) <= 0 ? i->id : k->id;
		const struct vr_diff_item *i_end = run_of(i, i_all, id), *k_end = run_of(k, k_all, id);
		compare_one(f, rows, differing, i, i_end, k, k_end, vr_diff_shown(state, n, id));
		++*things;
		i = i_end;
		k = k_end;
	}
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
