/* SPDX-License-Identifier: Apache-2.0 */
#include "parts.h"

#include <stdlib.h>

#define NOWHERE INT64_MAX
enum { PIECE = 300, PER_CONTENT = 3, HOUR_MS = 3600000 };

/* One side's replies in a piece. */
enum { GOT_SELECT, GOT_NAME, GOT_OWN, GOT_PART, GOT_CONTENTS };

/* ------------------------------------------------ a piece of a partition -------------- */

static void ask_head(struct vr_diff *f, const struct vr_diff_part *p)
{
	vr_cmd(&f->page.cmds, 2, "GET");
	vr_key_global(&f->page.cmds, &f->keys, "generation");
	vr_cmd(&f->page.cmds, 7, "HMGET");
	vr_key_own(&f->page.cmds, &p->keys, "own");
	vr_cmd_c(&f->page.cmds, "off");
	vr_cmd_c(&f->page.cmds, "stream_ms");
	vr_cmd_c(&f->page.cmds, "base_offset");
	vr_cmd_c(&f->page.cmds, "log_ms");
	vr_cmd_c(&f->page.cmds, "rules");
	vr_cmd(&f->page.cmds, 2, "HGETALL");
	vr_key_own(&f->page.cmds, &p->keys, "part");
}

/* A live that has no record of the partition, after a Redis that was lost, gets no further: there is nothing to wait for. */
static int64_t offset_of(const struct vr_reply *own)
{
	int64_t off = 0;
	return own->type == VR_REPLY_ARRAY && own->n && vr_reply_i64(&own->elem[0], &off) ? off : NOWHERE;
}

/* Both sides must still be what is compared: a switch or a discard ends it. */
static enum vr_err check_names(struct vr_diff *f, const struct vr_reply *live, const struct vr_reply *shadow, struct vr_diag *d)
{
	struct vr_str name = live[GOT_NAME].type == VR_REPLY_STR ? live[GOT_NAME].str : VR_STR(VR_GENERATION_FIRST);
	if (f->live_name[0] == '\0')
		snprintf(f->live_name, sizeof(f->live_name), "%.*s", (int)name.n, name.p);
	if (!vr_str_eq(name, vr_str_c(f->live_name)))
		return vr_diag_set(d, VR_E_REFUSED, "redis", "live was switched from %s to %.*s meanwhile", f->live_name, (int)name.n, name.p);
	if (shadow[GOT_NAME].type == VR_REPLY_STR && vr_str_eq(shadow[GOT_NAME].str, vr_str_c(f->generation.name)))
		return VR_OK;
	return vr_diag_set(d, VR_E_REFUSED, "redis", "database %d is not generation %s but %s", f->db[VR_DIFF_SHADOW], f->generation.name,
		shadow[GOT_NAME].type == VR_REPLY_STR ? shadow[GOT_NAME].str.p : "empty");
}

struct piece {
	struct vr_diff_part *p;
	const struct vr_str *id;
	size_t n;
	const struct vr_reply *got[VR_DIFF_SIDES], *shown;
	int64_t base, log[VR_DIFF_SIDES];
	struct vr_diff_state state[PIECE];	/* those that can be compared */
	size_t n_state;
};

static enum vr_err read_piece(struct vr_diff *f, struct piece *x, struct vr_diag *d)
{
	static const enum vr_slot slot[PER_CONTENT] = {VR_SLOT_CONTENT, VR_SLOT_UNIQUES, VR_SLOT_CHANNELS};
	size_t side = GOT_CONTENTS + PER_CONTENT * x->n;
	vr_cmd_words(&f->page.cmds, "MULTI", NULL);
	for (int i = 0; i < VR_DIFF_SIDES; i++) {
		vr_cmd_select(&f->page.cmds, f->db[i]);
		ask_head(f, x->p);
		for (size_t k = 0; k < x->n; k++)
			for (size_t s = 0; s < PER_CONTENT; s++) {
				vr_cmd(&f->page.cmds, 2, "GET");
				vr_key_slot(&f->page.cmds, &x->p->keys, slot[s], x->id[k]);
			}
	}
	vr_cmd_select(&f->page.cmds, f->db[VR_DIFF_LIVE]);
	for (size_t k = 0; k < x->n; k++)
		vr_diff_ask_shown(f, x->id[k]);
	vr_cmd_words(&f->page.cmds, "EXEC", NULL);
	enum vr_err err = vr_diff_ask(f, &f->page, d);
	if (err)
		return err;
	const struct vr_reply *exec = &f->page.r.at[f->page.r.n - 1];
	if (exec->type != VR_REPLY_ARRAY || exec->n != 2 * side + 1 + x->n)
		return vr_diag_set(d, VR_E_REPLY, "redis", "EXEC did not answer with what was asked");
	for (int i = 0; i < VR_DIFF_SIDES; i++) {
		x->got[i] = exec->elem + (size_t)i * side;
		x->p->off[i] = offset_of(&x->got[i][GOT_OWN]);
		x->p->stream[i].ms = vr_reply_elem_i64(&x->got[i][GOT_OWN], 1);
		x->log[i] = vr_reply_elem_i64(&x->got[i][GOT_OWN], 3);
		x->p->rules[i] = (uint32_t)vr_reply_elem_i64(&x->got[i][GOT_OWN], 4);
	}
	x->shown = exec->elem + 2 * side + 1;
	x->base = vr_reply_elem_i64(&x->got[VR_DIFF_SHADOW][GOT_OWN], 2);
	return check_names(f, x->got[VR_DIFF_LIVE], x->got[VR_DIFF_SHADOW], d);
}

/* Below that hour a content counts as absent, also where its keys still are. */
static bool is_forgotten(const struct vr_diff *f, const struct piece *x, const struct vr_brief *b)
{
	int64_t log = x->log[0] > x->log[1] ? x->log[0] : x->log[1];
	return log > 0 && b->hour < log / HOUR_MS - f->config.config->retention.ms / HOUR_MS;
}

static void leave(struct vr_diff *f, const struct piece *x, struct vr_str id)
{
	uint32_t at = (uint32_t)(x->p - f->part), n = (uint32_t)id.n;
	vr_buf_add(&f->left, &at, sizeof(at));
	vr_buf_add(&f->left, &n, sizeof(n));
	vr_buf_str_add(&f->left, id);
	f->counts.moving++;
}

/* The side that has it has it up to `last`, and the other one has got to `off`. */
static void meet_single(struct vr_diff *f, struct piece *x, struct vr_str id, int side, const struct vr_brief *b)
{
	if (side == VR_DIFF_LIVE && b->first_off < x->base)
		f->counts.older++;
	else if (b->last_off >= x->p->off[!side])
		leave(f, x, id);
	else
		vr_diff_only(f, id, side);
}

static void meet_both(struct vr_diff *f, struct piece *x, size_t k, const struct vr_brief b[VR_DIFF_SIDES])
{
	struct vr_str id = x->id[k];
	int ahead = b[VR_DIFF_LIVE].last_off > b[VR_DIFF_SHADOW].last_off ? VR_DIFF_LIVE : VR_DIFF_SHADOW;
	if (b[VR_DIFF_LIVE].first_off < x->base) {
		f->counts.older++;
		return;
	}
	if (b[VR_DIFF_LIVE].last_off != b[VR_DIFF_SHADOW].last_off && b[ahead].last_off >= x->p->off[!ahead]) {
		leave(f, x, id);
		return;
	}
	struct vr_diff_state *s = &x->state[x->n_state++];
	*s = (struct vr_diff_state){.id = id, .shown = &x->shown[k],
		.series = b[ahead].records >= (uint64_t)f->config.config->views_ts_min_events};
	for (int i = 0; i < VR_DIFF_SIDES; i++) {
		const struct vr_reply *got = x->got[i] + GOT_CONTENTS + PER_CONTENT * k;
		s->state[i] = got[0].str;
		s->uniques[i] = got[1].str;
		s->channels[i] = got[2].str;
	}
}

static enum vr_err meet(struct vr_diff *f, struct piece *x, size_t k, struct vr_diag *d)
{
	struct vr_brief b[VR_DIFF_SIDES];
	bool has[VR_DIFF_SIDES];
	for (int i = 0; i < VR_DIFF_SIDES; i++) {
		const struct vr_reply *state = x->got[i] + GOT_CONTENTS + PER_CONTENT * k;
		has[i] = state->type == VR_REPLY_STR;
		if (has[i] && vr_content_brief(state->str, &b[i]))
			return vr_diag_set(d, VR_E_CORRUPT, i ? "shadow" : "live", "the state of content %.*s cannot be read", (int)x->id[k].n,
				x->id[k].p);
		has[i] = has[i] && !is_forgotten(f, x, &b[i]);
	}
	if (has[VR_DIFF_LIVE] && has[VR_DIFF_SHADOW])
		meet_both(f, x, k, b);
	else if (has[VR_DIFF_LIVE])
		meet_single(f, x, x->id[k], VR_DIFF_LIVE, &b[VR_DIFF_LIVE]);
	else if (has[VR_DIFF_SHADOW])
		meet_single(f, x, x->id[k], VR_DIFF_SHADOW, &b[VR_DIFF_SHADOW]);
	return VR_OK;
}

static enum vr_err compare_piece(struct vr_diff *f, struct vr_diff_part *p, const struct vr_str *id, size_t n, struct vr_diag *d)
{
	struct piece *x = calloc(1, sizeof(*x));
	if (!x)
		return VR_E_NOMEM;
	*x = (struct piece){.p = p, .id = id, .n = n};
	enum vr_err err = read_piece(f, x, d);
	for (size_t k = 0; k < n && !err; k++)
		err = meet(f, x, k, d);
	const struct vr_reply *slots[VR_DIFF_SIDES];
	for (int i = 0; i < VR_DIFF_SIDES && !err; i++)
		slots[i] = &x->got[i][GOT_PART];
	if (!err && x->n_state)
		err = vr_diff_show(f, p, x->state, x->n_state, slots, d);
	if (!err && x->n_state && f->pending)
		err = vr_diff_pending(f, p, x->state, x->n_state, slots, d);
	bool lost = p->off[VR_DIFF_LIVE] == NOWHERE;
	p->moving = !lost && p->off[VR_DIFF_LIVE] != p->off[VR_DIFF_SHADOW];
	if (!err && !p->merged && !p->moving && (lost || x->base <= vr_reply_elem_i64(&x->got[VR_DIFF_LIVE][GOT_OWN], 2)))
		err = vr_diff_merge(f, p, slots);
	free(x);
	return err ? err : f->left.failed ? VR_E_NOMEM : VR_OK;
}

/* ------------------------------------------------ a whole partition ------------------- */

static int by_bytes(const void *a, const void *b) { return vr_str_cmp(*(const struct vr_str *)a, *(const struct vr_str *)b); }

/* Both indexes, each id once. */
static enum vr_err list_ids(struct vr_diff *f, const struct vr_diff_part *p, struct vr_str **ret, size_t *ret_n, struct vr_diag *d)
{
	size_t n = 0, kept = 0;
	for (int i = 0; i < VR_DIFF_SIDES; i++) {
		vr_cmd_select(&f->ids.cmds, f->db[i]);
		vr_cmd(&f->ids.cmds, 4, "ZRANGE");
		vr_key_own(&f->ids.cmds, &p->keys, "idx");
		vr_cmd_i64(&f->ids.cmds, 0);
		vr_cmd_i64(&f->ids.cmds, -1);
	}
	vr_cmd_select(&f->ids.cmds, f->db[VR_DIFF_LIVE]);
	enum vr_err err = vr_diff_ask(f, &f->ids, d);
	if (err)
		return err;
	const struct vr_reply *at = f->ids.r.at;
	struct vr_str *id = calloc(at[1].n + at[3].n + 1, sizeof(*id));
	if (!id)
		return VR_E_NOMEM;
	for (size_t side = 1; side <= 3; side += 2)
		for (size_t i = 0; i < at[side].n; i++)
			id[n++] = at[side].elem[i].str;
	qsort(id, n, sizeof(*id), by_bytes);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || !vr_str_eq(id[kept - 1], id[i]))
			id[kept++] = id[i];
	*ret = id;
	*ret_n = kept;
	return VR_OK;
}

static enum vr_err compare_ids(struct vr_diff *f, struct vr_diff_part *p, const struct vr_str *id, size_t n, struct vr_diag *d)
{
	enum vr_err err = n == 0 ? compare_piece(f, p, id, 0, d) : VR_OK;
	for (size_t from = 0; from < n && !err; from += PIECE)
		err = compare_piece(f, p, id + from, n - from < PIECE ? n - from : PIECE, d);
	return err;
}

static enum vr_err compare_part(struct vr_diff *f, struct vr_diff_part *p, struct vr_diag *d)
{
	struct vr_str *id = NULL;
	size_t n = 0;
	enum vr_err err = list_ids(f, p, &id, &n, d);
	if (!err)
		err = compare_ids(f, p, id, n, d);
	free(id);
	return err;
}

/* ------------------------------------------------ again ------------------------------- */

/* What was left, by partition; its texts live in `taken`. */
static enum vr_err compare_left(struct vr_diff *f, const struct vr_buf *taken, struct vr_diag *d)
{
	const char *p = taken->p, *end = taken->p + taken->n;
	struct vr_str id[PIECE];
	enum vr_err err = VR_OK;
	while (p < end && !err) {
		uint32_t part = 0, at, n;
		size_t k = 0;
		memcpy(&part, p, sizeof(part));
		while (p < end && k < PIECE) {
			memcpy(&at, p, sizeof(at));
			if (at != part)
				break;
			memcpy(&n, p + sizeof(at), sizeof(n));
			id[k++] = (struct vr_str){p + 2 * sizeof(uint32_t), n};
			p += 2 * sizeof(uint32_t) + n;
		}
		err = compare_piece(f, &f->part[part], id, k, d);
	}
	return err;
}

static uint64_t moving_parts(const struct vr_diff *f)
{
	uint64_t n = 0;
	for (size_t i = 0; i < f->n_parts; i++)
		n += f->part[i].moving && !f->part[i].merged;
	return n;
}

static enum vr_err pass_again(struct vr_diff *f, struct vr_diag *d)
{
	enum vr_err err = VR_OK;
	while (!err && (f->counts.moving || moving_parts(f)) && f->config.again && f->config.again(f->config.ctx, f->counts.moving)) {
		struct vr_buf taken = f->left;
		vr_buf_init(&f->left, &f->mem);
		f->counts.moving = 0;
		err = taken.n ? compare_left(f, &taken, d) : VR_OK;
		vr_buf_done(&taken);
		for (size_t i = 0; i < f->n_parts && !err; i++)
			if (f->part[i].moving && !f->part[i].merged)
				err = compare_piece(f, &f->part[i], NULL, 0, d);
	}
	return err;
}

/* ------------------------------------------------ all of it --------------------------- */

static enum vr_err read_generation(struct vr_diff *f, struct vr_diag *d)
{
	enum vr_err err = vr_generation_read(&f->config.redis, &f->keys, f->db[VR_DIFF_SHADOW], &f->generation, d);
	if (err)
		return err;
	if (f->config.name && strcmp(f->config.name, f->generation.name) != 0)
		return vr_diag_set(d, VR_E_REFUSED, "redis", "database %d holds %s%s, not %s", f->db[VR_DIFF_SHADOW],
			f->generation.name[0] ? "generation " : "nothing", f->generation.name, f->config.name);
	if (!f->generation.made)
		return vr_diag_set(d, VR_E_REFUSED, "redis", "database %d holds no generation that a replay made", f->db[VR_DIFF_SHADOW]);
	return VR_OK;
}

/* Each side's rule sets: the fleet's list, or what was given to the replay. */
static enum vr_err open_books(struct vr_diff *f, struct vr_diag *d)
{
	const struct vr_generation *g = &f->generation;
	enum vr_err err = VR_OK;
	for (int i = 0; i < VR_DIFF_SIDES && !err; i++) {
		err = vr_rulebook_new(&f->keys, &f->config.config->windows, &f->book[i]);
		if (!err && i == VR_DIFF_SHADOW && g->rules == VR_GENERATION_RULES_GIVEN)
			err = vr_rulebook_give(f->book[i], vr_str_c(g->rules_hash), vr_str_c(g->rules_text ? g->rules_text : ""), d);
	}
	return err;
}

static enum vr_err init(struct vr_diff *f, struct vr_diag *d)
{
	const struct vr_config *c = f->config.config;
	f->mem = vr_mem_heap();
	vr_talk_open(&f->page, &f->config.redis, &f->mem);
	vr_talk_open(&f->ids, &f->config.redis, &f->mem);
	vr_talk_open(&f->series, &f->config.redis, &f->mem);
	vr_arena_init(&f->texts, &f->mem, 0);
	vr_buf_init(&f->left, &f->mem);
	f->db[VR_DIFF_LIVE] = (int)c->redis_live_db;
	f->db[VR_DIFF_SHADOW] = (int)c->redis_spare_db;
	enum vr_err err = vr_keys_init(&f->keys, c->redis_prefix, VR_STR(""), 0, f->db[0], (int)c->redis_alerts_db);
	if (!err)
		err = read_generation(f, d);
	if (!err)
		err = open_books(f, d);
	f->part = err ? NULL : calloc(f->generation.n + 1, sizeof(f->part[0]));
	if (!err && !f->part)
		err = VR_E_NOMEM;
	for (; !err && f->n_parts < f->generation.n; f->n_parts++) {
		struct vr_diff_part *p = &f->part[f->n_parts];
		p->topic = vr_str_c(f->generation.part[f->n_parts].topic);
		p->partition = f->generation.part[f->n_parts].partition;
		err = vr_keys_init(&p->keys, c->redis_prefix, p->topic, p->partition, f->db[0], (int)c->redis_alerts_db);
	}
	return err;
}

enum vr_err vr_diff_run(const struct vr_diff_config *config, struct vr_diff **ret, struct vr_diag *d)
{
	struct vr_diff *f = calloc(1, sizeof(*f));
	if (!f)
		return VR_E_NOMEM;
	f->config = *config;
	enum vr_err err = init(f, d);
	for (size_t i = 0; i < f->n_parts && !err; i++)
		err = compare_part(f, &f->part[i], d);
	if (!err)
		err = pass_again(f, d);
	if (!err)
		err = vr_diff_merged(f);
	if (!err)
		err = vr_diff_alerts(f, d);
	f->counts.parts = f->n_parts;
	for (size_t i = 0; i < f->n_parts && f->part; i++)
		f->counts.parts_moving += !f->part[i].merged;
	if (err)
		vr_diff_free(f);
	else
		*ret = f;
	return err;
}

void vr_diff_free(struct vr_diff *f)
{
	if (!f)
		return;
	for (int i = 0; i < VR_DIFF_SIDES; i++) {
		vr_merge_free(f->merge[i]);
		vr_rulebook_free(f->book[i]);
		free(f->items[i].at);
	}
	free(f->contents.at);
	free(f->channels.at);
	free(f->alert.at);
	free(f->part);
	vr_generation_done(&f->generation);
	vr_buf_done(&f->left);
	vr_talk_close(&f->page);
	vr_talk_close(&f->ids);
	vr_talk_close(&f->series);
	vr_arena_done(&f->texts);
	free(f);
}

const struct vr_diff_counts *vr_diff_counts(const struct vr_diff *f) { return &f->counts; }

bool vr_diff_is_none(const struct vr_diff *f)
{
	const struct vr_diff_counts *c = &f->counts;
	return c->differing == 0 && c->channels_differing == 0 && c->added == 0 && c->removed == 0;
}
