/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* engine_rig.h - an engine whose cuts become lines of text and rows of a small store, so that a test reads
 * what was written, and can throw the engine away and load it again.
 *
 *   set content a 3f09..      view c a shares_total=1   minute a 60000   alert Hot a firing
 *
 * Ownership: rig_done frees everything and demands that nothing is left.   Threads: one. */
#include "engine_parts.h"
#include "vr_test.h"

enum { RIG_ROWS = 512, RIG_TEXT = 1 << 20 };
#define RIG_T0 INT64_C(1440000000000)

struct rig_row { enum vr_slot slot; char id[64]; char *value; size_t n; int64_t score; bool used; };

struct engine_rig {
	struct vr_test_mem counted;
	struct vr_mem mem;
	struct vr_engine *e;
	struct vr_engine_config config;
	struct rig_row row[RIG_ROWS];
	char *text;		/* of the last cut */
	size_t n;
	int64_t offset;
	struct vr_wall stream, log;
};

/* ---- the store ---- */

static inline void rig_line(struct engine_rig *r, const char *fmt, ...) VR_PRINTF(2, 3);
static inline void rig_line(struct engine_rig *r, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	r->n += (size_t)vsnprintf(r->text + r->n, RIG_TEXT - r->n, fmt, args);
	va_end(args);
	assert_true(r->n < RIG_TEXT - 2);
	r->text[r->n++] = '\n';
	r->text[r->n] = '\0';
}

static inline struct rig_row *rig_row(struct engine_rig *r, enum vr_slot slot, struct vr_str id, bool make)
{
	struct rig_row *hole = NULL;
	for (size_t i = 0; i < RIG_ROWS; i++) {
		struct rig_row *row = &r->row[i];
		if (row->used && row->slot == slot && vr_str_eq(vr_str_c(row->id), id))
			return row;
		if (!row->used && !hole)
			hole = row;
	}
	if (!make)
		return NULL;
	assert_non_null(hole);
	assert_true(id.n < sizeof(hole->id));
	*hole = (struct rig_row){.slot = slot, .used = true};
	if (id.n)
		memcpy(hole->id, id.p, id.n);
	return hole;
}

static inline void rig_put(struct rig_row *row, struct vr_str value)
{
	free(row->value);
	row->value = malloc(value.n + 1);
	assert_non_null(row->value);
	if (value.n)
		memcpy(row->value, value.p, value.n);
	row->n = value.n;
}

static const char *const RIG_SLOT[VR_SLOTS] = {
	"content", "uniques", "channels", "partial", "board", "dedup", "rules", "index", "timers"};

static inline void rig_set(void *ctx, enum vr_slot slot, struct vr_str id, struct vr_str value)
{
	rig_line(ctx, "set %s %.*s %016" PRIx64, RIG_SLOT[slot], (int)id.n, id.p, vr_hash64(value));
	rig_put(rig_row(ctx, slot, id, true), value);
}

static inline void rig_append(void *ctx, enum vr_slot slot, struct vr_str id, struct vr_str value)
{
	struct rig_row *row = rig_row(ctx, slot, id, true);
	char *p = malloc(row->n + value.n + 1);
	assert_non_null(p);
	if (row->n)
		memcpy(p, row->value, row->n);
	memcpy(p + row->n, value.p, value.n);
	rig_put(row, (struct vr_str){p, row->n + value.n});
	free(p);
	rig_line(ctx, "append %s %.*s %016" PRIx64, RIG_SLOT[slot], (int)id.n, id.p, vr_hash64(value));
}

static inline void rig_del(void *ctx, enum vr_slot slot, struct vr_str id)
{
	struct rig_row *row = rig_row(ctx, slot, id, false);
	rig_line(ctx, "del %s %.*s", RIG_SLOT[slot], (int)id.n, id.p);
	if (!row)
		return;
	free(row->value);
	*row = (struct rig_row){0};
}

static inline void rig_rank(void *ctx, enum vr_slot slot, struct vr_str id, int64_t score)
{
	rig_line(ctx, "rank %s %.*s %" PRId64, RIG_SLOT[slot], (int)id.n, id.p, score);
	rig_row(ctx, slot, id, true)->score = score;
}

static inline void rig_view(void *ctx, enum vr_view view, struct vr_str id, const struct vr_field *f,
	size_t n)
{
	static const char *const name[VR_VIEWS] = {"c", "channels", "info", "channel", "all"};
	for (size_t i = 0; i < n; i++)
		rig_line(ctx, "view %s %.*s %.*s=%.*s", name[view], (int)id.n, id.p, (int)f[i].name.n, f[i].name.p,
			f[i].value.p ? (int)f[i].value.n : 1, f[i].value.p ? f[i].value.p : "-");
}

static inline void rig_unview(void *ctx, struct vr_str id) { rig_line(ctx, "unview %.*s", (int)id.n, id.p); }

static inline void rig_minute(void *ctx, struct vr_str id, struct vr_wall start, const struct vr_field *f,
	size_t n)
{
	assert_int_equal(n, VR_ACTIONS_MAX + 1);
	rig_line(ctx, "minute %.*s %" PRId64 " shares=%.*s late=%.*s", (int)id.n, id.p, start.ms - RIG_T0,
		(int)f[VR_ACTION_SHARE].value.n, f[VR_ACTION_SHARE].value.p, (int)f[n - 1].value.n, f[n - 1].value.p);
}

static inline void rig_alert(void *ctx, const struct vr_alert *a)
{
	rig_line(ctx, "alert %.*s %.*s %s %.*s %.*s %.*s %s", (int)a->alertname.n, a->alertname.p,
		(int)a->content_id.n, a->content_id.p, vr_alert_state_name(a->state), (int)a->channel.n, a->channel.p,
		(int)a->labels.n, a->labels.p, (int)a->annotations.n, a->annotations.p, a->id);
}

static inline struct vr_store rig_store(struct engine_rig *r)
{
	return (struct vr_store){rig_set, rig_append, rig_del, rig_rank, rig_del, rig_view, rig_unview, rig_minute,
		rig_alert, r};
}

/* ---- life ---- */

/* The pool's refusals reach everything that allocates through e->pool_mem too. */
static inline enum vr_err rig_born(struct engine_rig *r)
{
	enum vr_err err = vr_engine_new(&r->config, &r->mem, &r->e);
	if (err)
		r->e = NULL;
	return err;
}

static inline void rig_init(struct engine_rig *r)
{
	memset(r, 0, sizeof(*r));
	r->mem = vr_test_mem_of(&r->counted);
	r->text = malloc(RIG_TEXT);
	assert_non_null(r->text);
	r->text[0] = '\0';
	r->config = (struct vr_engine_config){
		.topic = VR_STR("t"),
		.windows = {.n = 2, .width_ms = {2000, 10000}, .name = {"1m", "5m"}},
		.max_ahead = {300000},
		.dedup_window = {600000},
		.retention = {7200000},
		.channels_max = 16,
		.views_min_events = 1,
		.ts_min_events = 1,
		.board_size = 3,
	};
	assert_int_equal(rig_born(r), VR_OK);
}

static inline void rig_drop(struct engine_rig *r)
{
	vr_engine_free(r->e);
	r->e = NULL;
	assert_int_equal(r->counted.bytes, 0);
}

static inline void rig_done(struct engine_rig *r)
{
	rig_drop(r);
	for (size_t i = 0; i < RIG_ROWS; i++)
		free(r->row[i].value);
	free(r->text);
}

/* ---- records ---- */

static inline struct vr_event rig_event(const char *id, enum vr_action a, int64_t t)
{
	return (struct vr_event){.content_id = vr_str_c(id), .action = a, .event_time = {RIG_T0 + t}, .count = 1,
		.channel = VR_STR("qq")};
}

static inline enum vr_err rig_load(struct engine_rig *r)
{
	for (size_t i = 0; i < vr_engine_wanted(r->e); i++) {
		struct vr_str id = vr_engine_wanted_id(r->e, i);
		const struct rig_row *state = rig_row(r, VR_SLOT_CONTENT, id, false);
		const struct rig_row *uniques = rig_row(r, VR_SLOT_UNIQUES, id, false);
		const struct rig_row *channels = rig_row(r, VR_SLOT_CHANNELS, id, false);
		struct vr_loaded l = {.has_state = state != NULL};
		bool more;
		if (state)
			l.state = (struct vr_str){state->value, state->n};
		enum vr_err err = vr_engine_load(r->e, i, &l, &more);
		if (!err && more) {
			if (uniques)
				l.uniques = (struct vr_str){uniques->value, uniques->n};
			if (channels)
				l.channels = (struct vr_str){channels->value, channels->n};
			err = vr_engine_load(r->e, i, &l, &more);
			assert_false(!err && more);
		}
		if (err)
			return err;
	}
	vr_engine_loaded_all(r->e);
	return VR_OK;
}

static inline enum vr_err rig_want(struct engine_rig *r, struct vr_str id)
{
	bool at_hand;
	enum vr_err err = vr_engine_want(r->e, id, &at_hand);
	return err ? err : rig_load(r);
}

static inline enum vr_err rig_fold(struct engine_rig *r, const struct vr_event *ev, int64_t kafka,
	struct vr_outcome *ret)
{
	struct vr_record record = {.offset = r->offset++, .kafka_time = {RIG_T0 + kafka}, .event = ev};
	enum vr_err err = ev ? rig_want(r, ev->content_id) : VR_OK;
	return err ? err : vr_engine_fold(r->e, &record, ret);
}

/** A share, a like ... of that content at T0 + t; must succeed. */
static inline struct vr_outcome rig_add(struct engine_rig *r, const char *id, enum vr_action a, int64_t t)
{
	struct vr_event ev = rig_event(id, a, t);
	struct vr_outcome o;
	assert_int_equal(rig_fold(r, &ev, t, &o), VR_OK);
	assert_true(vr_engine_check(r->e));
	return o;
}

static inline enum vr_err rig_try_cut(struct engine_rig *r, int64_t view, uint32_t drain, bool boards)
{
	struct vr_store store = rig_store(r);
	struct vr_cut_limits l = {.view = {RIG_T0 + view}, .drain = drain, .boards = boards};
	struct vr_engine_facts f;
	r->n = 0;
	r->text[0] = '\0';
	vr_engine_facts(r->e, &f);
	l.view = vr_wall_max(l.view, f.stream);
	enum vr_err err = vr_engine_cut(r->e, &l, &store);
	if (err)
		return err;
	vr_engine_committed(r->e);
	r->stream = f.stream;
	r->log = f.log;
	return VR_OK;
}

static inline void rig_cut(struct engine_rig *r, int64_t view)
{
	assert_int_equal(rig_try_cut(r, view, 1000, false), VR_OK);
	assert_true(vr_engine_check(r->e));
}

static inline bool rig_said(const struct engine_rig *r, const char *what)
{
	return strstr(r->text, what) != NULL;
}
#define assert_said(r, what)                                                  \
	do {                                                                  \
		if (!rig_said(r, what))                                       \
			fail_msg("\"%s\" is not in:\n%s", what, (r)->text);   \
	} while (0)
#define assert_unsaid(r, what)                                                \
	do {                                                                  \
		if (rig_said(r, what))                                        \
			fail_msg("\"%s\" is in:\n%s", what, (r)->text);       \
	} while (0)

/** Another engine from what was stored. */
static inline enum vr_err rig_reborn(struct engine_rig *r)
{
	enum vr_err err = rig_born(r);
	if (err)
		return err;
	vr_engine_set_times(r->e, r->stream, r->log);
	for (size_t i = 0; i < RIG_ROWS && !err; i++) {
		const struct rig_row *row = &r->row[i];
		if (row->used && (row->slot == VR_SLOT_PARTIAL || row->slot == VR_SLOT_RULES || row->slot == VR_SLOT_DEDUP))
			err = vr_engine_restore(r->e, row->slot, vr_str_c(row->id), (struct vr_str){row->value, row->n});
	}
	return err;
}
