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

/* ------------------------------------------------------------------ whose rules ---- */

/* What a replay notes of itself in `vir:gen`: rules live, given or own, and which set was given. */
enum vr_shadow_rules sim_replay_rules(const struct sim_server *v, int db, uint32_t *ret_set)
{
	struct vr_str rules, set;
	const struct sim_value *gen = sim_db_find(&v->redis->db[db], VR_STR("vir:gen"));
	*ret_set = 0;
	if (!sim_field(gen, "rules", &rules) || vr_str_eq(rules, VR_STR("live")))
		return VR_SHADOW_RULES_LIVE;
	if (sim_field(gen, "set", &set))
		*ret_set = (uint32_t)sim_number(set);
	return vr_str_eq(rules, VR_STR("given")) ? VR_SHADOW_RULES_LAST : VR_SHADOW_RULES_OWN;
}

static struct vr_str number_text(char out[16], uint32_t n)
{
	return (struct vr_str){out, (size_t)snprintf(out, 16, "%u", n)};
}

static const struct sim_value *rules_list(const struct sim_server *v)
{
	return sim_db_find(&v->redis->db[SIM_ALERTS_DB], VR_STR("vir:rules"));
}

void sim_rules_mirror(struct sim *s)
{
	char set[16];
	const struct sim_value *list = rules_list(sim_master(s));
	for (size_t i = list ? list->n : 0; i < s->listed; i++) {
		(void)number_text(set, s->list[i]);
		sim_admin(s, sim_master(s), SIM_ALERTS_DB, "RPUSH", "vir:rules", set, NULL);
	}
}

void sim_rules_appended(struct sim *s, const struct sim_server *v)
{
	const struct sim_value *list = rules_list(v);
	for (size_t n = list ? list->n : 0; s->listed < n;) {
		VR_ASSERT(s->listed < SIM_LISTED);
		s->list[s->listed] = (uint32_t)sim_number(sim_item_a(&list->items[s->listed]));
		s->listed++;
		sim_tell(s, "the fleet's rule set %u is %u, by a switch", s->listed, s->list[s->listed - 1]);
	}
}

/* ------------------------------------------------------------------ the replay ---- */

static void choose_rules(struct sim *s)
{
	char set[16];
	bool given = s->listed > 0 && sim_once_in(s, 3);
	(void)number_text(set, (uint32_t)vr_random_below(&s->random, 4));
	sim_admin(s, sim_master(s), SIM_SPARE_DB, "HSET", "vir:gen", "rules", given ? "given" : "live", "set", set, NULL);
}

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
		choose_rules(s); /* first: a loss that leaves the name leaves these */
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
		.name = name_for(s), .live_db = SIM_LIVE_DB, .end = INT64_MAX};
	s->shadow.rules = sim_replay_rules(sim_master(s), SIM_SPARE_DB, &s->given);
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
	struct vr_cmds cmds, retire, promote;
	struct vr_arena arena;
	char name[8], entry[16];
	bool sent, back; /* back: with the rules that it had when it was live */
};

static void set_up(struct switching *x, struct sim_daemon *d)
{
	struct sim *s = d->sim;
	struct vr_str name = spare_name(s);
	*x = (struct switching){.d = d};
	if (name.n)
		memcpy(x->name, name.p, name.n);
	vr_cmds_init(&x->cmds, &d->mem.mem);
	vr_cmds_init(&x->retire, &d->mem.mem);
	vr_cmds_init(&x->promote, &d->mem.mem);
	vr_arena_init(&x->arena, &d->mem.mem, 0);
	int64_t max_lag = s->resting ? 0 : sim_between(s, 0, 20);
	bool capped = s->config.engine.max_contents > 0 || (!s->resting && sim_once_in(s, 2));
	x->w = (struct vr_switch){.name = vr_str_c(x->name), .live_db = SIM_LIVE_DB, .spare_db = SIM_SPARE_DB,
		.alerts_db = SIM_ALERTS_DB, .capped = capped, .max_lag = max_lag, .part = x->part, .n = SIM_PARTS};
	VR_ASSERT(vr_switch_init(&x->w, VR_STR("vir:")) == VR_OK);
	for (int p = 0; p < SIM_PARTS; p++)
		VR_ASSERT(vr_switch_part_init(&x->part[p], &x->w, VR_STR("vir:"), VR_STR(SIM_TOPIC), p) == VR_OK);
}

/* The highest number that the spare owner records name. */
static uint32_t named_set(struct sim *s)
{
	uint32_t no = 0;
	for (int p = 0; p < SIM_PARTS; p++) {
		struct vr_str rules;
		const struct sim_value *own = sim_own_key(sim_master(s), SIM_SPARE_DB, p, "own");
		uint32_t named = sim_field(own, "rules", &rules) ? (uint32_t)sim_number(rules) : 0;
		no = named > no ? named : no;
	}
	return no;
}

static void note_rules(struct vr_cmds *c, const struct vr_keys *k, const char *rules)
{
	vr_cmds_clear(c);
	vr_cmd(c, 4, "HSET");
	vr_key_global(c, k, "gen");
	vr_cmd_c(c, "rules");
	vr_cmd_c(c, rules);
}

/* As the switcher of the daemon decides it. */
static void decide_rules(struct switching *x)
{
	struct sim *s = x->d->sim;
	uint32_t set;
	enum vr_shadow_rules rules = sim_replay_rules(sim_master(s), SIM_SPARE_DB, &set);
	uint32_t no = rules == VR_SHADOW_RULES_OWN ? named_set(s) : 0;
	sim_rules_mirror(s);
	x->back = rules == VR_SHADOW_RULES_OWN;
	x->w.own_rules = rules != VR_SHADOW_RULES_LIVE;
	x->w.rules_entry = VR_STR("");
	x->w.rules_n = s->listed;
	x->w.rules_named = rules == VR_SHADOW_RULES_OWN;
	x->w.rules_was = no;
	if (!x->w.own_rules)
		return;
	set = no ? s->list[no - 1] : set; /* of OWN without a number: the switch waits until it has one */
	bool is_last = s->listed > 0 && s->list[s->listed - 1] == set;
	x->w.rules_no = s->listed + !is_last;
	if (!is_last)
		x->w.rules_entry = number_text(x->entry, set);
	note_rules(&x->retire, &x->w.keys, "own");
	note_rules(&x->promote, &x->w.keys, "live");
	x->w.retire = &x->retire;
	x->w.promote = &x->promote;
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
	decide_rules(x);
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
		x->d->sim->totals->hit[SIM_HIT_SWITCH_RULES] += !err && x->w.own_rules && !x->back;
		x->d->sim->totals->hit[SIM_HIT_SWITCH_RULES_BACK] += !err && x->w.own_rules && x->back;
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
			!(vr_shadow_quiet(d->slot[p].shard) || (d->slot[p].shard->evicted && d->slot[p].shard->record.shown)))
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
