/* SPDX-License-Identifier: Apache-2.0 */
#include "virality/writer.h"

static const enum vr_slot RANKED[] = {VR_SLOT_INDEX, VR_SLOT_TIMERS};
enum { RANKS = sizeof(RANKED) / sizeof(RANKED[0]) };
_Static_assert(sizeof(((struct vr_writer *)0)->ranks) == RANKS * sizeof(struct vr_cmds), "words of each sorted set");

void vr_writer_init(struct vr_writer *w, const struct vr_keys *keys, struct vr_cmds *cmds, struct vr_mem *mem)
{
	*w = (struct vr_writer){.keys = keys, .cmds = cmds};
	for (size_t i = 0; i < RANKS; i++)
		vr_cmds_init(&w->ranks[i], mem);
	vr_cmds_init(&w->head, mem);
	vr_buf_init(&w->marks, mem);
	vr_buf_init(&w->ids, mem);
}

void vr_writer_done(struct vr_writer *w)
{
	for (size_t i = 0; i < RANKS; i++)
		vr_cmds_done(&w->ranks[i]);
	vr_cmds_done(&w->head);
	vr_buf_done(&w->marks);
	vr_buf_done(&w->ids);
}

void vr_writer_begin(struct vr_writer *w)
{
	w->first = w->cmds->n;
	w->from = w->cmds->buf.n;
	w->ahead = 0;
	for (size_t i = 0; i < RANKS; i++)
		vr_cmds_clear(&w->ranks[i]);
	vr_buf_clear(&w->marks);
	vr_buf_clear(&w->ids);
}

/* ------------------------------------------------ slots -------------------------------- */

static const char *hash_of(enum vr_slot slot) { return slot == VR_SLOT_BOARD ? "top" : "part"; }
static const char *rank_of(enum vr_slot slot) { return slot == VR_SLOT_INDEX ? "idx" : "timers"; }
static bool is_key(enum vr_slot slot)
{
	return slot == VR_SLOT_CONTENT || slot == VR_SLOT_UNIQUES || slot == VR_SLOT_CHANNELS || slot == VR_SLOT_DEDUP;
}

static void set(void *ctx, enum vr_slot slot, struct vr_str id, struct vr_str value)
{
	struct vr_writer *w = ctx;
	if (is_key(slot)) {
		vr_cmd(w->cmds, 3, "SET");
		vr_key_slot(w->cmds, w->keys, slot, id);
	} else {
		vr_cmd(w->cmds, 4, "HSET");
		vr_key_own(w->cmds, w->keys, hash_of(slot));
		vr_cmd_str(w->cmds, slot == VR_SLOT_RULES ? VR_STR("_rules") : id);
	}
	vr_cmd_str(w->cmds, value);
}

static void append(void *ctx, enum vr_slot slot, struct vr_str id, struct vr_str value)
{
	struct vr_writer *w = ctx;
	vr_cmd(w->cmds, 3, "APPEND");
	vr_key_slot(w->cmds, w->keys, slot, id);
	vr_cmd_str(w->cmds, value);
}

static void del(void *ctx, enum vr_slot slot, struct vr_str id)
{
	struct vr_writer *w = ctx;
	vr_cmd(w->cmds, 2, "DEL");
	vr_key_slot(w->cmds, w->keys, slot, id);
}

static void rank(void *ctx, enum vr_slot slot, struct vr_str id, int64_t score)
{
	struct vr_writer *w = ctx;
	struct vr_cmds *words = &w->ranks[slot == VR_SLOT_TIMERS];
	vr_cmd_gather(words, 2);
	vr_cmd_i64(words, score);
	vr_cmd_str(words, id);
}

static void unrank(void *ctx, enum vr_slot slot, struct vr_str id)
{
	struct vr_writer *w = ctx;
	vr_cmd(w->cmds, 3, "ZREM");
	vr_key_own(w->cmds, w->keys, rank_of(slot));
	vr_cmd_str(w->cmds, id);
}

/* ------------------------------------------------ views -------------------------------- */

static void mark(struct vr_writer *w, uint8_t view, struct vr_str id)
{
	struct vr_mark m = {w->cmds->n - w->first, (uint32_t)w->ids.n, (uint32_t)id.n, view};
	vr_buf_str_add(&w->ids, id);
	vr_buf_add(&w->marks, &m, sizeof(m));
}

static void view_key(struct vr_writer *w, enum vr_view view, struct vr_str id)
{
	static const char *const suffix[VR_VIEWS] = {
		[VR_VIEW_CONTENT] = "", [VR_VIEW_CHANNELS] = ":channels", [VR_VIEW_INFO] = ":info", [VR_VIEW_CHANNEL] = ""};
	if (view == VR_VIEW_ALL)
		vr_key_global(w->cmds, w->keys, "all");
	else if (view == VR_VIEW_CHANNEL)
		vr_key_channel(w->cmds, w->keys, id, "");
	else
		vr_key_content(w->cmds, w->keys, id, suffix[view]);
}

_Static_assert(sizeof(struct vr_field) == 2 * sizeof(struct vr_str), "a field is two words, one behind the other");

static const struct vr_str *words_of(const struct vr_field *f) { return (const struct vr_str *)(const void *)f; }

static size_t count_gone(const struct vr_field *f, size_t n)
{
	size_t gone = 0;
	for (size_t i = 0; i < n; i++)
		gone += f[i].value.p == NULL;
	return gone;
}

static void begin_fields(struct vr_writer *w, enum vr_view view, struct vr_str id, const char *command, size_t words)
{
	mark(w, (uint8_t)view, id);
	vr_cmd(w->cmds, (uint32_t)(2 + words), command);
	view_key(w, view, id);
}

static void write_gone(struct vr_cmds *c, const struct vr_field *f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!f[i].value.p)
			vr_cmd_str(c, f[i].name);
}

static void write_there(struct vr_cmds *c, const struct vr_field *f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (f[i].value.p)
			vr_cmd_strs(c, words_of(&f[i]), 2);
}

static void view(void *ctx, enum vr_view v, struct vr_str id, const struct vr_field *fields, size_t n)
{
	struct vr_writer *w = ctx;
	size_t gone = count_gone(fields, n);
	if (gone > 0) {
		begin_fields(w, v, id, "HDEL", gone);
		write_gone(w->cmds, fields, n);
	}
	if (gone == n)
		return;
	begin_fields(w, v, id, "HSET", 2 * (n - gone));
	if (gone > 0)
		write_there(w->cmds, fields, n);
	else
		vr_cmd_strs(w->cmds, words_of(fields), 2 * n);
}

static void unview(void *ctx, struct vr_str id)
{
	struct vr_writer *w = ctx;
	vr_cmd(w->cmds, 5, "DEL");
	vr_key_content(w->cmds, w->keys, id, "");
	vr_key_content(w->cmds, w->keys, id, ":channels");
	vr_key_content(w->cmds, w->keys, id, ":info");
	vr_key_content(w->cmds, w->keys, id, ":ts");
}

/* "<ms>-0" */
static void stream_id(struct vr_cmds *c, int64_t ms)
{
	char text[VR_U64_DIGITS + 2];
	size_t n = (size_t)(vr_write_u64(text, ms < 0 ? 0 : (uint64_t)ms) - text);
	text[n++] = '-';
	text[n++] = '0';
	vr_cmd_str(c, (struct vr_str){text, n});
}

static void minute(void *ctx, struct vr_str id, struct vr_wall start, const struct vr_field *fields, size_t n)
{
	struct vr_writer *w = ctx;
	mark(w, VR_VIEWS, id);
	vr_cmd(w->cmds, (uint32_t)(6 + 2 * n), "XADD");
	vr_key_content(w->cmds, w->keys, id, ":ts");
	vr_cmd_c(w->cmds, "MAXLEN");
	vr_cmd_c(w->cmds, "=");
	vr_cmd_i64(w->cmds, VR_TS_MAXLEN);
	stream_id(w->cmds, start.ms);
	vr_cmd_strs(w->cmds, words_of(fields), 2 * n);
}

static void alert(void *ctx, const struct vr_alert *a)
{
	struct vr_writer *w = ctx;
	if (w->alert)
		w->alert(w->alert_ctx, a);
}

struct vr_store vr_writer_store(struct vr_writer *w)
{
	return (struct vr_store){set, append, del, rank, unrank, view, unview, minute, alert, w};
}

/* ------------------------------------------------ what was gathered --------------------- */

void vr_writer_end(struct vr_writer *w)
{
	vr_cmds_clear(&w->head);
	for (size_t i = 0; i < RANKS; i++) {
		const struct vr_cmds *words = &w->ranks[i];
		if (words->n == 0)
			continue;
		vr_cmd(&w->head, 2 + words->n, "ZADD");
		vr_key_own(&w->head, w->keys, rank_of(RANKED[i]));
		vr_cmd_gathered(&w->head, words);
	}
	vr_cmds_insert(w->cmds, w->from, &w->head);
	w->ahead = w->head.n;
}

/* ------------------------------------------------ what came of it ----------------------- */

enum vr_err vr_writer_walk(const struct vr_writer *w, const struct vr_replies *replies,
	void (*bad_view)(void *ctx, enum vr_view view, struct vr_str id, const char *error), void *ctx, struct vr_diag *d)
{
	const struct vr_mark *m = (const struct vr_mark *)(const void *)w->marks.p;
	size_t n = w->marks.n / sizeof(*m), at = 0;
	enum vr_err err = VR_OK;
	for (size_t i = 0; i < replies->n; i++) {
		while (at < n && w->ahead + m[at].cmd < i)
			at++;
		if (replies->at[i].type != VR_REPLY_ERROR)
			continue;
		if (at < n && w->ahead + m[at].cmd == i)
			bad_view(ctx, m[at].view, (struct vr_str){w->ids.p + m[at].id, m[at].id_n}, replies->at[i].str.p);
		else if (!err)
			err = vr_diag_set(d, VR_E_REPLY, "redis", "command %zu of the cut: %s", i, replies->at[i].str.p);
	}
	return err;
}

/* ------------------------------------------------ alerts -------------------------------- */

struct pairs { struct vr_cmds *c; };

static void put_pair(void *ctx, const char *name, struct vr_str text)
{
	struct pairs *p = ctx;
	vr_cmd_c(p->c, name);
	vr_cmd_str(p->c, text);
}

static void count_pair(void *ctx, const char *name, struct vr_str text)
{
	(void)name;
	(void)text;
	(*(uint32_t *)ctx)++;
}

static void write_hash(struct vr_cmds *c, const struct vr_keys *k, const struct vr_alert *a, uint32_t n, struct vr_buf *scratch)
{
	struct pairs p = {c};
	char name[6 + VR_ALERT_ID_LEN + 1] = "alert:";
	memcpy(name + 6, a->id, VR_ALERT_ID_LEN + 1);
	vr_cmd(c, 2 + 2 * n, "HSET");
	vr_key_global(c, k, name);
	vr_alert_fields(a, scratch, put_pair, &p);
}

static void write_active(struct vr_cmds *c, const struct vr_keys *k, const struct vr_alert *a, struct vr_buf *scratch)
{
	bool open = a->state == VR_ALERT_PENDING || a->state == VR_ALERT_FIRING;
	vr_cmd(c, open ? 4 : 3, open ? "HSET" : "HDEL");
	vr_key_global(c, k, "alerts:active");
	vr_cmd_c(c, a->id);
	if (!open)
		return;
	vr_buf_clear(scratch);
	vr_alert_json(a, true, scratch);
	vr_cmd_str(c, vr_buf_str(scratch));
}

static void write_pairs(struct vr_cmds *c, const struct vr_alert *a, struct vr_buf *scratch)
{
	struct pairs p = {c};
	vr_cmd_c(c, "*");
	vr_buf_clear(scratch);
	vr_alert_fields(a, scratch, put_pair, &p);
}

static void write_entry(struct vr_cmds *c, const struct vr_keys *k, const struct vr_alert *a, uint32_t n, struct vr_buf *scratch)
{
	vr_cmd(c, 3 + 2 * n, "XADD");
	vr_key_global(c, k, "alerts");
	write_pairs(c, a, scratch);
	vr_buf_clear(scratch);
	vr_alert_json(a, false, scratch);
	vr_cmd(c, 3, "PUBLISH");
	vr_key_global(c, k, "alerts:live");
	vr_cmd_str(c, vr_buf_str(scratch));
}

static bool is_said(const struct vr_alert *a)
{
	return a->state == VR_ALERT_FIRING || (a->state == VR_ALERT_RESOLVED && a->was_firing);
}

static uint32_t count_fields(const struct vr_alert *a, struct vr_buf *scratch)
{
	uint32_t n = 0;
	vr_buf_clear(scratch);
	vr_alert_fields(a, scratch, count_pair, &n);
	return n;
}

void vr_write_alert(struct vr_cmds *c, const struct vr_keys *k, const struct vr_alert *a, struct vr_buf *scratch)
{
	write_active(c, k, a, scratch);
	if (!is_said(a))
		return;
	uint32_t n = count_fields(a, scratch);
	write_hash(c, k, a, n, scratch);
	write_entry(c, k, a, n, scratch);
}

void vr_write_replayed(struct vr_cmds *c, const struct vr_keys *k, struct vr_str name, const struct vr_alert *a, struct vr_buf *scratch)
{
	if (!is_said(a))
		return;
	vr_cmd(c, 3 + 2 * count_fields(a, scratch), "XADD");
	vr_key_replay(c, k, name, "alerts");
	write_pairs(c, a, scratch);
}
