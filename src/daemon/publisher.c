/* SPDX-License-Identifier: Apache-2.0 */
#include "publisher.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

enum { TRIM_CHUNK = 200, TRIM_EVERY = 60, HEAD_FIELDS = 4, READS = 3, NAME_MAX_LEN = 96 };

/* One partition as it was read. */
struct seen { struct vr_topic_part part; bool known; int64_t off; struct vr_wall stream, view; bool complete; };

struct vr_publisher {
	struct vr_publisher_config config;
	struct vr_mem mem;
	struct vr_redis *redis;
	struct vr_keys keys;
	struct vr_owner owner;
	struct vr_owner_record record;
	struct vr_cmds cmds;
	struct vr_arena arena, kept;		/* replies of one exchange; what a round keeps */
	struct vr_buf text;
	struct seen *seen;
	size_t n_seen, cap_seen;
	struct vr_merge *merge;
	const struct vr_reply *told;		/* HGETALL {vir:pub}:ts of this round, in `kept` */
	unsigned round;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool lead, stop, running;
	_Atomic int64_t beat_ms;
};

static int64_t clock_ms(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static enum vr_err exchange(struct vr_publisher *p, struct vr_arena *arena, struct vr_replies *ret, struct vr_diag *d)
{
	struct vr_link link = vr_redis_link(p->redis);
	if (p->cmds.buf.failed)
		return VR_E_NOMEM;
	enum vr_err err = link.exchange(link.ctx, &p->cmds, arena, ret, d);
	vr_cmds_clear(&p->cmds);
	if (err)
		p->owner.held = false;
	return err;
}

/* ------------------------------------------------ the fence ---------------------------- */

static void make_token(char out[VR_TOKEN_LEN + 1])
{
	unsigned char random[VR_TOKEN_LEN / 2];
	VR_ASSERT(getrandom(random, sizeof(random), 0) == (ssize_t)sizeof(random));
	for (size_t i = 0; i < sizeof(random); i++) {
		out[2 * i] = "0123456789abcdef"[random[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[random[i] & 15];
	}
	out[VR_TOKEN_LEN] = '\0';
}

static enum vr_err acquire(struct vr_publisher *p, struct vr_diag *d)
{
	struct vr_replies r;
	char token[VR_TOKEN_LEN + 1];
	vr_owner_look(&p->owner, &p->cmds);
	enum vr_err err = exchange(p, &p->arena, &r, d);
	if (!err)
		err = vr_owner_seen(&p->owner, r.at, &p->record);
	if (err)
		return err;
	make_token(token);
	p->record.exists = true;
	vr_owner_claim_begin(&p->owner, &p->cmds);
	vr_owner_claim_end(&p->owner, &p->record, token, &p->cmds);
	err = exchange(p, &p->arena, &r, d);
	return err ? err : vr_owner_claimed(&p->owner, &r, d);
}

/* ------------------------------------------------ read --------------------------------- */

static struct seen *add_seen(struct vr_publisher *p)
{
	if (p->n_seen == p->cap_seen) {
		size_t cap = p->cap_seen ? p->cap_seen * 2 : 16;
		struct seen *s = reallocarray(p->seen, cap, sizeof(*s));
		if (!s)
			return NULL;
		p->seen = s;
		p->cap_seen = cap;
	}
	p->seen[p->n_seen] = (struct seen){.known = false};
	return &p->seen[p->n_seen++];
}

static void ask_part(struct vr_publisher *p, const struct vr_keys *keys)
{
	struct vr_cmds *c = &p->cmds;
	vr_cmd_words(c, "MULTI", NULL);
	vr_cmd(c, 2 + HEAD_FIELDS, "HMGET");
	vr_key_own(c, keys, "own");
	vr_cmd_c(c, "off");
	vr_cmd_c(c, "stream_ms");
	vr_cmd_c(c, "view_ms");
	vr_cmd_c(c, "complete");
	vr_cmd(c, 2, "HGETALL");
	vr_key_own(c, keys, "part");
	vr_cmd(c, 2, "HGETALL");
	vr_key_own(c, keys, "top");
	vr_cmd_words(c, "EXEC", NULL);
}

static void read_head(struct seen *s, const struct vr_reply *head)
{
	int64_t complete = 0;
	s->known = head->n == HEAD_FIELDS && vr_reply_i64(&head->elem[0], &s->off) && vr_reply_i64(&head->elem[1], &s->stream.ms) &&
		   vr_reply_i64(&head->elem[2], &s->view.ms) && vr_reply_i64(&head->elem[3], &complete);
	s->view = vr_wall_max(s->view, s->stream);
	s->complete = complete != 0;
}

static enum vr_err merge_slots(struct vr_publisher *p, enum vr_slot slot, const struct vr_reply *flat)
{
	enum vr_err err = VR_OK;
	for (size_t i = 0; i + 1 < flat->n && !err; i += 2)
		if (!vr_str_eq(flat->elem[i].str, VR_STR("_rules")))
			err = vr_merge_slot(p->merge, slot, flat->elem[i].str, flat->elem[i + 1].str);
	return err;
}

static enum vr_err read_part(struct vr_publisher *p, struct vr_str topic, int32_t partition, struct vr_diag *d)
{
	struct vr_keys keys;
	struct vr_replies r;
	enum vr_err err = vr_keys_init(&keys, p->config.prefix, topic, partition, p->config.live_db, p->config.alerts_db);
	struct seen *s = err ? NULL : add_seen(p);
	if (!s)
		return err ? err : VR_E_NOMEM;
	s->part = (struct vr_topic_part){topic, partition};
	ask_part(p, &keys);
	vr_arena_reset(&p->arena);
	err = exchange(p, &p->arena, &r, d);
	if (err)
		return err;
	const struct vr_reply *exec = &r.at[r.n - 1];
	if (exec->type != VR_REPLY_ARRAY || exec->n != READS || vr_reply_first_error(exec))
		return vr_diag_set(d, VR_E_REPLY, "redis", "cannot read partition %.*s:%d", (int)topic.n, topic.p, partition);
	read_head(s, &exec->elem[0]);
	if (!s->known)
		return VR_OK;
	vr_merge_part(p->merge, s->view, s->stream.ms > 0);
	err = merge_slots(p, VR_SLOT_PARTIAL, &exec->elem[1]);
	return err ? err : merge_slots(p, VR_SLOT_BOARD, &exec->elem[2]);
}

static enum vr_err read_parts(struct vr_publisher *p, struct vr_diag *d)
{
	enum vr_err err = VR_OK;
	p->n_seen = 0;
	for (size_t t = 0; t < p->config.n_topics && !err; t++) {
		int32_t n = p->config.partitions(p->config.ctx, p->config.topics[t]);
		for (int32_t i = 0; i < n && !err; i++)
			err = read_part(p, p->config.topics[t], i, d);
	}
	return err;
}

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
	vr_cmd(&p->cmds, 4 + 2 * f.n + (partial ? 2 : 0), "HSET");
	entity_key(p, entity, "");
	vr_merge_fields(p->merge, entity, put_field, &f);
	vr_cmd_c(&p->cmds, "as_of_ms");
	vr_cmd_i64(&p->cmds, vr_merge_as_of(p->merge).ms);
	if (partial) {
		vr_cmd_c(&p->cmds, "partial");
		vr_cmd_c(&p->cmds, "1");
	} else {
		vr_cmd(&p->cmds, 3, "HDEL");
		entity_key(p, entity, "");
		vr_cmd_c(&p->cmds, "partial");
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

/* "top:5m" or "top:5m:ch:{weibo}", and a suffix. */
static void board_key(struct vr_publisher *p, size_t entity, unsigned window, const char *suffix)
{
	vr_buf_clear(&p->text);
	vr_buf_c(&p->text, "top:");
	vr_buf_c(&p->text, p->config.merge.windows.name[window]);
	if (entity > 0) {
		vr_buf_c(&p->text, ":ch:{");
		vr_buf_str_add(&p->text, vr_merge_name(p->merge, entity));
		vr_buf_byte(&p->text, '}');
	}
	vr_buf_c(&p->text, suffix);
	vr_cmd_key(&p->cmds, p->keys.prefix, vr_buf_str(&p->text), VR_STR(""));
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

/* Titles of every row of the overall boards, in order; read before the transaction, for a title changes seldom. */
static enum vr_err read_titles(struct vr_publisher *p, struct vr_replies *ret, struct vr_diag *d)
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
	vr_cmd(&p->cmds, 2, "HGETALL");
	vr_key_own(&p->cmds, &p->keys, "ts");
	return exchange(p, &p->kept, ret, d);
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

struct lag { int64_t records; struct vr_wall stream, slowest; bool known, complete; };

static struct lag lag_of(struct vr_publisher *p)
{
	struct lag l = {.known = true, .complete = true};
	for (size_t i = 0; i < p->n_seen; i++) {
		const struct seen *s = &p->seen[i];
		int64_t n = s->known ? p->config.lag(p->config.ctx, &s->part, s->off) : -1;
		l.known &= n >= 0;
		l.records += n > 0 ? n : 0;
		l.complete &= s->known && s->complete;
		l.stream = vr_wall_max(l.stream, s->stream);
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
	int64_t now = clock_ms(CLOCK_REALTIME);
	vr_cmd(&p->cmds, 2 + 2 * (l.known ? 10 : 8), "HSET");
	vr_key_global(&p->cmds, &p->keys, "meta");
	meta_i64(p, "schema_version", 1);
	vr_cmd_c(&p->cmds, "version");
	vr_cmd_c(&p->cmds, VR_VERSION);
	vr_cmd_c(&p->cmds, "generation");
	vr_cmd_c(&p->cmds, "live");
	vr_cmd_c(&p->cmds, "state");
	vr_cmd_c(&p->cmds, all_known(p) ? "live" : "degraded");
	meta_i64(p, "updated_ms", now);
	meta_i64(p, "stream_time_ms", l.stream.ms);
	meta_i64(p, "boards_complete", l.complete);
	meta_i64(p, "spread_ms", vr_merge_spread(p->merge).ms);
	if (!l.known)
		return;
	meta_i64(p, "lag_records", l.records);
	meta_i64(p, "lag_seconds", l.slowest.ms > 0 && l.slowest.ms < now ? (now - l.slowest.ms) / 1000 : 0);
}

static void write_part(struct vr_publisher *p, const struct seen *s)
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

/* ------------------------------------------------ old alerts --------------------------- */

/* Entries older than the retention go, and with an alert's last entry its hash. */
static void trim_entry(struct vr_publisher *p, const struct vr_reply *entry)
{
	const struct vr_reply *state = vr_reply_field(&entry->elem[1], "state"), *id = vr_reply_field(&entry->elem[1], "id");
	vr_cmd(&p->cmds, 3, "XDEL");
	vr_key_global(&p->cmds, &p->keys, "alerts");
	vr_cmd_str(&p->cmds, entry->elem[0].str);
	if (!state || !id || !vr_str_eq(state->str, VR_STR("resolved")))
		return;
	vr_cmd(&p->cmds, 2, "DEL");
	vr_cmd_key(&p->cmds, p->keys.prefix, VR_STR("alert:"), id->str);
}

static void select_db(struct vr_publisher *p, int db)
{
	vr_cmd(&p->cmds, 2, "SELECT");
	vr_cmd_i64(&p->cmds, db);
}

static enum vr_err trim_alerts(struct vr_publisher *p, struct vr_diag *d)
{
	struct vr_replies r;
	select_db(p, p->config.alerts_db);
	vr_cmd(&p->cmds, 6, "XRANGE");
	vr_key_global(&p->cmds, &p->keys, "alerts");
	vr_cmd_c(&p->cmds, "-");
	vr_cmd_i64(&p->cmds, clock_ms(CLOCK_REALTIME) - p->config.alerts_retention.ms);
	vr_cmd_c(&p->cmds, "COUNT");
	vr_cmd_i64(&p->cmds, TRIM_CHUNK);
	select_db(p, p->config.live_db);
	vr_arena_reset(&p->arena);
	enum vr_err err = exchange(p, &p->arena, &r, d);
	if (err || r.at[1].type != VR_REPLY_ARRAY || r.at[1].n == 0)
		return err;
	select_db(p, p->config.alerts_db);
	for (size_t i = 0; i < r.at[1].n; i++)
		trim_entry(p, &r.at[1].elem[i]);
	select_db(p, p->config.live_db);
	return exchange(p, &p->kept, &r, d);
}

/* ------------------------------------------------ a round ------------------------------ */

static void write_all(struct vr_publisher *p, const struct vr_replies *titles)
{
	for (size_t i = 0; i < vr_merge_entities(p->merge); i++) {
		write_entity(p, i);
		write_minutes(p, i);
		for (unsigned w = 0; w < p->config.merge.windows.n; w++)
			write_board(p, i, w);
	}
	write_trending(p);
	write_rows(p, titles);
	for (size_t i = 0; i < p->n_seen; i++)
		if (p->seen[i].known)
			write_part(p, &p->seen[i]);
	write_meta(p);
}

static enum vr_err commit(struct vr_publisher *p, const struct vr_replies *titles, struct vr_diag *d)
{
	struct vr_replies r;
	vr_owner_guard(&p->owner, &p->cmds);
	vr_arena_reset(&p->arena);
	enum vr_err err = exchange(p, &p->arena, &r, d);
	if (!err)
		err = vr_owner_guarded(&p->owner, &r, d);
	if (err)
		return err;
	vr_owner_commit_begin(&p->owner, &p->cmds);
	write_all(p, titles);
	p->record.off++;
	vr_owner_commit_end(&p->owner, &p->record, &p->cmds);
	vr_arena_reset(&p->arena);
	err = exchange(p, &p->arena, &r, d);
	if (!err)
		err = vr_owner_committed(&p->owner, &r, &r, d);
	for (size_t i = 0; !err && i < r.n; i++)
		if (r.at[i].type == VR_REPLY_ERROR)
			err = vr_diag_set(d, VR_E_REPLY, "redis", "a merged view: %s", r.at[i].str.p);
	return err;
}

static enum vr_err publish(struct vr_publisher *p, struct vr_diag *d)
{
	struct vr_replies titles;
	enum vr_err err = p->owner.held ? VR_OK : acquire(p, d);
	if (!err)
		err = vr_merge_new(&p->config.merge, &p->mem, &p->merge);
	if (err)
		return err;
	err = read_parts(p, d);
	if (!err)
		err = vr_merge_done(p->merge);
	if (!err)
		err = read_titles(p, &titles, d);
	if (!err) {
		p->told = &titles.at[titles.n - 1];
		err = commit(p, &titles, d);
	}
	if (!err && p->round++ % TRIM_EVERY == 0)
		err = trim_alerts(p, d);
	p->told = NULL;
	vr_merge_free(p->merge);
	p->merge = NULL;
	return err;
}

/* ------------------------------------------------ the thread --------------------------- */

static bool wait_turn(struct vr_publisher *p, int64_t until_ms)
{
	pthread_mutex_lock(&p->lock);
	struct timespec end = {until_ms / 1000, until_ms % 1000 * 1000000};
	while (!p->stop && (!p->lead || clock_ms(CLOCK_MONOTONIC) < until_ms)) {
		atomic_store(&p->beat_ms, clock_ms(CLOCK_MONOTONIC));
		if (p->lead)
			pthread_cond_timedwait(&p->wake, &p->lock, &end);
		else
			pthread_cond_wait(&p->wake, &p->lock);
	}
	bool go = !p->stop;
	pthread_mutex_unlock(&p->lock);
	return go;
}

static void *work(void *arg)
{
	struct vr_publisher *p = arg;
	int64_t next = 0;
	while (wait_turn(p, next)) {
		struct vr_diag d = {0};
		int64_t begin = clock_ms(CLOCK_MONOTONIC);
		next = begin + p->config.interval.ms;
		vr_arena_reset(&p->kept);
		vr_cmds_clear(&p->cmds);
		enum vr_err err = publish(p, &d);
		if (err) {
			p->owner.held = false;
			vr_cmds_clear(&p->cmds);
			p->config.failed(p->config.ctx, err, &d);
		} else {
			p->config.published(p->config.ctx, (struct vr_span){clock_ms(CLOCK_MONOTONIC) - begin});
		}
	}
	return NULL;
}

static enum vr_err init(struct vr_publisher *p)
{
	pthread_condattr_t attr;
	p->mem = vr_mem_heap();
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->wake, &attr);
	pthread_condattr_destroy(&attr);
	vr_cmds_init(&p->cmds, &p->mem);
	vr_arena_init(&p->arena, &p->mem, 0);
	vr_arena_init(&p->kept, &p->mem, 0);
	vr_buf_init(&p->text, &p->mem);
	vr_owner_init(&p->owner, &p->keys);
	enum vr_err err = vr_keys_init(&p->keys, p->config.prefix, VR_STR(""), 0, p->config.live_db, p->config.alerts_db);
	return err ? err : vr_redis_new(&p->config.redis, &p->redis);
}

enum vr_err vr_publisher_new(const struct vr_publisher_config *config, struct vr_publisher **ret)
{
	struct vr_publisher *p = calloc(1, sizeof(*p));
	if (!p)
		return VR_E_NOMEM;
	p->config = *config;
	enum vr_err err = init(p);
	if (!err) {
		p->running = pthread_create(&p->thread, NULL, work, p) == 0;
		err = p->running ? VR_OK : VR_E_NOMEM;
	}
	if (err)
		vr_publisher_free(p);
	else
		*ret = p;
	return err;
}

void vr_publisher_free(struct vr_publisher *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
	if (p->running)
		pthread_join(p->thread, NULL);
	vr_cmds_done(&p->cmds);
	vr_arena_done(&p->arena);
	vr_arena_done(&p->kept);
	vr_buf_done(&p->text);
	vr_redis_free(p->redis);
	free(p->seen);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

void vr_publisher_lead(struct vr_publisher *p, bool lead)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->lead = lead;
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
}

struct vr_mono vr_publisher_beat(const struct vr_publisher *p) { return (struct vr_mono){atomic_load(&p->beat_ms)}; }
