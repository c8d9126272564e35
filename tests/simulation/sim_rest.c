/* SPDX-License-Identifier: Apache-2.0 */
/* sim_rest.c - the end of a schedule: nothing goes wrong any more, so everything must become exact and come
 * to rest. */
#include "sim.h"

#include "sim_check.h"

enum { ROUNDS = 400, EXCHANGES = 4000 };

/* One daemon for each partition, and no word on the way. */
static void settle_down(struct sim *s)
{
	s->resting = true;
	s->mood = (struct sim_mood){0};
	s->letters_down = false;
	sim_cluster_depose(s);
	sim_daemon_kill(&s->daemon[SIM_REPLAYER], false);
	sim_daemon_kill(&s->daemon[SIM_SWITCHER], false);
	while (s->orphans > 0 && !s->failed)
		sim_orphan_run(s, 0);
	for (int i = 0; i < SIM_DAEMONS; i++) {
		struct sim_daemon *d = &s->daemon[i];
		d->stalled = false;
		d->listed = s->listed;
		if (d->foreign || i == SIM_DAEMONS - 1 || s->server[s->current].poisoned[0] ||
			s->server[s->current].poisoned[1])
			sim_daemon_kill(d, false);
	}
	for (int p = 0; p < SIM_PARTS; p++) {
		if (!s->daemon[p].alive) {
			sim_daemon_start(s, p);
			s->daemon[p].foreign = false;
			s->daemon[p].config.group = s->config.group;
		}
		for (int i = 0; i < SIM_DAEMONS; i++) {
			struct sim_slot *slot = &s->daemon[i].slot[p];
			slot->leaving = i != p && slot->shard;
			slot->given = i == p;
		}
	}
}

/* Until it waits for nothing. */
void sim_run_out(struct sim *s, struct sim_daemon *d)
{
	for (unsigned n = 0; d->alive && !s->failed; n++) {
		if (n == EXCHANGES)
			sim_fail(s, "daemon %d talks to Redis without end", d->number);
		if (d->wait == SIM_SENT)
			sim_answer_well(s, d);
		if (!s->failed)
			sim_daemon_resume(d);
		if (d->wait == SIM_IDLE)
			return;
	}
}

/* A zombie that has not noticed yet is at rest, too. */
static bool is_owner(const struct sim *s, int part, const struct vr_shard *shard)
{
	struct vr_str token;
	const struct sim_value *own = sim_own_key(&s->server[s->current], SIM_LIVE_DB, part, "own");
	return sim_field(own, "token", &token) && vr_str_eq(token, vr_str_c(shard->owner.token));
}

static bool is_at_rest(const struct sim *s, int part)
{
	const struct sim_slot *slot = &s->daemon[part].slot[part];
	const struct vr_shard *shard = slot->shard;
	const struct sim_conn *conn = s->daemon[part].conn;
	return shard && conn && conn->server == &s->server[s->current] && !sim_conn_dead(conn) &&
		   slot->state == SIM_RUNNING && shard->engine && is_owner(s, part, shard) && shard->at_end &&
		   shard->stored_off == sim_log_of((struct sim *)(uintptr_t)s, part)->end &&
		   (shard->record.complete || shard->evicted) && !shard->boards_due;
}

static void one_round(struct sim *s)
{
	sim_operator(s, 1);
	for (int i = 0; i < SIM_DAEMONS && !s->failed; i++)
		sim_run_out(s, &s->daemon[i]);
	s->now_ms += 150;
}

static bool all_at_rest(const struct sim *s)
{
	for (int p = 0; p < SIM_PARTS; p++)
		if (!is_at_rest(s, p))
			return false;
	return true;
}

static void come_to_rest(struct sim *s)
{
	unsigned round = 0;
	for (; round < ROUNDS && !s->failed && !all_at_rest(s); round++)
		one_round(s);
	if (round < ROUNDS || s->failed)
		return;
	for (int p = 0; p < SIM_PARTS; p++) {
		const struct sim_slot *slot = &s->daemon[p].slot[p];
		if (is_at_rest(s, p))
			continue;
		sim_fail(s,
			"partition %d does not come to rest: slot state %d, stop %s, stored %lld of %lld, at end %d, "
			"complete %d",
			p, (int)slot->state, vr_err_name(slot->stop),
			(long long)(slot->shard ? slot->shard->stored_off : -1), (long long)sim_log_of(s, p)->end,
			slot->shard && slot->shard->at_end, slot->shard && slot->shard->record.complete);
	}
}

void sim_rest(struct sim *s)
{
	if (!s->failed)
		settle_down(s);
	come_to_rest(s);
	for (unsigned i = 0; i < 3 && !s->failed; i++)
		one_round(s);
	s->now_ms += sim_once_in(s, 2) ? 10000 : 400000; /* windows drain by the clock */
	for (unsigned i = 0; i < 2 && !s->failed; i++)
		one_round(s);
	come_to_rest(s); /* whoever had not noticed yet that he is not the owner */
	for (int p = 0; p < SIM_PARTS && !s->failed; p++) {
		s->totals->hit[SIM_HIT_EVICTED] += s->daemon[p].slot[p].shard && s->daemon[p].slot[p].shard->evicted;
		sim_check_rest(s, sim_master(s), p);
	}
	for (int i = 0; i < 2 && !s->failed && sim_replay_finish(s); i++) /* there, and back */
		come_to_rest(s);
	for (int p = 0; p < SIM_PARTS && !s->failed; p++)
		sim_check_rest(s, sim_master(s), p);
	s->totals->hit[SIM_HIT_RESTED] += !s->failed;
}
