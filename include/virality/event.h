/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* event.h - one share or interaction, as the core sees it, however it came over the wire.
 *
 * The fields and their meaning are those of proto/virality/v1/event.proto. 0 or an empty
 * string means unknown. Strings are borrowed from the record (or the batch's arena) and
 * live as long as the batch. A decoded event is within all limits: ids clean UTF-8 of at
 * most 256 bytes, a known action, a clean channel in lower case; its times are NOT yet
 * held against log time: the engine does that.                                         */
#include <stdint.h>
#include "virality/str.h"
#include "virality/time.h"

/* Order = number on the wire, less one. Plural = name of its counters. */
#define VR_ACTIONS(X)                          \
	X(IMPRESSION, impression, impressions)     \
	X(VIEW, view, views)                       \
	X(SHARE_INTENT, share_intent, share_intents) \
	X(SHARE, share, shares)                    \
	X(SHARE_CANCEL, share_cancel, share_cancels) \
	X(UNSHARE, unshare, unshares)              \
	X(LIKE, like, likes)                       \
	X(COMMENT, comment, comments)              \
	X(SAVE, save, saves)                       \
	X(MENTION, mention, mentions)              \
	X(CONVERSION, conversion, conversions)     \
	X(HIDE, hide, hides)                       \
	X(REPORT, report, reports)

enum vr_action {
#define X(up, low, plural) VR_ACTION_##up,
	VR_ACTIONS(X)
#undef X
	VR_ACTIONS_MAX
};
/** "share", "shares". Static strings. */
const char *vr_action_name(enum vr_action a);
const char *vr_action_plural(enum vr_action a);

enum vr_scope { VR_SCOPE_UNKNOWN, VR_SCOPE_DIRECT, VR_SCOPE_GROUP, VR_SCOPE_FEED };
enum vr_motive {
	VR_MOTIVE_UNKNOWN,
	VR_MOTIVE_SELF_EXPRESSION,
	VR_MOTIVE_RELATIONSHIP,
	VR_MOTIVE_INFORMATION,
	VR_MOTIVE_EMOTION,
	VR_MOTIVE_VALUES,
};
enum vr_tie { VR_TIE_UNKNOWN, VR_TIE_STRONG, VR_TIE_WEAK };

struct vr_event {
	struct vr_str event_id, content_id, content_type, title, url, author_id;
	struct vr_str channel;		/* normalised; "unknown" when the producer gave none */
	struct vr_str actor_id;
	struct vr_str parent_event_id, root_event_id;
	struct vr_wall event_time, parent_event_time, deadline;
	uint64_t audience_size;
	uint32_t depth;
	uint32_t count;			/* never 0: absent is 1 */
	enum vr_action action;
	enum vr_scope scope;
	enum vr_motive motive;
	enum vr_tie tie;
	bool incentivized;
};
