/* SPDX-License-Identifier: Apache-2.0 */
/* sim_schedule.c - who comes next, and what becomes of an exchange. */
#include "sim.h"

#include <stdlib.h>

enum { STEPS = 220 };

/* ------------------------------------------------------------------ what becomes of an exchange ---- */

static void answer_with(struct sim_daemon *d, enum vr_err err)
{
	d->answer = err;
	d->wait = SIM_ANSWERED;
}

static void run_commands(struct sim *s, struct sim_daemon *d)
{
	sim_execute_on(s, d->conn, d->cmds->buf.p, d->cmds->buf.n, d->arena, &d->replies);
	answer_with(d, VR_OK);
	for (size_t i = 0; i < d->replies.n; i++)
		if (d->replies.at[i].type == VR_REPLY_ERROR && memcmp(d->replies.at[i].str.p, "EXECABORT", 9) == 0)
			s->totals->hit[SIM_HIT_EXECABORT]++;
	/* What was read is of another owner: a load that would have been trusted without its pair. */
	const struct vr_reply *last = &d->replies.at[d->replies.n - 1];
	bool loads = memmem(d->cmds->buf.p, d->cmds->buf.n, "HSETNX", 6) != NULL;
	if (loads && last->type == VR_REPLY_ARRAY && last->n > 0 && last->elem[0].type == VR_REPLY_ARRAY) {
		const struct vr_reply *token = &last->elem[0].elem[0];
		for (int p = 0; p < SIM_PARTS; p++)
			if (d->slot[p].shard && d->slot[p].shard->cmds.buf.p == d->cmds->buf.p &&
				d->slot[p].shard->owner.token[0] &&
				!(token->type == VR_REPLY_STR &&
					vr_str_eq(token->str, vr_str_c(d->slot[p].shard->owner.token))))
				s->totals->hit[SIM_HIT_FENCED_LOAD]++;
	}
}

void sim_answer_well(struct sim *s, struct sim_daemon *d)
{
	if (sim_conn_dead(d->conn))
		answer_with(d, VR_E_LOST_LINK);
	else
		run_commands(s, d);
}

/* MULTI and WATCH are never refused so: a server that is loading, full or a replica takes them. */
static void refuse_something(struct sim *s, struct sim_daemon *d)
{
	static const struct {
		const char *text;
		enum sim_hit hit;
		bool reads;
	} error[] = {
		{"OOM command not allowed when used memory > 'maxmemory'.", SIM_HIT_ERROR_OOM, false},
		{"LOADING Redis is loading the dataset in memory", SIM_HIT_ERROR_LOADING, true},
		{"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
			SIM_HIT_ERROR_MISCONF, false},
		{"READONLY You can't write against a read only replica.", SIM_HIT_ERROR_READONLY, false},
		{"NOREPLICAS Not enough good replicas to write.", SIM_HIT_ERROR_NOREPLICAS, false},
		{"BUSY Redis is busy running a script.", SIM_HIT_ERROR_BUSY, true},
	};
	static const char *const command[] = {"hset", "set", "hsetnx", "zadd", "exec", "hmget", "hgetall", "get"};
	size_t i = vr_random_below(&s->random, sizeof(error) / sizeof(error[0]));
	size_t k = vr_random_below(&s->random, error[i].reads ? 8 : 5);
	s->totals->hit[error[i].hit]++;
	sim_tell(s, "daemon %d meets %.10s at %s", d->number, error[i].text, command[k]);
	sim_redis_fail_next(d->conn->server->redis, command[k], error[i].text, (unsigned)sim_between(s, 1, 2));
	run_commands(s, d);
	sim_redis_fail_next(d->conn->server->redis, NULL, NULL, 0);
}

/* Bytes of the command at p: "*<words>\r\n" and for each word "$<length>\r\n<word>\r\n". */
static size_t command_length(const char *p)
{
	char *at;
	for (unsigned long words = strtoul(p + 1, &at, 10); words > 0; words--) {
		unsigned long n = strtoul(at + 3, &at, 10);
		at += 2 + n;
	}
	return (size_t)(at - p) + 2;
}

static size_t half_of(struct sim *s, const struct vr_cmds *cmds)
{
	size_t pos = 0;
	for (uint64_t n = vr_random_below(&s->random, cmds->n); n > 0; n--)
		pos += command_length(cmds->buf.p + pos);
	return pos;
}

static void lose_link(struct sim *s, struct sim_daemon *d)
{
	struct vr_replies ignored;
	uint64_t k = vr_random_below(&s->random, 3);
	static const enum sim_hit hit[] = {SIM_HIT_LOST_BEFORE, SIM_HIT_LOST_HALF, SIM_HIT_LOST_AFTER};
	size_t n = k == 0 ? 0 : k == 1 ? half_of(s, d->cmds) : d->cmds->buf.n;
	s->totals->hit[hit[k]]++;
	sim_tell(s, "daemon %d loses its connection; %zu of %zu bytes ran", d->number, n, d->cmds->buf.n);
	vr_arena_reset(&s->scratch);
	if (n > 0)
		sim_execute_on(s, d->conn, d->cmds->buf.p, n, &s->scratch, &ignored);
	answer_with(d, VR_E_LOST_LINK);
}

static void time_out(struct sim *s, struct sim_daemon *d)
{
	s->totals->hit[SIM_HIT_TIMEOUT]++;
	sim_tell(s, "daemon %d waits no longer; its commands are on the way", d->number);
	sim_orphan_add(s, d->conn, d->cmds->buf.p, d->cmds->buf.n);
	answer_with(d, VR_E_TIMEOUT);
}

void sim_answer(struct sim *s, struct sim_daemon *d)
{
	if (sim_conn_dead(d->conn))
		answer_with(d, VR_E_LOST_LINK);
	else if (sim_once_in(s, s->mood.error))
		refuse_something(s, d);
	else if (sim_once_in(s, s->mood.late))
		time_out(s, d);
	else if (sim_once_in(s, d->number == SIM_SWITCHER ? s->mood.link / 4 : s->mood.link))
		lose_link(s, d);
	else
		run_commands(s, d);
}

/* ------------------------------------------------------------------ a step ---- */

static void run_daemon(struct sim *s)
{
	struct sim_daemon *d = &s->daemon[vr_random_below(&s->random, s->mood.replay ? SIM_CLIENTS : SIM_DAEMONS)];
	if (!d->alive || d->stalled)
		return;
	if (d->wait == SIM_SENT) {
		sim_answer(s, d);
		if (sim_once_in(s, 8)) {
			s->totals->hit[SIM_HIT_REPLY_LATE]++;
			return;
		}
	}
	if (!s->failed)
		sim_daemon_resume(d);
}

static void pass_time(struct sim *s)
{
	uint64_t k = vr_random_below(&s->random, 20);
	s->now_ms += k < 12   ? sim_between(s, 1, 60)
				 : k < 18 ? sim_between(s, 60, 400)
						  : sim_between(s, 400, 9000);
}

static void append(struct sim *s)
{
	unsigned n = (unsigned)sim_between(s, 1, 6);
	n = n < s->left ? n : s->left;
	if (n == 0)
		return;
	s->left -= n;
	sim_events_append(s, (int)vr_random_below(&s->random, SIM_PARTS), n);
}

static void one_step(struct sim *s)
{
	uint64_t k = vr_random_below(&s->random, 100);
	s->steps++;
	if (k < 70)
		run_daemon(s);
	else if (k < 79)
		append(s);
	else if (k < 89)
		pass_time(s);
	else if (k < 92 && s->orphans > 0)
		sim_orphan_run(s, vr_random_below(&s->random, s->orphans));
	else if (k < 94)
		sim_operator(s, 2);
	else
		sim_fault_maybe(s);
}

void sim_schedule(struct sim *s)
{
	sim_daemon_start(s, 0);
	sim_daemon_start(s, 1);
	s->daemon[0].slot[0].given = true;
	s->daemon[vr_random_below(&s->random, 2)].slot[1].given = true;
	unsigned steps = s->mood.replay ? 3 * STEPS : STEPS; /* there and back takes its time */
	for (unsigned i = 0; i < steps && !s->failed; i++)
		one_step(s);
}
