/* SPDX-License-Identifier: Apache-2.0 */
/* Servers, sessions, and the link over them. */
#include <stdlib.h>
#include "simredis_exec.h"

void sim_db_clone_all(struct sim_db *to, const struct sim_db *from)
{
	for (int i = 0; i < SIM_DBS; i++)
		sim_db_clone(&to[i], &from[i]);
}

void sim_db_done_all(struct sim_db *db)
{
	for (int i = 0; i < SIM_DBS; i++)
		sim_db_done(&db[i]);
}

/* ------------------------------------------------------------------ servers ---- */

struct sim_redis *sim_redis_new(void)
{
	struct sim_redis *s = sim_realloc(NULL, sizeof(*s));

	*s = (struct sim_redis){.mem = vr_mem_heap(), .history = sim_history_new()};
	for (int i = 0; i < SIM_DBS; i++)
		sim_db_init(&s->db[i]);
	sim_history_restart(s, 0);
	return s;
}

void sim_redis_free(struct sim_redis *s)
{
	if (!s)
		return;
	VR_ASSERT(!s->sessions);
	sim_db_done_all(s->db);
	sim_history_free(s->history);
	free(s->fail_command);
	free(s->fail_text);
	free(s);
}

struct sim_redis *sim_redis_clone(const struct sim_redis *s)
{
	return sim_redis_clone_at(s, sim_redis_committed(s));
}

void sim_redis_set_clock(struct sim_redis *s, struct vr_wall now)
{
	s->now = now;
}

static char *dup_text(const char *z)
{
	char *p = z ? strdup(z) : NULL;

	VR_ASSERT(p || !z);
	return p;
}

void sim_redis_fail_next(struct sim_redis *s, const char *command, const char *text, unsigned count)
{
	free(s->fail_command);
	free(s->fail_text);
	s->fail_command = dup_text(command);
	s->fail_text = dup_text(text);
	s->fail_left = count;
}

void sim_redis_kill_sessions(struct sim_redis *s)
{
	for (struct sim_session *x = s->sessions; x; x = x->next)
		sim_session_kill(x);
}

/* A server that was started again knows nothing of what its sessions had begun. */
static void start_again(struct sim_redis *s)
{
	sim_redis_kill_sessions(s);
	for (struct sim_session *x = s->sessions; x; x = x->next)
		sim_discard(x);
}

void sim_redis_wipe(struct sim_redis *s)
{
	sim_db_done_all(s->db);
	for (int i = 0; i < SIM_DBS; i++)
		sim_db_init(&s->db[i]);
	sim_history_restart(s, 0);
	start_again(s);
}

void sim_redis_rollback(struct sim_redis *s, uint64_t n)
{
	struct sim_redis *old = sim_redis_clone_at(s, n);

	sim_db_done_all(s->db);
	sim_history_free(s->history);
	memcpy(s->db, old->db, sizeof(s->db));
	for (int i = 0; i < SIM_DBS; i++)
		s->db[i].map.mem = &s->db[i].mem;
	s->history = old->history;
	free(old);
	start_again(s);
}

/* ------------------------------------------------------------------ sessions ---- */

struct sim_session *sim_session_new(struct sim_redis *s)
{
	struct sim_session *x = sim_realloc(NULL, sizeof(*x));

	*x = (struct sim_session){.server = s, .next = s->sessions};
	vr_buf_init(&x->queue, &s->mem);
	s->sessions = x;
	return x;
}

void sim_session_free(struct sim_session *x)
{
	struct sim_session **link;

	if (!x)
		return;
	for (link = &x->server->sessions; *link != x; link = &(*link)->next)
		;
	*link = x->next;
	sim_unwatch(x);
	vr_buf_done(&x->queue);
	free(x->watches);
	free(x->argv);
	free(x);
}

void sim_session_kill(struct sim_session *x)
{
	x->killed = true;
}

bool sim_session_killed(const struct sim_session *x)
{
	return x->killed;
}

void sim_session_cut_after(struct sim_session *x, uint64_t n)
{
	x->cut = true;
	x->cut_left = n;
}

/* Bytes of the first n requests. */
static size_t bytes_of(struct sim_session *x, const struct vr_buf *b, uint64_t n)
{
	size_t pos = 0;

	while (n-- > 0)
		(void)sim_parse(x, b->p, b->n, &pos);
	return pos;
}

static enum vr_err exchange_sim(void *ctx, const struct vr_cmds *cmds, struct vr_arena *arena,
	struct vr_replies *ret,
	struct vr_diag *d)
{
	struct sim_session *x = ctx;
	bool cut = x->cut && x->cut_left < cmds->n;
	size_t n = cut ? bytes_of(x, &cmds->buf, x->cut_left) : cmds->buf.n;
	struct vr_replies replies;
	enum vr_err err;

	VR_ASSERT(cmds->open == 0 && !cmds->buf.failed);
	if (x->killed)
		return vr_diag_set(d, VR_E_LOST_LINK, "simulation", "the session was killed");
	err = sim_execute(x, cmds->buf.p, n, arena, &replies);
	VR_ASSERT(!err);
	if (cut) {
		x->killed = true;
		return vr_diag_set(d, VR_E_LOST_LINK, "simulation", "cut");
	}
	x->cut_left -= x->cut ? cmds->n : 0;
	*ret = replies;
	return VR_OK;
}

struct vr_link sim_session_link(struct sim_session *x)
{
	return (struct vr_link){exchange_sim, x};
}
