/* SPDX-License-Identifier: Apache-2.0 */
/* show.c - both sides as fields, by the code that shows them. */
#include <stdio.h>

#include "parts.h"

/* ------------------------------------------------ fields of a side -------------------- */

struct side { struct vr_diff *f; const struct vr_diff_part *part; int side; enum vr_err err; };

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

/* A minute whose entry is still to be written. */
static void take_minute(void *ctx, struct vr_str id, struct vr_wall start, const struct vr_field *fields, size_t n)
{
	struct side *s = ctx;
	for (size_t i = 0; i < n && !s->err; i++)
		s->err = vr_diff_minute(s->f, s->part, s->side, id, start.ms, fields[i].name, fields[i].value);
}

static void no_slot(void *ctx, enum vr_slot slot, struct vr_str id, struct vr_str value) { (void)ctx, (void)slot, (void)id, (void)value; }
static void no_del(void *ctx, enum vr_slot slot, struct vr_str id) { (void)ctx, (void)slot, (void)id; }
static void no_rank(void *ctx, enum vr_slot slot, struct vr_str id, int64_t score) { (void)ctx, (void)slot, (void)id, (void)score; }
static void no_unview(void *ctx, struct vr_str id) { (void)ctx, (void)id; }
static void no_alert(void *ctx, const struct vr_alert *alert) { (void)ctx, (void)alert; }

static enum vr_err show_side(struct vr_diff *f, const struct vr_diff_part *p, const struct vr_diff_state *state, size_t n, int side,
	const struct vr_reply *slots, struct vr_diag *d)
{
	struct vr_engine *e;
	struct side s = {f, p, side, VR_OK};
	struct vr_store store = {.set = no_slot, .append = no_slot, .del = no_del, .rank = no_rank, .unrank = no_del, .view = take_view,
		.unview = no_unview, .minute = take_minute, .alert = no_alert, .ctx = &s};
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

/* ------------------------------------------------ contents ---------------------------- */

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
	vr_diff_compare(f, &f->contents, &shown, &f->counts.differing, state, n);
	f->counts.contents += n;
	f->counts.miskeyed += n > shown ? n - shown : 0;	/* their home is elsewhere: neither side shows them */
	return VR_OK;
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
		struct entity e = {.side = {f, NULL, i, VR_OK}};
		f->items[i].n = 0;
		err = f->merge[i] ? vr_merge_done(f->merge[i]) : VR_OK;
		for (size_t k = 0; !err && f->merge[i] && k < vr_merge_entities(f->merge[i]); k++) {
			e.name = k ? vr_merge_name(f->merge[i], k) : VR_STR("(overall)");
			vr_merge_fields(f->merge[i], k, take_field, &e);
			err = e.side.err;
		}
	}
	if (!err)
		vr_diff_compare(f, &f->channels, &f->counts.channels, &f->counts.channels_differing, NULL, 0);
	vr_diff_sort(f, &f->contents);
	vr_diff_sort(f, &f->channels);
	return err;
}
