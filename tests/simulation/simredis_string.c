/* SPDX-License-Identifier: Apache-2.0 */
/* Strings, and what goes for keys of any type. */
#include <stdlib.h>
#include "simredis_exec.h"

static struct vr_str text_of(const struct sim_value *v)
{
	return (struct vr_str){v->text, v->n};
}

void sim_get_(struct sim_call *c)
{
	struct sim_value *v;

	if (sim_lookup(c, SIM_STRING, &v) && v)
		sim_str(c, c->out, text_of(v));
}

void sim_mget(struct sim_call *c)
{
	struct vr_reply *elem = sim_array(c, c->out, c->argc - 1);

	for (size_t i = 1; i < c->argc; i++) {
		struct sim_value *v = sim_db_find(sim_db_of(c), c->argv[i]);
		if (v && v->type == SIM_STRING)
			sim_str(c, &elem[i - 1], text_of(v));
	}
}

enum { SET_NX = 1, SET_XX = 2, SET_GET = 4 };

static bool set_flags(struct sim_call *c, int *ret)
{
	static const struct { const char *word; int flag; } words[] = {
		{"NX", SET_NX}, {"XX", SET_XX}, {"GET", SET_GET}};
	int flags = 0;

	for (size_t i = 3; i < c->argc; i++) {
		int flag = 0;
		for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++)
			flag |= sim_word_is(c->argv[i], words[w].word) ? words[w].flag : 0;
		flags |= flag;
		if (!flag || (flags & (SET_NX | SET_XX)) == (SET_NX | SET_XX)) {
			sim_syntax_error(c);
			return false;
		}
	}
	*ret = flags;
	return true;
}

void sim_set(struct sim_call *c)
{
	struct sim_value *v;
	int flags;

	if (!set_flags(c, &flags))
		return;
	if ((flags & SET_GET) && !sim_lookup(c, SIM_STRING, &v))
		return;
	v = sim_db_find(sim_db_of(c), c->argv[1]);
	if ((flags & SET_GET) && v)
		sim_str(c, c->out, text_of(v));
	if (((flags & SET_NX) && v) || ((flags & SET_XX) && !v))
		return;
	v = sim_db_create(sim_db_of(c), c->argv[1], SIM_STRING);
	sim_text_append(v, c->argv[2]);
	sim_touch(c, c->argv[1]);
	if (!(flags & SET_GET))
		sim_status(c, "OK");
}

void sim_append(struct sim_call *c)
{
	struct sim_value *v = sim_lookup_write(c, SIM_STRING);

	if (!v)
		return;
	sim_text_append(v, c->argv[2]);
	sim_touch(c, c->argv[1]);
	sim_int(c, (int64_t)v->n);
}

void sim_strlen(struct sim_call *c)
{
	struct sim_value *v;

	if (sim_lookup(c, SIM_STRING, &v))
		sim_int(c, v ? (int64_t)v->n : 0);
}

/* ------------------------------------------------------------------ keys ---- */

void sim_del(struct sim_call *c)
{
	int64_t n = 0;

	for (size_t i = 1; i < c->argc; i++) {
		if (!sim_db_remove(sim_db_of(c), c->argv[i]))
			continue;
		sim_touch(c, c->argv[i]);
		n++;
	}
	sim_int(c, n);
}

void sim_exists(struct sim_call *c)
{
	int64_t n = 0;

	for (size_t i = 1; i < c->argc; i++)
		n += sim_db_find(sim_db_of(c), c->argv[i]) != NULL;
	sim_int(c, n);
}

void sim_type_(struct sim_call *c)
{
	static const char *const names[] = {[SIM_STRING] = "string", [SIM_HASH] = "hash", [SIM_ZSET] = "zset",
		[SIM_LIST] = "list", [SIM_SET] = "set", [SIM_STREAM] = "stream"};
	const struct sim_value *v = sim_db_find(sim_db_of(c), c->argv[1]);

	sim_status(c, v ? names[v->type] : "none");
}

void sim_rename(struct sim_call *c)
{
	if (!sim_db_find(sim_db_of(c), c->argv[1])) {
		sim_error(c, "ERR no such key");
		return;
	}
	sim_status(c, "OK");
	if (vr_str_eq(c->argv[1], c->argv[2]))
		return;
	sim_db_rename(sim_db_of(c), c->argv[1], c->argv[2]);
	sim_touch(c, c->argv[1]);
	sim_touch(c, c->argv[2]);
}

/* * and ? only. */
static bool matches(struct vr_str pattern, struct vr_str s)
{
	for (; pattern.n > 0; pattern.p++, pattern.n--) {
		if (pattern.p[0] == '*') {
			struct vr_str rest = {pattern.p + 1, pattern.n - 1};
			for (; s.n > 0; s.p++, s.n--)
				if (matches(rest, s))
					return true;
			continue;
		}
		if (s.n == 0 || (pattern.p[0] != '?' && pattern.p[0] != s.p[0]))
			return false;
		s.p++;
		s.n--;
	}
	return s.n == 0;
}

static int compare_str(const void *a, const void *b)
{
	return vr_str_cmp(((const struct vr_reply *)a)->str, ((const struct vr_reply *)b)->str);
}

void sim_keys(struct sim_call *c)
{
	const struct vr_map *map = &sim_db_of(c)->map;
	struct vr_reply *elem = sim_array(c, c->out, map->n);
	const struct sim_value *v;
	size_t pos = 0, n = 0;

	while ((v = vr_map_next(map, &pos)))
		if (matches(c->argv[1], sim_value_key(v)))
			sim_str(c, &elem[n++], sim_value_key(v));
	qsort(elem, n, sizeof(*elem), compare_str);
	c->out->n = n;
}
