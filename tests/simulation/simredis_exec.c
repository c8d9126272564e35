/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands, and what happens to every command before its handler. */
#include <stdlib.h>
#include "simredis_exec.h"

enum {
	AT_ONCE = 1,	/* runs between MULTI and EXEC, too, instead of being queued */
};

struct row {
	const char *name;	/* sorted */
	sim_handler_f *run;
	int arity;		/* words with the name; negative: at least */
	int flags;
};

static const struct row rows[] = {
	{"append", sim_append, 3, 0},
	{"auth", sim_auth, -2, 0},
	{"del", sim_del, -2, 0},
	{"discard", sim_cmd_discard, 1, AT_ONCE},
	{"exec", sim_exec, 1, AT_ONCE},
	{"exists", sim_exists, -2, 0},
	{"flushall", sim_flushall, -1, 0},
	{"flushdb", sim_flushdb, -1, 0},
	{"get", sim_get_, 2, 0},
	{"hdel", sim_hdel, -3, 0},
	{"hget", sim_hget, 3, 0},
	{"hgetall", sim_hgetall, 2, 0},
	{"hlen", sim_hlen, 2, 0},
	{"hmget", sim_hmget, -3, 0},
	{"hset", sim_hset, -4, 0},
	{"hsetnx", sim_hsetnx, 4, 0},
	{"info", sim_info, -1, 0},
	{"keys", sim_keys, 2, 0},
	{"lindex", sim_lindex, 3, 0},
	{"llen", sim_llen, 2, 0},
	{"lrange", sim_lrange, 4, 0},
	{"mget", sim_mget, -2, 0},
	{"multi", sim_multi, 1, AT_ONCE},
	{"ping", sim_ping, -1, 0},
	{"publish", sim_publish, 3, 0},
	{"rename", sim_rename, 3, 0},
	{"rpush", sim_rpush, -3, 0},
	{"sadd", sim_sadd, -3, 0},
	{"scard", sim_scard, 2, 0},
	{"select", sim_select, 2, 0},
	{"set", sim_set, -3, 0},
	{"smembers", sim_smembers, 2, 0},
	{"srem", sim_srem, -3, 0},
	{"strlen", sim_strlen, 2, 0},
	{"swapdb", sim_swapdb, 3, 0},
	{"type", sim_type_, 2, 0},
	{"unlink", sim_del, -2, 0},
	{"unwatch", sim_cmd_unwatch, 1, 0},
	{"watch", sim_cmd_watch, -2, AT_ONCE},
	{"xadd", sim_xadd, -5, 0},
	{"xdel", sim_xdel, -3, 0},
	{"xlen", sim_xlen, 2, 0},
	{"xrange", sim_xrange, -4, 0},
	{"xrevrange", sim_xrevrange, -4, 0},
	{"xtrim", sim_xtrim, -4, 0},
	{"zadd", sim_zadd, -4, 0},
	{"zcard", sim_zcard, 2, 0},
	{"zrange", sim_zrange, -4, 0},
	{"zrangebyscore", sim_zrangebyscore, -4, 0},
	{"zrem", sim_zrem, -3, 0},
	{"zrevrange", sim_zrevrange, -4, 0},
	{"zrevrangebyscore", sim_zrevrangebyscore, -4, 0},
	{"zscore", sim_zscore, 3, 0},
};

static int compare_name(const void *name, const void *row)
{
	return strcmp(name, ((const struct row *)row)->name);
}

/* The row of a name in any case, or NULL. */
static const struct row *find_row(struct vr_str name)
{
	char low[SIM_WORD_MAX];

	if (name.n >= sizeof(low))
		return NULL;
	for (size_t i = 0; i < name.n; i++)
		low[i] = (char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] + ('a' - 'A') : name.p[i]);
	low[name.n] = '\0';
	return bsearch(low, rows, sizeof(rows) / sizeof(rows[0]), sizeof(rows[0]), compare_name);
}

static bool fits(const struct row *row, size_t argc)
{
	return row->arity >= 0 ? argc == (size_t)row->arity : argc >= (size_t)-row->arity;
}

/* ------------------------------------------------------------------ before the handler ---- */

static void unknown_error(struct sim_call *c)
{
	char args[256];
	size_t n = 0;

	for (size_t i = 1; i < c->argc && n < 128; i++) {
		size_t left = 128 - n, take = strnlen(c->argv[i].p, c->argv[i].n < left ? c->argv[i].n : left);
		args[n++] = '\'';
		if (take > 0)
			memcpy(args + n, c->argv[i].p, take);
		n += take;
		args[n++] = '\'';
		args[n++] = ' ';
	}
	sim_error(c, "ERR unknown command '%.*s', with args beginning with: %.*s",
		(int)(c->argv[0].n < 128 ? c->argv[0].n : 128), c->argv[0].p, (int)n, args);
}

/* The fault that was ordered for this command, if any. */
static const char *fault_of(struct sim_redis *s, const char *name)
{
	if (s->fail_left == 0 || (s->fail_command && strcasecmp(s->fail_command, name) != 0))
		return NULL;
	s->fail_left--;
	return s->fail_text;
}

/* A refused EXEC ends the transaction; any other refusal dooms it. */
static void refuse(struct sim_call *c, const char *text)
{
	struct sim_session *x = c->session;

	if (strcmp(c->name, "exec") == 0) {
		sim_discard(x);
		sim_error(c, "EXECABORT Transaction discarded because of: %s", text);
		return;
	}
	x->dirty_exec = x->multi;
	sim_error(c, "%s", text);
}

/* Whether the command may run now; else the reply says why not. */
static bool admit(struct sim_call *c, const struct row *row)
{
	const char *fault;

	if (!row || !fits(row, c->argc)) {
		c->session->dirty_exec = c->session->multi;
		if (row)
			sim_arity_error(c);
		else
			unknown_error(c);
		return false;
	}
	fault = fault_of(c->server, c->name);
	if (fault)
		refuse(c, fault);
	return !fault;
}

static void add_number(struct vr_buf *b, char kind, uint64_t n)
{
	vr_buf_byte(b, (unsigned char)kind);
	vr_buf_u64(b, n);
	vr_buf_c(b, "\r\n");
}

static void enqueue(struct sim_call *c)
{
	struct vr_buf *b = &c->session->queue;

	add_number(b, '*', c->argc);
	for (size_t i = 0; i < c->argc; i++) {
		add_number(b, '$', c->argv[i].n);
		vr_buf_str_add(b, c->argv[i]);
		vr_buf_c(b, "\r\n");
	}
	VR_ASSERT(!b->failed);
	c->session->queued++;
	sim_status(c, "QUEUED");
}

static struct sim_call call_of(struct sim_session *x, size_t argc, struct vr_arena *arena,
	struct vr_reply *out)
{
	*out = (struct vr_reply){.type = VR_REPLY_NIL};
	return (struct sim_call){
		.server = x->server, .session = x, .arena = arena, .argv = x->argv, .argc = argc, .name = "",
			.out = out,
	};
}

/* A command that wrote goes into the history with the database it ran in. */
static void run_row(struct sim_call *c, const struct row *row)
{
	int db = c->session->db;

	row->run(c);
	if (c->wrote)
		sim_history_add(c->server, db, c->argv, c->argc);
}

bool sim_run(struct sim_session *x, size_t argc, struct vr_arena *arena, struct vr_reply *out)
{
	struct sim_call c = call_of(x, argc, arena, out);
	const struct row *row = find_row(c.argv[0]);

	c.name = row->name;
	run_row(&c, row);
	return c.wrote;
}

static void serve(struct sim_session *x, size_t argc, struct vr_arena *arena, struct vr_reply *out)
{
	struct sim_call c = call_of(x, argc, arena, out);
	const struct row *row = find_row(c.argv[0]);

	if (row)
		c.name = row->name;
	if (!admit(&c, row))
		return;
	if (x->multi && !(row->flags & AT_ONCE)) {
		enqueue(&c);
		return;
	}
	run_row(&c, row);
	if (c.wrote)
		sim_history_commit(x->server);
}

/* ------------------------------------------------------------------ requests ---- */

/* "<kind><decimal>\r\n" at *pos. */
static bool parse_head(const char *p, size_t n, size_t *pos, char kind, size_t *ret)
{
	size_t v = 0, i = *pos;

	if (i >= n || p[i] != kind)
		return false;
	for (i++; i < n && p[i] >= '0' && p[i] <= '9' && v <= n; i++)
		v = v * 10 + (size_t)(p[i] - '0');
	if (i == *pos + 1 || n - i < 2 || p[i] != '\r' || p[i + 1] != '\n')
		return false;
	*pos = i + 2;
	*ret = v;
	return true;
}

static bool parse_word(const char *p, size_t n, size_t *pos, struct vr_str *ret)
{
	size_t len;

	if (!parse_head(p, n, pos, '$', &len) || n - *pos < 2 || len > n - *pos - 2)
		return false;
	*ret = (struct vr_str){p + *pos, len};
	*pos += len + 2;
	return p[*pos - 2] == '\r' && p[*pos - 1] == '\n';
}

size_t sim_parse(struct sim_session *x, const char *p, size_t n, size_t *pos)
{
	size_t argc;

	if (!parse_head(p, n, pos, '*', &argc) || argc == 0 || argc > n)
		return 0;
	if (argc > x->argv_cap) {
		x->argv_cap = argc * 2;
		x->argv = sim_realloc(x->argv, x->argv_cap * sizeof(*x->argv));
	}
	for (size_t i = 0; i < argc; i++)
		if (!parse_word(p, n, pos, &x->argv[i]))
			return 0;
	return argc;
}

/* Room for one more reply, of which there are n. */
static struct vr_reply *more_replies(struct vr_arena *arena, struct vr_reply *at, size_t n, size_t *cap)
{
	struct vr_reply *wider;

	if (n < *cap)
		return at;
	*cap *= 2;
	wider = sim_get(arena, *cap * sizeof(*wider));
	memcpy(wider, at, n * sizeof(*wider));
	return wider;
}

enum vr_err sim_execute(struct sim_session *x, const char *resp, size_t n, struct vr_arena *arena,
	struct vr_replies *ret)
{
	size_t cap = 16, count = 0, pos = 0, argc;
	struct vr_reply *at = sim_get(arena, cap * sizeof(*at));

	while (pos < n) {
		argc = sim_parse(x, resp, n, &pos);
		if (argc == 0)
			return VR_E_DECODE;
		at = more_replies(arena, at, count, &cap);
		serve(x, argc, arena, &at[count++]);
	}
	*ret = (struct vr_replies){at, count};
	return VR_OK;
}
