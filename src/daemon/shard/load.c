/* SPDX-License-Identifier: Apache-2.0 */
/* load.c - contents from Redis into the engine, always validated against the owner record.
 *
 *   wanted ids --> [state, index, home] in one transaction per 512 --> [sketch, channels] of those that refer to them
 *
 * Where every content that Redis has is in memory, an unknown one is new: then its home alone is asked.
 *
 * The background walk brings in, after the acquire, every content that may still have a count in a window; the
 * sweep brings in those that were forgotten, so that the next cut deletes their keys.                            */
#include "parts.h"

enum { CHUNK = 512, CMDS_PER_CONTENT = 4, SWEEP = 256 };

/* ------------------------------------------------ one chunk ----------------------------- */

static void ask_home(struct vr_shard *s, struct vr_str id, struct vr_str home)
{
	struct vr_cmds *c = &s->cmds;
	vr_cmd(c, 4, "HSETNX");
	vr_key_content(c, &s->keys, id, "");
	vr_cmd_c(c, "home");
	vr_cmd_str(c, home);
}

static void ask_content(struct vr_shard *s, struct vr_str id, struct vr_str home)
{
	struct vr_cmds *c = &s->cmds;
	vr_cmd(c, 2, "GET");
	vr_key_slot(c, &s->keys, VR_SLOT_CONTENT, id);
	vr_cmd(c, 3, "ZSCORE");
	vr_key_own(c, &s->keys, "idx");
	vr_cmd_str(c, id);
	ask_home(s, id, home);
	vr_cmd(c, 3, "HGET");
	vr_key_content(c, &s->keys, id, "");
	vr_cmd_c(c, "home");
}

static struct vr_str home_text(struct vr_shard *s)
{
	vr_buf_clear(&s->scratch);
	vr_buf_str_add(&s->scratch, s->part.topic);
	vr_buf_byte(&s->scratch, ':');
	vr_buf_i64(&s->scratch, s->part.partition);
	return vr_buf_str(&s->scratch);
}

static struct vr_loaded read_content(const struct vr_shard *s, const struct vr_reply *r, struct vr_str home)
{
	return (struct vr_loaded){
		.off_known = true,
		.off = s->stored_off,
		.has_state = r[0].type == VR_REPLY_STR,
		.state = r[0].type == VR_REPLY_STR ? r[0].str : (struct vr_str){NULL, 0},
		.home_known = true,
		.is_home = r[3].type == VR_REPLY_STR && vr_str_eq(r[3].str, home),
	};
}

/* Contents of this chunk that refer to a sketch or to more channels. */
struct more { size_t index[CHUNK]; struct vr_loaded loaded[CHUNK]; size_t n; bool spoiled[CHUNK]; };

static enum vr_err lost_keys(const struct vr_shard *s, size_t i, struct vr_diag *d)
{
	struct vr_str id = vr_engine_wanted_id(s->engine, i);
	return vr_diag_set(d, VR_E_STATE_LOST, "redis", "content %.*s is in the index but its state is not there "
		"(lost, or a Redis that replayed half a transaction). %s", (int)id.n, id.p,
		vr_shard_way_out(s, "Restore Redis, or rebuild with", "rebuild").text);
}

typedef void ask_f(struct vr_shard *s, struct vr_str id, struct vr_str home);

/* In a replay a content has the home that it has in live. */
static struct vr_str home_of(const struct vr_shard *s, size_t i, struct vr_str own)
{
	struct vr_str home = s->config.shadow ? vr_shadow_home(s, i) : VR_STR("");
	return home.n ? home : own;
}

static enum vr_err ask_chunk(struct vr_shard *s, size_t from, size_t n, ask_f *ask, struct vr_replies *ret, struct vr_diag *d)
{
	struct vr_str own = home_text(s);
	vr_cmds_clear(&s->cmds);
	vr_owner_load_begin(&s->owner, &s->cmds);
	for (size_t i = 0; i < n; i++)
		ask(s, vr_engine_wanted_id(s->engine, from + i), home_of(s, i, own));
	vr_owner_load_end(&s->owner, &s->cmds);
	enum vr_err err = vr_shard_exchange(s, ret, d);
	return err ? err : vr_owner_loaded_as_is(&s->owner, ret, ret, d);
}

/* Views whose key is somebody else's: told by `home`. */
static bool find_spoiled(const struct vr_replies *r, size_t n, bool *spoiled)
{
	bool any = false;
	for (size_t i = 0; i < n; i++) {
		spoiled[i] = r->at[i * CMDS_PER_CONTENT + 2].type == VR_REPLY_ERROR;
		any |= spoiled[i];
	}
	return any;
}

/* They make way, and are written whole by the next cut (reshow). */
static enum vr_err clear_spoiled(struct vr_shard *s, size_t from, size_t n, const bool *spoiled, struct vr_diag *d)
{
	struct vr_replies r;
	enum vr_err err = vr_shard_guard(s, d);
	if (err)
		return err;
	vr_cmd_words(&s->cmds, "MULTI", NULL);
	for (size_t i = 0; i < n; i++) {
		if (!spoiled[i])
			continue;
		vr_shard_note(s, VR_NOTE_VIEW_ERROR, VR_E_REPLY, 0, "home");
		vr_cmd(&s->cmds, 2, "DEL");
		vr_key_content(&s->cmds, &s->keys, vr_engine_wanted_id(s->engine, from + i), "");
	}
	vr_cmd_words(&s->cmds, "EXEC", NULL);
	err = vr_shard_exchange(s, &r, d);
	if (err || r.at[r.n - 1].type == VR_REPLY_ARRAY)
		return err;
	return vr_diag_set(d, VR_E_FENCED, "redis", "the owner record changed");
}

/* Redis itself puts a state ahead of its offset: one that loses the end of its append-only file in the midst of a
 * transaction, and is started twice, replays the half that was left. */
static enum vr_err spoiled_state(const struct vr_shard *s, size_t i, struct vr_diag *d)
{
	struct vr_str id = vr_engine_wanted_id(s->engine, i);
	return vr_diag_set(d, VR_E_CORRUPT, "redis", "the state of content %.*s cannot be read, or is ahead of offset %lld that is stored with it "
		"(a Redis that replayed half a transaction). %s",
		(int)id.n, id.p, (long long)s->stored_off, vr_shard_way_out(s, "Restore Redis, or fold anew with", "rebuild").text);
}

static enum vr_err take_content(struct vr_shard *s, size_t at, const struct vr_reply *r, struct more *more, struct vr_diag *d)
{
	bool wants_more;
	for (int i = 0; i < 2; i++)
		if (r[i].type == VR_REPLY_ERROR)
			return vr_diag_set(d, vr_reply_error_class(&r[i]), "redis", "%s", r[i].str.p);
	if (r[3].type == VR_REPLY_ERROR)
		return vr_diag_set(d, VR_E_FENCED, "redis", "a view was written over once more: %s", r[3].str.p);
	struct vr_loaded l = read_content(s, r, home_text(s));
	if (!l.has_state && r[1].type != VR_REPLY_NIL)
		return lost_keys(s, at, d);
	enum vr_err err = vr_engine_load(s->engine, at, &l, &wants_more);
	if (!err && wants_more) {
		more->index[more->n] = at;
		more->loaded[more->n++] = l;
	}
	return err == VR_E_CORRUPT ? spoiled_state(s, at, d) : err;
}

/* *ret_new: all of them are new, and their home is here. */
static enum vr_err greet_chunk(struct vr_shard *s, size_t from, size_t n, bool *ret_new, struct vr_diag *d)
{
	struct vr_loaded l = {.home_known = true, .is_home = true};
	struct vr_replies r;
	int64_t set;
	bool more;
	enum vr_err err = ask_chunk(s, from, n, ask_home, &r, d);
	*ret_new = true;
	for (size_t i = 0; i < n && !err; i++)
		*ret_new &= vr_reply_i64(&r.at[i], &set) && set == 1;
	for (size_t i = 0; i < n && !err && *ret_new; i++)
		err = vr_engine_load(s->engine, from + i, &l, &more);
	return err;
}

static enum vr_err load_chunk(struct vr_shard *s, size_t from, size_t n, struct more *more, struct vr_diag *d)
{
	struct vr_replies r;
	bool is_new = false, own = true;
	enum vr_err err = s->config.shadow ? vr_shadow_homes(s, from, n, &own, d) : VR_OK;
	if (!err && s->whole && own)
		err = greet_chunk(s, from, n, &is_new, d);
	memset(more->spoiled, 0, sizeof(more->spoiled));
	if (err || is_new)
		return err;
	err = ask_chunk(s, from, n, ask_content, &r, d);
	if (!err && find_spoiled(&r, n, more->spoiled)) {
		err = clear_spoiled(s, from, n, more->spoiled, d);
		if (!err)
			err = ask_chunk(s, from, n, ask_content, &r, d);
	}
	for (size_t i = 0; i < n && !err; i++)
		err = take_content(s, from + i, &r.at[i * CMDS_PER_CONTENT], more, d);
	return err;
}

static enum vr_err load_more(struct vr_shard *s, struct more *m, struct vr_diag *d)
{
	struct vr_replies r;
	enum vr_err err = VR_OK;
	for (size_t i = 0; i < m->n && !err; i++)	/* what was read lies in the arena of the last exchange */
		err = vr_arena_dup(&s->events, m->loaded[i].state, &m->loaded[i].state);
	vr_owner_load_begin(&s->owner, &s->cmds);
	for (size_t i = 0; i < m->n; i++) {
		vr_cmd(&s->cmds, 2, "GET");
		vr_key_slot(&s->cmds, &s->keys, VR_SLOT_UNIQUES, vr_engine_wanted_id(s->engine, m->index[i]));
		vr_cmd(&s->cmds, 2, "GET");
		vr_key_slot(&s->cmds, &s->keys, VR_SLOT_CHANNELS, vr_engine_wanted_id(s->engine, m->index[i]));
	}
	vr_owner_load_end(&s->owner, &s->cmds);
	if (!err)
		err = vr_shard_exchange(s, &r, d);
	if (!err)
		err = vr_owner_loaded(&s->owner, &r, &r, d);
	for (size_t i = 0; i < m->n && !err; i++) {
		bool wants_more;
		m->loaded[i].uniques = r.at[2 * i].str;
		m->loaded[i].channels = r.at[2 * i + 1].str;
		err = vr_engine_load(s->engine, m->index[i], &m->loaded[i], &wants_more);
		if (err == VR_E_CORRUPT)
			err = spoiled_state(s, m->index[i], d);
		if (!err && wants_more)
			err = lost_keys(s, m->index[i], d);
	}
	return err;
}

enum vr_err vr_shard_load(struct vr_shard *s, struct vr_diag *d)
{
	size_t n = vr_engine_wanted(s->engine);
	struct more more;
	for (size_t from = 0; from < n; from += CHUNK) {
		more.n = 0;
		enum vr_err err = load_chunk(s, from, n - from < CHUNK ? n - from : CHUNK, &more, d);
		if (!err && more.n > 0)
			err = load_more(s, &more, d);
		if (err)
			return err;
		for (size_t i = 0; i < CHUNK && from + i < n; i++)
			if (more.spoiled[i])
				vr_engine_reshow(s->engine, vr_engine_wanted_id(s->engine, from + i));
	}
	vr_engine_loaded_all(s->engine);
	return VR_OK;
}

/* ------------------------------------------------ the background ------------------------ */

/* The ids from hour low to high, and how many there are in all. */
static enum vr_err ask_index(struct vr_shard *s, int64_t low, int64_t high, int64_t limit, struct vr_replies *ret, struct vr_diag *d)
{
	struct vr_cmds *c = &s->cmds;
	vr_cmds_clear(c);
	vr_owner_load_begin(&s->owner, c);
	vr_cmd(c, 7, "ZRANGEBYSCORE");
	vr_key_own(c, &s->keys, "idx");
	vr_cmd_i64(c, low);
	vr_cmd_i64(c, high);
	vr_cmd_c(c, "LIMIT");
	vr_cmd_i64(c, 0);
	vr_cmd_i64(c, limit);
	vr_cmd(c, 2, "ZCARD");
	vr_key_own(c, &s->keys, "idx");
	vr_owner_load_end(&s->owner, c);
	enum vr_err err = vr_shard_exchange(s, ret, d);
	return err ? err : vr_owner_loaded(&s->owner, ret, ret, d);
}

static enum vr_err begin_walk(struct vr_shard *s, struct vr_diag *d)
{
	struct vr_replies r;
	const struct vr_windows *w = &s->config.engine.windows;
	int64_t longest = w->width_ms[w->n - 1] * VR_BUCKETS;
	/* While log time is unknown every hour is 0. Where no views are written yet all contents lack them. */
	int64_t low = s->record.log.ms > 0 && s->record.shown ? vr_bucket_of(s->record.stream.ms - longest, 3600000) : 0;
	enum vr_err err = ask_index(s, low, INT64_C(1) << 40, -1, &r, d);
	if (err)
		return err;
	/* Newest last in the reply: what is walked first lies at the end. */
	vr_buf_clear(&s->walk);
	for (size_t i = r.at[0].n; i-- > 0;)
		vr_buf_lstr(&s->walk, r.at[0].elem[i].str);
	int64_t all;
	s->walk_at = 0;
	s->walked = s->walks = true;
	s->walks_all = vr_reply_i64(&r.at[1], &all) && (uint64_t)all == r.at[0].n;
	return s->walk.failed ? VR_E_NOMEM : VR_OK;
}

static enum vr_err step_walk(struct vr_shard *s, struct vr_diag *d)
{
	struct vr_rd rd = {s->walk.p + s->walk_at, s->walk.p + s->walk.n, false};
	bool at_hand;
	enum vr_err err = VR_OK;
	while (rd.p < rd.end && vr_engine_wanted(s->engine) < CHUNK && !err)
		err = vr_engine_want(s->engine, vr_rd_lstr(&rd), &at_hand);
	s->walk_at = (size_t)(rd.p - s->walk.p);
	if (!err)
		err = vr_shard_load(s, d);
	if (err || s->walk_at < s->walk.n)
		return err;
	vr_buf_done(&s->walk);
	vr_buf_init(&s->walk, s->mem);
	s->walk_at = 0;
	s->walks = false;
	s->record.complete = !s->evicted;
	s->whole = s->walks_all && !s->evicted;
	s->boards_due = true;		/* that they are exact now is worth a cut of its own */
	vr_shard_note(s, VR_NOTE_COMPLETE, VR_OK, 0, "");
	return VR_OK;
}

/* Keys of contents that were forgotten while not in memory. */
static enum vr_err sweep(struct vr_shard *s, struct vr_diag *d)
{
	struct vr_replies r;
	int64_t below = vr_engine_forget_below(s->engine);
	bool at_hand;
	enum vr_err err = ask_index(s, 0, below - 1, SWEEP, &r, d);
	if (err)
		return err;
	size_t n = r.at[0].n;
	for (size_t i = 0; i < n && !err; i++)
		err = vr_engine_want(s->engine, r.at[0].elem[i].str, &at_hand);
	if (!err)
		err = vr_shard_load(s, d);
	if (!err && n > 0)
		err = vr_shard_cut(s, d);
	if (n < SWEEP)
		s->forgot_below = below;
	return err;
}

static void evict(struct vr_shard *s)
{
	struct vr_engine_facts f;
	if (vr_engine_evict(s->engine)) {
		s->evicted = true;
		s->record.complete = false;
	}
	vr_engine_facts(s->engine, &f);
	s->whole &= f.evicted == 0;
	s->walks &= !s->evicted || !s->record.shown;
	s->full = s->config.engine.max_contents > 0 && f.contents > s->config.engine.max_contents;
}

enum vr_err vr_shard_background(struct vr_shard *s, struct vr_diag *d)
{
	enum vr_err err = VR_OK;
	if (!s->walked)
		err = begin_walk(s, d);
	if (!err && s->walks && !s->full)
		err = step_walk(s, d);
	if (!err && vr_engine_forget_below(s->engine) > s->forgot_below)
		err = sweep(s, d);
	if (!err)
		evict(s);
	return err;
}
