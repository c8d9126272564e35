/* SPDX-License-Identifier: Apache-2.0 */
#include "golden.h"

static const char *const SLOT[VR_SLOTS] = {"content", "uniques", "channels", "partial", "board", "dedup",
	"rules", "index", "timers"};
static const char *const VIEW[VR_VIEWS] = {"c", "channels", "info", "channel", "all"};

struct vr_str golden_slot_key(struct golden *g, const struct golden_part *p, enum vr_slot slot,
	struct vr_str id)
{
	char digit = (char)('0' + p->no);
	struct vr_str words[] = {VR_STR("slot"), {&digit, 1}, vr_str_c(SLOT[slot]), id};
	return model_key(&g->key, words, 4);
}

static void set(void *ctx, enum vr_slot slot, struct vr_str id, struct vr_str value)
{
	struct golden_writer *w = ctx;
	model_set(&w->g->model, golden_slot_key(w->g, w->p, slot, id), value);
}

static void append(void *ctx, enum vr_slot slot, struct vr_str id, struct vr_str value)
{
	struct golden_writer *w = ctx;
	model_append(&w->g->model, golden_slot_key(w->g, w->p, slot, id), value);
}

static void del(void *ctx, enum vr_slot slot, struct vr_str id)
{
	struct golden_writer *w = ctx;
	model_del(&w->g->model, golden_slot_key(w->g, w->p, slot, id));
}

static void rank(void *ctx, enum vr_slot slot, struct vr_str id, int64_t score)
{
	struct golden_writer *w = ctx;
	vr_buf_clear(&w->g->scratch);
	vr_buf_i64(&w->g->scratch, score);
	set(ctx, slot, id, vr_buf_str(&w->g->scratch));
}

static void view(void *ctx, enum vr_view kind, struct vr_str id, const struct vr_field *fields, size_t n)
{
	struct golden_writer *w = ctx;
	for (size_t i = 0; i < n; i++) {
		struct vr_str words[] = {vr_str_c(VIEW[kind]), id, fields[i].name};
		struct vr_str key = model_key(&w->g->key, words, 3);
		if (fields[i].value.p)
			model_set(&w->g->model, key, fields[i].value);
		else
			model_del(&w->g->model, key);
	}
}

static void unview(void *ctx, struct vr_str id)
{
	static const char *const kinds[] = {"c", "channels", "info", "ts"};
	struct golden_writer *w = ctx;
	for (size_t i = 0; i < 4; i++) {
		struct vr_str words[] = {vr_str_c(kinds[i]), id, VR_STR("")};
		model_del_prefix(&w->g->model, model_key(&w->g->key, words, 3));
	}
}

static void add_field(struct vr_buf *b, struct vr_str name, struct vr_str value)
{
	if (b->n > 0)
		vr_buf_byte(b, '\t');
	vr_buf_str_add(b, name);
	vr_buf_byte(b, '=');
	vr_buf_str_add(b, value);
}

static void minute(void *ctx, struct vr_str id, struct vr_wall start, const struct vr_field *fields, size_t n)
{
	struct golden_writer *w = ctx;
	vr_buf_clear(&w->g->scratch);
	vr_buf_i64(&w->g->scratch, start.ms);
	struct vr_str words[] = {VR_STR("ts"), id, vr_buf_str(&w->g->scratch)};
	struct vr_str key = model_key(&w->g->key, words, 3);
	if (model_get(&w->g->model, key))
		golden_die(w->g, "minute %" PRId64 " of %.*s is told twice", start.ms, (int)id.n, id.p);
	vr_buf_clear(&w->g->scratch);
	for (size_t i = 0; i < n; i++)
		if (!vr_str_eq(fields[i].value, VR_STR("0")))
			add_field(&w->g->scratch, fields[i].name, fields[i].value);
	model_set(&w->g->model, key, vr_buf_str(&w->g->scratch));
}

static void alert_field(void *ctx, const char *name, struct vr_str text)
{
	add_field(ctx, vr_str_c(name), text);
}

static void alert(void *ctx, const struct vr_alert *a)
{
	struct golden_writer *w = ctx;
	struct vr_mem mem = vr_mem_heap();
	struct vr_buf line, text;
	struct vr_str words[] = {VR_STR("active"), vr_str_c(a->id)};
	struct vr_str key = model_key(&w->g->key, words, 2);
	vr_buf_init(&line, &mem);
	vr_buf_init(&text, &mem);
	vr_alert_fields(a, &text, alert_field, &line);
	if (a->state == VR_ALERT_FIRING || a->state == VR_ALERT_RESOLVED) {
		vr_buf_str_add(&w->p->alerts, vr_buf_str(&line));
		vr_buf_byte(&w->p->alerts, '\n');
	}
	vr_buf_clear(&text);
	vr_buf_i64(&text, a->due.ms);
	add_field(&line, VR_STR("due_ms"), vr_buf_str(&text));
	if (a->state == VR_ALERT_FIRING || a->state == VR_ALERT_PENDING)
		model_set(&w->g->model, key, vr_buf_str(&line));
	else if (!model_get(&w->g->model, key))
		golden_die(w->g, "an alert ends that was not there: %.*s", (int)line.n, line.p);
	else
		model_del(&w->g->model, key);
	vr_buf_done(&line);
	vr_buf_done(&text);
}

struct vr_store golden_store(struct golden_writer *w)
{
	return (struct vr_store){set, append, del, rank, del, view, unview, minute, alert, w};
}
