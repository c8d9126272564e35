/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* fields.h - the fields of virality.v1.Event, one row each: both readers and both writers go
 * by this table.
 *
 * A draft holds an event as the wire has it, unchecked, in three arrays; a row says which slot
 * of which array is its field's.   Threads: constant.                                        */
#include "virality/buf.h"
#include "virality/err.h"
#include "virality/event.h"

enum draft_text {
	TEXT_EVENT_ID,
	TEXT_CONTENT_ID,
	TEXT_CHANNEL,
	TEXT_ACTOR_ID,
	TEXT_PARENT_EVENT_ID,
	TEXT_ROOT_EVENT_ID,
	TEXT_CONTENT_TYPE,
	TEXT_TITLE,
	TEXT_URL,
	TEXT_AUTHOR_ID,
	_TEXT_MAX
};

enum draft_num {
	NUM_ACTION,
	NUM_DEPTH,
	NUM_AUDIENCE_SIZE,
	NUM_SCOPE,
	NUM_COUNT,
	NUM_MOTIVE,
	NUM_TIE,
	NUM_INCENTIVIZED,
	_NUM_MAX
};

enum draft_time { TIME_EVENT, TIME_PARENT, TIME_DEADLINE, _TIME_MAX };

/* google.protobuf.Timestamp */
struct draft_stamp {
	int64_t seconds;
	int32_t nanos;
};

struct draft {
	struct vr_str text[_TEXT_MAX];
	uint64_t num[_NUM_MAX];			/* as on the wire: an enum is its number */
	struct draft_stamp time[_TIME_MAX];
};

enum field_kind {
	FIELD_NONE,
	FIELD_TEXT,
	FIELD_NUM,
	FIELD_BOOL,
	FIELD_ENUM,
	FIELD_TIME,
	FIELD_LABELS,
	_FIELD_KIND_MAX
};

/* Names of an enum's numbers from 1 on, without the prefix. */
struct enum_names {
	struct vr_str prefix;
	const char *const *names;
	size_t n;
};

struct field {
	enum field_kind kind;
	unsigned slot;
	struct vr_str name, camel;
	const struct enum_names *names;		/* of FIELD_ENUM */
};

enum { FIELDS_MAX = 24 };
/* Indexed by field number. */
extern const struct field vr_fields[FIELDS_MAX];

/** Row of that JSON name in either spelling, or NULL. */
const struct field *vr_field_find(struct vr_str name);
/** Number of an enum's name, with or without prefix in any case; UINT32_MAX when there is none. */
uint32_t vr_field_enum(const struct enum_names *names, struct vr_str name);
/** ASCII letters alike in either case. */
bool vr_text_alike(struct vr_str a, struct vr_str b);
