/* SPDX-License-Identifier: Apache-2.0 */
/* sim_faults.c - what goes wrong around the daemons, and what an operator does about it. */
#include "sim.h"

#include <stdlib.h>
#include "sim_check.h"

static unsigned rate(struct sim *s, unsigned chance, unsigned n)
{
	return sim_once_in(s, chance) ? n : 0;
}

/* The log and Redis stay theirs: what live is stopped by, and accepts, is another story. */
static void with_replay(struct sim *s)
{
	struct sim_mood *m = &s->mood;
	m->replay = 3;
	if (sim_once_in(s, 3))
		m->restart = 5;
	m->failover = m->wipe = m->vandal = m->retention = m->recreate = 0;
	m->miskeyed = false;
}

void sim_mood_draw(struct sim *s)
{
	bool calm = sim_once_in(s, 8);
	s->mood = (struct sim_mood){.crash = rate(s, 2, 12),
		.stall = rate(s, 2, 12),
		.rebalance = rate(s, 2, 8),
		.link = rate(s, 2, 30),
		.late = rate(s, 2, 40),
		.error = rate(s, 3, 25),
		.failover = rate(s, 5, 14),
		.restart = rate(s, 5, 14),
		.wipe = rate(s, 30, 10),
		.vandal = rate(s, 8, 6),
		.retention = rate(s, 20, 8),
		.recreate = rate(s, 20, 8),
		.letters = rate(s, 6, 4),
		.rules = rate(s, 2, 10),
		.jump = rate(s, 4, 12),
		.skew = rate(s, 6, 10),
		.burst = rate(s, 12, 8),
		.poison = rate(s, 2, 12),
		.forget = sim_once_in(s, 3),
		.miskeyed = false};
	s->mood.miskeyed = !s->mood.forget && sim_once_in(s, 8);
	/* Who is at home is written by a load, outside of any cut: a loss may take it while memory goes on
	 * believing it. */
	if (s->mood.miskeyed)
		s->mood.failover = s->mood.restart = s->mood.wipe = s->mood.vandal = s->mood.recreate = 0;
	if (sim_once_in(s, 3))
		with_replay(s);
	if (calm)
		s->mood = (struct sim_mood){.rebalance = 20, .rules = 20, .poison = 20};
}

/* ------------------------------------------------------------------ daemons ---- */

static struct sim_daemon *any_daemon(struct sim *s)
{
	return &s->daemon[vr_random_below(&s->random, SIM_DAEMONS)];
}

static struct sim_daemon *any_client(struct sim *s)
{
	return &s->daemon[vr_random_below(&s->random, s->mood.replay ? SIM_CLIENTS : SIM_DAEMONS)];
}

static void give(struct sim *s)
{
	struct sim_daemon *d = any_daemon(s);
	int p = (int)vr_random_below(&s->random, SIM_PARTS);
	bool back = sim_once_in(s, 2);
	if (!d->alive)
		sim_daemon_start(s, d->number);
	for (int i = 0; i < SIM_DAEMONS; i++) {
		struct sim_slot *other = &s->daemon[i].slot[p];
		if (i == d->number || !s->daemon[i].alive || !other->given)
			continue;
		s->totals->hit[back ? SIM_HIT_TAKEN_BACK : SIM_HIT_DOUBLE]++;
		other->given = !back;
		other->leaving = back && other->shard;
	}
	d->slot[p].given = true;
	d->listed = s->listed;
	sim_tell(s, "partition %d is given to daemon %d", p, d->number);
}

static void crash(struct sim *s)
{
	struct sim_daemon *d = any_client(s);
	if (!d->alive)
		return;
	s->totals->hit[d->wait == SIM_SENT ? SIM_HIT_CRASH_SENT : SIM_HIT_CRASH]++;
	sim_daemon_kill(d, sim_once_in(s, 2));
}

static void stall(struct sim *s)
{
	struct sim_daemon *d = any_client(s);
	s->totals->hit[SIM_HIT_STALL] += d->alive && !d->stalled;
	d->stalled = d->alive && !d->stalled;
}

static void skew(struct sim *s)
{
	any_client(s)->skew_ms = sim_between(s, -7200000, 7200000);
	s->totals->hit[SIM_HIT_SKEW]++;
}

static void jump(struct sim *s)
{
	s->now_ms += sim_between(s, 1, sim_once_in(s, 4) ? 100 : 4) * VR_HOUR_MS;
	s->totals->hit[SIM_HIT_JUMP]++;
	sim_tell(s, "time jumps to %lld", (long long)sim_wall(s).ms);
}

static void list_rules(struct sim *s)
{
	if (s->listed >= SIM_RELOADS)
		return;
	uint32_t set = (uint32_t)vr_random_below(&s->random, 4);
	if (s->listed > 0 && s->list[s->listed - 1] == set)
		return;
	s->list[s->listed++] = set;
	if (s->mood.replay)
		sim_rules_mirror(s);
	s->totals->hit[SIM_HIT_RULES_LISTED]++;
	sim_tell(s, "the fleet's rule set %u is %u", s->listed, set);
	for (int i = 0; i < SIM_DAEMONS; i++)
		if (!sim_once_in(s, 3))
			s->daemon[i].listed = s->listed;
}

/* ------------------------------------------------------------------ somebody else's hand ---- */

static void spoil_view(struct sim *s, struct sim_server *v)
{
	static const char *const suffix[] = {"", ":channels", ":ts"};
	size_t k = vr_random_below(&s->random, 3);
	int i = (int)vr_random_below(&s->random, SIM_MISKEYED);
	char key[64];
	if (!sim_view_key(v, s->fixed->id[i], ""))
		return;
	(void)snprintf(key, sizeof(key), "vir:c:{%s}%s", s->fixed->id_text[i], suffix[k]);
	sim_tell(s, "somebody writes over %s", key);
	sim_admin(s, v, SIM_LIVE_DB, "SET", key, "hello", NULL);
	v->vandalised[i] = v->ever_vandalised[i] = true;
	v->minutes_lost[i] |= k == 2;
	s->totals->hit[SIM_HIT_VANDAL_VIEW]++;
}

static void spoil_own(struct sim *s, struct sim_server *v)
{
	static const char *const name[] = {"part", "timers"};
	int p = (int)vr_random_below(&s->random, SIM_PARTS);
	char key[64];
	if (sim_stored_off(s, v, p) < 0)
		return;
	(void)snprintf(key, sizeof(key), "{vir:" SIM_TOPIC ":%d}:%s", p, name[vr_random_below(&s->random, 2)]);
	sim_tell(s, "somebody writes over %s", key);
	v->poisoned[p] = true;
	s->stops[p] |= UINT64_C(1) << VR_E_REPLY | UINT64_C(1) << VR_E_CORRUPT;
	sim_admin(s, v, SIM_LIVE_DB, "SET", key, "hello", NULL);
	s->totals->hit[SIM_HIT_VANDAL_OWN]++;
}

static void spoil(struct sim *s)
{
	if (sim_once_in(s, 6))
		spoil_own(s, sim_master(s));
	else
		spoil_view(s, sim_master(s));
}

/* ------------------------------------------------------------------ the log changes under them ---- */

/* What a running consumer reads while its log is exchanged is no business of ours: all are down meanwhile. */
static void stop_all(struct sim *s)
{
	for (int i = 0; i < SIM_DAEMONS; i++)
		sim_daemon_kill(&s->daemon[i], false);
	sim_cluster_depose(s);
	while (s->orphans > 0 && !s->failed)
		sim_orphan_run(s, 0);
	s->now_ms += 1000;
}

static void retain(struct sim *s)
{
	int p = (int)vr_random_below(&s->random, SIM_PARTS);
	struct sim_log *log = sim_log_of(s, p);
	stop_all(s);
	int64_t off = sim_stored_off(s, sim_master(s), p);
	if (off < 0 || log->n == 0 || log->end - 1 <= log->first || sim_check_log(sim_master(s), p) != log)
		return;
	int64_t first = sim_once_in(s, 3) && off > log->first && off < log->end
						? off
						: sim_between(s, log->first + 1, log->end - 1);
	sim_tell(s, "Kafka deletes what is below %d:%lld, stored is %lld", p, (long long)first, (long long)off);
	s->totals->hit[first > off ? SIM_HIT_RETENTION : SIM_HIT_RETENTION_SEAM]++;
	sim_log_retain(log, first);
	sim_gaps_note(s, sim_master(s));
}

static void recreate(struct sim *s)
{
	int p = (int)vr_random_below(&s->random, SIM_PARTS);
	const struct sim_log *log = sim_log_of(s, p);
	char key[32];
	struct sim_own own;
	if (s->version[p] + 1 == SIM_VERSIONS || log->n == 0)
		return;
	stop_all(s);
	sim_own_read(s, sim_master(s), p, &own);
	if (own.exists && own.off > 0 && !own.last_known) /* behind a gap there is no record to tell the log by */
		return;
	if (!own.exists)
		s->stops[p] |= UINT64_C(1) << VR_E_STATE_LOST;
	size_t keep = sim_once_in(s, 2) ? 0 : vr_random_below(&s->random, log->n);
	s->totals->hit[keep ? SIM_HIT_TRUNCATED : SIM_HIT_RECREATED]++;
	sim_tell(s, "the log of partition %d is made anew with %zu of %zu records", p, keep, log->n);
	sim_log_renew(s, p, keep);
	sim_events_append(s, p, (unsigned)sim_between(s, 1, 8));
	(void)snprintf(key, sizeof(key), "{vir:" SIM_TOPIC ":%d}:accept", p);
	sim_admin(s, sim_master(s), SIM_LIVE_DB, "DEL", key, NULL);
	s->stops[p] |= UINT64_C(1) << VR_E_TRUNCATED;
	sim_check_relog(s, sim_master(s));
}

/* ------------------------------------------------------------------ one of them, perhaps ---- */

static void toggle_letters(struct sim *s)
{
	s->letters_down = !s->letters_down;
}

static void deposed_or_promoted(struct sim *s)
{
	if (s->old >= 0)
		sim_cluster_depose(s);
	else
		sim_cluster_promote(s);
}

void sim_fault_maybe(struct sim *s)
{
	const struct sim_mood *m = &s->mood;
	const struct {
		unsigned one_in;
		void (*happens)(struct sim *s);
	} fault[] = {{m->crash, crash}, {m->stall, stall}, {m->rebalance, give},
		{m->failover, deposed_or_promoted}, {m->restart, sim_cluster_restart}, {m->wipe, sim_cluster_wipe},
		{m->vandal, spoil}, {m->retention, retain}, {m->recreate, recreate}, {m->letters, toggle_letters},
		{m->rules, list_rules}, {m->jump, jump}, {m->skew, skew}};
	for (size_t i = 0; i < sizeof(fault) / sizeof(fault[0]) && !s->failed; i++)
		if (sim_once_in(s, fault[i].one_in))
			fault[i].happens(s);
	if (sim_once_in(s, m->replay) && !s->failed)
		sim_replay_maybe(s);
	for (int i = 0; i < 2; i++) /* the service manager */
		if (!s->daemon[i].alive && sim_once_in(s, 3)) {
			sim_daemon_start(s, i);
			s->daemon[i].slot[vr_random_below(&s->random, SIM_PARTS)].given = true;
		}
}

/* ------------------------------------------------------------------ the operator ---- */

static const char *word_for(struct sim *s, enum vr_err err)
{
	switch (err) {
	case VR_E_GAP:
		s->totals->hit[SIM_HIT_ACCEPT_GAP]++;
		return "gap";
	case VR_E_TRUNCATED:
		s->totals->hit[SIM_HIT_ACCEPT_START]++;
		return "from-log-start";
	case VR_E_STATE_LOST:
		s->totals->hit[SIM_HIT_ACCEPT_LOSS]++;
		return "state-loss";
	case VR_E_GROWTH:
		s->totals->hit[SIM_HIT_ACCEPT_GROWTH]++;
		return "growth";
	default:
		s->totals->hit[SIM_HIT_ACCEPT_REBUILD]++;
		return "rebuild";
	}
}

void sim_operator(struct sim *s, unsigned one_in)
{
	for (int i = 0; i < SIM_DAEMONS; i++)
		for (int p = 0; p < SIM_PARTS; p++) {
			const struct sim_slot *slot = &s->daemon[i].slot[p];
			char key[32];
			if (!slot->shard || slot->state != SIM_STOPPED || !sim_once_in(s, one_in))
				continue;
			const char *word = word_for(s, slot->stop);
			(void)snprintf(key, sizeof(key), "{vir:" SIM_TOPIC ":%d}:accept", p);
			sim_tell(s, "operator: accept %d --%s", p, word);
			sim_admin(s, sim_master(s), SIM_LIVE_DB, "HSET", key, "what", word, NULL);
		}
}
