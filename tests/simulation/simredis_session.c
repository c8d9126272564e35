/* SPDX-License-Identifier: Apache-2.0 */
/* Commands about the session and the server: SELECT, WATCH, MULTI, EXEC and the like. */
#include <stdlib.h>
#include "simredis_exec.h"

/* ------------------------------------------------------------------ WATCH ---- */

void sim_unwatch(struct sim_session *x)
{
	for (size_t i = 0; i < x->watches_n; i++)
		free((void *)(uintptr_t)x->watches[i].key.p);
	x->watches_n = 0;
	x->dirty_cas = false;
}

static bool is_watched(const struct sim_session *x, struct vr_str key)
{
	for (size_t i = 0; i < x->watches_n; i++)
		if (x->watches[i].db == x->db && vr_str_eq(x->watches[i].key, key))
			return true;
	return false;
}

void sim_watch(struct sim_session *x, struct vr_str key)
{
	char *copy;

	if (is_watched(x, key))
		return;
	if (x->watches_n == x->watches_cap) {
		x->watches_cap = x->watches_cap ? x->watches_cap * 2 : 4;
		x->watches = sim_realloc(x->watches, x->watches_cap * sizeof(*x->watches));
	}
	copy = sim_realloc(NULL, key.n);
	if (key.n > 0)
		memcpy(copy, key.p, key.n);
	x->watches[x->watches_n++] = (struct sim_watch){x->db, {copy, key.n}};
}

void sim_cmd_watch(struct sim_call *c)
{
	if (c->session->multi) {
		sim_error(c, "ERR WATCH inside MULTI is not allowed");
		return;
	}
	for (size_t i = 1; i < c->argc && !c->session->dirty_cas; i++)
		sim_watch(c->session, c->argv[i]);
	sim_status(c, "OK");
}

void sim_cmd_unwatch(struct sim_call *c)
{
	sim_unwatch(c->session);
	sim_status(c, "OK");
}

/* ------------------------------------------------------------------ MULTI ---- */

void sim_discard(struct sim_session *x)
{
	x->multi = x->dirty_exec = false;
	x->queued = 0;
	vr_buf_clear(&x->queue);
	sim_unwatch(x);
}

void sim_multi(struct sim_call *c)
{
	if (c->session->multi) {
		sim_error(c, "ERR MULTI calls can not be nested");
		return;
	}
	c->session->multi = true;
	sim_status(c, "OK");
}

void sim_cmd_discard(struct sim_call *c)
{
	if (!c->session->multi) {
		sim_error(c, "ERR DISCARD without MULTI");
		return;
	}
	sim_discard(c->session);
	sim_status(c, "OK");
}

/* The queue leaves the session first: its commands run like any other, and argv is theirs. */
static void run_queue(struct sim_call *c)
{
	struct sim_session *x = c->session;
	struct vr_buf queue = x->queue;
	struct vr_reply *elem = sim_array(c, c->out, x->queued);
	size_t n = x->queued, pos = 0;
	bool wrote = false;

	vr_buf_init(&x->queue, &x->server->mem);
	sim_discard(x);
	for (size_t i = 0; i < n; i++) {
		size_t argc = sim_parse(x, queue.p, queue.n, &pos);
		wrote |= sim_run(x, argc, c->arena, &elem[i]);
	}
	vr_buf_done(&queue);
	if (wrote)
		sim_history_commit(x->server);
}

void sim_exec(struct sim_call *c)
{
	struct sim_session *x = c->session;
	bool refused = x->dirty_exec, touched = x->dirty_cas;

	if (!x->multi) {
		sim_error(c, "ERR EXEC without MULTI");
		return;
	}
	if (!refused && !touched) {
		run_queue(c);
		return;
	}
	sim_discard(x);
	if (refused)
		sim_error(c, "EXECABORT Transaction discarded because of previous errors.");
}

/* ------------------------------------------------------------------ databases ---- */

void sim_select(struct sim_call *c)
{
	int64_t db;

	if (!sim_arg_i64(c, 1, &db))
		return;
	if (db < 0 || db >= SIM_DBS) {
		sim_error(c, "ERR DB index is out of range");
		return;
	}
	c->session->db = (int)db;
	sim_status(c, "OK");
}

static void swap(struct sim_redis *s, int64_t a, int64_t b)
{
	struct sim_db t = s->db[a];

	s->db[a] = s->db[b];
	s->db[b] = t;
	s->db[a].map.mem = &s->db[a].mem;
	s->db[b].map.mem = &s->db[b].mem;
	sim_touch_all(s, (int)a, &s->db[a], &s->db[b]);
	sim_touch_all(s, (int)b, &s->db[b], &s->db[a]);
}

void sim_swapdb(struct sim_call *c)
{
	int64_t a, b;

	if (!sim_parse_i64(c->argv[1], &a)) {
		sim_error(c, "ERR invalid first DB index");
		return;
	}
	if (!sim_parse_i64(c->argv[2], &b)) {
		sim_error(c, "ERR invalid second DB index");
		return;
	}
	if (a < 0 || a >= SIM_DBS || b < 0 || b >= SIM_DBS) {
		sim_error(c, "ERR DB index is out of range");
		return;
	}
	if (a != b)
		swap(c->server, a, b);
	c->wrote = true;
	sim_status(c, "OK");
}

static void empty(struct sim_redis *s, int db)
{
	sim_touch_all(s, db, &s->db[db], NULL);
	sim_db_done(&s->db[db]);
	sim_db_init(&s->db[db]);
}

static bool flush_words_ok(struct sim_call *c)
{
	if (c->argc == 1)
		return true;
	if (c->argc == 2 && (sim_word_is(c->argv[1], "SYNC") || sim_word_is(c->argv[1], "ASYNC")))
		return true;
	sim_syntax_error(c);
	return false;
}

void sim_flushdb(struct sim_call *c)
{
	if (!flush_words_ok(c))
		return;
	empty(c->server, c->session->db);
	c->wrote = true;
	sim_status(c, "OK");
}

void sim_flushall(struct sim_call *c)
{
	if (!flush_words_ok(c))
		return;
	for (int i = 0; i < SIM_DBS; i++)
		empty(c->server, i);
	c->wrote = true;
	sim_status(c, "OK");
}

/* ------------------------------------------------------------------ the rest ---- */

void sim_ping(struct sim_call *c)
{
	if (c->argc > 2)
		sim_arity_error(c);
	else if (c->argc == 2)
		sim_str(c, c->out, c->argv[1]);
	else
		sim_status(c, "PONG");
}

/* Nobody subscribes. */
void sim_publish(struct sim_call *c)
{
	sim_int(c, 0);
}

void sim_info(struct sim_call *c)
{
	sim_str(c, c->out, VR_STR("# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n"
		"# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n"
		"# Persistence\r\nloading:0\r\naof_enabled:1\r\naof_last_write_status:ok\r\n"
		"# Stats\r\nevicted_keys:0\r\n"
		"# Replication\r\nrole:master\r\n"
		"# Cluster\r\ncluster_enabled:0\r\n"));
}

/* The server has no password. */
void sim_auth(struct sim_call *c)
{
	if (c->argc > 3)
		sim_syntax_error(c);
	else if (c->argc == 3 && sim_word_is(c->argv[1], "default"))
		sim_status(c, "OK");
	else if (c->argc == 3)
		sim_error(c, "WRONGPASS invalid username-password pair or user is disabled.");
	else
		sim_error(c, "ERR AUTH <password> called without any password configured for the default user. "
			"Are you sure your configuration is correct?");
}
