/* SPDX-License-Identifier: Apache-2.0 */
/* crew.c - who does the work of a replay: the daemon's own workers and publisher, over shadows. */
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "exit.h"
#include "parts.h"

enum { TAKE_BACK_MS = 15000 };

void vr_replay_end(struct vr_replay *r, int code)
{
	int none = 0;
	atomic_compare_exchange_strong(&r->exit_code, &none, code);
	atomic_store(&r->stop, true);
}

bool vr_replay_serve_signals(struct vr_replay *r)
{
	struct signalfd_siginfo info;
	bool any = false;
	while (read(r->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		vr_report_say(r->report, VR_EV_STOPPING, "signal %u", info.ssi_signo);
		vr_replay_end(r, EX_TEMPFAIL);
		any = true;
	}
	return any;
}

/* ------------------------------------------------ what workers say -------------------- */

static void worker_fatal(void *ctx, enum vr_err err, const struct vr_diag *why)
{
	struct vr_replay *r = ctx;
	vr_report_say(r->report, VR_EV_FATAL, "%s: %s", vr_err_text(err), why->text);
	vr_replay_end(r, vr_exit_of(err));
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

static void worker_cut(void *ctx, int worker, struct vr_span took, struct vr_span waited)
{
	vr_report_cut(((struct vr_replay *)ctx)->report, worker, took, waited);
}
static size_t pace(void *ctx, size_t wanted) { return vr_pace_ask(&((struct vr_replay *)ctx)->pace, wanted, vr_clock_mono()); }
static void paced(void *ctx, size_t n) { vr_pace_took(&((struct vr_replay *)ctx)->pace, n); }

size_t vr_replay_index(const struct vr_replay *r, const struct vr_topic_part *part)
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
	return &r->shadow[vr_replay_index(r, part)];
}

/* ------------------------------------------------ partitions -------------------------- */

void vr_replay_assigned(void *ctx, const struct vr_topic_part *parts, size_t n)
{
	struct vr_replay *r = ctx;
	for (size_t i = 0; i < n; i++)
		vr_worker_give(r->worker[vr_replay_index(r, &parts[i]) % (size_t)r->n_workers], &parts[i]);
}

void vr_replay_revoked(void *ctx, const struct vr_topic_part *parts, size_t n, bool lost)
{
	struct vr_replay *r = ctx;
	(void)lost;
	for (size_t i = 0; i < n && r->n_workers > 0; i++)
		vr_worker_take_back(r->worker[vr_replay_index(r, &parts[i]) % (size_t)r->n_workers], &parts[i], (struct vr_span){TAKE_BACK_MS});
}

void vr_replay_group_error(void *ctx, enum vr_err err, bool fatal, const char *text)
{
	struct vr_replay *r = ctx;
	vr_report_say(r->report, fatal ? VR_EV_FATAL : VR_EV_KAFKA, "%s", text);
	if (fatal)
		vr_replay_end(r, vr_exit_of(err));
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
	int64_t end = r->gen.part[vr_replay_index(r, part)].end;
	return end > offset ? end - offset : 0;
}

static void publisher_failed(void *ctx, enum vr_err err, const struct vr_diag *why)
{
	vr_report_publish_failed(((struct vr_replay *)ctx)->report, err, why);
}

static void published(void *ctx, struct vr_span took) { vr_report_published(((struct vr_replay *)ctx)->report, took); }

static struct vr_redis_config spare_redis(const struct vr_replay *r)
{
	struct vr_redis_config rc = vr_settings_redis(r->config);
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

/* A whole Redis that was lost has no list of rules: it begins as a daemon's first start would begin it; a dry run has it
 * for itself. */
static enum vr_err start_rules(struct vr_replay *r, struct vr_diag *d)
{
	uint32_t no;
	enum vr_err err = vr_rulebook_new(&r->keys, &r->config->windows, &r->rules);
	if (!err && r->gen.rules == VR_GENERATION_RULES_GIVEN)
		return vr_rulebook_give(r->rules, vr_str_c(r->gen.rules_hash), vr_str_c(r->gen.rules_text ? r->gen.rules_text : ""), d);
	if (!err)
		err = vr_rulebook_refresh(r->rules, &r->link, d);
	if (err || vr_rulebook_last_hash(r->rules).n > 0)
		return err;
	struct vr_str hash = vr_rulefile_hash(r->rulefile), text = vr_rulefile_json(r->rulefile);
	return r->options->dry_run ? vr_rulebook_give(r->rules, hash, text, d) : vr_rulebook_append(r->rules, &r->link, hash, text, false, &no, d);
}

static struct vr_shard_config shard_config(const struct vr_replay *r)
{
	struct vr_shard_config c = vr_settings_shard(r->config);
	c.live_db = r->spare_db;
	c.cluster = r->cluster;
	c.group = r->group_id;
	c.on_truncation = VR_POLICY_STOP;
	return c;
}

static enum vr_err start_workers(struct vr_replay *r, struct vr_diag *d)
{
	int n = vr_settings_workers(r->config);
	struct vr_worker_config wc = {
		.shard = shard_config(r), .redis = spare_redis(r), .group = r->group, .client_id = vr_str_c(r->client_id), .rules = r->rules,
		.kafka_timeout = {VR_SETTINGS_KAFKA_MS}, .shadow = shadow_of, .pace = pace, .paced = paced, .note = worker_note, .cut = worker_cut,
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

enum vr_err vr_replay_start_crew(struct vr_replay *r, struct vr_diag *d)
{
	enum vr_err err = start_rules(r, d);
	if (!err)
		err = start_publisher(r);
	if (!err)
		err = start_workers(r, d);
	return err ? err : vr_group_assign(r->group, r->part, r->gen.n, d);
}

/* ------------------------------------------------ the end ----------------------------- */

void vr_replay_stop_reading(struct vr_replay *r)
{
	vr_group_free(r->group);
	r->group = NULL;
	for (int i = 0; i < r->n_workers; i++)
		vr_worker_free(r->worker[i]);
	free(r->worker);
	r->worker = NULL;
	r->n_workers = 0;
}
