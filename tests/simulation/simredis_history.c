/* SPDX-License-Identifier: Apache-2.0 */
/* History: a snapshot, then the writing commands after it, then the next snapshot, and so on.
 *
 * A prefix is the nearest snapshot before it, and the commands between run again. Snapshots share
 * their values with the living state, so one costs a reference a key.                             */
#include <stdlib.h>
#include "simredis_exec.h"

#define STRETCH_TRANSACTIONS 64

/* One snapshot and what followed. */
struct stretch {
	struct sim_db db[SIM_DBS];
	uint64_t first;			/* transactions before the snapshot */
	struct vr_buf log;		/* transactions: see write_command */
	size_t ends[STRETCH_TRANSACTIONS];	/* of each transaction in log */
	size_t n;
};

struct sim_history {
	struct vr_mem mem;
	struct stretch **at;
	size_t n, cap;
};

static struct stretch *last_of(const struct sim_history *h)
{
	return h->at[h->n - 1];
}

static struct stretch *add_stretch(struct sim_history *h, const struct sim_db *db, uint64_t first)
{
	struct stretch *t = sim_realloc(NULL, sizeof(*t));

	*t = (struct stretch){.first = first};
	sim_db_clone_all(t->db, db);
	vr_buf_init(&t->log, &h->mem);
	if (h->n == h->cap) {
		h->cap = h->cap ? h->cap * 2 : 4;
		h->at = sim_realloc(h->at, h->cap * sizeof(struct stretch *));
	}
	h->at[h->n++] = t;
	return t;
}

static void free_stretches(struct sim_history *h)
{
	for (size_t i = 0; i < h->n; i++) {
		sim_db_done_all(h->at[i]->db);
		vr_buf_done(&h->at[i]->log);
		free(h->at[i]);
	}
	h->n = 0;
}

struct sim_history *sim_history_new(void)
{
	struct sim_history *h = sim_realloc(NULL, sizeof(*h));

	*h = (struct sim_history){.mem = vr_mem_heap()};
	return h;
}

void sim_history_free(struct sim_history *h)
{
	free_stretches(h);
	free(h->at);
	free(h);
}

struct sim_history *sim_history_clone(const struct sim_history *h)
{
	struct sim_history *to = sim_history_new();

	for (size_t i = 0; i < h->n; i++) {
		const struct stretch *from = h->at[i];
		struct stretch *t = add_stretch(to, from->db, from->first);
		vr_buf_str_add(&t->log, vr_buf_str(&from->log));
		memcpy(t->ends, from->ends, sizeof(t->ends));
		t->n = from->n;
	}
	return to;
}

void sim_history_restart(struct sim_redis *s, uint64_t committed)
{
	free_stretches(s->history);
	(void)add_stretch(s->history, s->db, committed);
}

/* ------------------------------------------------------------------ writing ---- */

/* clock, database, number of words, words */
static void write_command(struct vr_buf *b, int64_t now, int db, const struct vr_str *argv, size_t argc)
{
	vr_buf_zigzag(b, now);
	vr_buf_varint(b, (uint64_t)db);
	vr_buf_varint(b, argc);
	for (size_t i = 0; i < argc; i++)
		vr_buf_lstr(b, argv[i]);
	VR_ASSERT(!b->failed);
}

void sim_history_add(struct sim_redis *s, int db, const struct vr_str *argv, size_t argc)
{
	if (s->history)
		write_command(&last_of(s->history)->log, s->now.ms, db, argv, argc);
}

void sim_history_commit(struct sim_redis *s)
{
	struct stretch *t;

	if (!s->history)
		return;
	t = last_of(s->history);
	t->ends[t->n++] = t->log.n;
	if (t->n == STRETCH_TRANSACTIONS)
		(void)add_stretch(s->history, s->db, t->first + t->n);
}

uint64_t sim_redis_committed(const struct sim_redis *s)
{
	const struct stretch *t = last_of(s->history);

	return t->first + t->n;
}

/* ------------------------------------------------------------------ reading ---- */

static void read_command(struct vr_rd *r, struct sim_session *x, struct vr_arena *arena)
{
	struct vr_reply out;
	size_t argc;

	x->server->now.ms = vr_rd_zigzag(r);
	x->db = (int)vr_rd_varint(r);
	argc = (size_t)vr_rd_varint(r);
	x->argv = sim_realloc(x->argv, argc * sizeof(*x->argv));
	for (size_t i = 0; i < argc; i++)
		x->argv[i] = vr_rd_lstr(r);
	VR_ASSERT(!r->failed);
	(void)sim_run(x, argc, arena, &out);
}

static void replay(struct sim_redis *s, struct vr_str log)
{
	struct vr_rd r = vr_rd_of(log);
	struct sim_session *x = sim_session_new(s);
	struct vr_mem mem = vr_mem_heap();
	struct vr_arena arena;

	vr_arena_init(&arena, &mem, 0);
	while (r.p < r.end) {
		read_command(&r, x, &arena);
		vr_arena_reset(&arena);
	}
	vr_arena_done(&arena);
	sim_session_free(x);
}

static const struct stretch *stretch_before(const struct sim_history *h, uint64_t n)
{
	size_t i = h->n;

	while (i > 1 && h->at[i - 1]->first > n)
		i--;
	VR_ASSERT(h->at[i - 1]->first <= n && n <= h->at[i - 1]->first + h->at[i - 1]->n);
	return h->at[i - 1];
}

/* The stretches up to n transactions, the last of them cut. */
static struct sim_history *cut_history(const struct sim_history *h, uint64_t n)
{
	struct sim_history *to = sim_history_clone(h);
	struct stretch *t;

	while (to->n > 1 && last_of(to)->first > n) {
		struct sim_history tail = {.at = &to->at[--to->n], .n = 1};
		free_stretches(&tail);
	}
	t = last_of(to);
	t->n = (size_t)(n - t->first);
	t->log.n = t->n ? t->ends[t->n - 1] : 0;
	return to;
}

struct sim_redis *sim_redis_clone_at(const struct sim_redis *s, uint64_t n)
{
	const struct stretch *t = stretch_before(s->history, n);
	size_t count = (size_t)(n - t->first);
	struct sim_redis *to = sim_redis_new();
	struct sim_history *fresh = to->history;

	sim_db_done_all(to->db);
	sim_db_clone_all(to->db, t->db);
	to->history = NULL;
	replay(to, (struct vr_str){t->log.p, count ? t->ends[count - 1] : 0});
	to->history = cut_history(s->history, n);
	to->now = s->now;
	sim_history_free(fresh);
	return to;
}

void sim_redis_forget(struct sim_redis *s)
{
	sim_history_restart(s, sim_redis_committed(s));
}
