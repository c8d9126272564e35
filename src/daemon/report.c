/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "health.h"
#include "notes.h"
#include "virality/http.h"
#include "virality/metrics.h"

_Static_assert((int)VR_LEVEL_ERROR == (int)VR_LOG_ERROR && (int)VR_FORMAT_JSON == (int)VR_LOG_JSON,
	"log.h follows the settings");

/* A sum over slots that come and go, as one that only grows. */
struct grown { uint64_t last, total; };

struct vr_report {
	struct vr_logger *log;
	struct vr_metrics *metrics;
	struct vr_http *http;
	struct vr_standing standing;
	struct grown evicted, unknown_fields;	/* of the main thread */
	_Atomic bool leads;
	_Atomic size_t parts, running;
	_Atomic int64_t behind_ms;
};

static double wall_seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ------------------------------------------------ life --------------------------------- */

static void http_line(void *ctx, const char *text)
{
	vr_log_at(((struct vr_report *)ctx)->log, VR_LEVEL_DEBUG, VR_EV_HTTP, NULL, "%s", text);
}

static enum vr_err serve(struct vr_report *r, const struct vr_config *c, struct vr_diag *d)
{
	struct vr_http_config hc = {.host = c->http_host, .port = c->http_port, .metrics = r->metrics,
		.live = r->standing.live, .n_live = VR_LIVE_CHECKS,
		.ready = r->standing.ready_checks, .n_ready = VR_READY_CHECKS,
		.version = VR_VERSION, .log = http_line, .log_ctx = r};
	if (c->http_host.n == 0)
		return VR_OK;
	enum vr_err err = vr_http_new(&hc, &r->http, d);
	if (!err)
		vr_report_say(
			r, VR_EV_HTTP, "metrics and health on http://%.*s", (int)c->http_listen.n, c->http_listen.p);
	return err;
}

static void tell_build(struct vr_report *r)
{
	struct vr_label build[] = {{"version", vr_str_c(VR_VERSION)},
		{"librdkafka", vr_str_c(vr_kafka_version())}, {"hiredis", vr_str_c(vr_redis_version())}};
	vr_metric_series(r->metrics, VR_M_BUILD, build, sizeof(build) / sizeof(build[0]), 1);
}

enum vr_err vr_report_new(
	const struct vr_config *config, int workers, struct vr_report **ret, struct vr_diag *d)
{
	struct vr_logger_config lc = {.level = (enum vr_level)config->log_level,
		.format = (enum vr_log_format)config->log_format, .name = "virald", .fd = STDERR_FILENO};
	struct vr_report *r = calloc(1, sizeof(*r));
	if (!r)
		return VR_E_NOMEM;
	vr_standing_init(&r->standing);
	enum vr_err err = vr_logger_new(&lc, &r->log);
	if (!err)
		err = vr_metrics_new(workers, &r->metrics);
	if (!err) {
		tell_build(r);
		vr_report_reload(r, true);
		err = serve(r, config, d);
	}
	if (err) {
		vr_report_free(r);
		return err;
	}
	*ret = r;
	return VR_OK;
}

void vr_report_free(struct vr_report *r)
{
	if (!r)
		return;
	vr_http_free(r->http);
	vr_metrics_free(r->metrics);
	vr_logger_free(r->log);
	vr_standing_done(&r->standing);
	free(r);
}

/* ------------------------------------------------ words -------------------------------- */

void vr_report_say(struct vr_report *r, enum vr_event_id event, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vr_vlog(r->log, vr_event_level(event), event, NULL, fmt, ap);
	va_end(ap);
}

void vr_report_level(struct vr_report *r, int level) { vr_logger_level(r->log, (enum vr_level)level); }

/* librdkafka calls an error what it tries again by itself; and says at each look-up that brokers older
 * than 0.11, among them its mock cluster, may create topics. */
void vr_report_kafka(void *report, int level, const char *fac, const char *text)
{
	bool idle = level > 6 || strcmp(fac, "AUTOCREATE") == 0;
	enum vr_level to = idle ? VR_LEVEL_DEBUG : level > 4 ? VR_LEVEL_INFO : VR_LEVEL_WARN;
	vr_log_at(((struct vr_report *)report)->log, to, VR_EV_KAFKA, NULL, "%s: %s", fac, text);
}

void vr_report_waiting(struct vr_report *r, const char *what, const struct vr_diag *why)
{
	char text[256];
	snprintf(text, sizeof(text), "waiting for %s: %.200s", what, why->text);
	vr_standing_waits(&r->standing, text);
	vr_report_say(r, VR_EV_WAITING, "%s: %s%s%s", what, why->where, why->where[0] ? ": " : "", why->text);
}

void vr_report_ready(struct vr_report *r, size_t partitions)
{
	atomic_store(&r->standing.ready, true);
	vr_report_say(r, VR_EV_READY, "reading %zu partitions", partitions);
}

/* ------------------------------------------------ notes -------------------------------- */

void vr_report_note(void *report, int worker, const struct vr_topic_part *part, enum vr_note note,
	enum vr_err err, int64_t n, const char *text)
{
	struct vr_report *r = report;
	vr_note_tell(r->log, r->metrics, worker, part, note, err, n, text);
}

static uint64_t us_of(struct vr_span span) { return (uint64_t)(span.ms > 0 ? span.ms : 0) * 1000; }

void vr_report_cut(struct vr_report *r, int worker, struct vr_span took, struct vr_span waited)
{
	vr_metric_observe(r->metrics, worker, VR_M_FLUSH_DURATION, us_of(took));
	if (waited.ms > 0)
		vr_metric_observe(r->metrics, worker, VR_M_RECORD_WAIT, us_of(waited));
	vr_metric_set(r->metrics, VR_M_LAST_FLUSH, wall_seconds());
}

/* ------------------------------------------------ partitions --------------------------- */

static bool is_of_redis(const struct vr_topic_part *part, const struct vr_diag *d)
{
	return d && d->where[0] && strncmp(d->where, "kafka", 5) != 0 &&
		   !vr_str_eq(vr_str_c(d->where), part->topic);
}

static void count_failure(
	struct vr_report *r, const struct vr_topic_part *part, enum vr_err err, const struct vr_diag *d)
{
	enum vr_verdict verdict = vr_err_verdict(err);
	if (verdict == VR_VERDICT_REWIND)
		vr_metric_add_at(r->metrics, VR_M_SHARED, VR_M_REWINDS, err, 1);
	if ((verdict == VR_VERDICT_RETRY || err == VR_E_LOST_LINK || err == VR_E_REPLY) && is_of_redis(part, d))
		vr_metric_add_at(r->metrics, VR_M_SHARED, VR_M_REDIS_ERRORS, err, 1);
}

void vr_report_state(struct vr_report *r, const struct vr_topic_part *part, const char *state,
	enum vr_err err, const struct vr_diag *d)
{
	struct vr_log_about about = {.topic = part->topic, .partition = part->partition, .err = err};
	if (!err) {
		vr_log(r->log, VR_EV_PARTITION, &about, "%s", state);
		return;
	}
	enum vr_event_id event =
		vr_err_verdict(err) == VR_VERDICT_STOP ? VR_EV_PARTITION_STOPPED : VR_EV_PARTITION_AWAY;
	count_failure(r, part, err, d);
	vr_log(r->log, event, &about, "%s: %s%s%s", state, vr_err_text(err), d && d->text[0] ? ": " : "",
		d ? d->text : "");
}

static const char *cell_name(enum vr_m id, unsigned cell)
{
	const char *name = vr_metric_cell(id, cell);
	return name ? name : "";
}

static void tell_states(struct vr_report *r, const struct vr_slot_facts *facts, size_t n)
{
	for (unsigned cell = 0; cell < _VR_L_PART_STATES; cell++) {
		size_t in = 0;
		for (size_t i = 0; i < n; i++)
			in += strcmp(facts[i].state, cell_name(VR_M_PARTITIONS, cell)) == 0;
		vr_metric_set_at(r->metrics, VR_M_PARTITIONS, cell, (double)in);
		if (cell == VR_L_RUNNING)
			atomic_store(&r->running, in);
	}
	vr_metric_set(r->metrics, VR_M_ASSIGNED, (double)n);
	atomic_store(&r->parts, n);
}

/* A partition that was read to its end is not behind, however old its last event. */
static void tell_behind(struct vr_report *r, const struct vr_slot_facts *facts, size_t n)
{
	int64_t now = (int64_t)(wall_seconds() * 1000), most = 0;
	for (size_t i = 0; i < n; i++)
		if (!facts[i].at_end && facts[i].stream.ms > 0 && now - facts[i].stream.ms > most)
			most = now - facts[i].stream.ms;
	atomic_store(&r->behind_ms, most);
	vr_metric_set(r->metrics, VR_M_EVENT_LAG, n ? (double)most / 1000 : (double)NAN);
}

static double grow(struct grown *g, uint64_t now)
{
	g->total += now > g->last ? now - g->last : 0;
	g->last = now;
	return (double)g->total;
}

void vr_report_facts(struct vr_report *r, const struct vr_slot_facts *facts, size_t n, bool progress)
{
	struct vr_engine_facts sum = {0};
	uint64_t unknown = 0;
	for (size_t i = 0; i < n; i++) {
		const struct vr_engine_facts *e = &facts[i].engine;
		sum.contents += e->contents;
		sum.pending += e->pending;
		sum.firing += e->firing;
		sum.evicted += e->evicted;
		sum.dedup_entries += e->dedup_entries;
		sum.bytes += e->bytes;
		sum.rules_no = e->rules_no > sum.rules_no ? e->rules_no : sum.rules_no;
		unknown += facts[i].unknown_fields;
	}
	vr_metric_set(r->metrics, VR_M_CONTENTS, (double)sum.contents);
	vr_metric_set_at(r->metrics, VR_M_ALERTS, VR_L_PENDING, (double)sum.pending);
	vr_metric_set_at(r->metrics, VR_M_ALERTS, VR_L_FIRING, (double)sum.firing);
	vr_metric_set(r->metrics, VR_M_DEDUP, (double)sum.dedup_entries);
	vr_metric_set(r->metrics, VR_M_ENGINE_BYTES, (double)sum.bytes);
	vr_metric_set(r->metrics, VR_M_RULE_SETS, sum.rules_no ? (double)sum.rules_no : (double)NAN);
	vr_metric_set(r->metrics, VR_M_EVICTED, grow(&r->evicted, sum.evicted));
	vr_metric_set(r->metrics, VR_M_UNKNOWN_FIELDS, grow(&r->unknown_fields, unknown));
	vr_metric_set(r->metrics, VR_M_LOG_SUPPRESSED, (double)vr_log_suppressed(r->log));
	tell_states(r, facts, n);
	tell_behind(r, facts, n);
	atomic_store(&r->standing.workers, progress);
	vr_standing_facts(&r->standing, facts, n);
	vr_log_tick(r->log);
}

/* ------------------------------------------------ the group ---------------------------- */

void vr_report_lag(struct vr_report *r, const struct vr_topic_part *part, int64_t lag)
{
	char number[16];
	snprintf(number, sizeof(number), "%d", (int)part->partition);
	struct vr_label labels[] = {{"topic", part->topic}, {"partition", vr_str_c(number)}};
	vr_metric_series(
		r->metrics, VR_M_LAG, labels, 2, lag < 0 || !atomic_load(&r->leads) ? (double)NAN : (double)lag);
}

void vr_report_leads(struct vr_report *r, bool leads)
{
	atomic_store(&r->leads, leads);
	if (!leads)
		vr_metric_series_clear(r->metrics, VR_M_LAG);
}

void vr_report_rebalance(struct vr_report *r, const char *type, size_t n)
{
	static const struct { const char *type; enum vr_l_rebalance cell; } types[] = {
		{"assign", VR_L_ASSIGNED}, {"revoke", VR_L_REVOKED}, {"lost", VR_L_LOST}};
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(type, types[i].type) == 0)
			vr_metric_add_at(r->metrics, VR_M_SHARED, VR_M_REBALANCES, types[i].cell, 1);
	vr_log_at(r->log, VR_LEVEL_INFO, VR_EV_REBALANCE, NULL, "%s %zu partitions", type, n);
}

void vr_report_commit_failures(struct vr_report *r, uint64_t n)
{
	vr_metric_set(r->metrics, VR_M_COMMIT_FAILURES, (double)n);
}

/* ------------------------------------------------ the rest ----------------------------- */

void vr_report_redis(struct vr_report *r, bool up)
{
	vr_metric_set(r->metrics, VR_M_REDIS_UP, up);
	atomic_store(&r->standing.redis, up);
}

void vr_report_reload(struct vr_report *r, bool ok)
{
	vr_metric_set(r->metrics, VR_M_RELOAD_OK, ok);
	if (ok)
		vr_metric_set(r->metrics, VR_M_RELOAD_TIME, wall_seconds());
}

void vr_report_replay(struct vr_report *r, const struct vr_report_replay *now)
{
	vr_metric_set(r->metrics, VR_M_REPLAY_RATIO, now->done);
	vr_metric_set(r->metrics, VR_M_REPLAY_LEFT, now->left);
	vr_metric_set(r->metrics, VR_M_REPLAY_RATE, now->rate);
	vr_metric_set(r->metrics, VR_M_REPLAY_ALLOWED, now->allowed);
	vr_metric_set(r->metrics, VR_M_REPLAY_LIVE_LAG, now->live_lag);
	vr_metric_set(r->metrics, VR_M_REPLAY_LATENCY, now->latency);
	vr_metric_set(r->metrics, VR_M_REPLAY_EVENT_TIME, now->event_time.ms ? (double)now->event_time.ms / 1000 : (double)NAN);
	vr_metric_set(r->metrics, VR_M_REPLAY_DONE, now->complete);
}

void vr_report_published(struct vr_report *r, struct vr_span took)
{
	vr_metric_observe(
		r->metrics, VR_M_SHARED, VR_M_PUBLISH_DURATION, (uint64_t)(took.ms > 0 ? took.ms : 0) * 1000);
}

void vr_report_publish_failed(struct vr_report *r, enum vr_err err, const struct vr_diag *d)
{
	vr_metric_add(r->metrics, VR_M_SHARED, VR_M_PUBLISH_FAILURES, 1);
	vr_log(r->log, VR_EV_PUBLISHER, &(struct vr_log_about){.err = err}, "%s: %s", vr_err_text(err), d->text);
}

void vr_report_status(const struct vr_report *r, char *out, size_t n)
{
	struct vr_report_sums s = vr_report_sums(r);
	snprintf(out, n,
		"%zu of %zu partitions running, %.1f s behind, %llu events counted, %llu refused, %llu alerts",
		atomic_load(&r->running), atomic_load(&r->parts), (double)atomic_load(&r->behind_ms) / 1000,
		(unsigned long long)s.folded, (unsigned long long)s.refused, (unsigned long long)s.alerts);
}

static uint64_t sum_cells(const struct vr_report *r, enum vr_m id)
{
	uint64_t sum = 0;
	for (unsigned cell = 0; vr_metric_cell(id, cell); cell++)
		sum += vr_metric_sum(r->metrics, id, cell);
	return sum;
}

struct vr_report_sums vr_report_sums(const struct vr_report *r)
{
	const struct vr_metrics *m = r->metrics;
	return (struct vr_report_sums){
		.folded = vr_metric_sum(m, VR_M_FOLDED, 0),
		.duplicates = vr_metric_sum(m, VR_M_DUPLICATES, 0),
		.refused = sum_cells(r, VR_M_REJECTED),
		.late = vr_metric_sum(m, VR_M_LATE, 0),
		.cuts = vr_metric_sum(m, VR_M_CUTS, 0),
		.alerts = vr_metric_sum(m, VR_M_ANNOUNCED, 0),
		.rewinds = sum_cells(r, VR_M_REWINDS)};
}
