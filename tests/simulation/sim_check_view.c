/* SPDX-License-Identifier: Apache-2.0 */
/* sim_check_view.c - the views of a content are what a full rendering of the fold gives at their as_of_ms. */
#include "sim_check.h"

enum { FIELDS = 256, TEXT = 32768, UNKNOWN = 1 };

/* What a rendering gave, copied. */
struct rendered {
	struct vr_field at[VR_VIEWS][FIELDS];
	size_t n[VR_VIEWS];
	char text[TEXT];
	size_t used;
};

static struct vr_str copy(struct rendered *r, struct vr_str s)
{
	VR_ASSERT(r->used + s.n <= TEXT);
	if (s.n)
		memcpy(r->text + r->used, s.p, s.n);
	r->used += s.n;
	return (struct vr_str){r->text + r->used - s.n, s.n};
}

static void keep_view(void *ctx, enum vr_view view, struct vr_str id, const struct vr_field *fields, size_t n)
{
	struct rendered *r = ctx;
	(void)id;
	for (size_t i = 0; i < n; i++) {
		if (!fields[i].value.p)
			continue;
		VR_ASSERT(r->n[view] < FIELDS);
		r->at[view][r->n[view]++] = (struct vr_field){copy(r, fields[i].name), copy(r, fields[i].value)};
	}
}

static void render(struct sim_server *v, int part, struct vr_content *c, int64_t as_of, struct rendered *r)
{
	struct vr_engine *e = v->check->ref[part].engine;
	struct vr_store store = {.view = keep_view, .ctx = r};
	memset(r->n, 0, sizeof(r->n));
	r->used = 0;
	vr_content_unshown(c, &e->config.windows);
	VR_ASSERT(vr_show_content(e, c, (struct vr_wall){as_of}, &store) == VR_OK);
}

/* A count that is absent is 0. */
static bool is_count_of_zero(struct vr_field f)
{
	return vr_str_eq(f.value, VR_STR("0"));
}

static void compare(struct sim *s, const struct sim_value *hash, const struct rendered *r, enum vr_view view,
	struct vr_str id)
{
	size_t found = 0;
	for (size_t i = 0; i < r->n[view]; i++) {
		struct vr_field f = r->at[view][i];
		ptrdiff_t at = hash ? sim_items_find(hash, f.name) : -1;
		struct vr_str stored = at >= 0 ? sim_item_b(&hash->items[at]) : VR_STR("");
		found += at >= 0;
		if (at < 0 && is_count_of_zero(f))
			continue;
		if (at < 0 || !vr_str_eq(stored, f.value))
			sim_fail(s, "view %d of %.*s: %.*s is '%.*s', the fold gives '%.*s'", (int)view, (int)id.n, id.p,
				(int)f.name.n, f.name.p, (int)stored.n, stored.p, (int)f.value.n, f.value.p);
	}
	if (hash && hash->n != found)
		sim_fail(s, "view %d of %.*s has %zu fields that the fold does not give", (int)view, (int)id.n, id.p,
			hash->n - found);
}

/* ------------------------------------------------------------------ the time series ---- */

static void compare_entry(
	struct sim *s, const struct sim_entry *stored, const struct vr_entry *e, struct vr_str id)
{
	size_t pos = 0;
	if ((int64_t)stored->id.ms != e->minute * VR_MINUTE_MS || stored->count != 2 * (VR_ACTIONS_MAX + 1)) {
		sim_fail(s, "time series of %.*s: entry %llu, the fold has minute %lld", (int)id.n, id.p,
			(unsigned long long)stored->id.ms, (long long)(e->minute * VR_MINUTE_MS));
		return;
	}
	for (unsigned a = 0; a <= VR_ACTIONS_MAX; a++) {
		struct vr_str name = sim_entry_part(stored, &pos), value = sim_entry_part(stored, &pos);
		uint64_t want = a < VR_ACTIONS_MAX ? e->count[a] : e->late;
		if ((uint64_t)sim_number(value) != want)
			sim_fail(s, "time series of %.*s, minute %lld: %.*s is %.*s, the fold has %llu", (int)id.n, id.p,
				(long long)e->minute, (int)name.n, name.p, (int)value.n, value.p, (unsigned long long)want);
	}
	s->totals->hit[SIM_HIT_SAW_MINUTE]++;
}

static void check_minutes(
	struct sim *s, struct sim_server *v, int part, int i, const struct vr_content *c, int64_t open_minute)
{
	const struct sim_ref *r = &v->check->ref[part];
	const struct vr_entry *entry = r->engine->entries.at;
	struct sim_value *ts = sim_view_key(v, c->id, ":ts");
	size_t n = 0;
	if (v->minutes_lost[i] || c->home == VR_HOME_ELSEWHERE)
		return;
	for (size_t k = 0; k < r->engine->entries.n && !s->failed; k++) {
		if (entry[k].content != c)
			continue;
		if (ts && n < ts->n)
			compare_entry(s, &ts->entries[n++], &entry[k], c->id);
		else if (entry[k].minute != open_minute) /* not loaded yet, so not closed yet */
			sim_fail(s, "time series of %.*s: minute %lld is missing", (int)c->id.n, c->id.p,
				(long long)entry[k].minute);
	}
	if (ts && n < ts->n)
		sim_fail(s, "time series of %.*s has %zu entries that the fold does not have", (int)c->id.n, c->id.p,
			ts->n - n);
}

/* ------------------------------------------------------------------ all of them ---- */

static bool is_whole(const struct sim_value *view)
{
	struct vr_str ignored;
	return view && view->type == SIM_HASH && sim_field(view, "content_id", &ignored);
}

static bool is_spoiled(struct sim_server *v, int i, struct vr_str id)
{
	const struct sim_value *view = sim_view_key(v, id, ""), *channels = sim_view_key(v, id, ":channels");
	const struct sim_value *ts = sim_view_key(v, id, ":ts");
	if (!v->vandalised[i])
		return false;
	if (!is_whole(view) || (channels && channels->type != SIM_HASH) || (ts && ts->type != SIM_STREAM))
		return true;
	v->vandalised[i] = false;
	return false;
}

static uint64_t hash_of(const struct sim_value *v)
{
	return v ? sim_hash_items(v) : 0;
}

static void check_shown(
	struct sim *s, struct sim_server *v, int part, struct sim_memo *memo, struct vr_content *c)
{
	struct rendered r;
	struct vr_str text;
	const struct sim_value *view = sim_view_key(v, c->id, ""),
						   *channels = sim_view_key(v, c->id, ":channels");
	const struct sim_value *info = sim_view_key(v, c->id, ":info");
	if (!c->dirty && memo->view == hash_of(view) && memo->channels == hash_of(channels) &&
		memo->info == hash_of(info))
		return;
	if (!sim_field(view, "as_of_ms", &text)) {
		sim_fail(s, "partition %d: %.*s has no view", part, (int)c->id.n, c->id.p);
		return;
	}
	int64_t as_of = sim_number(text);
	render(v, part, c, as_of, &r);
	compare(s, view, &r, VR_VIEW_CONTENT, c->id);
	compare(s, channels, &r, VR_VIEW_CHANNELS, c->id);
	compare(s, info, &r, VR_VIEW_INFO, c->id);
	memo->view = hash_of(view);
	memo->channels = hash_of(channels);
	memo->info = hash_of(info);
	s->totals->hit[SIM_HIT_SAW_VIEW]++;
	s->totals->hit[SIM_HIT_SAW_INFO] += info != NULL;
	s->totals->hit[SIM_HIT_SAW_DRAINED] += as_of > v->check->ref[part].engine->stream.ms;
}

void sim_check_view(
	struct sim *s, struct sim_server *v, int part, int i, struct vr_content *c, int64_t open_minute)
{
	if (c->home == VR_HOME_ELSEWHERE)
		return;
	if (is_spoiled(v, i, c->id)) {
		v->check->memo[part][i].view = UNKNOWN;
		return;
	}
	if (!v->check->ref[part].shown) {
		v->check->memo[part][i].view = UNKNOWN;
		check_minutes(s, v, part, i, c, open_minute);
		return;
	}
	if (c->records >= s->config.engine.views_min_events)
		check_shown(s, v, part, &v->check->memo[part][i], c);
	else if (is_whole(sim_view_key(v, c->id, "")))
		sim_fail(s, "partition %d: %.*s has a view after %llu records", part, (int)c->id.n, c->id.p,
			(unsigned long long)c->records);
	check_minutes(s, v, part, i, c, open_minute);
}
