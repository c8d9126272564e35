/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "exit.h"
#include "parts.h"

enum { DIFFERS = 1 };		/* as diff(1) has it */

/* ------------------------------------------------ start ------------------------------- */

static enum vr_err catch_signals(struct vr_replay *r)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	signal(SIGPIPE, SIG_IGN);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	r->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return r->signals < 0 ? VR_E_BUG : VR_OK;
}

static enum vr_err check_databases(const struct vr_config *c, struct vr_diag *d)
{
	if (c->redis_live_db != c->redis_spare_db && c->redis_spare_db != c->redis_alerts_db && c->redis_live_db != c->redis_alerts_db)
		return VR_OK;
	return vr_diag_set(d, VR_E_CONFIG, "redis", "live_db, spare_db and alerts_db must be three databases for a replay; they are %lld, %lld and "
		"%lld", (long long)c->redis_live_db, (long long)c->redis_spare_db, (long long)c->redis_alerts_db);
}

static enum vr_err reach_redis(struct vr_replay *r, struct vr_diag *d)
{
	struct vr_redis_config rc = vr_settings_redis(r->config);
	struct vr_redis_facts facts;
	r->spare_db = (int)r->config->redis_spare_db;
	enum vr_err err = vr_keys_init(&r->keys, r->config->redis_prefix, VR_STR(""), 0, (int)r->config->redis_live_db, (int)r->config->redis_alerts_db);
	if (!err)
		err = vr_redis_new(&rc, &r->redis);
	if (!err)
		err = vr_redis_connect(r->redis, d);
	if (!err)
		err = vr_redis_check(r->redis, &facts, d);
	if (!err)
		r->link = vr_redis_link(r->redis);
	return err;
}

static enum vr_err reach_kafka(struct vr_replay *r, struct vr_diag *d)
{
	struct vr_group_ops ops = {.assigned = vr_replay_assigned, .revoked = vr_replay_revoked, .error = vr_replay_group_error, .ctx = r};
	char host[128] = "virald";
	gethostname(host, sizeof(host) - 1);
	snprintf(r->client_id, sizeof(r->client_id), "virald-replay-%s-%d", host, (int)getpid());
	snprintf(r->group_id, sizeof(r->group_id), "%s", r->config->kafka_group_id.p);
	enum vr_err err = vr_settings_kafka(r->config, r->client_id, &r->properties, &r->kafka);
	r->kafka.bulk = true;
	r->kafka.log = (struct vr_kafka_log){vr_report_kafka, r->report};
	if (!err)
		err = vr_kafka_config_try(&r->kafka, d);
	if (!err)
		err = vr_group_new(&r->kafka, &ops, &r->group, d);
	return err ? err : vr_kafka_cluster_id(r->group, (struct vr_span){VR_SETTINGS_KAFKA_MS}, r->cluster, sizeof(r->cluster));
}

static enum vr_err start(struct vr_replay *r, struct vr_diag *d)
{
	enum vr_err err = check_databases(r->config, d);
	if (!err)
		err = catch_signals(r);
	if (!err)
		err = vr_report_new(r->config, vr_settings_workers(r->config), &r->report, d);
	if (err)
		return err;
	/* Lines of the log would tear the bar: only what a person has to know comes between. */
	if (isatty(STDERR_FILENO) && r->config->log_level < VR_LEVEL_WARN)
		vr_report_level(r->report, VR_LEVEL_WARN);
	err = reach_redis(r, d);
	return err ? err : reach_kafka(r, d);
}

/* ------------------------------------------------ the end ----------------------------- */

static void print_dry_end(const struct vr_replay *r, const struct vr_report_sums *s)
{
	if (!r->diff) {
		puts("broken off; nothing is left of it");
		return;
	}
	printf("%llu events counted, %llu refused, %llu duplicates; nothing is left of it. What would change:\n\n", (unsigned long long)s->folded,
		(unsigned long long)s->refused, (unsigned long long)s->duplicates);
	vr_diff_print(r->diff, stdout, false);
}

static void print_json_end(const char *name, enum vr_replay_end end, const struct vr_report_sums *s)
{
	printf("{\"kind\":\"end\",\"name\":\"%s\",\"complete\":%s,\"live\":%s,\"events\":%llu,\"refused\":%llu,\"duplicates\":%llu}\n", name,
		end != VR_REPLAY_BROKEN_OFF ? "true" : "false", end == VR_REPLAY_LIVE ? "true" : "false", (unsigned long long)s->folded,
		(unsigned long long)s->refused, (unsigned long long)s->duplicates);
}

static void print_end(const struct vr_replay *r, enum vr_replay_end end)
{
	struct vr_report_sums s = vr_report_sums(r->report);
	const char *name = r->gen.name;
	if (r->options->json && r->diff)
		vr_diff_print(r->diff, stdout, true);
	if (r->options->json)
		print_json_end(name, end, &s);
	else if (r->options->dry_run)
		print_dry_end(r, &s);
	else if (end == VR_REPLAY_LIVE)
		printf("generation %s is live: %llu events counted, %llu refused, %llu duplicates.\nBack again: virald switch --undo\n", name,
			(unsigned long long)s.folded, (unsigned long long)s.refused, (unsigned long long)s.duplicates);
	else if (end == VR_REPLAY_COMPLETE)
		printf("generation %s is complete: %llu events counted, %llu refused, %llu duplicates.\n"
			"What would change: viralctl diff %s. Make it live: virald switch %s\n", name, (unsigned long long)s.folded,
			(unsigned long long)s.refused, (unsigned long long)s.duplicates, name, name);
	else
		printf("generation %s is not complete; this goes on with it: virald replay --name %s\n", name, name);
	fflush(stdout);
}

/* A service must have been ready to end well. */
static int end_already(struct vr_replay *r)
{
	const char *name = r->live_name;
	vr_notify_ready(&r->notify);
	if (r->options->json)
		print_json_end(name, VR_REPLAY_LIVE, &(struct vr_report_sums){0});
	else
		printf("generation %s is live already; nothing was done\n", name);
	fflush(stdout);
	return EX_OK;
}

static int exit_of(enum vr_err err)
{
	return err == VR_E_BUSY || err == VR_E_FENCED ? EX_TEMPFAIL : vr_exit_of(err);
}

static void say_why(const struct vr_diag *d, enum vr_err err)
{
	fprintf(stderr, "virald replay: %s%s%s\n", d->where, d->where[0] ? ": " : "", d->text[0] ? d->text : vr_err_text(err));
}

static int replay(struct vr_replay *r)
{
	struct vr_diag d = {0};
	enum vr_replay_end end = VR_REPLAY_BROKEN_OFF;
	enum vr_err err = start(r, &d);
	if (!err)
		err = vr_replay_plan(r, &d);
	if (!err && r->already)
		return end_already(r);
	if (!err) {
		vr_replay_print(r);
		err = vr_replay_begin(r, &d);
	}
	if (err) {
		say_why(&d, err);
		return exit_of(err);
	}
	err = vr_replay_run(r, &end, &d);
	if (err)
		say_why(&d, err);
	else if (r->stopped.text[0])
		say_why(&r->stopped, VR_E_REFUSED);
	print_end(r, end);
	int code = atomic_load(&r->exit_code);
	return code ? code : err ? exit_of(err) : r->diff && !vr_diff_is_none(r->diff) ? DIFFERS : EX_OK;
}

static void free_all(struct vr_replay *r)
{
	vr_group_free(r->group);
	vr_diff_free(r->diff);
	vr_rulebook_free(r->rules);
	vr_redis_free(r->redis);
	vr_generation_done(&r->gen);
	free(r->properties);
	free(r->topic);
	free(r->part);
	free(r->shadow);
	free(r->live);
	if (r->signals >= 0)
		close(r->signals);
	vr_notify_done(&r->notify);
	vr_report_free(r->report);
	vr_rulefile_free(r->rulefile);
	vr_config_free(r->config);
	vr_pace_done(&r->pace);
	pthread_mutex_destroy(&r->lock);
}

/* A process of its own on the daemon's settings: what would get in its way is another here. */
static void set_apart(struct vr_config *c)
{
	c->http_listen = c->replay_listen;
	c->http_host = c->replay_host;
	c->http_port = c->replay_port;
}

/* Before there are threads: each has the niceness of the one that made it. Who is nicer already stays so. */
static void yield_to_live(const struct vr_config *c)
{
	int nice = (int)c->replay_nice;
	if (getpriority(PRIO_PROCESS, 0) < nice)
		(void)setpriority(PRIO_PROCESS, 0, nice);	/* refused: it is only a wish */
}

int vr_replay(const struct vr_replay_options *o)
{
	struct vr_replay r = {.options = o, .signals = -1};
	if (vr_settings_load(&o->settings, &r.config, &r.rulefile))
		return EX_CONFIG;
	set_apart(r.config);
	yield_to_live(r.config);
	r.mem = vr_mem_heap();
	pthread_mutex_init(&r.lock, NULL);
	vr_notify_init(&r.notify);
	/* A live that nobody disturbs waits for its cut. */
	struct vr_span lag = {r.config->cut_interval.ms + r.config->replay_max_live_lag.ms};
	vr_pace_init(&r.pace, o->rate >= 0 ? o->rate : r.config->replay_rate, lag, r.config->replay_max_redis_latency, vr_clock_mono());
	int code = replay(&r);
	free_all(&r);
	return code;
}
