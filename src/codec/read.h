/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* read.h - what the readers of a record's layers pass each other.
 *
 * Layers: event.c recognises and unframes; wire.c and json.c fill the draft from a payload;
 *         cloudevent.c reads the envelope around one; check.c makes an event of the draft.
 * Fails:  each returns the record's error and has filled *d when there is one.               */
#include <jansson.h>
#include "fields.h"
#include "virality/codec.h"

struct reading {
	struct vr_arena *arena;
	struct vr_codec_stats *stats;
	struct vr_diag *d;		/* may be NULL */
	struct draft draft;
};

/** Fields of a virality.v1.Event; strings point into bytes. */
VR_MUST enum vr_err vr_read_wire(struct reading *rd, struct vr_str bytes);
/** Fields of a JSON event; strings are copied into the arena. */
VR_MUST enum vr_err vr_read_json(struct reading *rd, struct vr_str bytes);
VR_MUST enum vr_err vr_read_json_object(struct reading *rd, const json_t *object);
/** Any payload but a CloudEvent: told by its first byte. */
VR_MUST enum vr_err vr_read_payload(struct reading *rd, struct vr_str bytes);

/** bytes as JSON, its nesting bounded; NULL after VR_E_DECODE has been said. The caller drops the
 * reference. */
json_t *vr_json_load(struct vr_str bytes, struct vr_diag *d);
/** A JSON string's bytes, borrowed from it. */
struct vr_str vr_json_text(const json_t *string);

/** A CloudEvent in structured mode. */
VR_MUST enum vr_err vr_read_structured(struct reading *rd, struct vr_str bytes);
/** A CloudEvent in binary mode: payload by content-type, then what it lacks from the ce_ headers. */
VR_MUST enum vr_err vr_read_binary(struct reading *rd, const struct vr_raw *raw);
/** The header of that name in any case, or NULL. */
const struct vr_header *vr_raw_header(const struct vr_raw *raw, struct vr_str name);

/** A label's key or value, which the draft has no place for, is text as every other. */
VR_MUST enum vr_err vr_label_check(const struct reading *rd, struct vr_str s);
/** The event a draft says, within all limits. */
VR_MUST enum vr_err vr_draft_check(const struct reading *rd, struct vr_event *ret_ev);
/** The draft that ev is read from. */
void vr_draft_of(const struct vr_event *ev, struct draft *ret);
/** Milliseconds of a time as a draft has it, and back. */
struct draft_stamp vr_stamp_of(struct vr_wall t);
