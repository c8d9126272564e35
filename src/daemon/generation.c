/* SPDX-License-Identifier: Apache-2.0 */
#include "generation.h"

#include <stdio.h>
#include <stdlib.h>

#include "virality/talk.h"

enum { FORMAT = 1, PAGE = 1000 };

static const char *const state_name[] = {"filling", "full", "retired", "dry"};
static const char *const rules_name[] = {"live", "given", "own"};

const char *vr_generation_state_name(enum vr_generation_state state) { return state_name[state]; }
const char *vr_generation_rules_name(enum vr_generation_rules rules) { return rules_name[rules]; }

void vr_generation_done(struct vr_generation *g)
{
	free(g->part);
	free(g->rules_text);
	*g = (struct vr_generation){.made = false};
}

bool vr_generation_name_ok(struct vr_str name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i], low = (char)(c | 0x20);
		if ((c < '0' || c > '9') && (low < 'a' || low > 'z') && c != '.' && c != '_' && c != '-')
			return false;
	}
	return name.n > 0 && name.n <= VR_GENERATION_MAX && !vr_str_eq(name, VR_STR(VR_GENERATION_FIRST));
}

/* ------------------------------------------------ exchanges ---------------------------- */

/* One database and what is asked of it; each exchange ends in live's. */
struct visit { const struct vr_keys *keys; int db; struct vr_mem mem; struct vr_talk talk; };

static void begin_visit(struct visit *v, const struct vr_link *redis, const struct vr_keys *keys, int db)
{
	*v = (struct visit){.keys = keys, .db = db, .mem = vr_mem_heap()};
	vr_talk_open(&v->talk, redis, &v->mem);
	vr_cmd_select(&v->talk.cmds, db);
}

static enum vr_err ask(struct visit *v, struct vr_diag *d)
{
	vr_cmd_select(&v->talk.cmds, v->keys->live_db);
	enum vr_err err = vr_talk_ask(&v->talk, d);
	vr_cmd_select(&v->talk.cmds, v->db);
	return err;
}

/* ------------------------------------------------ read --------------------------------- */

static bool choice_of(struct vr_str text, const char *const *names, unsigned n, unsigned *ret)
{
	for (*ret = 0; *ret < n; (*ret)++)
		if (vr_str_eq(text, vr_str_c(names[*ret])))
			return true;
	return false;
}

/* Field "p:<topic>:<n>" = "<first> <end> <gap> <at_most>"; replies end with a NUL. */
static bool read_part(struct vr_str field, const char *value, struct vr_generation_part *p)
{
	const char *colon = memrchr(field.p + 2, ':', field.n - 2);
	long long first, end, gap;
	int at_most, used = 0;
	if (!colon || colon - (field.p + 2) > VR_TOPIC_MAX || sscanf(value, "%lld %lld %lld %d%n", &first, &end, &gap, &at_most, &used) != 4)
		return false;
	*p = (struct vr_generation_part){.partition = (int32_t)strtol(colon + 1, NULL, 10), .first = first, .end = end, .gap = gap,
		.gap_at_most = at_most != 0};
	vr_str_copy(p->topic, sizeof(p->topic), (struct vr_str){field.p + 2, (size_t)(colon - field.p - 2)});
	return value[used] == '\0';
}

static int by_place(const void *a, const void *b)
{
	const struct vr_generation_part *x = a, *y = b;
	int topic = strcmp(x->topic, y->topic);
	return topic ? topic : (x->partition > y->partition) - (x->partition < y->partition);
}

static enum vr_err read_parts(const struct vr_reply *flat, struct vr_generation *g)
{
	g->part = calloc(flat->n / 2 + 1, sizeof(g->part[0]));
	if (!g->part)
		return VR_E_NOMEM;
	for (size_t i = 0; i + 1 < flat->n; i += 2) {
		struct vr_str field = flat->elem[i].str;
		if (field.n < 2 || memcmp(field.p, "p:", 2) != 0)
			continue;
		if (flat->elem[i + 1].type != VR_REPLY_STR || !read_part(field, flat->elem[i + 1].str.p, &g->part[g->n++]))
			return VR_E_CORRUPT;
	}
	qsort(g->part, g->n, sizeof(g->part[0]), by_place);
	return VR_OK;
}

static enum vr_err read_hash(const struct vr_reply *flat, struct vr_generation *g)
{
	unsigned state, rules;
	struct vr_str text = vr_reply_field_str(flat, "rules_text");
	if (vr_reply_field_i64(flat, "format") != FORMAT || !vr_str_eq(vr_reply_field_str(flat, "name"), vr_str_c(g->name)) ||
	    !choice_of(vr_reply_field_str(flat, "state"), state_name, 4, &state) || !choice_of(vr_reply_field_str(flat, "rules"), rules_name, 3, &rules))
		return VR_E_CORRUPT;
	g->made = true;
	g->state = (enum vr_generation_state)state;
	g->rules = (enum vr_generation_rules)rules;
	vr_str_copy(g->rules_hash, sizeof(g->rules_hash), vr_reply_field_str(flat, "rules_hash"));
	vr_str_copy(g->from, sizeof(g->from), vr_reply_field_str(flat, "from"));
	vr_str_copy(g->to, sizeof(g->to), vr_reply_field_str(flat, "to"));
	vr_str_copy(g->runner, sizeof(g->runner), vr_reply_field_str(flat, "runner"));
	g->created.ms = vr_reply_field_i64(flat, "created_ms");
	g->beat.ms = vr_reply_field_i64(flat, "beat_ms");
	g->rules_text = text.n ? strndup(text.p, text.n) : NULL;
	return text.n && !g->rules_text ? VR_E_NOMEM : read_parts(flat, g);
}

static enum vr_err read_both(const struct vr_replies *r, struct vr_generation *g, struct vr_diag *d)
{
	const struct vr_reply *name = &r->at[1], *flat = &r->at[2];
	if (name->type == VR_REPLY_STR)
		vr_str_copy(g->name, sizeof(g->name), name->str);
	enum vr_err err = flat->type != VR_REPLY_ARRAY ? VR_E_CORRUPT : flat->n ? read_hash(flat, g) : VR_OK;
	return err ? vr_diag_set(d, err, "redis", "what stands about generation '%s' (hash gen, beside the key generation) cannot be read",
		g->name) : VR_OK;
}

enum vr_err vr_generation_read(const struct vr_link *redis, const struct vr_keys *keys, int db, struct vr_generation *ret, struct vr_diag *d)
{
	struct visit v;
	struct vr_generation g = {.made = false};
	begin_visit(&v, redis, keys, db);
	vr_cmd(&v.talk.cmds, 2, "GET");
	vr_key_global(&v.talk.cmds, keys, "generation");
	vr_cmd(&v.talk.cmds, 2, "HGETALL");
	vr_key_global(&v.talk.cmds, keys, "gen");
	enum vr_err err = ask(&v, d);
	if (!err)
		err = read_both(&v.talk.r, &g, d);
	vr_talk_close(&v.talk);
	if (err)
		vr_generation_done(&g);
	else
		*ret = g;
	return err;
}

/* ------------------------------------------------ write -------------------------------- */

static void put(struct vr_cmds *c, const char *name, const char *text)
{
	vr_cmd_c(c, name);
	vr_cmd_c(c, text);
}

static void put_i64(struct vr_cmds *c, const char *name, int64_t v)
{
	vr_cmd_c(c, name);
	vr_cmd_i64(c, v);
}

static void put_part(struct vr_cmds *c, const struct vr_generation_part *p)
{
	char field[VR_TOPIC_MAX + 32], value[96];
	snprintf(field, sizeof(field), "p:%s:%d", p->topic, p->partition);
	snprintf(value, sizeof(value), "%lld %lld %lld %d", (long long)p->first, (long long)p->end, (long long)p->gap, p->gap_at_most);
	put(c, field, value);
}

void vr_generation_write(const struct vr_generation *g, const struct vr_keys *keys, struct vr_cmds *c)
{
	enum { FIELDS = 11 };
	vr_cmd(c, 3, "SET");
	vr_key_global(c, keys, "generation");
	vr_cmd_c(c, g->name);
	vr_cmd(c, 2, "DEL");
	vr_key_global(c, keys, "gen");
	vr_cmd(c, (uint32_t)(2 + 2 * (FIELDS + g->n)), "HSET");
	vr_key_global(c, keys, "gen");
	put_i64(c, "format", FORMAT);
	put(c, "name", g->name);
	put(c, "state", state_name[g->state]);
	put(c, "rules", rules_name[g->rules]);
	put(c, "rules_hash", g->rules_hash);
	put(c, "rules_text", g->rules_text ? g->rules_text : "");
	put(c, "from", g->from);
	put(c, "to", g->to);
	put_i64(c, "created_ms", g->created.ms);
	put(c, "runner", g->runner);
	put_i64(c, "beat_ms", g->beat.ms);
	for (size_t i = 0; i < g->n; i++)
		put_part(c, &g->part[i]);
}

void vr_generation_set_state(enum vr_generation_state state, const struct vr_keys *keys, struct vr_cmds *c)
{
	vr_cmd(c, 4, "HSET");
	vr_key_global(c, keys, "gen");
	put(c, "state", state_name[state]);
}

/* ------------------------------------------------ every key ---------------------------- */

static bool has_prefix(struct vr_str s, const char *p, size_t n) { return s.n >= n && memcmp(s.p, p, n) == 0; }

/* "vir:..." or "{vir:...". */
static bool is_ours(const struct vr_keys *k, struct vr_str key)
{
	struct vr_str inner = key.n ? (struct vr_str){key.p + 1, key.n - 1} : key;
	return has_prefix(key, k->prefix.p, k->prefix.n) || (has_prefix(key, "{", 1) && has_prefix(inner, k->prefix.p, k->prefix.n));
}

/* The next page of keys (borrowed until the next exchange); cursor "0": that was the last. */
static enum vr_err next_page(struct visit *v, char cursor[24], const struct vr_reply **ret, struct vr_diag *d)
{
	struct vr_cmds *c = &v->talk.cmds;
	vr_cmd(c, 4, "SCAN");
	vr_cmd_c(c, cursor);
	vr_cmd_c(c, "COUNT");
	vr_cmd_i64(c, PAGE);
	enum vr_err err = ask(v, d);
	if (err)
		return err;
	const struct vr_reply *scan = &v->talk.r.at[1];
	if (scan->type != VR_REPLY_ARRAY || scan->n != 2 || scan->elem[1].type != VR_REPLY_ARRAY)
		return vr_diag_set(d, VR_E_CORRUPT, "redis", "SCAN did not answer with a cursor and keys");
	vr_str_copy(cursor, 24, scan->elem[0].str);
	*ret = &scan->elem[1];
	return VR_OK;
}

/* In records: to be looked at, and to go. */
enum { LOOK_WEIGHT = 1, GO_WEIGHT = 2 };

static enum vr_err take_turn(struct vr_generation_turn turn, size_t keys, size_t weight, struct vr_diag *d)
{
	if (!turn.take || turn.take(turn.ctx, keys, weight))
		return VR_OK;
	return vr_diag_set(d, VR_E_BUSY, "redis", "broken off while the keys of the spare database were gone through; the same command goes on");
}

static void count_page(const struct vr_keys *keys, const struct vr_reply *page, struct vr_generation_census *census)
{
	for (size_t i = 0; i < page->n; i++) {
		census->keys++;
		if (is_ours(keys, page->elem[i].str))
			continue;
		if (census->foreign++ == 0)
			vr_str_copy(census->example, sizeof(census->example), page->elem[i].str);
	}
}

enum vr_err vr_generation_count(const struct vr_link *redis, const struct vr_keys *keys, int db, struct vr_generation_turn turn,
	struct vr_generation_census *ret, struct vr_diag *d)
{
	struct visit v;
	struct vr_generation_census census = {.keys = 0};
	char cursor[24] = "0";
	enum vr_err err;
	begin_visit(&v, redis, keys, db);
	do {
		const struct vr_reply *page = NULL;
		err = next_page(&v, cursor, &page, d);
		if (!err)
			count_page(keys, page, &census);
		if (!err)
			err = take_turn(turn, page->n, page->n * LOOK_WEIGHT, d);
	} while (!err && strcmp(cursor, "0") != 0);
	vr_talk_close(&v.talk);
	if (!err)
		*ret = census;
	return err;
}

/* ------------------------------------------------ discard ------------------------------ */

static bool is_name(const struct vr_keys *k, struct vr_str key)
{
	struct vr_str rest = has_prefix(key, k->prefix.p, k->prefix.n) ? (struct vr_str){key.p + k->prefix.n, key.n - k->prefix.n} : VR_STR("");
	return vr_str_eq(rest, VR_STR("generation")) || vr_str_eq(rest, VR_STR("gen"));
}

/* UNLINK of what is ours on a page, but for the name. */
static void write_unlink(const struct vr_keys *k, const struct vr_reply *page, struct vr_cmds *c)
{
	uint32_t n = 0;
	for (size_t i = 0; i < page->n; i++)
		n += is_ours(k, page->elem[i].str) && !is_name(k, page->elem[i].str);
	if (n == 0)
		return;
	vr_cmd(c, 1 + n, "UNLINK");
	for (size_t i = 0; i < page->n; i++)
		if (is_ours(k, page->elem[i].str) && !is_name(k, page->elem[i].str))
			vr_cmd_str(c, page->elem[i].str);
}

/* WATCH, and look whether it is still that generation's. */
static enum vr_err guard(struct visit *v, struct vr_str name, struct vr_diag *d)
{
	struct vr_cmds *c = &v->talk.cmds;
	vr_cmd(c, 2, "WATCH");
	vr_key_global(c, v->keys, "generation");
	vr_cmd(c, 2, "GET");
	vr_key_global(c, v->keys, "generation");
	enum vr_err err = ask(v, d);
	const struct vr_reply *now = err ? NULL : &v->talk.r.at[2];
	if (now && !(now->type == VR_REPLY_STR && vr_str_eq(now->str, name)))
		err = vr_diag_set(d, VR_E_FENCED, "redis", "the spare database is no longer generation '%.*s'", (int)name.n, name.p);
	return err;
}

/* One page goes, in a transaction that fails where the database is another generation's meanwhile (a switch). */
static enum vr_err drop_page(struct visit *v, struct vr_str name, const struct vr_reply *page, struct vr_diag *d)
{
	struct vr_cmds unlink;
	vr_cmds_init(&unlink, &v->mem);
	write_unlink(v->keys, page, &unlink);
	bool any = unlink.n > 0;
	enum vr_err err = unlink.buf.failed ? VR_E_NOMEM : any ? guard(v, name, d) : VR_OK;
	if (!err && any) {
		vr_cmd_words(&v->talk.cmds, "MULTI", NULL);
		vr_cmds_add(&v->talk.cmds, &unlink);
		vr_cmd_words(&v->talk.cmds, "EXEC", NULL);
		err = ask(v, d);
		if (!err && v->talk.r.at[v->talk.r.n - 2].type == VR_REPLY_NIL)
			err = vr_diag_set(d, VR_E_FENCED, "redis", "the spare database changed while it was emptied");
	}
	vr_cmds_done(&unlink);
	return err;
}

static enum vr_err drop_name(struct visit *v, struct vr_str name, struct vr_diag *d)
{
	struct vr_cmds *c = &v->talk.cmds;
	vr_cmd(c, 3, "DEL");
	vr_key_global(c, v->keys, "gen");
	vr_key_global(c, v->keys, "generation");
	vr_cmd_select(c, v->keys->alerts_db);
	vr_cmd(c, 2, "DEL");
	vr_key_replay(c, v->keys, name, "alerts");
	return ask(v, d);
}

enum vr_err vr_generation_discard(const struct vr_link *redis, const struct vr_keys *keys, int db, struct vr_str name,
	struct vr_generation_turn turn, struct vr_diag *d)
{
	struct visit v;
	char cursor[24] = "0";
	enum vr_err err;
	begin_visit(&v, redis, keys, db);
	do {
		const struct vr_reply *page = NULL;
		err = next_page(&v, cursor, &page, d);
		size_t n = err ? 0 : page->n;
		if (!err)
			err = drop_page(&v, name, page, d);
		if (!err)
			err = take_turn(turn, n, n * (LOOK_WEIGHT + GO_WEIGHT), d);
	} while (!err && strcmp(cursor, "0") != 0);
	if (!err)
		err = drop_name(&v, name, d);
	vr_talk_close(&v.talk);
	return err;
}
