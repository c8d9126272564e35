/* SPDX-License-Identifier: Apache-2.0 */
/* merged.c - the merged views as commands: per channel, overall, leaderboards, series, meta. */
#include <stdlib.h>

#include "parts.h"

/* ------------------------------------------------ views -------------------------------- */

static bool all_known(const struct vr_publisher *p)
{
	for (size_t i = 0; i < p->n_seen; i++)
		if (!p->seen[i].known)
			return false;
	return p->n_seen > 0;
}

struct fields { struct vr_cmds *c; uint32_t n; };

static void count_field(void *ctx, struct vr_str name, uint64_t value)
{
	(void)name;
	(void)value;
	((struct fields *)ctx)->n++;
}

static void put_field(void *ctx, struct vr_str name, uint64_t value)
{
	struct fields *f = ctx;
	vr_cmd_str(f->c, name);
	vr_cmd_i64(f->c, (int64_t)value);
}

static void entity_key(struct vr_publisher *p, size_t entity, const char *suffix)
{
	char name[16] = "all";
	if (entity > 0) {
		vr_key_channel(&p->cmds, &p->keys, vr_merge_name(p->merge, entity), suffix);
		return;
	}
	memcpy(name + 3, suffix, strlen(suffix) + 1);
	vr_key_global(&p->cmds, &p->keys, name);
}

static bool is_partial(const struct vr_publisher *p, size_t entity)
{
	const struct vr_windows *w = &p->config.merge.windows;
	return !all_known(p) || w->width_ms[0] * VR_BUCKETS < vr_merge_spread(p->merge).ms || (entity > 0 && vr_merge_has_other(p->merge));
}

static void write_entity(struct vr_publisher *p, size_t entity)
{
	struct fields f = {&p->cmds, 0};
	bool partial = is_partial(p, entity);
	vr_merge_fields(p->merge, entity, count_field, &f);
	/* Written whole: a partition that was folded anew may have lost a field. */
	vr_cmd(&p->cmds, 2, "DEL");
	entity_key(p, entity, "");
	vr_cmd(&p->cmds, 4 + 2 * f.n + (partial ? 2 : 0), "HSET");
	entity_key(p, entity, "");
	vr_merge_fields(p->merge, entity, put_field, &f);
	vr_cmd_c(&p->cmds, "as_of_ms");
	vr_cmd_i64(&p->cmds, vr_merge_as_of(p->merge).ms);
	if (partial) {
		vr_cmd_c(&p->cmds, "partial");
		vr_cmd_c(&p->cmds, "1");
	}
	if (entity == 0)
		return;
	vr_cmd(&p->cmds, 3, "SADD");
	vr_key_global(&p->cmds, &p->keys, "channels");
	vr_cmd_str(&p->cmds, vr_merge_name(p->merge, entity));
}

/* ------------------------------------------------ time series -------------------------- */

static struct vr_merge_told told_of(const struct vr_publisher *p, struct vr_str name)
{
	struct vr_merge_told told = {.minute = INT64_MIN};
	for (size_t i = 0; p->told && i + 1 < p->told->n; i += 2) {
		if (!vr_str_eq(p->told->elem[i].str, name))
			continue;
		char *end;
		told.minute = strtoll(p->told->elem[i + 1].str.p, &end, 10);
		told.sum = strtoull(end, NULL, 10);
	}
	return told;
}

static void write_minute(struct vr_publisher *p, size_t entity, const struct vr_merge_minute *m)
{
	vr_cmd(&p->cmds, 6 + 2 * (VR_ACTIONS_MAX + 1), "XADD");
	entity_key(p, entity, ":ts");
	vr_cmd_c(&p->cmds, "MAXLEN");
	vr_cmd_c(&p->cmds, "=");
	vr_cmd_i64(&p->cmds, 1440);
	vr_buf_clear(&p->text);
	vr_buf_i64(&p->text, m->minute * 60000);
	vr_buf_c(&p->text, "-0");
	vr_cmd_str(&p->cmds, vr_buf_str(&p->text));
	for (unsigned a = 0; a < VR_ACTIONS_MAX; a++) {
		vr_cmd_c(&p->cmds, vr_action_plural((enum vr_action)a));
		vr_cmd_i64(&p->cmds, (int64_t)m->count[a]);
	}
	vr_cmd_c(&p->cmds, "late");
	vr_cmd_i64(&p->cmds, (int64_t)m->late);
}

static void write_minutes(struct vr_publisher *p, size_t entity)
{
	struct vr_str name = vr_merge_name(p->merge, entity);
	struct vr_merge_told told = told_of(p, name);
	struct vr_merge_minute minute;
	bool any = false;
	while (vr_merge_next_minute(p->merge, entity, &told, &minute)) {
		write_minute(p, entity, &minute);
		any = true;
	}
	if (!any)
		return;
	vr_buf_clear(&p->text);
	vr_buf_i64(&p->text, told.minute);
	vr_buf_byte(&p->text, ' ');
	vr_buf_u64(&p->text, told.sum);
	vr_cmd(&p->cmds, 4, "HSET");
	vr_key_own(&p->cmds, &p->keys, "ts");
	vr_cmd_str(&p->cmds, name);
	vr_cmd_str(&p->cmds, vr_buf_str(&p->text));
}

/* ------------------------------------------------ boards ------------------------------- */

/* "top:5m" or "top:5m:ch:{weibo}". */
static void channel_board_key(struct vr_publisher *p, struct vr_str channel, unsigned window, const char *suffix)
{
	vr_buf_clear(&p->text);
	vr_buf_c(&p->text, "top:");
	vr_buf_c(&p->text, p->config.merge.windows.name[window]);
	if (channel.n > 0) {
		vr_buf_c(&p->text, ":ch:{");
		vr_buf_str_add(&p->text, channel);
		vr_buf_byte(&p->text, '}');
	}
	vr_buf_c(&p->text, suffix);
	vr_cmd_key(&p->cmds, p->keys.prefix, vr_buf_str(&p->text), VR_STR(""));
}

static void board_key(struct vr_publisher *p, size_t entity, unsigned window, const char *suffix)
{
	channel_board_key(p, entity ? vr_merge_name(p->merge, entity) : VR_STR(""), window, suffix);
}

static void put_rows(struct vr_publisher *p, const struct vr_merge_row *row, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		vr_cmd_f64(&p->cmds, row[i].score);
		vr_cmd_str(&p->cmds, row[i].id);
	}
}

static void write_board(struct vr_publisher *p, size_t entity, unsigned window)
{
	const struct vr_merge_row *row;
	size_t n = vr_merge_board(p->merge, entity, window, &row);
	if (!vr_merge_has_board(p->merge, entity))
		n = 0;
	vr_cmd(&p->cmds, 2, "DEL");
	board_key(p, entity, window, "");
	if (n == 0)
		return;
	vr_cmd(&p->cmds, (uint32_t)(2 + 2 * n), "ZADD");
	board_key(p, entity, window, "");
	put_rows(p, row, n);
}

static void write_trending(struct vr_publisher *p)
{
	const struct vr_merge_row *row;
	size_t n = vr_merge_board(p->merge, 0, VR_WINDOWS_MAX, &row);
	vr_cmd(&p->cmds, 2, "DEL");
	vr_key_global(&p->cmds, &p->keys, "trending");
	if (n == 0)
		return;
	vr_cmd(&p->cmds, (uint32_t)(2 + 2 * n), "ZADD");
	vr_key_global(&p->cmds, &p->keys, "trending");
	put_rows(p, row, n);
}

void vr_merged_ask(struct vr_publisher *p)
{
	const struct vr_merge_row *row;
	for (unsigned w = 0; w < p->config.merge.windows.n; w++) {
		size_t n = vr_merge_board(p->merge, 0, w, &row);
		for (size_t i = 0; i < n; i++) {
			vr_cmd(&p->cmds, 3, "HGET");
			vr_key_content(&p->cmds, &p->keys, row[i].id, "");
			vr_cmd_c(&p->cmds, "title");
		}
	}
	vr_cmd(&p->cmds, 2, "SMEMBERS");
	vr_key_global(&p->cmds, &p->keys, "channels");
	vr_cmd(&p->cmds, 2, "HGETALL");
	vr_key_own(&p->cmds, &p->keys, "ts");
	vr_cmd(&p->cmds, 2, "GET");
	vr_key_global(&p->cmds, &p->keys, "generation");
}

static void put_ratio(struct vr_publisher *p, double v)
{
	vr_buf_clear(&p->text);
	vr_buf_ratio(&p->text, v);
	vr_cmd_str(&p->cmds, vr_buf_str(&p->text));
}

static void write_row(struct vr_publisher *p, unsigned window, size_t rank, const struct vr_merge_row *row, const struct vr_reply *title)
{
	const struct vr_windows *w = &p->config.merge.windows;
	vr_cmd(&p->cmds, 3 + 12, "XADD");
	board_key(p, 0, window, ":rows");
	vr_buf_clear(&p->text);
	vr_buf_i64(&p->text, vr_merge_as_of(p->merge).ms);
	vr_buf_byte(&p->text, '-');
	vr_buf_u64(&p->text, rank);
	vr_cmd_str(&p->cmds, vr_buf_str(&p->text));
	vr_cmd_c(&p->cmds, "rank");
	vr_cmd_i64(&p->cmds, (int64_t)rank);
	vr_cmd_c(&p->cmds, "content");
	vr_cmd_str(&p->cmds, row->id);
	vr_cmd_c(&p->cmds, "title");
	vr_cmd_str(&p->cmds, title->type == VR_REPLY_STR ? title->str : VR_STR(""));
	vr_cmd_c(&p->cmds, "score");
	vr_cmd_i64(&p->cmds, (int64_t)row->score);
	vr_cmd_c(&p->cmds, "shares");
	vr_cmd_i64(&p->cmds, (int64_t)row->score);
	vr_cmd_c(&p->cmds, "velocity");
	put_ratio(p, (double)row->recent * 60000 / (double)(w->width_ms[0] * VR_BUCKETS));
}

static void write_rows(struct vr_publisher *p, const struct vr_replies *titles)
{
	const struct vr_merge_row *row;
	size_t at = 0;
	for (unsigned w = 0; w < p->config.merge.windows.n; w++) {
		size_t n = vr_merge_board(p->merge, 0, w, &row);
		vr_cmd(&p->cmds, 2, "DEL");
		board_key(p, 0, w, ":rows");
		for (size_t i = 0; i < n; i++)
			write_row(p, w, i + 1, &row[i], &titles->at[at++]);
	}
}

/* ------------------------------------------------ meta --------------------------------- */

struct lag { int64_t records; struct vr_wall stream, slowest; struct vr_span wait; bool known, complete; };

static struct lag lag_of(struct vr_publisher *p)
{
	struct lag l = {.known = true, .complete = true};
	for (size_t i = 0; i < p->n_seen; i++) {
		const struct vr_seen *s = &p->seen[i];
		int64_t n = s->known ? p->config.lag(p->config.ctx, &s->part, s->off) : -1;
		l.known &= n >= 0;
		l.records += n > 0 ? n : 0;
		l.complete &= s->known && s->complete;
		l.stream = vr_wall_max(l.stream, s->stream);
		l.wait.ms = s->known && s->wait.ms > l.wait.ms ? s->wait.ms : l.wait.ms;
		if (n > 0 && s->stream.ms > 0 && (l.slowest.ms == 0 || s->stream.ms < l.slowest.ms))
			l.slowest = s->stream;
	}
	return l;
}

static void meta_i64(struct vr_publisher *p, const char *name, int64_t v)
{
	vr_cmd_c(&p->cmds, name);
	vr_cmd_i64(&p->cmds, v);
}

static void write_meta(struct vr_publisher *p)
{
	struct lag l = lag_of(p);
	int64_t now = p->now.ms;
	vr_cmd(&p->cmds, 2 + 2 * (l.known ? 11 : 9), "HSET");
	vr_key_global(&p->cmds, &p->keys, "meta");
	meta_i64(p, "schema_version", 1);
	vr_cmd_c(&p->cmds, "version");
	vr_cmd_c(&p->cmds, VR_VERSION);
	vr_cmd_c(&p->cmds, "generation");
	vr_cmd_str(&p->cmds, p->generation->type == VR_REPLY_STR ? p->generation->str : VR_STR(VR_GENERATION_FIRST));
	vr_cmd_c(&p->cmds, "state");
	vr_cmd_c(&p->cmds, p->config.replay ? "replay" : all_known(p) ? "live" : "degraded");
	meta_i64(p, "updated_ms", now);
	meta_i64(p, "stream_time_ms", l.stream.ms);
	meta_i64(p, "boards_complete", l.complete);
	meta_i64(p, "spread_ms", vr_merge_spread(p->merge).ms);
	meta_i64(p, "wait_ms", l.wait.ms);
	if (!l.known)
		return;
	meta_i64(p, "lag_records", l.records);
	meta_i64(p, "lag_seconds", l.slowest.ms > 0 && l.slowest.ms < now ? (now - l.slowest.ms) / 1000 : 0);
}

static void write_part(struct vr_publisher *p, const struct vr_seen *s)
{
	vr_cmd(&p->cmds, 4, "HSET");
	vr_key_global(&p->cmds, &p->keys, "meta:parts");
	vr_buf_clear(&p->text);
	vr_buf_str_add(&p->text, s->part.topic);
	vr_buf_byte(&p->text, ':');
	vr_buf_i64(&p->text, s->part.partition);
	vr_cmd_str(&p->cmds, vr_buf_str(&p->text));
	vr_buf_clear(&p->text);
	const int64_t number[] = {s->off, s->stream.ms, s->view.ms, s->complete};
	for (unsigned i = 0; i < 4; i++) {
		if (i)
			vr_buf_byte(&p->text, ' ');
		vr_buf_i64(&p->text, number[i]);
	}
	vr_cmd_str(&p->cmds, vr_buf_str(&p->text));
}

/* ------------------------------------------------ channels that are gone ---------------- */

static bool has_channel(const struct vr_publisher *p, struct vr_str name)
{
	for (size_t i = 1; i < vr_merge_entities(p->merge); i++)
		if (vr_str_eq(vr_merge_name(p->merge, i), name))
			return true;
	return false;
}

static void drop_channel(struct vr_publisher *p, struct vr_str name)
{
	vr_cmd(&p->cmds, 3, "SREM");
	vr_key_global(&p->cmds, &p->keys, "channels");
	vr_cmd_str(&p->cmds, name);
	vr_cmd(&p->cmds, 3, "HDEL");
	vr_key_own(&p->cmds, &p->keys, "ts");
	vr_cmd_str(&p->cmds, name);
	vr_cmd(&p->cmds, 3 + p->config.merge.windows.n, "DEL");
	vr_key_channel(&p->cmds, &p->keys, name, "");
	vr_key_channel(&p->cmds, &p->keys, name, ":ts");
	for (unsigned w = 0; w < p->config.merge.windows.n; w++)
		channel_board_key(p, name, w, "");
}

/* A channel only ends when a partition is folded anew from a later start. */
static void drop_gone(struct vr_publisher *p, const struct vr_reply *names)
{
	for (size_t i = 0; all_known(p) && i < names->n; i++)
		if (names->elem[i].type == VR_REPLY_STR && !has_channel(p, names->elem[i].str))
			drop_channel(p, names->elem[i].str);
}

/* ------------------------------------------------ all of them --------------------------- */

void vr_merged_write(struct vr_publisher *p, const struct vr_replies *titles)
{
	for (size_t i = 0; i < vr_merge_entities(p->merge); i++) {
		write_entity(p, i);
		write_minutes(p, i);
		for (unsigned w = 0; w < p->config.merge.windows.n; w++)
			write_board(p, i, w);
	}
	drop_gone(p, &titles->at[titles->n - 3]);
	write_trending(p);
	write_rows(p, titles);
	for (size_t i = 0; i < p->n_seen; i++)
		if (p->seen[i].known)
			write_part(p, &p->seen[i]);
	write_meta(p);
}
