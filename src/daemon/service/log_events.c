/* SPDX-License-Identifier: Apache-2.0 */
/* log_events.c - events.def as data, and as the journal's catalog. */
#include "log_line.h"

const struct event events[_VR_EV_MAX] = {
#define VR_EVENT(id, name, level, per_10s, message_id, subject, text) \
	[VR_EV_##id] = {name, message_id, subject, text, VR_LEVEL_##level, per_10s},
#include "virality/events.def"
#undef VR_EVENT
};

const char *vr_event_name(enum vr_event_id id) { return events[id].name; }
enum vr_level vr_event_level(enum vr_event_id id) { return events[id].level; }

enum vr_event_id vr_event_find(const char *name, enum vr_event_id otherwise)
{
	for (int i = 0; i < _VR_EV_MAX; i++)
		if (strcmp(events[i].name, name) == 0)
			return (enum vr_event_id)i;
	return otherwise;
}

const char *vr_level_name(enum vr_level level)
{
	static const char *const name[] = {"debug", "info", "warn", "error"};
	return name[level];
}

void vr_event_catalog(FILE *out)
{
	fputs("# SPDX-License-Identifier: Apache-2.0\n", out);
	fputs("# What virald's log events mean; made from include/virality/events.def.\n", out);
	for (int i = 0; i < _VR_EV_MAX; i++)
		fprintf(out, "\n-- %s\nSubject: %s\nDefined-By: virald\nDocumentation: man:virald(8)\n\n%s\n",
			events[i].id, events[i].subject, events[i].text);
}
