/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "daemon.h"

enum { POLL_MS = 100, SECOND_MS = 1000, READY_MS = 10000, PARTS_MAX = 4096, LAG_EVERY = 5, REDIS_EVERY = 15 };

/* ------------------------------------------------ signals ------------------------------ */

static bool take_signal(struct vr_daemon *d, struct signalfd_siginfo *ret)
{
	return read(d->signals, ret, sizeof(*ret)) == (ssize_t)sizeof(*ret);
}

static enum vr_err catch_signals(struct vr_daemon *d)
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

static void apply_rules(struct vr_daemon *d, struct vr_rulefile *next)
{
	pthread_mutex_lock(&d->lock);
	vr_rulefile_free(d->reload);
	d->reload = next;
	pthread_mutex_unlock(&d->lock);
}

static void name_changed(void *ctx, const char *path, bool reloadable)
{
	struct vr_daemon *d = ctx;
	vr_report_say(d->report, reloadable ? VR_EV_RELOAD : VR_EV_RESTART_NEEDED, "%s changed%s", path,
		reloadable ? "" : ": takes effect after a restart");
}

/* A bad file changes nothing: what is in force goes on, and it is said. */
static void reload(struct vr_daemon *d)
{
	struct vr_config *next;
	struct vr_rulefile *rules;
	vr_notify_reloading(&d->notify);
	enum vr_err err = vr_settings_load(&d->options->settings, &next, &rules);
	vr_report_reload(d->report, err == VR_OK);
	if (!err) {
		vr_config_compare(d->config, next, name_changed, d);
		struct vr_shard_config tuned = vr_settings_shard(next);
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

static void serve_signals(struct vr_daemon *d)
{
	struct signalfd_siginfo s;
	while (take_signal(d, &s)) {
		if (s.ssi_signo == SIGHUP) {
			reload(d);
			continue;
		}
		vr_report_say(d->report, VR_EV_STOPPING, "signal %u", s.ssi_signo);
		vr_daemon_end(d, EX_OK);
	}
}

/* ------------------------------------------------ the monitor -------------------------- */

static void follow_rules(struct vr_daemon *d)
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

/* Eviction is refused at the start; that it began later is said for as long as it lasts. */
static void watch_redis(struct vr_daemon *d, int64_t *evicted)
{
	struct vr_redis_facts facts = {.evicted_keys = -1};
	struct vr_diag why = {0};
	enum vr_err err = vr_redis_check(d->redis, &facts, &why);
	if (err == VR_E_EVICTING)
		vr_report_say(d->report, VR_EV_REDIS_EVICTS, "%s", why.text);
	if (err)
		return;
	if (*evicted >= 0 && facts.evicted_keys > *evicted)
		vr_report_say(d->report, VR_EV_REDIS_EVICTS, "%lld keys were evicted", (long long)(facts.evicted_keys - *evicted));
	*evicted = facts.evicted_keys;
}

static void follow_topics(struct vr_daemon *d)
{
	for (size_t i = 0; i < d->config->kafka_topics.n; i++) {
		int32_t n;
		if (vr_kafka_partitions(d->group, d->config->kafka_topics.at[i], (struct vr_span){VR_SETTINGS_KAFKA_MS}, &n, NULL))
			continue;
		pthread_mutex_lock(&d->lock);
		d->partitions[i] = n;
		pthread_mutex_unlock(&d->lock);
	}
}

/* Calls that may wait for a peer, so that the group's queue never does. */
static void *monitor(void *arg)
{
	struct vr_daemon *d = arg;
	int64_t evicted = -1;
	for (unsigned round = 0; !atomic_load(&d->stop); round++) {
		struct timespec moment = {1, 0};
		follow_rules(d);
		if (round % REDIS_EVERY == REDIS_EVERY - 1)
			watch_redis(d, &evicted);
		if (round % LAG_EVERY == 0)
			follow_topics(d);
		nanosleep(&moment, NULL);
	}
	return NULL;
}

/* ------------------------------------------------ the loop ----------------------------- */

static size_t gather(struct vr_daemon *d, struct vr_slot_facts *facts)
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

static void become_ready(struct vr_daemon *d, const struct vr_slot_facts *facts, size_t n)
{
	if (d->ready || (!all_settled(facts, n, d->n_known) && vr_clock_mono().ms - d->joined.ms < READY_MS))
		return;
	d->ready = true;
	vr_report_ready(d->report, n);
	vr_notify_ready(&d->notify);
}

static void each_second(struct vr_daemon *d, struct vr_slot_facts *facts)
{
	size_t n = gather(d, facts);
	struct vr_report_sums sums = vr_report_sums(d->report);
	bool progress = vr_workers_have_progress(d->worker, d->n_workers);
	char status[256];
	vr_report_facts(d->report, facts, n, progress);
	vr_report_commit_failures(d->report, vr_kafka_commit_failures(d->group));
	become_ready(d, facts, n);
	if (progress)
		vr_notify_watchdog(&d->notify);
	vr_report_status(d->report, status, sizeof(status));
	vr_notify_status(&d->notify, "%s", status);
	if (d->options->each_second && d->options->each_second(d->options->ctx, &sums, facts, n))
		vr_daemon_end(d, EX_OK);
}

static void loop(struct vr_daemon *d)
{
	struct vr_slot_facts *facts = calloc(PARTS_MAX, sizeof(*facts));
	int64_t next = 0;
	VR_ASSERT(facts);
	while (!atomic_load(&d->stop)) {
		vr_group_poll(d->group, (struct vr_span){POLL_MS});
		serve_signals(d);
		if (vr_clock_mono().ms < next)
			continue;
		next = vr_clock_mono().ms + SECOND_MS;
		each_second(d, facts);
	}
	free(facts);
}

/* ------------------------------------------------ stop --------------------------------- */

static void leave_at_once(int number)
{
	(void)number;
	_exit(EX_OK);
}

/* A second signal ends the process at once, which is safe by design: what is not cut is folded again. */
static void let_signals_end(void)
{
	struct sigaction at_once = {.sa_handler = leave_at_once};
	sigset_t set;
	sigaction(SIGTERM, &at_once, NULL);
	sigaction(SIGINT, &at_once, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void stop(struct vr_daemon *d)
{
	atomic_store(&d->stop, true);
	let_signals_end();
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

static int run(struct vr_daemon *d)
{
	struct vr_diag why = {0};
	enum vr_err err = vr_daemon_start(d, &why);
	if (err && !atomic_load(&d->stop)) {
		vr_report_say(d->report, VR_EV_START, "%s: %s%s%s", vr_err_text(err), why.where, why.where[0] ? ": " : "", why.text);
		vr_daemon_end(d, vr_exit_of(err));
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
	struct vr_daemon d = {.options = o, .signals = -1};
	struct vr_diag why = {0};
	if (vr_settings_load(&o->settings, &d.config, &d.rulefile))
		return EX_CONFIG;
	d.mem = vr_mem_heap();
	pthread_mutex_init(&d.lock, NULL);
	enum vr_err err = catch_signals(&d);
	if (!err)
		err = vr_report_new(d.config, vr_settings_workers(d.config), &d.report, &why);
	vr_notify_init(&d.notify);
	int code = err ? vr_exit_of(err) : run(&d);
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
