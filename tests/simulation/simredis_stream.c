/* SPDX-License-Identifier: Apache-2.0 */
/* Streams. */
#include <stdio.h>
#include "simredis_exec.h"

#define ID_CHARS 48
#define ID_MAX (struct sim_id){UINT64_MAX, UINT64_MAX}

/* ------------------------------------------------------------------ ids ---- */

static bool parse_u64(struct vr_str s, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';
		if (digit > 9 || v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*ret = v;
	return true;
}

/* "ms" (then seq is `missing`) or "ms-seq"; *ret_auto: "ms-*", when asked for. */
static bool parse_id(struct vr_str s, uint64_t missing, struct sim_id *ret, bool *ret_auto)
{
	const char *dash = s.n ? memchr(s.p, '-', s.n) : NULL;
	struct vr_str ms = {s.p, dash ? (size_t)(dash - s.p) : s.n};
	struct vr_str seq = dash ? (struct vr_str){dash + 1, s.n - ms.n - 1} : (struct vr_str){0};
	struct sim_id id = {.seq = missing};

	if (!parse_u64(ms, &id.ms))
		return false;
	if (ret_auto && seq.n == 1 && seq.p[0] == '*')
		*ret_auto = true;
	else if (dash && !parse_u64(seq, &id.seq))
		return false;
	*ret = id;
	return true;
}

static void bad_id(struct sim_call *c)
{
	sim_error(c, "ERR Invalid stream ID specified as stream command argument");
}

static void reply_id(struct sim_call *c, struct vr_reply *to, struct sim_id id)
{
	char text[ID_CHARS];
	int n = snprintf(text, sizeof(text), "%" PRIu64 "-%" PRIu64, id.ms, id.seq);

	sim_str(c, to, (struct vr_str){text, (size_t)n});
}

/* The id after, or false at the end of all ids. */
static bool next_id(struct sim_id *id)
{
	if (id->seq == UINT64_MAX && id->ms == UINT64_MAX)
		return false;
	id->ms += id->seq == UINT64_MAX;
	id->seq++;
	return true;
}

static bool previous_id(struct sim_id *id)
{
	if (id->seq == 0 && id->ms == 0)
		return false;
	id->ms -= id->seq == 0;
	id->seq--;
	return true;
}

/* ------------------------------------------------------------------ trimming ---- */

struct trim {
	enum { TRIM_NONE, TRIM_MAXLEN, TRIM_MINID } by;
	bool about;
	int64_t maxlen;
	struct sim_id minid;
};

/* "MAXLEN|MINID [=|~] threshold" at argv[*i]; leaves *i behind it. */
static bool parse_trim(struct sim_call *c, size_t *i, struct trim *t)
{
	bool sign;

	if (t->by != TRIM_NONE) {
		sim_error(c, "ERR syntax error, MAXLEN and MINID options at the same time are not compatible");
		return false;
	}
	t->by = sim_word_is(c->argv[(*i)++], "MAXLEN") ? TRIM_MAXLEN : TRIM_MINID;
	t->about = *i < c->argc && sim_word_is(c->argv[*i], "~");
	sign = t->about || (*i < c->argc && sim_word_is(c->argv[*i], "="));
	*i += sign && *i + 1 < c->argc;
	if (*i >= c->argc) {
		sim_syntax_error(c);
		return false;
	}
	if (t->by == TRIM_MINID) {
		if (parse_id(c->argv[(*i)++], 0, &t->minid, NULL))
			return true;
		bad_id(c);
		return false;
	}
	if (!sim_arg_i64(c, (*i)++, &t->maxlen))
		return false;
	if (t->maxlen < 0)
		sim_error(c, "ERR The MAXLEN argument must be >= 0.");
	return t->maxlen >= 0;
}

/* Entries from the front that have to go if nothing but whole nodes were no matter. */
static size_t surplus(const struct sim_value *v, const struct trim *t)
{
	size_t n = 0;

	if (t->by == TRIM_MAXLEN)
		return v->n > (uint64_t)t->maxlen ? v->n - (size_t)t->maxlen : 0;
	while (n < v->n && sim_id_cmp(v->entries[n].id, t->minid) < 0)
		n++;
	return n;
}

static size_t trim(struct sim_value *v, const struct trim *t)
{
	size_t n = t->by == TRIM_NONE ? 0 : surplus(v, t);

	/* Down to the first entry of a node. */
	while (t->about && n > 0 && n < v->n && v->entries[n - 1].node == v->entries[n].node)
		n--;
	if (n > 0)
		sim_entries_remove(v, 0, n);
	return n;
}

/* ------------------------------------------------------------------ writing ---- */

struct adding {
	struct trim trim;
	bool no_create, auto_id, auto_seq;
	struct sim_id id;
	size_t first;		/* word of the first field */
};

/* Options, then the id. */
static bool parse_adding(struct sim_call *c, struct adding *a)
{
	size_t i = 2;

	while (i < c->argc) {
		struct vr_str word = c->argv[i];
		if (sim_word_is(word, "*")) {
			a->auto_id = true;
			break;
		}
		if (sim_word_is(word, "NOMKSTREAM")) {
			a->no_create = true;
			i++;
			continue;
		}
		if (!sim_word_is(word, "MAXLEN") && !sim_word_is(word, "MINID"))
			break;
		if (!parse_trim(c, &i, &a->trim))
			return false;
	}
	a->first = i + 1;
	if (i < c->argc && !a->auto_id && !parse_id(c->argv[i], 0, &a->id, &a->auto_seq)) {
		bad_id(c);
		return false;
	}
	if (a->first < c->argc && (c->argc - a->first) % 2 == 0)
		return true;
	sim_arity_error(c);
	return false;
}

/* The id to add with, above the last; false: there is none. */
static bool choose_id(const struct adding *a, struct sim_id last, struct vr_wall now, struct sim_id *ret)
{
	struct sim_id id = a->id;

	if (a->auto_id) {
		id = (struct sim_id){(uint64_t)now.ms, 0};
		if (id.ms <= last.ms) {
			id = last;
			if (!next_id(&id))
				return false;
		}
	} else if (a->auto_seq && id.ms == last.ms) {
		if (last.seq == UINT64_MAX)
			return false;
		id.seq = last.seq + 1;
	}
	*ret = id;
	return sim_id_cmp(id, last) > 0;
}

void sim_xadd(struct sim_call *c)
{
	static const char zero[] = "ERR The ID specified in XADD must be greater than 0-0";
	static const char small[] =
		"ERR The ID specified in XADD is equal or smaller than the target stream top item";
	struct adding a = {0};
	struct sim_value *v;
	struct sim_id id;

	if (!parse_adding(c, &a))
		return;
	if (!a.auto_id && !a.auto_seq && a.id.ms == 0 && a.id.seq == 0) {
		sim_error(c, zero);
		return;
	}
	if (!sim_lookup(c, SIM_STREAM, &v) || (!v && a.no_create))
		return;
	if (!choose_id(&a, v ? v->last : (struct sim_id){0}, c->server->now, &id)) {
		sim_error(c, small);
		return;
	}
	v = sim_lookup_write(c, SIM_STREAM);
	sim_entries_add(v, id, c->argv + a.first, c->argc - a.first);
	(void)trim(v, &a.trim);
	sim_touch(c, c->argv[1]);
	reply_id(c, c->out, id);
}

void sim_xtrim(struct sim_call *c)
{
	struct trim t = {0};
	struct sim_value *v;
	size_t i = 2, n;

	if (!sim_word_is(c->argv[2], "MAXLEN") && !sim_word_is(c->argv[2], "MINID")) {
		sim_syntax_error(c);
		return;
	}
	if (!parse_trim(c, &i, &t))
		return;
	if (i < c->argc) {
		sim_syntax_error(c);
		return;
	}
	if (!sim_lookup(c, SIM_STREAM, &v))
		return;
	n = v ? trim(sim_db_own(sim_db_of(c), v), &t) : 0;
	if (n > 0)
		sim_touch(c, c->argv[1]);
	sim_int(c, (int64_t)n);
}

static bool delete_one(struct sim_call *c, struct sim_value *v, struct vr_str word)
{
	struct sim_id id;

	if (!parse_id(word, 0, &id, NULL))
		return false;
	for (size_t i = 0; i < v->n; i++) {
		if (sim_id_cmp(v->entries[i].id, id) != 0)
			continue;
		sim_entries_remove(sim_db_own(sim_db_of(c), v), i, 1);
		return true;
	}
	return false;
}

void sim_xdel(struct sim_call *c)
{
	struct sim_value *v;
	struct sim_id id;
	int64_t n = 0;

	if (!sim_lookup(c, SIM_STREAM, &v))
		return;
	for (size_t i = 2; v && i < c->argc; i++)
		if (!parse_id(c->argv[i], 0, &id, NULL)) {
			bad_id(c);
			return;
		}
	for (size_t i = 2; v && i < c->argc; i++) {
		n += delete_one(c, v, c->argv[i]);
		v = sim_db_find(sim_db_of(c), c->argv[1]);
	}
	if (n > 0)
		sim_touch(c, c->argv[1]);
	sim_int(c, n);
}

/* ------------------------------------------------------------------ reading ---- */

void sim_xlen(struct sim_call *c)
{
	struct sim_value *v;

	if (sim_lookup(c, SIM_STREAM, &v))
		sim_int(c, v ? (int64_t)v->n : 0);
}

/* An end of an interval: "-", "+", an id, or "(" and an id, which is left out. */
static bool parse_end(struct sim_call *c, struct vr_str s, bool is_start, struct sim_id *ret)
{
	bool open = s.n > 1 && s.p[0] == '(';

	if (s.n == 1 && (s.p[0] == '-' || s.p[0] == '+')) {
		*ret = s.p[0] == '-' ? (struct sim_id){0} : ID_MAX;
		return true;
	}
	if (!parse_id((struct vr_str){s.p + open, s.n - open}, is_start ? 0 : UINT64_MAX, ret, NULL)) {
		bad_id(c);
		return false;
	}
	if (!open || (is_start ? next_id(ret) : previous_id(ret)))
		return true;
	sim_error(c, "ERR invalid %s ID for the interval", is_start ? "start" : "end");
	return false;
}

/* -1: no limit. */
static bool parse_count(struct sim_call *c, int64_t *ret)
{
	*ret = -1;
	for (size_t i = 4; i < c->argc; i += 2) {
		if (!sim_word_is(c->argv[i], "COUNT") || i + 1 >= c->argc) {
			sim_syntax_error(c);
			return false;
		}
		if (!sim_arg_i64(c, i + 1, ret))
			return false;
		*ret = *ret < 0 ? 0 : *ret;
	}
	return true;
}

static void reply_entry(struct sim_call *c, struct vr_reply *to, const struct sim_entry *e)
{
	struct vr_reply *pair = sim_array(c, to, 2), *parts;
	size_t pos = 0;

	reply_id(c, &pair[0], e->id);
	parts = sim_array(c, &pair[1], e->count);
	for (size_t i = 0; i < e->count; i++)
		sim_str(c, &parts[i], sim_entry_part(e, &pos));
}

static void range(struct sim_call *c, bool reverse)
{
	struct sim_id start, end;
	struct sim_value *v;
	struct vr_reply *elem;
	int64_t count;
	size_t n = 0, most;

	if (!parse_end(c, c->argv[reverse ? 3 : 2], true, &start) ||
		!parse_end(c, c->argv[reverse ? 2 : 3], false, &end))
		return;
	if (!parse_count(c, &count) || !sim_lookup(c, SIM_STREAM, &v))
		return;
	if (v && count == 0)
		return;
	most = v && (count < 0 || count > (int64_t)v->n) ? v->n : v ? (size_t)count : 0;
	elem = sim_array(c, c->out, most);
	for (size_t i = 0; v && i < v->n && n < most; i++) {
		const struct sim_entry *e = &v->entries[reverse ? v->n - 1 - i : i];
		if (sim_id_cmp(e->id, start) >= 0 && sim_id_cmp(e->id, end) <= 0)
			reply_entry(c, &elem[n++], e);
	}
	c->out->n = n;
}

void sim_xrange(struct sim_call *c)
{
	range(c, false);
}

void sim_xrevrange(struct sim_call *c)
{
	range(c, true);
}
