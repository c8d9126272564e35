/* SPDX-License-Identifier: Apache-2.0 */
/* start.c - everything between the files on disk and the first record. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "begin.h"
#include "clock.h"
#include "daemon.h"

/* ------------------------------------------------ what workers say --------------------- */

static void worker_fatal(void *ctx, enum vr_err err, const struct vr_diag *why)
{
	struct vr_daemon *d = ctx;
	vr_report_say(d->report, VR_EV_FATAL, "%s: %s", vr_err_text(err), why->text);
	vr_daemon_end(d, vr_exit_of(err));
}

static void worker_state(void *ctx, int worker, const struct vr_topic_part *part, const char *state, enum vr_err err,
	const struct vr_diag *why)
{
	(void)worker;
	vr_report_state(((struct vr_daemon *)ctx)->report, part, state, err, why);
}

static void worker_note(void *ctx, int worker, const struct vr_topic_part *part, enum vr_note note, enum vr_err err, int64_t n,
	const char *text)
{
	vr_report_note(((struct vr_daemon *)ctx)->report, worker, part, note, err, n, text);
}

static void worker_cut(void *ctx, int worker, struct vr_span took, struct vr_span waited)
{
	vr_report_cut(((struct vr_daemon *)ctx)->report, worker, took, waited);
}

/* ------------------------------------------------ what the publisher asks -------------- */

static int32_t partitions_of(void *ctx, struct vr_str topic)
{
	struct vr_daemon *d = ctx;
	int32_t n = 0;
	pthread_mutex_lock(&d->lock);
	for (size_t i = 0; i < d->config->kafka_topics.n; i++)
		if (vr_str_eq(d->config->kafka_topics.at[i], topic))
			n = d->partitions[i];
	pthread_mutex_unlock(&d->lock);
	return n;
}

/* Of partitions that others have, too: one look-up each, by the publisher's thread. */
static int64_t lag_of(void *ctx, const struct vr_topic_part *part, int64_t offset)
{
	struct vr_daemon *d = ctx;
	int64_t first, log_end;
	if (vr_kafka_bounds(d->group, part, (struct vr_span){VR_SETTINGS_KAFKA_MS}, &first, &log_end))
		return -1;
	vr_report_lag(d->report, part, log_end > offset ? log_end - offset : 0);
	return log_end > offset ? log_end - offset : 0;
}

static void publisher_failed(void *ctx, enum vr_err err, const struct vr_diag *why)
{
	vr_report_publish_failed(((struct vr_daemon *)ctx)->report, err, why);
}

static void published(void *ctx, struct vr_span took) { vr_report_published(((struct vr_daemon *)ctx)->report, took); }

/* ------------------------------------------------ start ------------------------------- */

static enum vr_err wait_redis(struct vr_daemon *d, struct vr_diag *why)
{
	struct vr_redis_config rc = vr_settings_redis(d->config);
	struct vr_redis_facts facts;
	enum vr_err err = vr_redis_new(&rc, &d->redis);
	while (!err) {
		err = vr_redis_connect(d->redis, why);
		if (!err)
			err = vr_redis_check(d->redis, &facts, why);
		if (vr_err_verdict(err) != VR_VERDICT_RETRY && vr_err_verdict(err) != VR_VERDICT_REWIND)
			break;
		if (!vr_daemon_wait_retry(d, "Redis", why))
			return VR_E_AWAY;
		err = VR_OK;
	}
	if (err)
		return err;
	struct vr_buf text;
	vr_buf_init(&text, &d->mem);
	vr_redis_facts_text(&facts, &text);
	vr_report_say(d->report, VR_EV_REDIS, "%.*s", (int)text.n, text.p);
	vr_buf_done(&text);
	const char *warning = vr_redis_facts_warning(&facts);
	if (warning)
		vr_report_say(d->report, VR_EV_REDIS_TEARS, "%s", warning);
	return VR_OK;
}

static enum vr_err wait_kafka(struct vr_daemon *d, struct vr_diag *why)
{
	struct vr_group_ops ops = {.assigned = vr_daemon_assigned, .revoked = vr_daemon_revoked, .error = vr_daemon_group_error, .ctx = d};
	enum vr_err err = vr_group_new(&d->kafka, &ops, &d->group, why);
	if (!err && d->config->kafka_dlq_topic.n)
		err = vr_producer_new(&d->kafka, &d->producer, why);
	for (size_t i = 0; !err && i < d->config->kafka_topics.n;) {
		struct vr_str topic = d->config->kafka_topics.at[i];
		bool known;
		err = vr_kafka_partitions(d->group, topic, (struct vr_span){VR_SETTINGS_KAFKA_MS}, &d->partitions[i], why);
		if (!err)
			err = vr_kafka_topic_check(d->group, topic, (struct vr_span){VR_SETTINGS_KAFKA_MS}, &known, why);
		if (!err) {
			i++;
			continue;
		}
		if (vr_err_verdict(err) != VR_VERDICT_RETRY)
			return err;
		if (!vr_daemon_wait_retry(d, "Kafka", why))
			return VR_E_AWAY;
		err = VR_OK;
	}
	return err ? err : vr_kafka_cluster_id(d->group, (struct vr_span){VR_SETTINGS_KAFKA_MS}, d->cluster, sizeof(d->cluster));
}

static enum vr_err write_begin(struct vr_daemon *d, struct vr_diag *why)
{
	struct vr_link link = vr_redis_link(d->redis);
	enum vr_err err = VR_OK;
	for (size_t i = 0; i < d->config->kafka_topics.n && !err; i++)
		err = vr_begin_write(d->config, d->group, &link, &d->keys, d->config->kafka_topics.at[i], d->partitions[i], why);
	return err;
}

static enum vr_err read_rules(struct vr_daemon *d, struct vr_diag *why)
{
	struct vr_link link = vr_redis_link(d->redis);
	uint32_t no;
	enum vr_err err = vr_rulebook_new(&d->keys, &d->config->windows, &d->rules);
	if (!err)
		err = vr_rulebook_append(d->rules, &link, vr_rulefile_hash(d->rulefile), vr_rulefile_json(d->rulefile), false, &no, why);
	if (!err && no == 0)
		vr_report_say(d->report, VR_EV_RULES_DIFFER, "this instance's rule files differ from the set in force, which was given later; "
			"SIGHUP makes these the fleet's");
	return err;
}

static enum vr_err start_workers(struct vr_daemon *d, struct vr_diag *why)
{
	int n = vr_settings_workers(d->config);
	struct vr_worker_config wc = {
		.shard = vr_settings_shard(d->config), .redis = vr_settings_redis(d->config), .group = d->group, .producer = d->producer,
		.dlq_topic = d->config->kafka_dlq_topic, .client_id = vr_str_c(d->client_id), .rules = d->rules,
		.kafka_timeout = {VR_SETTINGS_KAFKA_MS}, .note = worker_note, .cut = worker_cut, .fatal = worker_fatal, .state = worker_state, .ctx = d};
	wc.shard.cluster = d->cluster;
	wc.shard.group = d->group_id;
	d->worker = calloc((size_t)n, sizeof(struct vr_worker *));
	enum vr_err err = d->worker ? VR_OK : VR_E_NOMEM;
	for (; d->n_workers < n && !err; d->n_workers += err == VR_OK) {
		wc.index = d->n_workers;
		err = vr_worker_new(&wc, &d->worker[d->n_workers], why);
	}
	return err;
}

static enum vr_err start_publisher(struct vr_daemon *d)
{
	const struct vr_config *c = d->config;
	struct vr_publisher_config pc = {
		.redis = vr_settings_redis(c), .prefix = c->redis_prefix, .live_db = (int)c->redis_live_db, .alerts_db = (int)c->redis_alerts_db,
		.merge = {.windows = c->windows, .top_n = (uint32_t)c->views_top_n, .top_channels = (uint32_t)c->views_top_channels},
		.interval = c->publisher_interval, .alerts_retention = c->alerts_retention, .topics = c->kafka_topics.at,
		.n_topics = c->kafka_topics.n, .partitions = partitions_of, .lag = lag_of, .failed = publisher_failed,
		.published = published, .ctx = d};
	return vr_publisher_new(&pc, &d->publisher);
}

static void set_names(struct vr_daemon *d)
{
	char host[128] = "virald";
	gethostname(host, sizeof(host) - 1);
	if (d->config->instance.n)
		snprintf(host, sizeof(host), "%s", d->config->instance.p);
	/* Equal client ids of one group make old assignors loop for ever. */
	snprintf(d->client_id, sizeof(d->client_id), "virald-%s-%d", host, (int)getpid());
	snprintf(d->group_id, sizeof(d->group_id), "%s", d->config->kafka_group_id.p);
}

static enum vr_err prepare(struct vr_daemon *d, struct vr_diag *why)
{
	const struct vr_config *c = d->config;
	set_names(d);
	d->partitions = calloc(c->kafka_topics.n, sizeof(d->partitions[0]));
	enum vr_err err = d->partitions ? vr_settings_kafka(c, d->client_id, &d->properties, &d->kafka) : VR_E_NOMEM;
	d->kafka.log = (struct vr_kafka_log){vr_report_kafka, d->report};
	if (!err)
		err = vr_keys_init(&d->keys, c->redis_prefix, VR_STR(""), 0, (int)c->redis_live_db, (int)c->redis_alerts_db);
	if (!err)
		err = vr_kafka_config_try(&d->kafka, why);
	return err;
}

enum vr_err vr_daemon_start(struct vr_daemon *d, struct vr_diag *why)
{
	enum vr_err err = prepare(d, why);
	if (!err)
		err = wait_redis(d, why);
	if (!err)
		err = wait_kafka(d, why);
	while (!err) {
		err = write_begin(d, why);
		if (vr_err_verdict(err) != VR_VERDICT_RETRY && vr_err_verdict(err) != VR_VERDICT_REWIND)
			break;
		if (!vr_daemon_wait_retry(d, "Redis and Kafka", why))
			return VR_E_AWAY;
		err = VR_OK;
	}
	if (!err)
		err = read_rules(d, why);
	if (!err)
		err = start_publisher(d);
	if (!err)
		err = start_workers(d, why);
	while (!err) {
		err = vr_group_join(d->group, why);
		if (vr_err_verdict(err) != VR_VERDICT_RETRY)
			break;
		if (!vr_daemon_wait_retry(d, "Kafka", why))
			return VR_E_AWAY;
		err = VR_OK;
	}
	d->joined = (struct vr_mono){vr_clock_mono().ms};
	return err;
}
