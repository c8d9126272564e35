/* SPDX-License-Identifier: Apache-2.0 */
/* sim_daemon.c - a worker with its slots, as a coroutine. Its steps are those of src/daemon/worker/worker.c. */
#include "sim.h"

enum { BACKOFF_MS = 50, ACCEPT_MS = 500 };

static struct vr_mono now_of(const struct sim_daemon *d)
{
	return d->world.mono((void *)(uintptr_t)d);
}

/* ------------------------------------------------------------------ the link ---- */

enum vr_err sim_daemon_exchange(void *ctx, const struct vr_cmds *cmds, struct vr_arena *arena,
	struct vr_replies *ret, struct vr_diag *diag)
{
	struct sim_daemon *d = ctx;
	VR_ASSERT(cmds->open == 0 && !cmds->buf.failed);
	if (d->conn && sim_conn_dead(d->conn)) {
		sim_conn_close(d->sim, d->conn);
		d->conn = NULL;
		return vr_diag_set(diag, VR_E_LOST_LINK, "simulation", "the connection was found dead");
	}
	if (!d->conn)
		d->conn = sim_conn_open(d->sim, d->config.live_db);
	if (!d->conn)
		return vr_diag_set(diag, VR_E_AWAY, "simulation", "no connection");
	d->cmds = cmds;
	d->arena = arena;
	d->wait = SIM_SENT;
	sim_co_yield(&d->co);
	d->wait = SIM_IDLE;
	if (d->answer) {
		sim_conn_close(d->sim, d->conn);
		d->conn = NULL;
		return vr_diag_set(diag, d->answer, "simulation", "the connection was lost");
	}
	*ret = d->replies;
	return VR_OK;
}

/* ------------------------------------------------------------------ slots ---- */

static void stop(
	struct sim_daemon *d, struct sim_slot *slot, int part, enum vr_err err, const struct vr_diag *diag)
{
	if (!(d->sim->stops[part] & UINT64_C(1) << err))
		sim_fail(d->sim, "daemon %d stopped partition %d without a reason: %s: %s", d->number, part,
			vr_err_name(err), diag->text);
	vr_shard_tell_stop(slot->shard, err, diag->text);
	slot->stop = err;
	slot->state = SIM_STOPPED;
	slot->due = vr_mono_add(now_of(d), (struct vr_span){ACCEPT_MS});
}

static void fail(struct sim_daemon *d, int part, enum vr_err err, const struct vr_diag *diag)
{
	struct sim_slot *slot = &d->slot[part];
	if (!err)
		return;
	if (d->number == SIM_REPLAYER && vr_err_verdict(err) == VR_VERDICT_STOP) {
		sim_replay_stopped(d->sim, d, err, diag);
		return;
	}
	d->sim->totals->err[err]++;
	sim_tell(d->sim, "daemon %d partition %d: %s: %s", d->number, part, vr_err_name(err), diag->text);
	switch (vr_err_verdict(err)) {
	case VR_VERDICT_RETRY:
	case VR_VERDICT_REWIND:
	case VR_VERDICT_POISON:
		slot->due = vr_mono_add(now_of(d), (struct vr_span){BACKOFF_MS});
		slot->state = slot->shard->engine ? SIM_WAITING : SIM_ACQUIRING;
		return;
	case VR_VERDICT_STOP:
		stop(d, slot, part, err, diag);
		return;
	default:
		if (err != VR_E_FOREIGN || !d->foreign)
			sim_fail(
				d->sim, "daemon %d, partition %d: %s: %s", d->number, part, vr_err_name(err), diag->text);
		d->ending = true;
	}
}

static void acquire(struct sim_daemon *d, int part)
{
	struct sim_slot *slot = &d->slot[part];
	struct vr_diag diag = {0};
	int64_t start = 0;
	enum vr_err err = vr_shard_acquire(slot->shard, &start, &diag);
	if (err) {
		vr_shard_drop(slot->shard);
		fail(d, part, err, &diag);
		return;
	}
	slot->pos = start;
	slot->end_told = slot->range_told = false;
	slot->state = SIM_RUNNING;
	sim_tell(d->sim, "daemon %d owns partition %d from %lld", d->number, part, (long long)start);
}

static void work(struct sim_daemon *d, int part)
{
	struct sim_slot *slot = &d->slot[part];
	struct sim *s = d->sim;
	struct vr_diag diag = {0};
	struct vr_feed_item item[SIM_BATCH];
	int64_t most = sim_between(s, 1, SIM_BATCH), room = d->config.shadow ? vr_shadow_room(slot->shard) : most;
	most = room < most ? room : most;
	if (most > 0 && slot->shard->live.cut_short) {
		slot->pos = vr_shadow_from(slot->shard);
		slot->end_told = slot->shard->live.cut_short = false;
	}
	size_t n = most > 0 ? sim_feed_take(slot, sim_log_of(s, part), (size_t)most, item) : 0;
	enum vr_err err = n ? vr_shard_take(slot->shard, item, n, &diag) : VR_OK;
	if (!err && vr_mono_reached(now_of(d), vr_shard_due(slot->shard)))
		err = vr_shard_tick(slot->shard, &diag);
	fail(d, part, err, &diag);
}

static void step(struct sim_daemon *d, int part)
{
	struct sim_slot *slot = &d->slot[part];
	struct vr_diag diag = {0};
	if (slot->state == SIM_RUNNING) {
		work(d, part);
	} else if (!vr_mono_reached(now_of(d), slot->due)) {
		return;
	} else if (slot->state == SIM_ACQUIRING) {
		acquire(d, part);
	} else if (slot->state == SIM_WAITING) {
		enum vr_err err = vr_shard_flush(slot->shard, &diag);
		if (!err)
			slot->state = SIM_RUNNING;
		fail(d, part, err, &diag);
	} else {
		slot->due = vr_mono_add(now_of(d), (struct vr_span){ACCEPT_MS});
		if (vr_shard_accepted(slot->shard))
			slot->state = SIM_ACQUIRING;
	}
}

static void take_up(struct sim_daemon *d, int part)
{
	struct vr_shard_config config = d->config;
	struct vr_diag diag;
	config.engine.partition = part;
	d->slot[part].state = SIM_ACQUIRING;
	d->slot[part].due = (struct vr_mono){0};
	VR_ASSERT(vr_shard_new(&config, &d->world, &d->mem.mem, &d->slot[part].shard, &diag) == VR_OK);
}

/* A guarded flush of what may be somebody else's already is harmless. */
static void leave(struct sim_daemon *d, int part)
{
	struct sim_slot *slot = &d->slot[part];
	struct vr_diag diag;
	if (vr_shard_flush(slot->shard, &diag))
		vr_shard_drop(slot->shard);
	vr_shard_free(slot->shard);
	slot->shard = NULL;
	slot->leaving = false;
}

static void round_of_slots(struct sim_daemon *d)
{
	for (int p = 0; p < SIM_PARTS; p++) {
		struct sim_slot *slot = &d->slot[p];
		if (slot->shard && (slot->leaving || d->ending))
			leave(d, p);
		if (slot->given && !slot->shard && !d->ending)
			take_up(d, p);
		if (slot->shard && !d->ending)
			step(d, p);
	}
}

void sim_daemon_live(void *arg)
{
	struct sim_daemon *d = arg;
	for (;;) {
		round_of_slots(d);
		sim_co_yield(&d->co);
	}
}

/* ------------------------------------------------------------------ life and death ---- */

static void draw_config(struct sim *s, struct sim_daemon *d)
{
	struct vr_shard_config *c = &d->config;
	*c = s->config;
	c->cut_contents = (uint32_t)sim_between(s, 1, 8);
	c->cut_contents_behind = c->cut_contents * 2;
	c->cut_bytes = sim_once_in(s, 6) ? (size_t)sim_between(s, 1000, 6000) : 1U << 20;
	c->cut_interval.ms = sim_once_in(s, 4) ? 20 : 200;
	if (d->foreign)
		c->group = "another";
}

void sim_client_start(struct sim *s, int number, void (*task)(void *daemon), const struct vr_shadow *shadow)
{
	struct sim_daemon *d = &s->daemon[number];
	struct sim_co co = d->co;
	VR_ASSERT(!d->alive);
	*d = (struct sim_daemon){.sim = s, .number = number, .alive = true, .co = co, .listed = s->listed};
	sim_mem_init(&d->mem);
	draw_config(s, d);
	d->config.shadow = shadow;
	d->config.live_db = shadow ? SIM_SPARE_DB : SIM_LIVE_DB;
	d->world = sim_world_of(d);
	for (int p = 0; p < SIM_PARTS; p++)
		d->slot[p].given = shadow != NULL;
	sim_co_start(&d->co, task, d);
}

void sim_daemon_start(struct sim *s, int number)
{
	struct sim_daemon *d = &s->daemon[number];
	struct sim_co co = d->co;
	VR_ASSERT(!d->alive);
	*d = (struct sim_daemon){.sim = s, .number = number, .alive = true, .co = co, .listed = s->listed};
	/* It must not be the first to come: then all others were foreign. */
	d->foreign = !s->mood.wipe && !s->mood.restart && !s->mood.failover &&
				 sim_stored_off(s, sim_master(s), 0) >= 0 && sim_stored_off(s, sim_master(s), 1) >= 0 &&
				 sim_once_in(s, 60);
	sim_mem_init(&d->mem);
	draw_config(s, d);
	d->world = sim_world_of(d);
	sim_co_start(&d->co, sim_daemon_live, d);
	sim_tell(s, "daemon %d starts", number);
}

void sim_daemon_kill(struct sim_daemon *d, bool in_flight)
{
	struct sim *s = d->sim;
	if (!d->alive)
		return;
	sim_tell(s, "daemon %d is killed%s", d->number, d->wait == SIM_SENT ? " with commands sent" : "");
	if (d->wait == SIM_SENT && in_flight)
		sim_orphan_add(s, d->conn, d->cmds->buf.p, d->cmds->buf.n);
	if (d->conn)
		sim_conn_close(s, d->conn);
	sim_mem_done(&d->mem);
	d->conn = NULL;
	d->alive = false;
	d->wait = SIM_IDLE;
	for (int p = 0; p < SIM_PARTS; p++)
		d->slot[p] = (struct sim_slot){0};
}

void sim_daemon_resume(struct sim_daemon *d)
{
	sim_co_resume(&d->co);
	bool empty = d->wait == SIM_IDLE && d->ending;
	for (int p = 0; p < SIM_PARTS; p++)
		empty = empty && !d->slot[p].shard;
	if (empty)
		sim_daemon_kill(d, false);
}
