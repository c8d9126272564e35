/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* log_line.h - one log line as text, in each format.   Threads: pure functions of their arguments. */
#include "virality/buf.h"
#include "virality/log.h"

struct event {
	const char *name, *id, *subject, *text;
	enum vr_level level;
	int per_10s;
};
extern const struct event events[_VR_EV_MAX];

struct line {
	const char *name;		/* of the program */
	struct vr_wall time;
	enum vr_level level;
	enum vr_event_id event;
	const struct vr_log_about *about;
	uint64_t suppressed;		/* lines of this event before it that were not written */
	struct vr_str text;		/* clean */
};

/** Append s with control characters, and bytes that are no UTF-8, as \xNN. */
void add_clean(struct vr_buf *b, struct vr_str s);
void add_logfmt(struct vr_buf *b, const struct line *l);
void add_json(struct vr_buf *b, const struct line *l);
/** The journal's native protocol: KEY=value lines. */
void add_journal(struct vr_buf *b, const struct line *l);
