/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct vr_report {
	int level;
	_Atomic uint64_t notes[VR_NOTES];
	_Atomic uint64_t rewinds;
};

enum vr_err vr_report_new(const struct vr_config *config, int workers, struct vr_report **ret, struct vr_diag *d)
{
	struct vr_report *r = calloc(1, sizeof(*r));
	(void)workers;
	(void)d;
	if (!r)
		return VR_E_NOMEM;
	r->level = config->log_level;
	*ret = r;
	return VR_OK;
}

void vr_report_free(struct vr_report *r) { free(r); }

void vr_report_say(struct vr_report *r, int level, const char *event, const char *fmt, ...)
{
	static const char *const name[] = {"debug", "info", "warn", "error"};
	char text[1024], stamp[32];
	struct timespec now;
	struct tm tm;
	va_list ap;
	if (level < r->level)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	fprintf(stderr, "ts=%s.%03ldZ level=%s event=%s msg=\"%s\"\n", stamp, now.tv_nsec / 1000000, name[level], event, text);
}

void vr_report_note(void *report, int worker, const struct vr_topic_part *part, enum vr_note note, enum vr_err err, int64_t n, const char *text)
{
	struct vr_report *r = report;
	(void)worker;
	(void)err;
	atomic_fetch_add_explicit(&r->notes[note], 1, memory_order_relaxed);
	if (note == VR_NOTE_GAP || note == VR_NOTE_VIEW_ERROR)
		vr_report_say(r, VR_LOG_WARN, "note", "%.*s:%d %d %lld %s", (int)part->topic.n, part->topic.p, part->partition, note,
			(long long)n, text);
}

void vr_report_state(struct vr_report *r, const struct vr_topic_part *part, const char *state, enum vr_err err, const struct vr_diag *d)
{
	if (err)
		atomic_fetch_add(&r->rewinds, 1);
	vr_report_say(r, err ? VR_LOG_WARN : VR_LOG_INFO, "partition", "%.*s:%d is %s%s%s%s%s", (int)part->topic.n, part->topic.p,
		part->partition, state, err ? ": " : "", err ? vr_err_text(err) : "", d && d->text[0] ? ": " : "", d ? d->text : "");
}

void vr_report_facts(struct vr_report *r, const struct vr_slot_facts *facts, size_t n)
{
	(void)r;
	(void)facts;
	(void)n;
}

void vr_report_lag(struct vr_report *r, const struct vr_topic_part *part, int64_t lag)
{
	(void)r;
	(void)part;
	(void)lag;
}

void vr_report_published(struct vr_report *r, struct vr_span took)
{
	(void)r;
	(void)took;
}

void vr_report_rebalance(struct vr_report *r, const char *type, size_t n)
{
	vr_report_say(r, VR_LOG_INFO, "rebalance", "%s of %zu partitions", type, n);
}

void vr_report_redis(struct vr_report *r, bool up)
{
	(void)r;
	(void)up;
}

void vr_report_reload(struct vr_report *r, bool ok) { vr_report_say(r, VR_LOG_INFO, "reload", "%s", ok ? "taken up" : "refused"); }
void vr_report_level(struct vr_report *r, int level) { r->level = level; }

struct vr_report_sums vr_report_sums(const struct vr_report *r)
{
	return (struct vr_report_sums){
		.folded = r->notes[VR_NOTE_FOLDED], .duplicates = r->notes[VR_NOTE_DUPLICATE], .refused = r->notes[VR_NOTE_REFUSED],
		.late = r->notes[VR_NOTE_LATE], .cuts = r->notes[VR_NOTE_CUT], .alerts = r->notes[VR_NOTE_ALERT], .rewinds = r->rewinds};
}
