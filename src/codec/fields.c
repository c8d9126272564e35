/* SPDX-License-Identifier: Apache-2.0 */
#include <strings.h>
#include "fields.h"

static const char *const actions[] = {
#define X(up, low, plural) #up,
	VR_ACTIONS(X)
#undef X
};
static const char *const scopes[] = {"DIRECT", "GROUP", "FEED"};
static const char *const motives[] = {"SELF_EXPRESSION", "RELATIONSHIP", "INFORMATION", "EMOTION", "VALUES"};
static const char *const ties[] = {"STRONG", "WEAK"};

#define NAMES(prefix, list) {{"" prefix, sizeof(prefix) - 1}, (list), sizeof(list) / sizeof((list)[0])}
static const struct enum_names action_names = NAMES("ACTION_", actions);
static const struct enum_names scope_names = NAMES("SCOPE_", scopes);
static const struct enum_names motive_names = NAMES("MOTIVE_", motives);
static const struct enum_names tie_names = NAMES("TIE_", ties);

#define ROW(kind, slot, name, camel, names) \
	{FIELD_##kind, (slot), {"" name, sizeof(name) - 1}, {"" camel, sizeof(camel) - 1}, (names)}

const struct field vr_fields[FIELDS_MAX] = {
	[1] = ROW(TEXT, TEXT_EVENT_ID, "event_id", "eventId", NULL),
	[2] = ROW(TIME, TIME_EVENT, "event_time", "eventTime", NULL),
	[3] = ROW(ENUM, NUM_ACTION, "action", "action", &action_names),
	[4] = ROW(TEXT, TEXT_CONTENT_ID, "content_id", "contentId", NULL),
	[5] = ROW(TEXT, TEXT_CHANNEL, "channel", "channel", NULL),
	[6] = ROW(TEXT, TEXT_ACTOR_ID, "actor_id", "actorId", NULL),
	[7] = ROW(TEXT, TEXT_PARENT_EVENT_ID, "parent_event_id", "parentEventId", NULL),
	[8] = ROW(TIME, TIME_PARENT, "parent_event_time", "parentEventTime", NULL),
	[9] = ROW(TEXT, TEXT_ROOT_EVENT_ID, "root_event_id", "rootEventId", NULL),
	[10] = ROW(NUM, NUM_DEPTH, "depth", "depth", NULL),
	[11] = ROW(NUM, NUM_AUDIENCE_SIZE, "audience_size", "audienceSize", NULL),
	[12] = ROW(ENUM, NUM_SCOPE, "scope", "scope", &scope_names),
	[13] = ROW(NUM, NUM_COUNT, "count", "count", NULL),
	[14] = ROW(ENUM, NUM_MOTIVE, "motive", "motive", &motive_names),
	[16] = ROW(ENUM, NUM_TIE, "tie", "tie", &tie_names),
	[17] = ROW(BOOL, NUM_INCENTIVIZED, "incentivized", "incentivized", NULL),
	[18] = ROW(TEXT, TEXT_CONTENT_TYPE, "content_type", "contentType", NULL),
	[19] = ROW(TEXT, TEXT_TITLE, "title", "title", NULL),
	[20] = ROW(TEXT, TEXT_URL, "url", "url", NULL),
	[21] = ROW(TEXT, TEXT_AUTHOR_ID, "author_id", "authorId", NULL),
	[22] = ROW(TIME, TIME_DEADLINE, "deadline", "deadline", NULL),
	[23] = ROW(LABELS, 0, "labels", "labels", NULL),
};

const struct field *vr_field_find(struct vr_str name)
{
	for (size_t i = 0; i < FIELDS_MAX; i++)
		if (vr_fields[i].kind && (vr_str_eq(vr_fields[i].name, name) || vr_str_eq(vr_fields[i].camel, name)))
			return &vr_fields[i];
	return NULL;
}

bool vr_text_alike(struct vr_str a, struct vr_str b)
{
	return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

uint32_t vr_field_enum(const struct enum_names *names, struct vr_str name)
{
	size_t skip = names->prefix.n;

	if (name.n > skip && vr_text_alike((struct vr_str){name.p, skip}, names->prefix))
		name = (struct vr_str){name.p + skip, name.n - skip};
	for (uint32_t i = 0; i < names->n; i++)
		if (vr_text_alike(name, vr_str_c(names->names[i])))
			return i + 1;
	return vr_text_alike(name, VR_STR("UNSPECIFIED")) ? 0 : UINT32_MAX;
}
