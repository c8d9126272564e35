/* SPDX-License-Identifier: Apache-2.0 */
/* What handlers use: replies, arguments, keys. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "simredis_exec.h"

#define ERROR_MAX 512
#define F64_MAX 128

/* ------------------------------------------------------------------ replies ---- */

void *sim_get(struct vr_arena *arena, size_t n)
{
	void *p = vr_arena_alloc(arena, n);

	VR_ASSERT(p);
	return p;
}

static struct vr_str keep(struct sim_call *c, struct vr_str s)
{
	char *p = sim_get(c->arena, s.n + 1);

	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return (struct vr_str){p, s.n};
}

void sim_status(struct sim_call *c, const char *text)
{
	*c->out = (struct vr_reply){.type = VR_REPLY_STATUS, .str = keep(c, vr_str_c(text))};
}

void sim_error(struct sim_call *c, const char *fmt, ...)
{
	char text[ERROR_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; (p = strpbrk(p, "\r\n")) != NULL;)
		*p = ' ';
	*c->out = (struct vr_reply){.type = VR_REPLY_ERROR, .str = keep(c, vr_str_c(text))};
}

void sim_syntax_error(struct sim_call *c)
{
	sim_error(c, "ERR syntax error");
}

void sim_arity_error(struct sim_call *c)
{
	sim_error(c, "ERR wrong number of arguments for '%s' command", c->name);
}

void sim_int(struct sim_call *c, int64_t v)
{
	*c->out = (struct vr_reply){.type = VR_REPLY_INT, .integer = v};
}

void sim_str(struct sim_call *c, struct vr_reply *to, struct vr_str s)
{
	*to = (struct vr_reply){.type = VR_REPLY_STR, .str = keep(c, s)};
}

void sim_double(struct sim_call *c, struct vr_reply *to, double v)
{
	char text[F64_MAX];

	if (isinf(v))
		(void)snprintf(text, sizeof(text), v > 0 ? "inf" : "-inf");
	else
		(void)snprintf(text, sizeof(text), "%.17g", v);
	sim_str(c, to, vr_str_c(text));
}

struct vr_reply *sim_array(struct sim_call *c, struct vr_reply *to, size_t n)
{
	struct vr_reply *elem = sim_get(c->arena, n * sizeof(*elem));

	if (n > 0)
		memset(elem, 0, n * sizeof(*elem));
	*to = (struct vr_reply){.type = VR_REPLY_ARRAY, .elem = elem, .n = n};
	return elem;
}

/* ------------------------------------------------------------------ arguments ---- */

bool sim_word_is(struct vr_str s, const char *word)
{
	return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

bool sim_parse_i64(struct vr_str s, int64_t *ret)
{
	struct vr_reply r = {.type = VR_REPLY_STR, .str = s};
	size_t sign = s.n > 0 && s.p[0] == '-';

	if (s.n > sign && s.p[sign] == '0' && s.n != 1)
		return false;
	return vr_reply_i64(&r, ret);
}

bool sim_parse_f64(struct vr_str s, double *ret)
{
	char text[F64_MAX], *end;
	double v;

	if (s.n == 0 || s.n >= sizeof(text) || memchr(s.p, '\0', s.n) || strchr(" \t\n\v\f\r", s.p[0]))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	errno = 0;
	v = strtod(text, &end);
	if (*end != '\0' || isnan(v) || (errno == ERANGE && (isinf(v) || v == 0)))
		return false;
	*ret = v;
	return true;
}

bool sim_arg_i64(struct sim_call *c, size_t i, int64_t *ret)
{
	if (sim_parse_i64(c->argv[i], ret))
		return true;
	sim_error(c, "ERR value is not an integer or out of range");
	return false;
}

/* ------------------------------------------------------------------ keys ---- */

bool sim_lookup(struct sim_call *c, enum sim_type type, struct sim_value **ret)
{
	struct sim_value *v = sim_db_find(sim_db_of(c), c->argv[1]);

	if (v && v->type != type) {
		sim_error(c, "WRONGTYPE Operation against a key holding the wrong kind of value");
		return false;
	}
	*ret = v;
	return true;
}

struct sim_value *sim_lookup_write(struct sim_call *c, enum sim_type type)
{
	struct sim_value *v;

	if (!sim_lookup(c, type, &v))
		return NULL;
	return v ? sim_db_own(sim_db_of(c), v) : sim_db_create(sim_db_of(c), c->argv[1], type);
}

static void mark_watching(struct sim_session *x, int db, struct vr_str key)
{
	for (size_t i = 0; i < x->watches_n && !x->dirty_cas; i++)
		x->dirty_cas = x->watches[i].db == db && vr_str_eq(x->watches[i].key, key);
}

void sim_touch(struct sim_call *c, struct vr_str key)
{
	for (struct sim_session *x = c->server->sessions; x; x = x->next)
		mark_watching(x, c->session->db, key);
	c->wrote = true;
}

void sim_touch_shrunk(struct sim_call *c, struct sim_value *v)
{
	sim_touch(c, c->argv[1]);
	if (v->n == 0)
		(void)sim_db_remove(sim_db_of(c), c->argv[1]);
}

static void mark_emptied(struct sim_session *x, int db, const struct sim_db *a, const struct sim_db *b)
{
	for (size_t i = 0; i < x->watches_n; i++) {
		const struct sim_watch *w = &x->watches[i];
		if (w->db == db && (sim_db_find(a, w->key) || (b && sim_db_find(b, w->key))))
			x->dirty_cas = true;
	}
}

void sim_touch_all(struct sim_redis *s, int db, const struct sim_db *a, const struct sim_db *b)
{
	for (struct sim_session *x = s->sessions; x; x = x->next)
		mark_emptied(x, db, a, b);
}

size_t sim_range(size_t n, int64_t start, int64_t stop, size_t *ret_from)
{
	int64_t len = (int64_t)n;

	start = start < 0 ? start + len : start;
	stop = stop < 0 ? stop + len : stop;
	start = start < 0 ? 0 : start;
	stop = stop >= len ? len - 1 : stop;
	if (start > stop || start >= len)
		return 0;
	*ret_from = (size_t)start;
	return (size_t)(stop - start + 1);
}
