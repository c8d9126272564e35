/* SPDX-License-Identifier: Apache-2.0 */
/* sim_replay.c - a replay fills the spare database beside the daemons, and somebody makes it live, and back. */
#include "sim.h"

#include "sim_check.h"
#include "virality/switch.h"

enum { TRIES = 12, ROUNDS = 300 };

static struct vr_str spare_name(struct sim *s)
{
	return sim_text(sim_db_find(&sim_master(s)->redis->db[SIM_SPARE_DB], VR_STR("vir:generation")));
}

/* ------------------------------------------------------------------ the replay ---- */

/* A name of the schedule's own: those in Redis come and go. */
static struct vr_str name_for(struct sim *s)
{
	struct vr_str there = spare_name(s);
	char *name = s->name[s->names % SIM_NAMES];
	if (there.n) {
		memcpy(name, there.p, there.n);
		name[there.n] = '\0';
	} else {
		(void)snprintf(name, sizeof(s->name[0]), "g%u", s->names);
		sim_admin(s, sim_master(s), SIM_SPARE_DB, "SET", "vir:generation", name, NULL);
	}
	s->names++;
	return vr_str_c(name);
}

static bool start_replay(struct sim *s)
{
	for (int p = 0; p < SIM_PARTS; p++)
		if (sim_stored_off(s, sim_master(s), p) < 0)
			return false;
	s->shadow = (struct vr_shadow){
		.name = name_for(s), .live_db = SIM_LIVE_DB, .end = INT64_MAX, .rules = VR_SHADOW_RULES_LIVE};
	sim_client_start(s, SIM_REPLAYER, sim_daemon_live, &s->shadow);
	s->totals->hit[SIM_HIT_REPLAY]++;
	sim_tell(s, "a replay fills %s", s->shadow.name.p);
	return true;
}

void sim_replay_stopped(struct sim *s, struct sim_daemon *d, enum vr_err err, const struct vr_diag *diag)
{
	sim_tell(s, "the replay ends: %s", diag->text);
	d->ending = true;
	if (!vr_str_eq(spare_name(s), s->shadow.name) || strstr(diag->text, "no longer generation")) /* switched, or no more */
		return;
	if (err != VR_E_STATE_LOST || !s->lost) {
		if (sim_is_told(s)) {
			struct vr_buf b;
			vr_buf_init(&b, &s->heap);
			sim_redis_dump(sim_master(s)->redis, -1, &b);
			fwrite(b.p, 1, b.n, stdout);
		}
		sim_fail(s, "the replay stopped though Redis lost nothing: %s: %s", vr_err_name(err), diag->text);
		return;
	}
	sim_admin(s, sim_master(s), SIM_SPARE_DB, "FLUSHDB", NULL);
}

/* ------------------------------------------------------------------ the switch ---- */

struct switching {
	struct sim_daemon *d;
	struct vr_switch w;
	struct vr_switch_part part[SIM_PARTS];
	struct vr_cmds cmds;
	struct vr_arena arena;
	char name[8];
	bool sent;
};

static void set_up(struct switching *x, struct sim_daemon *d)
{
	struct sim *s = d->sim;
	struct vr_str name = spare_name(s);
	*x = (struct switching){.d = d};
	if (name.n)
		memcpy(x->name, name.p, name.n);
	vr_cmds_init(&x->cmds, &d->mem.mem);
	vr_arena_init(&x->arena, &d->mem.mem, 0);
	int64_t max_lag = s->resting ? 0 : sim_between(s, 0, 20);
	bool capped = s->config.engine.max_contents > 0 || (!s->resting && sim_once_in(s, 2));
	x->w = (struct vr_switch){.name = vr_str_c(x->name), .live_db = SIM_LIVE_DB, .spare_db = SIM_SPARE_DB,
		.alerts_db = SIM_ALERTS_DB, .capped = capped, .max_lag = max_lag, .part = x->part, .n = SIM_PARTS};
	VR_ASSERT(vr_switch_init(&x->w, VR_STR("vir:")) == VR_OK);
	for (int p = 0; p < SIM_PARTS; p++)
		VR_ASSERT(vr_switch_part_init(&x->part[p], &x->w, VR_STR("vir:"), VR_STR(SIM_TOPIC), p) == VR_OK);
}

static enum vr_err say(struct switching *x, struct vr_replies *ret, struct vr_diag *diag)
{
	enum vr_err err = sim_daemon_exchange(x->d, &x->cmds, &x->arena, ret, diag);
	vr_cmds_clear(&x->cmds);
	return err;
}

static void note(struct switching *x, enum vr_err err, enum vr_switch_verdict verdict, const struct vr_diag *diag)
{
	struct sim *s = x->d->sim;
	sim_tell(s, "switch to %s: %s %d %s", x->name, vr_err_name(err), (int)verdict, diag->text);
	s->totals->hit[SIM_HIT_SWITCH_WAITED] += !err && verdict == VR_SWITCH_WAIT;
	s->totals->hit[SIM_HIT_SWITCH_FENCED] += err == VR_E_FENCED;
	s->totals->hit[SIM_HIT_SWITCH_REFUSED] += err == VR_E_REFUSED;
	s->totals->hit[SIM_HIT_SWITCH_LOST] += !err && verdict == VR_SWITCH_ALREADY && x->sent;
}

/* True: that was all. */
static bool attempt(struct switching *x)
{
	struct vr_replies r;
	struct vr_diag diag = {.text = ""};
	enum vr_switch_verdict verdict = VR_SWITCH_WAIT;
	vr_arena_reset(&x->arena);
	vr_switch_look(&x->w, &x->cmds);
	enum vr_err err = say(x, &r, &diag);
	if (!err)
		err = vr_switch_judge(&x->w, &r, &verdict, &diag);
	if (!err && verdict == VR_SWITCH_READY) {
		vr_switch_go(&x->w, x->d->world.token, x->d, &x->cmds);
		x->sent = true;
		err = say(x, &r, &diag);
		if (!err)
			err = vr_switch_done(&x->w, &r, &diag);
		x->d->sim->totals->hit[SIM_HIT_SWITCH_BACK] += !err && strcmp(x->name, VR_GENERATION_FIRST) == 0;
	}
	note(x, err, verdict, &diag);
	return err == VR_E_REFUSED || (!err && verdict != VR_SWITCH_WAIT);
}

static void make_live(void *arg)
{
	struct sim_daemon *d = arg;
	struct switching x;
	set_up(&x, d);
	for (int i = 0; x.name[0] && i < TRIES && !attempt(&x); i++)
		sim_co_yield(&d->co);
	d->ending = true;
	for (;;)
		sim_co_yield(&d->co);
}

void sim_replay_maybe(struct sim *s)
{
	bool fills = sim_once_in(s, 2);
	if (fills && !s->daemon[SIM_REPLAYER].alive)
		(void)start_replay(s);
	if (!fills && !s->daemon[SIM_SWITCHER].alive && spare_name(s).n)
		sim_client_start(s, SIM_SWITCHER, make_live, NULL);
}

/* ------------------------------------------------------------------ at rest ---- */

static bool is_filled(const struct sim *s)
{
	const struct sim_daemon *d = &s->daemon[SIM_REPLAYER];
	for (int p = 0; p < SIM_PARTS; p++)
		if (!d->slot[p].shard || d->slot[p].state != SIM_RUNNING || !d->slot[p].shard->engine ||
			!(vr_shadow_quiet(d->slot[p].shard) || d->slot[p].shard->evicted))
			return false;
	return true;
}

static void fill(struct sim *s)
{
	struct sim_daemon *d = &s->daemon[SIM_REPLAYER];
	for (int i = 0; i < ROUNDS && d->alive && !s->failed && !(i > 20 && is_filled(s)); i++) {
		sim_run_out(s, d);
		s->now_ms += 150;
	}
}

bool sim_replay_finish(struct sim *s)
{
	struct sim_daemon *d = &s->daemon[SIM_SWITCHER];
	char name[8] = "";
	if (s->names == 0 || !start_replay(s))
		return false;
	memcpy(name, s->shadow.name.p, s->shadow.name.n);
	fill(s);
	if (s->failed || !s->daemon[SIM_REPLAYER].alive) /* it did not agree, and was thrown away */
		return false;
	sim_client_start(s, SIM_SWITCHER, make_live, NULL);
	for (int i = 0; i < ROUNDS && d->alive && !s->failed; i++)
		sim_run_out(s, d);
	struct vr_str live = sim_text(sim_db_find(&sim_master(s)->redis->db[SIM_LIVE_DB], VR_STR("vir:generation")));
	if (!s->failed && !vr_str_eq(live, vr_str_c(name)))
		sim_fail(s, "at rest %s could not be made live", name);
	sim_daemon_kill(&s->daemon[SIM_REPLAYER], false);
	return true;
}
