/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* log.h - what is said to operators: one event of a table, a few fields, one line of text.
 *
 *      vr_log(l, VR_EV_GAP, &(struct vr_log_about){.topic = t, .err = VR_E_GAP}, "%d records", n)
 *
 *      journal   native fields: PRIORITY, MESSAGE_ID, VIRALD_EVENT, VIRALD_TOPIC, VIRALD_PARTITION, ...
 *      logfmt    ts=2026-01-31T09:30:00.250Z level=error event=gap topic=t partition=3 err=gap msg=...
 *      json      the same, one object a line
 *
 * Table:   events.def: name, level, rate, MESSAGE_ID, and the text of the journal's catalog.
 * Text of events (titles, ids) may be in a message: control characters and bytes that are no UTF-8 are
 * written \xNN.
 * Rate:    each event has so many lines in ten seconds; the first line after tells suppressed=N, or
 * vr_log_tick does.
 * Threads: any; one line at a time.
 * Fails:   a journal that does not take a line gets it on standard error; what that does not take is lost. */
#include "virality/err.h"
#include "virality/str.h"
#include "virality/time.h"

#include <stdarg.h>
#include <stdio.h>

/* As the setting log.level and log.format have them. */
enum vr_level { VR_LEVEL_DEBUG, VR_LEVEL_INFO, VR_LEVEL_WARN, VR_LEVEL_ERROR, _VR_LEVEL_MAX };
enum vr_log_format { VR_FORMAT_AUTO, VR_FORMAT_JOURNAL, VR_FORMAT_LOGFMT, VR_FORMAT_JSON };

enum vr_event_id {
#define VR_EVENT(id, ...) VR_EV_##id,
#include "virality/events.def"
#undef VR_EVENT
	_VR_EV_MAX
};
/* What a line is about; what is empty or zero is left out. */
struct vr_log_about {
	struct vr_str topic;		/* with it goes the partition */
	int32_t partition;
	bool has_offset;
	int64_t offset;
	struct vr_str content;
	enum vr_err err;
};

struct vr_logger_config {
	enum vr_level level;		/* the least that is logged */
	enum vr_log_format
		format; /* AUTO: the journal when $JOURNAL_STREAM names our standard error, else logfmt */
	const char *name;		/* SYSLOG_IDENTIFIER; keeps */
	int fd;				/* where lines go that do not go to the journal */
	const char *journal;		/* its socket; NULL: the system's */
	struct vr_wall (*wall)(void *ctx);	/* NULL: the system's clocks */
	struct vr_mono (*mono)(void *ctx);
	void *ctx;
};
struct vr_logger;			/* opaque */
VR_MUST enum vr_err vr_logger_new(const struct vr_logger_config *config, struct vr_logger **ret);
void vr_logger_free(struct vr_logger *l);
void vr_logger_level(struct vr_logger *l, enum vr_level level);
/** Is anything of this level written? */
bool vr_logger_says(const struct vr_logger *l, enum vr_level level);

/** One line at the event's level; about may be NULL. */
void vr_log(struct vr_logger *l, enum vr_event_id event, const struct vr_log_about *about, const char *fmt,
	...) VR_PRINTF(4, 5);
/** One line at another level than the table's. */
void vr_log_at(struct vr_logger *l, enum vr_level level, enum vr_event_id event,
	const struct vr_log_about *about, const char *fmt, ...) VR_PRINTF(5, 6);
void vr_vlog(struct vr_logger *l, enum vr_level level, enum vr_event_id event,
	const struct vr_log_about *about, const char *fmt, va_list ap) __attribute__((format(printf, 5, 0)));
/** Now and then: tell of lines suppressed that no later line of their event told of. */
void vr_log_tick(struct vr_logger *l);
/** Lines suppressed so far. */
uint64_t vr_log_suppressed(struct vr_logger *l);

/** What the table says. */
const char *vr_event_name(enum vr_event_id id);
enum vr_level vr_event_level(enum vr_event_id id);
/** The event of that name; `otherwise` when there is none. */
enum vr_event_id vr_event_find(const char *name, enum vr_event_id otherwise);
const char *vr_level_name(enum vr_level level);
/** systemd/virald.catalog. */
void vr_event_catalog(FILE *out);
