/* SPDX-License-Identifier: Apache-2.0 */
/* run.c - workers and publisher over shadows; how far they are, how fast they may be, when they are done. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "daemon.h"
#include "parts.h"
#include "virality/progress.h"

enum { POLL_MS = 100, SECOND_MS = 1000, BEAT_MS = 2000, TAKE_BACK_MS = 15000, SETTLE_MS = 2000, STALE_MS = 10000, RATE_LEAST = 1000 };

/* What the loop knows. */
struct sight {
	struct vr_slot_facts *facts;
	size_t n;
	uint64_t done, total;		/* offsets */
	struct vr_wall at;		/* event time reached, in the partition furthest behind */
	bool quiet;			/* every partition is at its bound, stored and shown */
	bool near;			/* live is followed, and is nowhere further ahead than a switch allows */
	bool caught_up;			/* and all is folded that live had when it came that near */
	int64_t *target;		/* of each partition: that */
	struct vr_mono caught_up_since;
	struct vr_progress progress;
	struct vr_mono second, beat;
	int64_t live_sum, live_stamp;	/* of live's offsets, when: for the rate it goes at */
	double live_rate;
	struct vr_span lag;
	enum vr_replay_end end;
};

/* ------------------------------------------------ what workers say -------------------- */

static void worker_fatal(void *ctx, enum vr_err err, const struct vr_diag *why)
{
	struct vr_replay *r = ctx;
	vr_report_say(r->report, VR_EV_FATAL, "%s: %s", vr_err_text(err), why->text);
	vr_replay_end(r, vr_daemon_exit_of(err));
}

/* Nobody decides for a replay while it runs: what stops one partition ends it. */
static void worker_state(void *ctx, int worker, const struct vr_topic_part *part, const char *state, enum vr_err err,
	const struct vr_diag *why)
{
	struct vr_replay *r = ctx;
	(void)worker;
	vr_report_state(r->report, part, state, err, why);
	if (vr_err_verdict(err) != VR_VERDICT_STOP)
		return;
	pthread_mutex_lock(&r->lock);
	if (!r->stopped.text[0])
		r->stopped = *why;
	pthread_mutex_unlock(&r->lock);
	vr_replay_end(r, EX_CONFIG);
}

static void worker_note(void *ctx, int worker, const struct vr_topic_part *part, enum vr_note note, enum vr_err err, int64_t n,
	const char *text)
{
	vr_report_note(((struct vr_replay *)ctx)->report, worker, part, note, err, n, text);
}

static void worker_cut(void *ctx, int worker, struct vr_span took) { vr_report_cut(((struct vr_replay *)ctx)->report, worker, took); }
static size_t pace(void *ctx, size_t wanted) { return vr_pace_ask(&((struct vr_replay *)ctx)->pace, wanted); }
static void paced(void *ctx, size_t n) { vr_pace_took(&((struct vr_replay *)ctx)->pace, n); }

static size_t index_of(const struct vr_replay *r, const struct vr_topic_part *part)
{
	for (size_t i = 0; i < r->gen.n; i++)
		if (r->part[i].partition == part->partition && vr_str_eq(r->part[i].topic, part->topic))
			return i;
	VR_ASSERT(false);
	return 0;
}

static const struct vr_shadow *shadow_of(void *ctx, const struct vr_topic_part *part)
{
	struct vr_replay *r = ctx;
	return &r->shadow[index_of(r, part)];
}

/* ------------------------------------------------ partitions -------------------------- */

void vr_replay_assigned(void *ctx, const struct vr_topic_part *parts, size_t n)
{
	struct vr_replay *r = ctx;
	for (size_t i = 0; i < n; i++)
		vr_worker_give(r->worker[index_of(r, &parts[i]) % (size_t)r->n_workers], &parts[i]);
}

void vr_replay_revoked(void *ctx, const struct vr_topic_part *parts, size_t n, bool lost)
{
	struct vr_replay *r = ctx;
	(void)lost;
	for (size_t i = 0; i < n && r->n_workers > 0; i++)
		vr_worker_take_back(r->worker[index_of(r, &parts[i]) % (size_t)r->n_workers], &parts[i], (struct vr_span){TAKE_BACK_MS});
}

void vr_replay_group_error(void *ctx, enum vr_err err, bool fatal, const char *text)
{
	struct vr_replay *r = ctx;
	vr_report_say(r->report, fatal ? VR_EV_FATAL : VR_EV_KAFKA, "%s", text);
	if (fatal)
		vr_replay_end(r, vr_daemon_exit_of(err));
}

/* ------------------------------------------------ the publisher ----------------------- */

static int32_t partitions_of(void *ctx, struct vr_str topic)
{
	const struct vr_replay *r = ctx;
	int32_t n = 0;
	for (size_t i = 0; i < r->gen.n; i++)
		n += vr_str_eq(r->part[i].topic, topic);
	return n;
}

/* Behind its own bound; at the end markers may lie before it, or live. */
static int64_t lag_of(void *ctx, const struct vr_topic_part *part, int64_t offset)
{
	const struct vr_replay *r = ctx;
	if (r->complete)
		return 0;
	int64_t end = r->gen.part[index_of(r, part)].end;
	return end > offset ? end - offset : 0;
}

static void publisher_failed(void *ctx, enum vr_err err, const struct vr_diag *why)
{
	vr_report_publish_failed(((struct vr_replay *)ctx)->report, err, why);
}

static void published(void *ctx, struct vr_span took) { vr_report_published(((struct vr_replay *)ctx)->report, took); }

static struct vr_redis_config spare_redis(const struct vr_replay *r)
{
	struct vr_redis_config rc = vr_run_redis(r->config);
	rc.db = r->spare_db;
	return rc;
}

static enum vr_err start_publisher(struct vr_replay *r)
{
	const struct vr_config *c = r->config;
	struct vr_publisher_config pc = {
		.redis = spare_redis(r), .prefix = c->redis_prefix, .live_db = r->spare_db, .alerts_db = r->keys.alerts_db, .replay = true,
		.merge = {.windows = c->windows, .top_n = (uint32_t)c->views_top_n, .top_channels = (uint32_t)c->views_top_channels},
		.interval = c->publisher_interval, .alerts_retention = c->alerts_retention, .topics = r->topic, .n_topics = r->n_topics,
		.partitions = partitions_of, .lag = lag_of, .failed = publisher_failed, .published = published, .ctx = r};
	enum vr_err err = vr_publisher_new(&pc, &r->publisher);
	if (!err)
		vr_publisher_lead(r->publisher, true);
	return err;
}

/* ------------------------------------------------ start ------------------------------- */

/* A whole Redis that was lost has no list of rules: it begins as a daemon's first start would begin it. */
static enum vr_err start_rules(struct vr_replay *r, struct vr_diag *d)
{
	uint32_t no;
	enum vr_err err = vr_rulebook_new(&r->keys, &r->config->windows, &r->rules);
	if (!err && r->gen.rules == VR_GENERATION_RULES_GIVEN)
		return vr_rulebook_give(r->rules, vr_str_c(r->gen.rules_hash), vr_str_c(r->gen.rules_text ? r->gen.rules_text : ""), d);
	if (!err)
		err = vr_rulebook_refresh(r->rules, &r->link, d);
	if (!err && vr_rulebook_last_hash(r->rules).n == 0)
		err = vr_rulebook_append(r->rules, &r->link, vr_rulefile_hash(r->rulefile), vr_rulefile_json(r->rulefile), false, &no, d);
	return err;
}

/* Cuts as small as when caught up: every reader of Redis waits for each. */
static struct vr_shard_config shard_config(const struct vr_replay *r)
{
	struct vr_shard_config c = vr_run_shard(r->config);
	c.live_db = r->spare_db;
	c.cluster = r->cluster;
	c.group = r->group_id;
	c.cut_contents_behind = c.cut_contents;
	c.on_truncation = VR_POLICY_STOP;
	return c;
}

static enum vr_err start_workers(struct vr_replay *r, struct vr_diag *d)
{
	int n = vr_daemon_workers(r->config);
	struct vr_worker_config wc = {
		.shard = shard_config(r), .redis = spare_redis(r), .group = r->group, .client_id = vr_str_c(r->client_id), .rules = r->rules,
		.kafka_timeout = {VR_DAEMON_KAFKA_MS}, .shadow = shadow_of, .pace = pace, .paced = paced, .note = worker_note, .cut = worker_cut,
		.fatal = worker_fatal, .state = worker_state, .ctx = r};
	n = (size_t)n > r->gen.n ? (int)r->gen.n : n;
	r->worker = calloc((size_t)n, sizeof(struct vr_worker *));
	enum vr_err err = r->worker ? VR_OK : VR_E_NOMEM;
	for (; r->n_workers < n && !err; r->n_workers += err == VR_OK) {
		wc.index = r->n_workers;
		err = vr_worker_new(&wc, &r->worker[r->n_workers], d);
	}
	return err;
}

/* ------------------------------------------------ how far ----------------------------- */

/* The offset a partition has to get to, as it is now. */
static int64_t goal_of(const struct vr_replay *r, size_t i, const struct vr_slot_facts *f)
{
	const struct vr_shadow *sh = &r->shadow[i];
	if (sh->end != INT64_MAX)
		return sh->end;
	return f->live_off > r->gen.part[i].end ? f->live_off : r->gen.part[i].end;
}

static bool is_near(const struct vr_replay *r, size_t i, const struct vr_slot_facts *f)
{
	bool follows = r->shadow[i].end == INT64_MAX;
	return follows ? (f->complete || f->engine.evicted > 0) && f->live_off - f->reach <= r->config->replay_switch_max_lag
		       : f->quiet && f->reach >= r->shadow[i].end;
}

static void look_at_part(const struct vr_replay *r, const struct vr_slot_facts *f, struct sight *s)
{
	struct vr_topic_part part = {vr_str_c(f->topic), f->partition};
	size_t i = index_of(r, &part);
	int64_t first = r->gen.part[i].first, goal = goal_of(r, i, f), reach = f->reach > first ? f->reach : first;
	s->total += (uint64_t)(goal > first ? goal - first : 0);
	s->done += (uint64_t)((reach < goal ? reach : goal) - first);
	s->quiet &= f->quiet && strcmp(f->state, "running") == 0 && (r->shadow[i].end == INT64_MAX || f->reach >= r->shadow[i].end);
	s->near &= is_near(r, i, f) && strcmp(f->state, "running") == 0;
	s->caught_up &= reach >= s->target[i] || reach >= goal;
	if (f->stream.ms > 0 && (s->at.ms == 0 || (!f->quiet && f->stream.ms < s->at.ms)))
		s->at = f->stream;
}

static void set_targets(const struct vr_replay *r, struct sight *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct vr_topic_part part = {vr_str_c(s->facts[i].topic), s->facts[i].partition};
		s->target[index_of(r, &part)] = s->facts[i].live_off;
	}
}

static void look(struct vr_replay *r, struct sight *s)
{
	bool was_near = s->near, had_caught_up = s->caught_up;
	s->n = 0;
	for (int i = 0; i < r->n_workers; i++)
		s->n += vr_worker_facts(r->worker[i], s->facts + s->n, VR_REPLAY_PARTS_MAX - s->n);
	s->done = s->total = 0;
	s->at.ms = 0;
	s->quiet = s->near = s->caught_up = s->n == r->gen.n;
	for (size_t i = 0; i < s->n; i++)
		look_at_part(r, &s->facts[i], s);
	if (s->near && !was_near)
		set_targets(r, s);
	s->caught_up &= s->near && was_near;
	if (s->caught_up && !had_caught_up)
		s->caught_up_since = vr_clock_mono();
}

/* Where live goes on it never stands still: then it is done when it has what live had a moment ago. */
static bool is_done(const struct sight *s)
{
	return s->quiet || (s->caught_up && vr_clock_mono().ms - s->caught_up_since.ms >= SETTLE_MS);
}

/* ------------------------------------------------ how fast ---------------------------- */

static int64_t sum_offsets(const struct vr_reply *parts)
{
	int64_t sum = 0;
	for (size_t i = 0; i + 1 < parts->n; i += 2)
		if (parts->elem[i + 1].type == VR_REPLY_STR)
			sum += strtoll(parts->elem[i + 1].str.p, NULL, 10);
	return sum;
}

/* How long live needs for what waits: by what it does in a second, as its merged views tell. Views that stand still are
 * of a live that is down: there is nothing to spare. */
static struct vr_span live_lag(struct sight *s, const struct vr_reply *meta, const struct vr_reply *parts)
{
	int64_t stamp = vr_reply_field_i64(meta, "updated_ms"), sum = sum_offsets(parts), waiting = vr_reply_field_i64(meta, "lag_records");
	if (stamp == 0 || vr_clock_wall().ms - stamp > STALE_MS)
		return (struct vr_span){0};
	if (stamp > s->live_stamp && s->live_stamp > 0 && sum >= s->live_sum) {
		double now = (double)(sum - s->live_sum) * 1000 / (double)(stamp - s->live_stamp);
		s->live_rate = (s->live_rate + now) / 2;
	}
	if (stamp > s->live_stamp) {
		s->live_stamp = stamp;
		s->live_sum = sum;
	}
	return (struct vr_span){(int64_t)((double)waiting * 1000 / (s->live_rate > RATE_LEAST ? s->live_rate : RATE_LEAST))};
}

/* One look at live's merged views; what it took is Redis' latency. */
static void adjust_pace(struct vr_replay *r, struct sight *s)
{
	struct vr_talk t;
	struct vr_diag d;
	vr_talk_open(&t, &r->link, &r->mem);
	vr_cmd(&t.cmds, 2, "HGETALL");
	vr_key_global(&t.cmds, &r->keys, "meta");
	vr_cmd(&t.cmds, 2, "HGETALL");
	vr_key_global(&t.cmds, &r->keys, "meta:parts");
	int64_t begin = vr_clock_mono().ms;
	bool up = vr_talk_ask(&t, &d) == VR_OK;
	if (up)
		s->lag = live_lag(s, &t.r.at[0], &t.r.at[1]);
	vr_pace_tell(&r->pace, s->lag, (struct vr_span){vr_clock_mono().ms - begin});
	vr_report_redis(r->report, up);
	vr_talk_close(&t);
}

/* ------------------------------------------------ the loop ---------------------------- */

static void serve_signals(struct vr_replay *r)
{
	struct signalfd_siginfo info;
	while (read(r->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		vr_report_say(r->report, VR_EV_STOPPING, "signal %u", info.ssi_signo);
		vr_replay_end(r, EX_TEMPFAIL);
	}
}

static void show(struct vr_replay *r, struct sight *s)
{
	struct vr_report_sums sums = vr_report_sums(r->report);
	s->progress.total = s->total;
	s->progress.look = UINT32_MAX - 1;	/* this is called seldom: the clock may be read each time */
	vr_progress_step(&s->progress, s->done, sums.folded + sums.duplicates + sums.refused, s->at);
}

static bool has_progress(const struct vr_replay *r)
{
	int64_t now = vr_clock_mono().ms;
	for (int i = 0; i < r->n_workers; i++)
		if (now - vr_worker_beat(r->worker[i]).ms > VR_DAEMON_BEAT_MAX_MS)
			return false;
	return true;
}

static void tell(struct vr_replay *r, struct sight *s)
{
	double part = s->total ? (double)s->done / (double)s->total : 1;
	struct vr_report_replay now = {.done = part, .left = (double)(s->total - s->done), .rate = s->progress.rate, .allowed = r->pace.rate,
		.live_lag = (double)r->pace.lag.ms / 1000, .latency = (double)r->pace.latency.ms / 1000, .event_time = s->at, .complete = s->quiet};
	const char *held = vr_pace_held(&r->pace);
	bool progress = has_progress(r);
	vr_report_replay(r->report, &now);
	vr_report_facts(r->report, s->facts, s->n, progress);
	if (progress)
		vr_notify_watchdog(&r->notify);
	vr_notify_status(&r->notify, "generation %s: %.1f %%, %.0f records a second%s%s", r->gen.name, 100 * part, s->progress.rate,
		held ? ", slowed down: " : "", held ? held : "");
}

static enum vr_generation_state state_of(const struct vr_replay *r, bool full)
{
	return r->gen.state == VR_GENERATION_RETIRED ? VR_GENERATION_RETIRED : full ? VR_GENERATION_FULL : VR_GENERATION_FILLING;
}

/* Another process, or a switch, ends this one. A Redis that is away does not: the workers wait for it, too. */
static void beat(struct vr_replay *r)
{
	struct vr_diag d = {0};
	enum vr_err err = vr_replay_mark(r, state_of(r, false), true, &d);
	if (err != VR_E_BUSY && err != VR_E_FENCED)
		return;
	if (err == VR_E_FENCED && strstr(d.text, "somebody else"))
		return;		/* a write in between: asked again */
	vr_report_say(r->report, VR_EV_FATAL, "%s", d.text);
	vr_replay_end(r, EX_TEMPFAIL);
}

static void each_second(struct vr_replay *r, struct sight *s)
{
	struct vr_mono now = vr_clock_mono();
	struct vr_diag d;
	if (!vr_mono_reached(now, s->second))
		return;
	s->second = vr_mono_add(now, (struct vr_span){SECOND_MS});
	tell(r, s);
	if (r->gen.rules != VR_GENERATION_RULES_GIVEN && vr_rulebook_refresh(r->rules, &r->link, &d))
		vr_report_redis(r->report, false);
	if (!vr_mono_reached(now, s->beat))
		return;
	s->beat = vr_mono_add(now, (struct vr_span){BEAT_MS});
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

/* The workers go on until it is live, so that it is not behind when it is to be. */
static enum vr_err arrive(struct vr_replay *r, struct sight *s, struct vr_diag *d)
{
	enum vr_switch_verdict verdict = VR_SWITCH_WAIT;
	if (!r->options->switches) {
		s->end = VR_REPLAY_COMPLETE;
		return VR_OK;
	}
	enum vr_err err = try_switch(r, &verdict, d);
	if (vr_err_verdict(err) == VR_VERDICT_RETRY || vr_err_verdict(err) == VR_VERDICT_REWIND)
		return VR_OK;
	if (err)
		return err;
	if (verdict == VR_SWITCH_READY || verdict == VR_SWITCH_ALREADY)
		s->end = VR_REPLAY_LIVE;
	/* One with a bound of its own does not come nearer. */
	return verdict == VR_SWITCH_WAIT && strcmp(r->gen.to, "live") != 0 ? vr_diag_set(d, VR_E_REFUSED, d->where, "%s", d->text) : VR_OK;
}

static enum vr_err loop(struct vr_replay *r, struct sight *s, struct vr_diag *d)
{
	enum vr_err err = VR_OK;
	while (!err && !atomic_load(&r->stop) && s->end == VR_REPLAY_BROKEN_OFF) {
		vr_group_poll(r->group, (struct vr_span){POLL_MS});
		serve_signals(r);
		adjust_pace(r, s);
		look(r, s);
		show(r, s);
		each_second(r, s);
		if (is_done(s))
			err = arrive(r, s, d);
	}
	return err;
}

/* ------------------------------------------------ the end ----------------------------- */

/* Partitions are flushed when they are taken back. */
static void stop_reading(struct vr_replay *r)
{
	vr_group_free(r->group);
	r->group = NULL;
	for (int i = 0; i < r->n_workers; i++)
		vr_worker_free(r->worker[i]);
	free(r->worker);
	r->worker = NULL;
	r->n_workers = 0;
}

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
	struct sight s = {.facts = calloc(VR_REPLAY_PARTS_MAX, sizeof(*s.facts)), .target = calloc(r->gen.n + 1, sizeof(*s.target))};
	enum vr_err err = s.facts && s.target ? start_rules(r, d) : VR_E_NOMEM;
	if (!err)
		err = start_publisher(r);
	if (!err)
		err = start_workers(r, d);
	if (!err)
		err = vr_group_assign(r->group, r->part, r->gen.n, d);
	bool started = !err;
	if (started) {
		vr_report_say(r->report, VR_EV_REPLAY, "generation %s: %s to %s", r->gen.name, r->gen.from, r->gen.to);
		vr_notify_ready(&r->notify);
		vr_progress_start(&s.progress, "virald replay", 0, r->options->quiet);
		s.progress.json = r->options->json;
		err = loop(r, &s, d);
		tell(r, &s);
		vr_progress_end(&s.progress);
	}
	vr_notify_stopping(&r->notify);
	stop_reading(r);
	/* What is live now is in the hands of others. */
	if (started && s.end != VR_REPLAY_LIVE) {
		struct vr_diag why;
		enum vr_err end = finish(r, s.end == VR_REPLAY_COMPLETE, &why);
		*d = err || !end ? *d : why;
		err = err ? err : end;
	}
	*ret_end = s.end;
	vr_switcher_free(r->switcher);
	vr_publisher_free(r->publisher);
	free(s.facts);
	free(s.target);
	return err;
}
