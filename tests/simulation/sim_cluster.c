/* SPDX-License-Identifier: Apache-2.0 */
/* sim_cluster.c - the Redis that daemons reach: a master, perhaps a deposed one, and what is on the way to
 * them. */
#include "sim.h"

#include <stdarg.h>
#include <stdlib.h>
#include "sim_check.h"

/* ------------------------------------------------------------------ servers ---- */

static struct sim_server *add_server(struct sim *s, struct sim_redis *redis)
{
	VR_ASSERT(s->servers < SIM_SERVERS);
	struct sim_server *v = &s->server[s->servers++];
	struct sim_check *check = v->check, *other = v->other;
	*v = (struct sim_server){.redis = redis, .admin = sim_session_new(redis), .check = check, .other = other};
	if (!v->check) {
		v->check = sim_check_new(s);
		v->other = sim_check_new(s);
	}
	sim_check_reset(v->check);
	sim_check_reset(v->other);
	return v;
}

void sim_cluster_start(struct sim *s)
{
	s->servers = s->current = s->orphans = 0;
	s->old = -1;
	memset(s->conn, 0, sizeof(s->conn));
	(void)add_server(s, sim_redis_new());
	for (int p = 0; p < SIM_PARTS; p++)
		sim_admin(s, sim_master(s), SIM_LIVE_DB, "HSET", "vir:" SIM_TOPIC ":begin", p ? "1" : "0", "0", NULL);
}

void sim_cluster_end(struct sim *s)
{
	for (size_t i = 0; i < s->orphans; i++)
		free(s->orphan[i].bytes);
	for (size_t i = 0; i < SIM_CONNS; i++)
		sim_session_free(s->conn[i].session);
	for (size_t i = 0; i < s->servers; i++) {
		sim_session_free(s->server[i].admin);
		sim_redis_free(s->server[i].redis);
		sim_check_reset(s->server[i].check);
		sim_check_reset(s->server[i].other);
	}
}

int64_t sim_stored_off(const struct sim *s, const struct sim_server *v, int part)
{
	struct sim_own own;
	sim_own_read(s, v, part, &own);
	return own.exists ? own.off : -1;
}

/* ------------------------------------------------------------------ what a loss takes with it ---- */

static void forget_after(struct sim_server *v, uint64_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < v->n_gen; i++)
		if (v->gen[i].txn <= n)
			v->gen[kept++] = v->gen[i];
	v->n_gen = kept;
	kept = 0;
	for (size_t i = 0; i < v->n_gap; i++)
		if (v->gap[i].txn <= n)
			v->gap[kept++] = v->gap[i];
	v->n_gap = kept;
}

void sim_gaps_note(struct sim *s, struct sim_server *v)
{
	for (int p = 0; p < SIM_PARTS; p++) {
		const struct sim_log *log = sim_log_of(s, p);
		int64_t off = sim_stored_off(s, v, p);
		if (off < 0 || off >= log->first || sim_check_log(v, p) != log)
			continue;
		if (v->n_gap == SIM_GAPS)
			continue;
		v->gap[v->n_gap++] = (struct sim_gap){sim_redis_committed(v->redis), p, log, off, log->first};
		s->stops[p] |= UINT64_C(1) << VR_E_GAP;
	}
}

/* Perhaps what was written over is as it was. */
static bool is_spoiled(const struct sim_server *v, int part, const char *name, enum sim_type type)
{
	const struct sim_value *value = sim_own_key(v, SIM_LIVE_DB, part, name);
	return value && value->type != type;
}

/* After a loss: what is there now is checked whole, and what follows from it is expected. */
static void look_again(struct sim *s, struct sim_server *v)
{
	sim_check_reset(v->check);
	sim_check_reset(v->other);
	sim_check_relog(s, v);
	memcpy(v->vandalised, v->ever_vandalised, sizeof(v->vandalised));
	for (int p = 0; p < SIM_PARTS; p++) {
		v->poisoned[p] = is_spoiled(v, p, "part", SIM_HASH) || is_spoiled(v, p, "timers", SIM_ZSET);
		if (sim_stored_off(s, v, p) < 0)
			s->stops[p] |= UINT64_C(1) << VR_E_STATE_LOST | UINT64_C(1) << VR_E_GROWTH;
		sim_check_part(s, v, p);
		sim_check_turn(v, SIM_SPARE_DB);
		sim_check_part(s, v, p);
		sim_check_turn(v, SIM_LIVE_DB);
	}
	sim_gaps_note(s, v);
}

static uint64_t draw_loss(struct sim *s, const struct sim_server *v)
{
	uint64_t n = sim_redis_committed(v->redis), most = n - 1; /* the first wrote `begin` */
	uint64_t lost =
		n < 2 || sim_once_in(s, 3)
			? 0
			: vr_random_below(&s->random, sim_once_in(s, 10) ? most + 1 : (most < 12 ? most : 12) + 1);
	return n - lost;
}

static void offsets(const struct sim *s, const struct sim_server *v, int64_t *off)
{
	for (int p = 0; p < SIM_PARTS; p++)
		off[p] = sim_stored_off(s, v, p);
}

static void note_back(struct sim *s, const struct sim_server *v, const int64_t *before)
{
	for (int p = 0; p < SIM_PARTS; p++)
		s->totals->hit[SIM_HIT_STORED_BACK] += sim_stored_off(s, v, p) < before[p];
}

void sim_cluster_promote(struct sim *s)
{
	if (s->servers == SIM_SERVERS || s->old >= 0)
		return;
	struct sim_server *from = sim_master(s);
	int64_t before[SIM_PARTS];
	offsets(s, from, before);
	uint64_t n = draw_loss(s, from);
	s->totals->hit[n < sim_redis_committed(from->redis) ? SIM_HIT_FAILOVER_LOSS : SIM_HIT_FAILOVER]++;
	sim_tell(s, "promote a replica with %llu of %llu transactions", (unsigned long long)n,
		(unsigned long long)sim_redis_committed(from->redis));
	struct sim_server *v = add_server(s, sim_redis_clone_at(from->redis, n));
	memcpy(v->gen, from->gen, sizeof(v->gen));
	memcpy(v->gap, from->gap, sizeof(v->gap));
	memcpy(v->poisoned, from->poisoned, sizeof(v->poisoned));
	memcpy(v->ever_vandalised, from->ever_vandalised, sizeof(v->ever_vandalised));
	memcpy(v->minutes_lost, from->minutes_lost, sizeof(v->minutes_lost));
	v->n_gen = from->n_gen;
	v->n_gap = from->n_gap;
	forget_after(v, n);
	s->old = (int)s->current;
	s->current = s->servers - 1;
	note_back(s, v, before);
	look_again(s, v);
}

/* What is on the way to it never arrives. */
static void drop_orphans_of(struct sim *s, const struct sim_server *v)
{
	for (size_t i = s->orphans; i-- > 0;)
		if (s->orphan[i].conn->server == v) {
			sim_conn_close(s, s->orphan[i].conn);
			free(s->orphan[i].bytes);
			s->orphan[i] = s->orphan[--s->orphans];
		}
}

void sim_cluster_depose(struct sim *s)
{
	if (s->old < 0)
		return;
	sim_tell(s, "the old master is gone");
	drop_orphans_of(s, &s->server[s->old]);
	sim_redis_kill_sessions(s->server[s->old].redis);
	s->old = -1;
}

void sim_cluster_restart(struct sim *s)
{
	struct sim_server *v = sim_master(s);
	int64_t before[SIM_PARTS];
	offsets(s, v, before);
	uint64_t n = draw_loss(s, v);
	s->totals->hit[n < sim_redis_committed(v->redis) ? SIM_HIT_RESTART_LOSS : SIM_HIT_RESTART]++;
	s->lost |= n < sim_redis_committed(v->redis);
	sim_tell(s, "Redis starts again with %llu of %llu transactions", (unsigned long long)n,
		(unsigned long long)sim_redis_committed(v->redis));
	drop_orphans_of(s, v);
	sim_session_free(v->admin);
	sim_redis_rollback(v->redis, n);
	v->admin = sim_session_new(v->redis);
	forget_after(v, n);
	note_back(s, v, before);
	look_again(s, v);
}

void sim_cluster_wipe(struct sim *s)
{
	struct sim_server *v = sim_master(s);
	s->totals->hit[SIM_HIT_WIPE]++;
	sim_tell(s, "Redis is wiped");
	drop_orphans_of(s, v);
	sim_session_free(v->admin);
	sim_redis_wipe(v->redis);
	v->admin = sim_session_new(v->redis);
	v->n_gen = v->n_gap = 0;
	memset(v->poisoned, 0, sizeof(v->poisoned));
	memset(v->vandalised, 0, sizeof(v->vandalised));
	memset(v->ever_vandalised, 0, sizeof(v->ever_vandalised));
	memset(v->minutes_lost, 0, sizeof(v->minutes_lost));
	look_again(s, v);
	if (sim_once_in(s, 3)) {
		s->totals->hit[SIM_HIT_BEGIN_LOST]++;
		return;
	}
	for (int p = 0; p < SIM_PARTS; p++)
		sim_admin(s, v, SIM_LIVE_DB, "HSET", "vir:" SIM_TOPIC ":begin", p ? "1" : "0", "0", NULL);
}

/* ------------------------------------------------------------------ connections ---- */

struct sim_conn *sim_conn_open(struct sim *s, int db)
{
	for (size_t i = 0; i < SIM_CONNS; i++) {
		struct sim_conn *c = &s->conn[i];
		if (c->session)
			continue;
		*c = (struct sim_conn){
			.server = sim_master(s), .session = sim_session_new(sim_master(s)->redis), .refs = 1, .db = db};
		c->session->db = db;
		return c;
	}
	return NULL;
}

void sim_conn_close(struct sim *s, struct sim_conn *c)
{
	(void)s;
	if (c && --c->refs == 0) {
		sim_session_free(c->session);
		c->session = NULL;
	}
}

bool sim_conn_dead(const struct sim_conn *c)
{
	return sim_session_killed(c->session);
}

void sim_execute_on(struct sim *s, struct sim_conn *c, const char *bytes, size_t n, struct vr_arena *arena,
	struct vr_replies *ret)
{
	struct sim_server *v = c->server;
	uint64_t before = sim_redis_committed(v->redis);
	sim_redis_set_clock(v->redis, sim_wall(s));
	VR_ASSERT(sim_execute(c->session, bytes, n, arena, ret) == VR_OK);
	if (sim_redis_committed(v->redis) == before)
		return;
	s->commits++;
	s->totals->hit[SIM_HIT_SPLIT_COMMIT] += s->old >= 0 && v == &s->server[s->old];
	sim_check_commit(s, v, c->db, bytes, n);
}

static void add_word(struct vr_buf *b, const char *word)
{
	vr_buf_byte(b, '$');
	vr_buf_u64(b, strlen(word));
	vr_buf_c(b, "\r\n");
	vr_buf_c(b, word);
	vr_buf_c(b, "\r\n");
}

void sim_admin(struct sim *s, struct sim_server *v, int db, ...)
{
	char number[8];
	struct vr_buf words, all;
	unsigned n = 0;
	va_list ap;
	vr_buf_init(&words, &s->heap);
	vr_buf_init(&all, &s->heap);
	va_start(ap, db);
	for (const char *w = va_arg(ap, const char *); w; w = va_arg(ap, const char *), n++)
		add_word(&words, w);
	va_end(ap);
	(void)snprintf(number, sizeof(number), "%d", db);
	vr_buf_c(&all, "*2\r\n");
	add_word(&all, "SELECT");
	add_word(&all, number);
	vr_buf_byte(&all, '*');
	vr_buf_u64(&all, n);
	vr_buf_c(&all, "\r\n");
	vr_buf_str_add(&all, vr_buf_str(&words));
	struct vr_replies r;
	vr_arena_reset(&s->scratch);
	sim_redis_set_clock(v->redis, sim_wall(s));
	VR_ASSERT(sim_execute(v->admin, all.p, all.n, &s->scratch, &r) == VR_OK);
	VR_ASSERT(r.at[1].type != VR_REPLY_ERROR);
	vr_buf_done(&words);
	vr_buf_done(&all);
}

/* ------------------------------------------------------------------ on the way ---- */

void sim_orphan_add(struct sim *s, struct sim_conn *c, const char *bytes, size_t n)
{
	if (s->orphans == SIM_ORPHANS || sim_conn_dead(c))
		return;
	char *copy = malloc(n);
	VR_ASSERT(copy);
	memcpy(copy, bytes, n);
	c->refs++;
	s->orphan[s->orphans++] = (struct sim_orphan){c, copy, n};
}

void sim_orphan_run(struct sim *s, size_t i)
{
	struct sim_orphan o = s->orphan[i];
	struct vr_replies r;
	s->orphan[i] = s->orphan[--s->orphans];
	if (!sim_conn_dead(o.conn)) {
		uint64_t before = sim_redis_committed(o.conn->server->redis);
		sim_tell(s, "late: %zu bytes arrive", o.n);
		vr_arena_reset(&s->scratch);
		sim_execute_on(s, o.conn, o.bytes, o.n, &s->scratch, &r);
		bool is_exec = o.n > 5 && memmem(o.bytes, o.n, "EXEC", 4) != NULL;
		s->totals->hit[SIM_HIT_LATE_EXEC] += is_exec;
		s->totals->hit[SIM_HIT_LATE_EXEC_WROTE] +=
			is_exec && sim_redis_committed(o.conn->server->redis) > before;
		s->totals->hit[SIM_HIT_LATE_EXEC_NIL] += is_exec && r.n > 0 && r.at[r.n - 1].type == VR_REPLY_NIL;
	}
	sim_conn_close(s, o.conn);
	free(o.bytes);
}
