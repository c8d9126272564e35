/* SPDX-License-Identifier: Apache-2.0 */
/* show.c - a content's figures as the fields of its views, only those that changed. */
#include "engine_parts.h"

static void join(struct vr_name *out, const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	out->n = n + 1 + m;
	VR_ASSERT(out->n <= sizeof(out->text));
	memcpy(out->text, a, n);
	out->text[n] = '_';
	memcpy(out->text + n + 1, b, m);
}

void vr_names_init(struct vr_names *names, const struct vr_windows *w)
{
	for (unsigned a = 0; a < VR_ACTIONS_MAX; a++) {
		const char *plural = vr_action_plural((enum vr_action)a);
		join(&names->total[a], plural, "total");
		for (unsigned i = 0; i < w->n; i++)
			join(&names->window[a][i], plural, w->name[i]);
	}
}

double vr_velocity(const struct vr_windows *w, uint64_t shares)
{
	return (double)shares * 60000 / (double)(w->width_ms[0] * VR_BUCKETS);
}

/* ------------------------------------------------ a list of fields ---------------------- */

void vr_fields_begin(struct vr_fields *f, struct vr_buf *text, size_t extra)
{
	f->n = 0;
	f->text = text;
	vr_buf_clear(text);
	(void)vr_buf_room(text, VR_FIELDS_TEXT + extra);
}

void vr_fields_str(struct vr_fields *f, struct vr_str name, struct vr_str value)
{
	VR_ASSERT(f->n < VR_FIELDS_MAX);
	f->at[f->n++] = (struct vr_field){name, value};
}

/* A value that was written from p on. */
static void add_written(struct vr_fields *f, struct vr_str name, const char *p, const char *end)
{
	f->text->n = (size_t)(end - f->text->p);
	vr_fields_str(f, name, (struct vr_str){p, (size_t)(end - p)});
}

void vr_fields_i64(struct vr_fields *f, struct vr_str name, int64_t value)
{
	char *p = vr_buf_room(f->text, VR_I64_DIGITS);
	if (p)
		add_written(f, name, p, vr_write_i64(p, value));
}

static void put_u64(struct vr_fields *f, struct vr_str name, uint64_t value)
{
	char *p = vr_buf_room(f->text, VR_U64_DIGITS);
	if (p)
		add_written(f, name, p, vr_write_u64(p, value));
}

void vr_fields_ratio(struct vr_fields *f, struct vr_str name, double value)
{
	size_t from = f->text->n;
	vr_buf_ratio(f->text, value);
	if (!f->text->failed)
		vr_fields_str(f, name, (struct vr_str){f->text->p + from, f->text->n - from});
}

void vr_fields_tally(struct vr_fields *f, const struct vr_names *names, const struct vr_windows *w, struct vr_tally *t,
	struct vr_wall view)
{
	for (unsigned i = 0; i < t->n; i++) {
		struct vr_series *s = vr_tally_at(t)[i];
		if (s->shown_total != s->total)
			put_u64(f, vr_name_str(&names->total[s->action]), s->total);
		s->shown_total = s->total;
		for (unsigned k = 0; k < w->n; k++) {
			uint64_t value = vr_ring_value_at(&s->ring[k], w->width_ms[k], view.ms);
			if (s->ring[k].shown != value)
				put_u64(f, vr_name_str(&names->window[s->action][k]), value);
			s->ring[k].shown = value;
		}
	}
}

/* ------------------------------------------------ a content ----------------------------- */

static struct vr_str home_of(struct vr_engine *e)
{
	(void)vr_engine_buf(e, &e->fields);
	vr_buf_str_add(&e->fields, e->config.topic);
	vr_buf_byte(&e->fields, ':');
	vr_buf_i64(&e->fields, e->config.partition);
	return vr_buf_str(&e->fields);
}

static void show_names(struct vr_engine *e, struct vr_content *c, struct vr_fields *f)
{
	if (c->view_full) {
		vr_fields_str(f, VR_STR("content_id"), c->id);
		vr_fields_str(f, VR_STR("home"), home_of(e));
	}
	if (c->meta_dirty || c->view_full) {
		if (c->title.n)
			vr_fields_str(f, VR_STR("title"), vr_utf8_cut(c->title, VR_SHORT_TEXT));
		if (c->content_type.n)
			vr_fields_str(f, VR_STR("content_type"), c->content_type);
		if (c->url.n)
			vr_fields_str(f, VR_STR("url"), c->url.n <= VR_SHORT_TEXT ? c->url : (struct vr_str){NULL, 0});
	}
	int top = vr_content_top_channel(c, vr_engine_channel_name, e);
	/* A content that was never shown has no field that would have to go. */
	if (top != c->shown_top || (c->view_full && top >= 0))
		vr_fields_str(f, VR_STR("channel_top"), top < 0 ? (struct vr_str){NULL, 0} : vr_engine_channel_name(e, (uint16_t)top));
	c->shown_top = top;
}

static void show_estimates(struct vr_content *c, struct vr_fields *f)
{
	uint64_t uniques = vr_content_uniques(c);
	if (uniques > 0 && uniques != c->shown_uniques)
		put_u64(f, VR_STR("unique_sharers"), uniques);
	c->shown_uniques = uniques;
	if (c->depth_n == 0 || (!c->depth_dirty && !c->view_full))
		return;
	vr_fields_ratio(f, VR_STR("mean_depth"), (double)c->depth_sum / (double)c->depth_n);
	put_u64(f, VR_STR("max_depth"), c->depth_max);
	vr_fields_ratio(f, VR_STR("root_share_fraction"), (double)c->depth_roots / (double)c->depth_n);
}

static void show_times(const struct vr_content *c, struct vr_fields *f, struct vr_wall view)
{
	vr_fields_i64(f, VR_STR("as_of_ms"), view.ms);
	if (c->dirty || c->view_full)
		vr_fields_i64(f, VR_STR("last_ms"), c->last.ms);
	if (c->first_dirty || c->view_full)
		vr_fields_i64(f, VR_STR("first_ms"), c->first.ms);
}

static void show_velocity(struct vr_engine *e, struct vr_content *c, struct vr_fields *f, struct vr_wall view)
{
	const struct vr_windows *w = &e->config.windows;
	const struct vr_series *s = vr_tally_find(&c->tally, VR_ACTION_SHARE);
	uint64_t now = vr_tally_window(&c->tally, w, VR_ACTION_SHARE, 0, view);
	if (c->view_full || (s && s->ring[0].shown != now))
		vr_fields_ratio(f, VR_STR("share_velocity"), vr_velocity(w, now));
}

static void show_channels(struct vr_engine *e, struct vr_content *c, const struct vr_store *store)
{
	struct vr_field field[64];
	size_t n = 0;
	(void)vr_engine_buf(e, &e->scratch);
	(void)vr_buf_room(&e->scratch, VR_FIELDS_TEXT);
	for (unsigned i = 0; i < c->n_chan; i++) {
		struct vr_series *s = c->chan[i]->share;
		if (!s || (s->shown_total == s->total && !c->view_full))
			continue;
		size_t from = e->scratch.n;
		vr_buf_u64(&e->scratch, s->total);
		s->shown_total = s->total;
		field[n++] = (struct vr_field){vr_engine_channel_name(e, c->chan[i]->channel),
			{e->scratch.p + from, e->scratch.n - from}};
		if (n == sizeof(field) / sizeof(field[0])) {
			store->view(store->ctx, VR_VIEW_CHANNELS, c->id, field, n);
			n = 0;
		}
	}
	if (n > 0)
		store->view(store->ctx, VR_VIEW_CHANNELS, c->id, field, n);
}

/* A text that is there; all of them go when none is long any more. */
static size_t add_info(struct vr_field *field, struct vr_str name, struct vr_str value, bool is_long)
{
	*field = (struct vr_field){name, is_long ? value : (struct vr_str){NULL, 0}};
	return value.n > 0;
}

static void show_info(struct vr_content *c, const struct vr_store *store)
{
	struct vr_field field[3];
	size_t n = 0;
	bool is_long = vr_content_is_long(c), was_there = c->has_info;
	if (!(c->meta_dirty || c->view_full))
		return;
	c->has_info = is_long;
	if (!is_long && !was_there)
		return;
	n += add_info(&field[n], VR_STR("title"), c->title, is_long);
	n += add_info(&field[n], VR_STR("url"), c->url, is_long);
	n += add_info(&field[n], VR_STR("author_id"), c->author_id, is_long);
	store->view(store->ctx, VR_VIEW_INFO, c->id, field, n);
}

enum vr_err vr_show_content(struct vr_engine *e, struct vr_content *c, struct vr_wall view, const struct vr_store *store)
{
	struct vr_fields f;
	vr_fields_begin(&f, vr_engine_buf(e, &e->scratch), 0);
	/* Redis looks a field of a small hash up from its beginning: those that are written every time come first. */
	show_times(c, &f, view);
	show_velocity(e, c, &f, view);
	vr_fields_tally(&f, &e->names, &e->config.windows, &c->tally, view);
	show_estimates(c, &f);
	show_names(e, c, &f);
	if (e->scratch.failed || e->fields.failed)
		return VR_E_NOMEM;
	store->view(store->ctx, VR_VIEW_CONTENT, c->id, f.at, f.n);
	show_channels(e, c, store);
	show_info(c, store);
	c->view_full = c->meta_dirty = c->first_dirty = c->depth_dirty = false;
	c->view_at = view;
	return e->scratch.failed ? VR_E_NOMEM : VR_OK;
}
