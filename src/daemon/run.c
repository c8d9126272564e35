/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "begin.h"
#include "virality/notify.h"
#include "virality/rulefile.h"

enum { POLL_MS = 100, SECOND_MS = 1000, RETRY_MS = 1000, READY_MS = 10000, REVOKE_MS = 15000, PARTS_MAX = 4096, KAFKA_MS = 10000,
	BEAT_MAX_MS = 20000, LAG_EVERY = 5 };

/* What the monitor knows of a partition, for whoever asks. */
struct known { struct vr_topic_part part; int worker; int64_t end; };

struct daemon {
	const struct vr_run_options *options;
	struct vr_config *config;
	struct vr_rulefile *rulefile;
	struct vr_report *report;
	struct vr_notify notify;
	struct vr_mem mem;
	struct vr_redis *redis;			/* the main thread's, then the monitor's */
	struct vr_keys keys;
	struct vr_property *properties;
	struct vr_kafka_config kafka;
	struct vr_group *group;
	struct vr_producer *producer;
	struct vr_rulebook *rules;
	struct vr_worker **worker;
	int n_workers;
	struct vr_publisher *publisher;
	char client_id[256], cluster[128], group_id[256];
	int signals;
	pthread_t monitor;
	bool monitoring;
	pthread_mutex_t lock;			/* of known, partitions, reload */
	struct known *known;
	size_t n_known;
	int32_t *partitions;			/* of each topic */
	struct vr_rulefile *reload;		/* a checked set the monitor has to append */
	_Atomic bool stop;
	_Atomic int exit_code;
	struct vr_mono joined;
	bool ready;
};

static int64_t mono_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int exit_of(enum vr_err err)
{
	switch (vr_err_verdict(err)) {
	case VR_VERDICT_OK: return EX_OK;
	case VR_VERDICT_RETRY: return EX_UNAVAILABLE;
	case VR_VERDICT_CONFIG:
	case VR_VERDICT_STOP: return EX_CONFIG;
	default: return EX_SOFTWARE;
	}
}

static void end(struct daemon *d, int code)
{
	int none = 0;
	atomic_compare_exchange_strong(&d->exit_code, &none, code);
	atomic_store(&d->stop, true);
}

/* ------------------------------------------------ signals ------------------------------ */

static bool take_signal(struct daemon *d, struct signalfd_siginfo *ret)
{
	return read(d->signals, ret, sizeof(*ret)) == (ssize_t)sizeof(*ret);
}

static enum vr_err catch_signals(struct daemon *d)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	pthread_sigmask(SIG_BLOCK, &set, NULL);		/* before any thread is made: none of them is interrupted */
	d->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return d->signals < 0 ? VR_E_BUG : VR_OK;
}

static void apply_rules(struct daemon *d, struct vr_rulefile *next)
{
	pthread_mutex_lock(&d->lock);
	vr_rulefile_free(d->reload);
	d->reload = next;
	pthread_mutex_unlock(&d->lock);
}

static void name_changed(void *ctx, const char *path, bool reloadable)
{
	struct daemon *d = ctx;
	vr_report_say(d->report, reloadable ? VR_EV_RELOAD : VR_EV_RESTART_NEEDED, "%s changed%s", path,
		reloadable ? "" : ": takes effect after a restart");
}

/* A bad file changes nothing: what is in force goes on, and it is said. */
static void reload(struct daemon *d)
{
	struct vr_config *next;
	struct vr_rulefile *rules;
	vr_notify_reloading(&d->notify);
	enum vr_err err = vr_run_load(d->options, &next, &rules);
	vr_report_reload(d->report, err == VR_OK);
	if (!err) {
		vr_config_compare(d->config, next, name_changed, d);
		struct vr_shard_config tuned = vr_run_shard(next);
		for (int i = 0; i < d->n_workers; i++)
			vr_worker_tune(d->worker[i], &tuned);
		vr_report_level(d->report, next->log_level);
		apply_rules(d, rules);
		vr_config_free(next);
	} else {
		vr_report_say(d->report, VR_EV_RELOAD_REFUSED, "the new configuration or rules are refused; the old ones go on");
	}
	vr_notify_ready(&d->notify);
}

static void serve_signals(struct daemon *d)
{
	struct signalfd_siginfo s;
	while (take_signal(d, &s)) {
		if (s.ssi_signo == SIGHUP) {
			reload(d);
			continue;
		}
		if (atomic_load(&d->stop))
			_exit(EX_OK);			/* twice: at once, which is safe by design */
		vr_report_say(d->report, VR_EV_STOPPING, "signal %u", s.ssi_signo);
		end(d, EX_OK);
	}
}

/* Wait a moment for a peer that is away; false when it is time to stop. */
static bool wait_retry(struct daemon *d, const char *what, const struct vr_diag *why)
{
	struct timespec moment = {RETRY_MS / 1000, 0};
	vr_report_waiting(d->report, what, why);
	vr_notify_status(&d->notify, "waiting for %s: %s", what, why->text);
	vr_notify_watchdog(&d->notify);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigtimedwait(&set, NULL, &moment) > 0)
		end(d, EX_OK);
	return !atomic_load(&d->stop);
}

/* ------------------------------------------------ partitions come and go --------------- */

static int least_loaded(struct daemon *d)
{
	int best = 0;
	for (int i = 1; i < d->n_workers; i++)
		if (vr_worker_parts(d->worker[i]) < vr_worker_parts(d->worker[best]))
			best = i;
	return best;
}

static bool leads(const struct daemon *d, const struct vr_topic_part *p)
{
	return p->partition == 0 && vr_str_eq(p->topic, d->config->kafka_topics.at[0]);
}

/* Topics are those of the configuration: texts that live as long as the daemon. */
static struct vr_str own_topic(const struct daemon *d, struct vr_str topic)
{
	for (size_t i = 0; i < d->config->kafka_topics.n; i++)
		if (vr_str_eq(d->config->kafka_topics.at[i], topic))
			return d->config->kafka_topics.at[i];
	return topic;
}

static void remember(struct daemon *d, const struct vr_topic_part *p, int worker)
{
	pthread_mutex_lock(&d->lock);
	struct known *k = reallocarray(d->known, d->n_known + 1, sizeof(*k));
	VR_ASSERT(k);
	d->known = k;
	k[d->n_known++] = (struct known){{own_topic(d, p->topic), p->partition}, worker, -1};
	pthread_mutex_unlock(&d->lock);
}

static int forget(struct daemon *d, const struct vr_topic_part *p)
{
	int worker = -1;
	pthread_mutex_lock(&d->lock);
	for (size_t i = 0; i < d->n_known; i++)
		if (d->known[i].part.partition == p->partition && vr_str_eq(d->known[i].part.topic, p->topic)) {
			worker = d->known[i].worker;
			d->known[i] = d->known[--d->n_known];
			break;
		}
	pthread_mutex_unlock(&d->lock);
	return worker;
}

/* Only progress feeds the watchdog: every worker has gone round, or waits knowingly, within the last seconds. */
static bool has_progress(struct daemon *d)
{
	int64_t now = mono_ms();
	for (int i = 0; i < d->n_workers; i++)
		if (now - vr_worker_beat(d->worker[i]).ms > BEAT_MAX_MS)
			return false;
	return true;
}

static void lead(struct daemon *d, bool leads_now)
{
	vr_report_leads(d->report, leads_now);
	vr_publisher_lead(d->publisher, leads_now);
}

static void assigned(void *ctx, const struct vr_topic_part *parts, size_t n)
{
	struct daemon *d = ctx;
	vr_report_rebalance(d->report, "assign", n);
	for (size_t i = 0; i < n; i++) {
		int worker = least_loaded(d);
		remember(d, &parts[i], worker);
		if (leads(d, &parts[i]))
			lead(d, true);
		vr_worker_give(d->worker[worker], &parts[i]);
	}
}

static void revoked(void *ctx, const struct vr_topic_part *parts, size_t n, bool lost)
{
	struct daemon *d = ctx;
	vr_report_rebalance(d->report, lost ? "lost" : "revoke", n);
	for (size_t i = 0; i < n; i++) {
		int worker = forget(d, &parts[i]);
		if (leads(d, &parts[i]))
			lead(d, false);
		if (worker >= 0)
			vr_worker_take_back(d->worker[worker], &parts[i], (struct vr_span){REVOKE_MS});
		if (has_progress(d))
			vr_notify_watchdog(&d->notify);
	}
}

static void group_error(void *ctx, enum vr_err err, bool fatal, const char *text)
{
	struct daemon *d = ctx;
	vr_report_say(d->report, fatal ? VR_EV_FATAL : VR_EV_KAFKA, "%s", text);
	if (fatal)
		end(d, exit_of(err));
}

/* ------------------------------------------------ what workers say --------------------- */

static void worker_fatal(void *ctx, enum vr_err err, const struct vr_diag *why)
{
	struct daemon *d = ctx;
	vr_report_say(d->report, VR_EV_FATAL, "%s: %s", vr_err_text(err), why->text);
	end(d, exit_of(err));
}

static void worker_state(void *ctx, int worker, const struct vr_topic_part *part, const char *state, enum vr_err err,
	const struct vr_diag *why)
{
	(void)worker;
	vr_report_state(((struct daemon *)ctx)->report, part, state, err, why);
}

static void worker_note(void *ctx, int worker, const struct vr_topic_part *part, enum vr_note note, enum vr_err err, int64_t n,
	const char *text)
{
	vr_report_note(((struct daemon *)ctx)->report, worker, part, note, err, n, text);
}

static void worker_cut(void *ctx, int worker, struct vr_span took) { vr_report_cut(((struct daemon *)ctx)->report, worker, took); }

/* ------------------------------------------------ what the publisher asks -------------- */

static int32_t partitions_of(void *ctx, struct vr_str topic)
{
	struct daemon *d = ctx;
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
	struct daemon *d = ctx;
	int64_t first, log_end;
	if (vr_kafka_bounds(d->group, part, (struct vr_span){KAFKA_MS}, &first, &log_end))
		return -1;
	vr_report_lag(d->report, part, log_end > offset ? log_end - offset : 0);
	return log_end > offset ? log_end - offset : 0;
}

static void publisher_failed(void *ctx, enum vr_err err, const struct vr_diag *why)
{
	vr_report_publish_failed(((struct daemon *)ctx)->report, err, why);
}

static void published(void *ctx, struct vr_span took) { vr_report_published(((struct daemon *)ctx)->report, took); }

/* ------------------------------------------------ start ------------------------------- */

static enum vr_err wait_redis(struct daemon *d, struct vr_diag *why)
{
	struct vr_redis_config rc = vr_run_redis(d->config);
	struct vr_redis_facts facts;
	enum vr_err err = vr_redis_new(&rc, &d->redis);
	while (!err) {
		err = vr_redis_connect(d->redis, why);
		if (!err)
			err = vr_redis_check(d->redis, &facts, why);
		if (vr_err_verdict(err) != VR_VERDICT_RETRY && vr_err_verdict(err) != VR_VERDICT_REWIND)
			break;
		if (!wait_retry(d, "Redis", why))
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
	return VR_OK;
}

static enum vr_err wait_kafka(struct daemon *d, struct vr_diag *why)
{
	struct vr_group_ops ops = {.assigned = assigned, .revoked = revoked, .error = group_error, .ctx = d};
	enum vr_err err = vr_group_new(&d->kafka, &ops, &d->group, why);
	if (!err && d->config->kafka_dlq_topic.n)
		err = vr_producer_new(&d->kafka, &d->producer, why);
	for (size_t i = 0; !err && i < d->config->kafka_topics.n;) {
		struct vr_str topic = d->config->kafka_topics.at[i];
		bool known;
		err = vr_kafka_partitions(d->group, topic, (struct vr_span){KAFKA_MS}, &d->partitions[i], why);
		if (!err)
			err = vr_kafka_topic_check(d->group, topic, (struct vr_span){KAFKA_MS}, &known, why);
		if (!err) {
			i++;
			continue;
		}
		if (vr_err_verdict(err) != VR_VERDICT_RETRY)
			return err;
		if (!wait_retry(d, "Kafka", why))
			return VR_E_AWAY;
		err = VR_OK;
	}
	return err ? err : vr_kafka_cluster_id(d->group, (struct vr_span){KAFKA_MS}, d->cluster, sizeof(d->cluster));
}

static enum vr_err write_begin(struct daemon *d, struct vr_diag *why)
{
	struct vr_link link = vr_redis_link(d->redis);
	enum vr_err err = VR_OK;
	for (size_t i = 0; i < d->config->kafka_topics.n && !err; i++)
		err = vr_begin_write(d->config, d->group, &link, &d->keys, d->config->kafka_topics.at[i], d->partitions[i], why);
	return err;
}

static enum vr_err read_rules(struct daemon *d, struct vr_diag *why)
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

static int workers_wanted(const struct vr_config *c)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	return c->workers > 0 ? (int)c->workers : cores > 0 ? (int)cores : 1;
}

static enum vr_err start_workers(struct daemon *d, struct vr_diag *why)
{
	int n = workers_wanted(d->config);
	struct vr_worker_config wc = {
		.shard = vr_run_shard(d->config), .redis = vr_run_redis(d->config), .group = d->group, .producer = d->producer,
		.dlq_topic = d->config->kafka_dlq_topic, .client_id = vr_str_c(d->client_id), .rules = d->rules,
		.kafka_timeout = {KAFKA_MS}, .note = worker_note, .cut = worker_cut, .fatal = worker_fatal, .state = worker_state, .ctx = d};
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

static enum vr_err start_publisher(struct daemon *d)
{
	const struct vr_config *c = d->config;
	struct vr_publisher_config pc = {
		.redis = vr_run_redis(c), .prefix = c->redis_prefix, .live_db = (int)c->redis_live_db, .alerts_db = (int)c->redis_alerts_db,
		.merge = {.windows = c->windows, .top_n = (uint32_t)c->views_top_n, .top_channels = (uint32_t)c->views_top_channels},
		.interval = c->publisher_interval, .alerts_retention = c->alerts_retention, .topics = c->kafka_topics.at,
		.n_topics = c->kafka_topics.n, .partitions = partitions_of, .lag = lag_of, .failed = publisher_failed,
		.published = published, .ctx = d};
	return vr_publisher_new(&pc, &d->publisher);
}

static void set_names(struct daemon *d)
{
	char host[128] = "virald";
	gethostname(host, sizeof(host) - 1);
	if (d->config->instance.n)
		snprintf(host, sizeof(host), "%s", d->config->instance.p);
	/* Equal client ids of one group make old assignors loop for ever. */
	snprintf(d->client_id, sizeof(d->client_id), "virald-%s-%d", host, (int)getpid());
	snprintf(d->group_id, sizeof(d->group_id), "%s", d->config->kafka_group_id.p);
}

static enum vr_err prepare(struct daemon *d, struct vr_diag *why)
{
	const struct vr_config *c = d->config;
	set_names(d);
	d->partitions = calloc(c->kafka_topics.n, sizeof(d->partitions[0]));
	enum vr_err err = d->partitions ? vr_run_kafka(c, d->client_id, &d->properties, &d->kafka) : VR_E_NOMEM;
	d->kafka.log = (struct vr_kafka_log){vr_report_kafka, d->report};
	if (!err)
		err = vr_keys_init(&d->keys, c->redis_prefix, VR_STR(""), 0, (int)c->redis_live_db, (int)c->redis_alerts_db);
	if (!err)
		err = vr_kafka_config_try(&d->kafka, why);
	return err;
}

/* Everything between the files on disk and the first record; peers that are away are waited for. */
static enum vr_err start(struct daemon *d, struct vr_diag *why)
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
		if (!wait_retry(d, "Redis and Kafka", why))
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
		if (!wait_retry(d, "Kafka", why))
			return VR_E_AWAY;
		err = VR_OK;
	}
	d->joined = (struct vr_mono){mono_ms()};
	return err;
}

/* ------------------------------------------------ the monitor -------------------------- */

static void follow_rules(struct daemon *d)
{
	struct vr_link link = vr_redis_link(d->redis);
	struct vr_diag why = {0};
	uint32_t no = 0;
	pthread_mutex_lock(&d->lock);
	struct vr_rulefile *next = d->reload;
	d->reload = NULL;
	pthread_mutex_unlock(&d->lock);
	enum vr_err err = next ? vr_rulebook_append(d->rules, &link, vr_rulefile_hash(next), vr_rulefile_json(next), true, &no, &why)
			       : vr_rulebook_refresh(d->rules, &link, &why);
	vr_report_redis(d->report, err == VR_OK);
	if (!next)
		return;
	if (err) {
		vr_report_say(d->report, VR_EV_RULES_PENDING, "cannot write the new rule set yet: %s", why.text);
		pthread_mutex_lock(&d->lock);
		bool newer = d->reload != NULL;
		if (!newer)
			d->reload = next;
		pthread_mutex_unlock(&d->lock);
		if (newer)
			vr_rulefile_free(next);
		return;
	}
	vr_report_say(d->report, VR_EV_RULES, "rule set %u is in force", no);
	vr_rulefile_free(next);
}

static void follow_topics(struct daemon *d)
{
	for (size_t i = 0; i < d->config->kafka_topics.n; i++) {
		int32_t n;
		if (vr_kafka_partitions(d->group, d->config->kafka_topics.at[i], (struct vr_span){KAFKA_MS}, &n, NULL))
			continue;
		pthread_mutex_lock(&d->lock);
		d->partitions[i] = n;
		pthread_mutex_unlock(&d->lock);
	}
}

/* Calls that may wait for a peer, so that the group's queue never does. */
static void *monitor(void *arg)
{
	struct daemon *d = arg;
	for (unsigned round = 0; !atomic_load(&d->stop); round++) {
		struct timespec moment = {1, 0};
		follow_rules(d);
		if (round % LAG_EVERY == 0)
			follow_topics(d);
		nanosleep(&moment, NULL);
	}
	return NULL;
}

/* ------------------------------------------------ the loop ----------------------------- */

static size_t gather(struct daemon *d, struct vr_slot_facts *facts)
{
	size_t n = 0;
	for (int i = 0; i < d->n_workers; i++) {
		size_t have = vr_worker_facts(d->worker[i], facts + n, PARTS_MAX - n);
		n += have < PARTS_MAX - n ? have : PARTS_MAX - n;
	}
	return n;
}

static bool all_settled(const struct vr_slot_facts *facts, size_t n, size_t assigned_n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(facts[i].state, "acquiring") == 0)
			return false;
	return n > 0 && n == assigned_n;
}

static void become_ready(struct daemon *d, const struct vr_slot_facts *facts, size_t n)
{
	if (d->ready || (!all_settled(facts, n, d->n_known) && mono_ms() - d->joined.ms < READY_MS))
		return;
	d->ready = true;
	vr_report_ready(d->report, n);
	vr_notify_ready(&d->notify);
}

static void each_second(struct daemon *d, struct vr_slot_facts *facts)
{
	size_t n = gather(d, facts);
	struct vr_report_sums sums = vr_report_sums(d->report);
	bool progress = has_progress(d);
	char status[256];
	vr_report_facts(d->report, facts, n, progress);
	vr_report_commit_failures(d->report, vr_kafka_commit_failures(d->group));
	become_ready(d, facts, n);
	if (progress)
		vr_notify_watchdog(&d->notify);
	vr_report_status(d->report, status, sizeof(status));
	vr_notify_status(&d->notify, "%s", status);
	if (d->options->each_second && d->options->each_second(d->options->ctx, &sums, facts, n))
		end(d, EX_OK);
}

static void loop(struct daemon *d)
{
	struct vr_slot_facts *facts = calloc(PARTS_MAX, sizeof(*facts));
	int64_t next = 0;
	VR_ASSERT(facts);
	while (!atomic_load(&d->stop)) {
		vr_group_poll(d->group, (struct vr_span){POLL_MS});
		serve_signals(d);
		if (mono_ms() < next)
			continue;
		next = mono_ms() + SECOND_MS;
		each_second(d, facts);
	}
	free(facts);
}

/* ------------------------------------------------ stop --------------------------------- */

static void stop(struct daemon *d)
{
	atomic_store(&d->stop, true);
	vr_notify_stopping(&d->notify);
	if (d->monitoring)
		pthread_join(d->monitor, NULL);
	vr_notify_watchdog(&d->notify);
	/* Asks the group for lags: ends before the group does. */
	vr_publisher_free(d->publisher);
	d->publisher = NULL;
	vr_group_free(d->group);
	for (int i = 0; i < d->n_workers; i++)
		vr_worker_free(d->worker[i]);
	free(d->worker);
	vr_producer_free(d->producer);
	vr_rulebook_free(d->rules);
	vr_rulefile_free(d->reload);
	vr_redis_free(d->redis);
	free(d->properties);
	free(d->partitions);
	free(d->known);
}

static int run(struct daemon *d)
{
	struct vr_diag why = {0};
	enum vr_err err = start(d, &why);
	if (err && !atomic_load(&d->stop)) {
		vr_report_say(d->report, VR_EV_START, "%s: %s%s%s", vr_err_text(err), why.where, why.where[0] ? ": " : "", why.text);
		end(d, exit_of(err));
	}
	if (!err) {
		d->monitoring = pthread_create(&d->monitor, NULL, monitor, d) == 0;
		loop(d);
	}
	stop(d);
	vr_report_say(d->report, VR_EV_STOPPED, "exit %d", atomic_load(&d->exit_code));
	return atomic_load(&d->exit_code);
}

int vr_run(const struct vr_run_options *o)
{
	struct daemon d = {.options = o, .signals = -1};
	struct vr_diag why = {0};
	if (vr_run_load(o, &d.config, &d.rulefile))
		return EX_CONFIG;
	d.mem = vr_mem_heap();
	pthread_mutex_init(&d.lock, NULL);
	enum vr_err err = catch_signals(&d);
	if (!err)
		err = vr_report_new(d.config, workers_wanted(d.config), &d.report, &why);
	vr_notify_init(&d.notify);
	int code = err ? exit_of(err) : run(&d);
	if (err)
		fprintf(stderr, "virald: %s%s%s\n", why.where, why.where[0] ? ": " : "", why.text[0] ? why.text : vr_err_text(err));
	if (d.signals >= 0)
		close(d.signals);
	vr_notify_done(&d.notify);
	vr_report_free(d.report);
	vr_rulefile_free(d.rulefile);
	vr_config_free(d.config);
	pthread_mutex_destroy(&d.lock);
	return code;
}
