/* SPDX-License-Identifier: Apache-2.0 */
/* cut.c - everything that changed since the last cut, as absolute values, into a vr_store.
 *
 * Order: contents (what goes away before what stays), closed minutes, the partition's own slots, alerts;
 * rewrites for draining alone come last.                                                              */
#include "engine_parts.h"

/* ------------------------------------------------ one content's views ------------------- */

static enum vr_err show(struct vr_engine *e, struct vr_content *c, struct vr_wall view, const struct vr_store *store)
{
	enum vr_err err = vr_show_content(e, c, view, store);
	return err ? err : vr_drain_plan(e, c, view);
}

static enum vr_err write_drains(struct vr_engine *e, const struct vr_cut_limits *l, const struct vr_store *store)
{
	struct vr_content *c;
	for (uint32_t i = 0; i < l->drain && (c = vr_drain_next(e, l->view)) != NULL; i++) {
		enum vr_err err = show(e, c, l->view, store);
		if (err)
			return err;
	}
	return VR_OK;
}

/* ------------------------------------------------ one content --------------------------- */

static void wipe(struct vr_engine *e, struct vr_content *c, const struct vr_store *store)
{
	(void)e;
	if (c->home != VR_HOME_ELSEWHERE)
		store->unview(store->ctx, c->id);
	store->del(store->ctx, VR_SLOT_CONTENT, c->id);
	store->del(store->ctx, VR_SLOT_UNIQUES, c->id);
	store->del(store->ctx, VR_SLOT_CHANNELS, c->id);
	c->stored_hour = INT32_MIN;
	if (c->records > 0)	/* it is back: its ranks are written below */
		return;
	store->unrank(store->ctx, VR_SLOT_INDEX, c->id);
	if (c->stored_timer != 0)
		store->unrank(store->ctx, VR_SLOT_TIMERS, c->id);
	c->stored_timer = 0;
}

static void write_state(struct vr_engine *e, struct vr_content *c, const struct vr_store *store)
{
	(void)vr_engine_buf(e, &e->scratch);
	vr_content_encode(c, &e->config.windows, &e->scratch);
	store->set(store->ctx, VR_SLOT_CONTENT, c->id, vr_buf_str(&e->scratch));
	if (c->uniques.is_sketch && c->uniques_dirty) {
		(void)vr_engine_buf(e, &e->scratch);
		vr_uniques_encode(&c->uniques, &e->scratch);
		store->set(store->ctx, VR_SLOT_UNIQUES, c->id, vr_buf_str(&e->scratch));
	}
	if (c->chans_dirty) {
		(void)vr_engine_buf(e, &e->scratch);
		vr_content_encode_channels(c, &e->config.windows, &e->scratch);
		store->set(store->ctx, VR_SLOT_CHANNELS, c->id, vr_buf_str(&e->scratch));
	}
}

static void write_ranks(struct vr_engine *e, struct vr_content *c, const struct vr_store *store)
{
	if (c->hour != c->stored_hour)
		store->rank(store->ctx, VR_SLOT_INDEX, c->id, c->hour);
	c->stored_hour = c->hour;
	int64_t timer = c->timer_place ? e->timers.item[c->timer_place - 1].key : 0;
	if (timer == c->stored_timer)
		return;
	if (timer)
		store->rank(store->ctx, VR_SLOT_TIMERS, c->id, timer);
	else
		store->unrank(store->ctx, VR_SLOT_TIMERS, c->id);
	c->stored_timer = timer;
}

static enum vr_err write_content(struct vr_engine *e, struct vr_content *c, struct vr_wall view, const struct vr_store *store)
{
	if (c->wipe)
		wipe(e, c, store);
	if (c->records == 0)
		return VR_OK;
	bool has_views = vr_has_views(e, c);
	vr_content_advance(c, &e->config.windows, e->stream);
	if (has_views)
		c->view_at = view;
	/* The index first: even where the store keeps only the beginning of a cut it knows every state there is. */
	write_ranks(e, c, store);
	write_state(e, c, store);
	return has_views && e->views != VR_VIEWS_WAIT ? show(e, c, view, store) : VR_OK;
}

static enum vr_err write_contents(struct vr_engine *e, struct vr_wall view, const struct vr_store *store)
{
	for (size_t i = 0; i < e->dirty.n; i++) {
		vr_ahead_cut(e, i);
		enum vr_err err = write_content(e, vr_engine_dirty_at(e, i), view, store);
		if (err)
			return err;
	}
	return VR_OK;
}

/* ------------------------------------------------ closed minutes ------------------------ */

static void write_entry(struct vr_engine *e, const struct vr_entry *entry, const struct vr_store *store)
{
	struct vr_fields f;
	vr_fields_begin(&f, vr_engine_buf(e, &e->scratch), 0);
	for (unsigned a = 0; a < VR_ACTIONS_MAX; a++)
		vr_fields_i64(&f, vr_str_c(vr_action_plural((enum vr_action)a)), (int64_t)entry->count[a]);
	vr_fields_i64(&f, VR_STR("late"), (int64_t)entry->late);
	if (e->scratch.failed)
		return;
	store->minute(store->ctx, entry->content->id, (struct vr_wall){entry->minute * VR_MINUTE_MS}, f.at, f.n);
}

static void write_entries(struct vr_engine *e, const struct vr_store *store)
{
	const struct vr_entry *entry = e->entries.at;
	for (size_t i = 0; i < e->entries.n; i++)
		if (entry[i].content)
			write_entry(e, &entry[i], store);
}

/* ------------------------------------------------ the partition's own slots ------------- */

static void write_partial(struct vr_engine *e, struct vr_channel *ch, const struct vr_store *store)
{
	if (!ch->dirty)
		return;
	e->broken |= vr_channel_settle(e, ch) != VR_OK;
	for (unsigned i = 0; i < ch->tally.n; i++)
		vr_series_advance(vr_tally_at(&ch->tally)[i], &e->config.windows, e->stream);
	(void)vr_engine_buf(e, &e->scratch);
	vr_channel_encode(ch, &e->config.windows, &e->scratch);
	store->set(store->ctx, VR_SLOT_PARTIAL, ch->name, vr_buf_str(&e->scratch));
}

struct dedup_writer { struct vr_engine *e; const struct vr_store *store; };

static void write_dedup(void *ctx, int64_t minute, struct vr_str bytes, enum vr_dedup_change change)
{
	struct dedup_writer *w = ctx;
	(void)vr_engine_buf(w->e, &w->e->scratch);
	vr_buf_i64(&w->e->scratch, minute);
	struct vr_str name = vr_buf_str(&w->e->scratch);
	if (change == VR_DEDUP_DELETE)
		w->store->del(w->store->ctx, VR_SLOT_DEDUP, name);
	else if (change == VR_DEDUP_SET)
		w->store->set(w->store->ctx, VR_SLOT_DEDUP, name, bytes);
	else
		w->store->append(w->store->ctx, VR_SLOT_DEDUP, name, bytes);
}

static void write_rules(struct vr_engine *e, const struct vr_store *store)
{
	const struct vr_since *s = e->since.at;
	if (!e->rules_dirty)
		return;
	(void)vr_engine_buf(e, &e->scratch);
	vr_buf_varint(&e->scratch, e->since.n);
	for (size_t i = 0; i < e->since.n; i++) {
		vr_buf_varint(&e->scratch, s[i].key);
		vr_buf_varint(&e->scratch, s[i].no);
	}
	store->set(store->ctx, VR_SLOT_RULES, VR_STR(""), vr_buf_str(&e->scratch));
}

static void write_slots(struct vr_engine *e, const struct vr_store *store)
{
	struct dedup_writer w = {e, store};
	write_partial(e, &e->all, store);
	for (size_t i = 0; i < e->channels.n; i++)
		write_partial(e, vr_engine_channel(e, (uint16_t)i), store);
	vr_dedup_changes(e->dedup, write_dedup, &w);
	write_rules(e, store);
}

/* ------------------------------------------------ the whole cut ------------------------- */

static void tell(const struct vr_engine *e, vr_alert_f *each, void *ctx)
{
	const struct vr_alert *a = e->alerts.at;
	for (size_t i = 0; i < e->alerts.n; i++)
		each(ctx, &a[i]);
}

static bool is_broken(struct vr_engine *e)
{
	e->broken |= e->scratch.failed || e->fields.failed;
	return e->broken;
}

enum vr_err vr_engine_tell(struct vr_engine *e, vr_alert_f *each, void *ctx)
{
	if (is_broken(e))
		return VR_E_NOMEM;
	tell(e, each, ctx);
	return VR_OK;
}

enum vr_err vr_engine_cut(struct vr_engine *e, const struct vr_cut_limits *l, const struct vr_store *store)
{
	VR_ASSERT(l->view.ms >= e->stream.ms);
	if (e->broken)
		return VR_E_NOMEM;
	enum vr_err err = vr_minutes_close(e, l->minutes);
	if (!err)
		err = write_contents(e, l->view, store);
	write_entries(e, store);
	write_slots(e, store);
	tell(e, store->alert, store->ctx);
	if (!err && l->boards)
		err = vr_boards_write(e, l->view, store);
	if (!err)
		err = write_drains(e, l, store);
	e->broken |= err != VR_OK;
	return is_broken(e) ? VR_E_NOMEM : VR_OK;
}

bool vr_engine_has_changes(struct vr_engine *e, struct vr_wall view)
{
	return e->dirty.n || e->entries.n || e->alerts.n || e->all.dirty || e->rules_dirty || e->left.n ||
	       vr_drain_next(e, view) != NULL;
}
