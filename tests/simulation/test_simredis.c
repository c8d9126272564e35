/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated server against a real one: the same random commands, the same replies, the same state.
 *
 * The seed is printed; SIM_SEED sets another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "random_commands.h"
#include "redis_server.h"
#include "simredis.h"

#define SESSIONS 4
#define SEED_DEFAULT 20240607

static const char *const mixed[] = {
	"SET S v", "SET S v", "SET S v NX", "SET S v XX", "SET S v GET", "SET S v NX XX", "GET S", "GET S",
		"APPEND S v", "STRLEN S",
	"MGET K K K", "SET K v", "DEL K", "DEL K K", "UNLINK K", "EXISTS K K K", "TYPE K", "RENAME K K",
	"HSET H f v", "HSET H f v f v f v", "HSET H f v f", "HSETNX H f v", "HGET H f", "HMGET H f f f",
		"HGETALL H", "HDEL H f", "HDEL H f f", "HLEN H",
	"SADD E v", "SADD E v v v", "SREM E v", "SREM E v v", "SCARD E", "SMEMBERS E",
	"RPUSH L v", "RPUSH L v v", "LRANGE L i i", "LRANGE L 0 -1", "LLEN L", "LINDEX L i", "LINDEX L v",
	"ZADD Z d v", "ZADD Z d v d v d v", "ZADD Z NX d v", "ZADD Z XX CH d v", "ZADD Z GT CH d v",
		"ZADD Z LT d v d v", "ZADD Z NX GT d v",
	"ZADD Z NX XX d v", "ZADD Z v v", "ZADD Z d v d", "ZREM Z v v", "ZSCORE Z v", "ZCARD Z", "ZRANGE Z i i",
		"ZRANGE Z 0 -1 WITHSCORES",
	"ZRANGE Z i i REV WITHSCORES", "ZRANGE Z b b BYSCORE", "ZRANGE Z b b BYSCORE REV WITHSCORES",
		"ZRANGE Z -inf +inf BYSCORE LIMIT i i",
	"ZRANGE Z b +inf BYSCORE LIMIT 1 2 WITHSCORES", "ZRANGE Z i i LIMIT 0 1", "ZRANGEBYSCORE Z b b",
		"ZRANGEBYSCORE Z -inf b WITHSCORES LIMIT i i",
	"ZREVRANGE Z i i WITHSCORES", "ZREVRANGEBYSCORE Z +inf b LIMIT 0 i", "ZREVRANGE Z i i BYSCORE",
	"XADD X I f g", "XADD X I f g f g", "XADD X MAXLEN n I f g", "XADD X NOMKSTREAM I f g", "XADD X I f",
		"XLEN X", "XRANGE X - +",
	"XRANGE X J J", "XREVRANGE X J J COUNT i", "XREVRANGE X + - COUNT 2", "XTRIM X MAXLEN n", "XDEL X I I",
	"PUBLISH f v", "PING", "PING v", "PING v v", "SELECT D", "SELECT D", "SELECT v", "SELECT 99",
		"SWAPDB D D", "SWAPDB D v", "SWAPDB 1 77",
	"FLUSHDB", "FLUSHDB SYNC", "FLUSHDB x", "KEYS *", "NOSUCH v v", "GET", "HSET H", "EXISTS", "AUTH v",
		"AUTH f v",
	"WATCH K", "WATCH K K", "WATCH K", "WATCH S H", "UNWATCH", "MULTI", "MULTI", "MULTI", "EXEC", "DISCARD",
		NULL,
};

static const char *const streams[] = {
	"XADD X I f g", "XADD X I f g", "XADD X I f g", "XADD X I f g f g", "XADD X I f g f g", "XADD X A f g",
		"XADD X MAXLEN ~ n I f g",
	"XADD X MAXLEN = n I f g", "XADD X MINID ~ I I f g", "XADD X MAXLEN n MINID n I f g",
		"XADD X MAXLEN ~ I f g", "XADD X NOMKSTREAM I f g",
	"XADD X v f g", "XADD X 0-0 f g", "XADD X MAXLEN -1 I f g", "XLEN X", "XRANGE X J J COUNT n",
		"XREVRANGE X J J COUNT n", "XRANGE X - + COUNT 0",
	"XRANGE X J J", "XRANGE X v +", "XRANGE X - + COUNT", "XTRIM X MAXLEN ~ n", "XTRIM X MAXLEN n",
		"XTRIM X MINID ~ J", "XTRIM X MINID J",
	"XTRIM X MAXLEN", "XTRIM X f n", "XTRIM X MAXLEN n n", "XDEL X J J", "XDEL X J v", "XDEL X I", "XLEN X",
		"TYPE X",
	"MULTI", "EXEC", "WATCH X", NULL,
};

/* ------------------------------------------------------------------ both servers ---- */

struct pair {
	struct vr_redis *redis[SESSIONS];
	struct sim_session *session[SESSIONS];
	bool multi[SESSIONS];
};

struct scene {
	struct redis_server *server;
	struct sim_redis *sim;
	struct pair p;
	struct vr_mem mem;
	struct vr_arena arena;
	struct vr_cmds cmds;
	struct maker maker;
	uint64_t ran, conflicts, aborts;	/* EXECs by outcome */
};

static void open_scene(struct scene *s, uint64_t seed)
{
	*s = (struct scene){.server = redis_server_start(NULL), .sim = sim_redis_new(), .mem = vr_mem_heap()};
	s->maker.random = seed;
	vr_arena_init(&s->arena, &s->mem, 0);
	vr_cmds_init(&s->cmds, &s->mem);
	for (int i = 0; i < SESSIONS; i++) {
		struct vr_redis_config config = {.unix_path = vr_str_c(s->server->socket)};
		assert_int_equal(vr_redis_new(&config, &s->p.redis[i]), VR_OK);
		s->p.session[i] = sim_session_new(s->sim);
	}
}

static void close_scene(struct scene *s)
{
	for (int i = 0; i < SESSIONS; i++) {
		vr_redis_free(s->p.redis[i]);
		sim_session_free(s->p.session[i]);
	}
	vr_cmds_done(&s->cmds);
	vr_arena_done(&s->arena);
	sim_redis_free(s->sim);
	redis_server_stop(s->server);
	assert_int_equal(s->mem.used, 0);
}

static void print_reply(struct vr_buf *b, const struct vr_reply *r)
{
	static const char *const names[] = {"nil", "+", "-", ":", "$", "*"};
	char code[8];

	vr_buf_c(b, names[r->type]);
	vr_buf_i64(b, r->type == VR_REPLY_ARRAY ? (int64_t)r->n : r->integer);
	for (size_t i = 0; i < r->str.n; i++) {
		unsigned char ch = (unsigned char)r->str.p[i];
		(void)snprintf(code, sizeof(code), ch > 31 && ch < 127 ? "%c" : "\\x%02x", ch);
		vr_buf_c(b, code);
	}
	vr_buf_byte(b, ' ');
	for (size_t i = 0; i < r->n; i++)
		print_reply(b, &r->elem[i]);
}

static int compare_reply(const void *a, const void *b)
{
	return vr_str_cmp(((const struct vr_reply *)a)->str, ((const struct vr_reply *)b)->str);
}

/* Where a real server promises no order. */
static void sort_reply(struct vr_reply *r, const char *pattern)
{
	if (r->type == VR_REPLY_ARRAY && (strncmp(pattern, "SMEMBERS", 8) == 0 || strncmp(pattern, "KEYS",
		4) == 0))
		qsort(r->elem, r->n, sizeof(*r->elem), compare_reply);
}

static void expect_same(struct scene *s, struct vr_reply *real, struct vr_reply *sim, const char *pattern)
{
	struct vr_buf a, b;

	vr_buf_init(&a, &s->mem);
	vr_buf_init(&b, &s->mem);
	sort_reply(real, pattern);
	sort_reply(sim, pattern);
	print_reply(&a, real);
	print_reply(&b, sim);
	vr_buf_byte(&a, '\0');
	vr_buf_byte(&b, '\0');
	if (strcmp(a.p, b.p) != 0)
		fail_msg("step %" PRIu64 ", %s\n real %s\n sim  %s\n %.*s", s->maker.step, pattern, a.p, b.p,
			(int)s->cmds.buf.n, s->cmds.buf.p);
	vr_buf_done(&a);
	vr_buf_done(&b);
}

/* Replies whose order is not promised are only asked for where they are told apart: outside MULTI. */
static const char *choose(struct scene *s, const char *const *patterns, int who)
{
	const char *pattern;
	size_t n = 0;

	if (s->p.multi[who] && maker_below(&s->maker, 6) == 0)
		return "EXEC";
	while (patterns[n])
		n++;
	pattern = patterns[maker_below(&s->maker, n)];
	if (strncmp(pattern, "FLUSHDB", 7) == 0 && maker_below(&s->maker, 4) > 0)
		return "DISCARD";
	if (s->p.multi[who] && (strncmp(pattern, "SMEMBERS", 8) == 0 || strncmp(pattern, "KEYS", 4) == 0))
		return "PING";
	return pattern;
}

static void follow(struct scene *s, int who, const char *pattern, const struct vr_reply *r)
{
	if (strcmp(pattern, "MULTI") == 0 && r->type == VR_REPLY_STATUS)
		s->p.multi[who] = true;
	if (strcmp(pattern, "DISCARD") == 0)
		s->p.multi[who] = false;
	if (strcmp(pattern, "EXEC") != 0 || !s->p.multi[who])
		return;
	s->p.multi[who] = false;
	s->ran += r->type == VR_REPLY_ARRAY && r->n > 0;
	s->conflicts += r->type == VR_REPLY_NIL;
	s->aborts += r->type == VR_REPLY_ERROR;
}

static void step(struct scene *s, const char *const *patterns)
{
	int who = (int)maker_below(&s->maker, SESSIONS);
	const char *pattern = choose(s, patterns, who);
	struct vr_link real = vr_redis_link(s->p.redis[who]), sim = sim_session_link(s->p.session[who]);
	struct vr_replies a, b;
	struct vr_diag d;

	vr_arena_reset(&s->arena);
	vr_cmds_clear(&s->cmds);
	maker_add(&s->maker, &s->cmds, pattern);
	assert_int_equal(real.exchange(real.ctx, &s->cmds, &s->arena, &a, &d), VR_OK);
	assert_int_equal(sim.exchange(sim.ctx, &s->cmds, &s->arena, &b, &d), VR_OK);
	assert_int_equal(a.n, b.n);
	expect_same(s, &a.at[0], &b.at[0], pattern);
	follow(s, who, pattern, &a.at[0]);
	s->maker.step++;
}

/* ------------------------------------------------------------------ the same state ---- */

static struct vr_reply *ask(struct scene *s, struct vr_link link, const char *pattern, struct vr_str key)
{
	struct vr_cmds c;
	struct vr_replies r;
	struct vr_diag d;

	vr_cmds_init(&c, &s->mem);
	vr_cmd(&c, strchr(pattern, ' ') ? (uint32_t)4 : 2, strtok(strdupa(pattern), " "));
	vr_cmd_str(&c, key);
	if (strchr(pattern, ' '))
		for (char *w = strtok(NULL, " "); w; w = strtok(NULL, " "))
			vr_cmd_c(&c, w);
	assert_int_equal(link.exchange(link.ctx, &c, &s->arena, &r, &d), VR_OK);
	vr_cmds_done(&c);
	return &r.at[0];
}

static const char *reader_of(struct vr_str type)
{
	static const char *const readers[][2] = {{"string", "GET"}, {"hash", "HGETALL"}, {"set", "SMEMBERS"},
		{"list", "LRANGE 0 -1"},
		{"zset", "ZREVRANGE 0 -1"}, {"stream", "XRANGE - +"}};

	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
		if (vr_str_eq(type, vr_str_c(readers[i][0])))
			return readers[i][1];
	return NULL;
}

/* All of one database, read by commands. */
static void read_db(struct scene *s, struct vr_link link, int db, struct vr_buf *b)
{
	char number[8];
	struct vr_reply *keys;

	(void)snprintf(number, sizeof(number), "%d", db);
	assert_int_equal(ask(s, link, "SELECT", vr_str_c(number))->type, VR_REPLY_STATUS);
	keys = ask(s, link, "KEYS", VR_STR("*"));
	sort_reply(keys, "KEYS");
	print_reply(b, keys);
	for (size_t i = 0; i < keys->n; i++) {
		const char *reader = reader_of(ask(s, link, "TYPE", keys->elem[i].str)->str);
		struct vr_reply *value = ask(s, link, reader, keys->elem[i].str);
		sort_reply(value, reader);
		print_reply(b, value);
		vr_buf_byte(b, '\n');
	}
}

static void expect_same_state(struct scene *s)
{
	struct vr_redis_config config = {.unix_path = vr_str_c(s->server->socket)};
	struct sim_session *x = sim_session_new(s->sim);
	struct vr_redis *r;
	struct vr_buf a, b;

	vr_arena_reset(&s->arena);
	assert_int_equal(vr_redis_new(&config, &r), VR_OK);
	vr_buf_init(&a, &s->mem);
	vr_buf_init(&b, &s->mem);
	for (int db = 0; db < DATABASES; db++) {
		read_db(s, vr_redis_link(r), db, &a);
		read_db(s, sim_session_link(x), db, &b);
	}
	assert_true(a.n > 100);
	assert_int_equal(a.n, b.n);
	assert_memory_equal(a.p, b.p, a.n);
	vr_buf_done(&a);
	vr_buf_done(&b);
	vr_redis_free(r);
	sim_session_free(x);
}

static uint64_t seed_of(uint64_t more)
{
	const char *said_seed = getenv("SIM_SEED");
	uint64_t seed = (said_seed ? strtoull(said_seed, NULL, 10) : SEED_DEFAULT) + more;

	print_message("seed %" PRIu64 "\n", seed - more);
	return seed;
}

static void compare(const char *const *patterns, uint64_t steps, uint64_t seed, uint64_t least)
{
	struct scene s;

	open_scene(&s, seed_of(seed));
	for (uint64_t i = 0; i < steps; i++) {
		step(&s, patterns);
		if (i % 1000 == 999)
			expect_same_state(&s);
	}
	expect_same_state(&s);
	print_message("EXEC: %" PRIu64 " ran, %" PRIu64 " conflicts, %" PRIu64 " aborts; %" PRIu64 " committed\n",
		s.ran, s.conflicts, s.aborts, sim_redis_committed(s.sim));
	assert_true(s.ran >= least && s.conflicts >= least && s.aborts >= least);
	close_scene(&s);
}

static void mixed_commands(void **state)
{
	(void)state;
	compare(mixed, 20000, 0, 20);
}

static void stream_commands(void **state)
{
	(void)state;
	compare(streams, 8000, 1, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mixed_commands),
		cmocka_unit_test(stream_commands),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
