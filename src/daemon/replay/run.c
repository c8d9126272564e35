/* SPDX-License-Identifier: Apache-2.0 */
/* run.c - the loop of a replay: how far it is, how fast it may be, when it is done. */
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "parts.h"
#include "sight.h"
#include "virality/progress.h"

enum { POLL_MS = 100, SECOND_MS = 1000, BEAT_MS = 2000 };

/* What the loop knows. */
struct course {
	struct vr_replay *replay;
	struct vr_sight sight;
	struct vr_progress progress;
	struct vr_mono second, beat;
	enum vr_replay_end end;
};

/* ------------------------------------------------ the loop ---------------------------- */

static void show(struct vr_replay *r, struct course *c)
{
	struct vr_report_sums sums = vr_report_sums(r->report);
	c->progress.total = c->sight.total;
	c->progress.look = UINT32_MAX - 1;	/* this is called seldom: the clock may be read each time */
	if (c->sight.views_wait > 0 && !r->options->json)
		vr_progress_phase(&c->progress, "writing the views of", r->gen.name, 1 - (double)c->sight.views_wait / (double)c->sight.views);
	else
		vr_progress_step(&c->progress, c->sight.done, sums.folded + sums.duplicates + sums.refused, c->sight.at);
}

static void tell(struct vr_replay *r, const struct course *c)
{
	const struct vr_sight *s = &c->sight;
	double part = s->total ? (double)s->done / (double)s->total : 1;
	struct vr_report_replay now = {.done = part, .left = (double)(s->total - s->done), .rate = c->progress.rate, .allowed = r->pace.rate,
		.live_lag = r->pace.lag.ms > 0 ? (double)r->pace.lag.ms / 1000 : 0, .latency = (double)r->pace.latency.ms / 1000,
		.event_time = s->at, .complete = s->quiet};
	const char *held = vr_pace_held(&r->pace);
	bool progress = vr_workers_have_progress(r->worker, r->n_workers);
	vr_report_replay(r->report, &now);
	vr_report_facts(r->report, s->facts, s->n, progress);
	if (progress)
		vr_notify_watchdog(&r->notify);
	vr_notify_status(&r->notify, "generation %s: %.1f %%, %.0f records a second%s%s", r->gen.name, 100 * part, c->progress.rate,
		held ? ", slowed down: " : "", held ? held : "");
}

static enum vr_generation_state state_of(const struct vr_replay *r, bool full)
{
	bool stays = r->gen.state == VR_GENERATION_RETIRED || r->gen.state == VR_GENERATION_DRY;
	return stays ? r->gen.state : full ? VR_GENERATION_FULL : VR_GENERATION_FILLING;
}

/* Another process, or a switch, ends this one. A Redis that is away does not: the workers wait for it, too. */
static void beat(struct vr_replay *r)
{
	struct vr_diag d = {0};
	enum vr_err err = vr_replay_mark(r, state_of(r, false), true, &d);
	if (err != VR_E_BUSY && err != VR_E_FENCED)
		return;
	vr_report_say(r->report, VR_EV_FATAL, "%s", d.text);
	vr_replay_end(r, EX_TEMPFAIL);
}

static void each_second(struct vr_replay *r, struct course *c)
{
	struct vr_mono now = vr_clock_mono();
	struct vr_diag d;
	if (!vr_mono_reached(now, c->second))
		return;
	c->second = vr_mono_add(now, (struct vr_span){SECOND_MS});
	tell(r, c);
	if (r->gen.rules != VR_GENERATION_RULES_GIVEN && vr_rulebook_refresh(r->rules, &r->link, &d))
		vr_report_redis(r->report, false);
	if (!vr_mono_reached(now, c->beat))
		return;
	c->beat = vr_mono_add(now, (struct vr_span){BEAT_MS});
	beat(r);
}

static enum vr_err try_switch(struct vr_replay *r, enum vr_switch_verdict *ret, struct vr_diag *d)
{
	const struct vr_replay_options *o = r->options;
	struct vr_switcher_config c = {.config = r->config, .group = r->group, .name = r->gen.name,
		.accept_shorter_history = o->accept_shorter_history, .accept_state_loss = o->accept_state_loss};
	enum vr_err err = r->switcher ? VR_OK : vr_switcher_new(&c, &r->switcher, d);
	return err ? err : vr_switcher_try(r->switcher, ret, d);
}

/* All have come up with live: from now on it is what live has that counts. */
static void hurry(struct vr_replay *r)
{
	if (atomic_exchange(&r->hurries, true))
		return;
	for (int i = 0; i < r->n_workers; i++)
		vr_worker_wake(r->worker[i]);
}

static void take_turn(void *ctx)
{
	struct course *c = ctx;
	struct vr_replay *r = c->replay;
	vr_group_poll(r->group, (struct vr_span){POLL_MS});
	(void)vr_replay_serve_signals(r);
	vr_replay_heed(r);
	vr_sight_look(&c->sight, r);
	if (c->sight.came_up)
		hurry(r);
	show(r, c);
	each_second(r, c);
}

/* The workers go on until it is live, or compared, so that it is not behind then. */
static enum vr_err arrive(struct vr_replay *r, struct course *c, struct vr_diag *d)
{
	enum vr_switch_verdict verdict = VR_SWITCH_WAIT;
	if (r->options->dry_run) {
		enum vr_err err = vr_replay_compare(r, take_turn, c, d);
		c->end = err ? c->end : VR_REPLAY_COMPLETE;
		return err;
	}
	if (!r->options->switches) {
		c->end = VR_REPLAY_COMPLETE;
		return VR_OK;
	}
	enum vr_err err = try_switch(r, &verdict, d);
	if (vr_err_verdict(err) == VR_VERDICT_RETRY || vr_err_verdict(err) == VR_VERDICT_REWIND)
		return VR_OK;
	if (err)
		return err;
	if (verdict == VR_SWITCH_READY || verdict == VR_SWITCH_ALREADY)
		c->end = VR_REPLAY_LIVE;
	/* One with a bound of its own does not come nearer. */
	return verdict == VR_SWITCH_WAIT && strcmp(r->gen.to, "live") != 0 ? vr_diag_set(d, VR_E_REFUSED, d->where, "%s", d->text) : VR_OK;
}

static enum vr_err loop(struct vr_replay *r, struct course *c, struct vr_diag *d)
{
	enum vr_err err = VR_OK;
	while (!err && !atomic_load(&r->stop) && c->end == VR_REPLAY_BROKEN_OFF) {
		take_turn(c);
		if (vr_sight_is_there(&c->sight))
			err = arrive(r, c, d);
	}
	return err;
}

/* ------------------------------------------------ the end ----------------------------- */

static enum vr_err finish(struct vr_replay *r, bool full, struct vr_diag *d)
{
	r->complete = full;
	enum vr_err err = vr_publisher_finish(r->publisher, d);
	if (!err)
		err = vr_replay_mark(r, state_of(r, full), false, d);
	return err;
}

enum vr_err vr_replay_run(struct vr_replay *r, enum vr_replay_end *ret_end, struct vr_diag *d)
{
	struct course c = {.replay = r, .end = VR_REPLAY_BROKEN_OFF};
	enum vr_err err = vr_sight_init(&c.sight, r->gen.n);
	if (!err)
		err = vr_replay_start_crew(r, d);
	bool started = !err;
	if (started) {
		vr_report_say(r->report, VR_EV_REPLAY, "generation %s: %s to %s", r->gen.name, r->gen.from, r->gen.to);
		vr_notify_ready(&r->notify);
		vr_progress_start(&c.progress, "virald replay", 0, r->options->quiet);
		c.progress.json = r->options->json;
		err = loop(r, &c, d);
		tell(r, &c);
		vr_progress_end(&c.progress);
	}
	vr_notify_stopping(&r->notify);
	vr_replay_stop_reading(r);
	/* What is live now is in the hands of others. */
	struct vr_diag why = {0};
	enum vr_err end = started && c.end != VR_REPLAY_LIVE && !r->options->dry_run ? finish(r, c.end == VR_REPLAY_COMPLETE, &why) : VR_OK;
	vr_switcher_free(r->switcher);
	vr_publisher_free(r->publisher);
	if (r->options->dry_run)
		end = vr_replay_dismiss(r, &why);
	*d = err || !end ? *d : why;
	err = err ? err : end;
	*ret_end = c.end;
	vr_sight_done(&c.sight);
	return err;
}
