/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* codec.h - the bytes of a Kafka record to an event, and back.
 *
 * Picture:  record -> recognise -> draft (fields as the wire has them) -> check -> struct vr_event
 *             value null ............................ tombstone
 *             no key, empty value, `virality-tick` .. tick
 *             content-type application/cloudevents .. CloudEvents, structured JSON
 *             header ce_specversion ................. CloudEvents, binary (value: any of the below)
 *             header __value_schema_id .............. Confluent, schema in the header
 *             first byte 00 or 01 ................... Confluent, schema before the payload
 *             first byte { .......................... JSON
 *             else .................................. bare protobuf, virality.v1.Event
 * Needs no setting. Decides nothing about times: that is the engine's, against log time.
 * Ownership: an event's strings point into the record, or into the arena where the wire has
 *            them in another form (JSON, base64, a channel in capitals): valid while both live.
 * Threads:   one user of an arena and a stats at a time; else pure.
 * Fails:     verdict POISON for the record's faults, VR_E_NOMEM when the arena is at its end.   */
#include "virality/alert.h"
#include "virality/arena.h"
#include "virality/buf.h"
#include "virality/event.h"
#include "virality/header.h"

enum {
	VR_CODEC_RECORD_MAX = 65536,	/* bytes of a value */
	VR_CODEC_ID_MAX = 256,
	VR_CODEC_TITLE_MAX = 1024,
	VR_CODEC_URL_MAX = 2048,
	VR_CODEC_CHANNEL_MAX = 64,
	VR_CODEC_JSON_DEPTH_MAX = 32,
};

/** The header that makes a record without key and with an empty value a tick. */
#define VR_CODEC_TICK_HEADER "virality-tick"

struct vr_raw {
	struct vr_str key, value;
	bool has_key, has_value;	/* false: null, which is not the same as empty */
	const struct vr_header *headers;
	size_t n_headers;
};

enum vr_raw_kind { VR_RAW_EVENT, VR_RAW_TOMBSTONE, VR_RAW_TICK };

enum vr_codec_format {
	VR_CODEC_PROTO,
	VR_CODEC_JSON,
	VR_CODEC_CONFLUENT,
	VR_CODEC_CLOUDEVENT,
	_VR_CODEC_FORMAT_MAX
};

/* Only ever counted up. */
struct vr_codec_stats {
	uint64_t records[_VR_CODEC_FORMAT_MAX];	/* by outermost format, refused ones too */
	uint64_t unknown_fields;		/* skipped, in refused records too */
	uint64_t unknown_enums;			/* scope, motive, tie: taken as unset */
};

/** "protobuf", "json", "confluent", "cloudevents". Static strings. */
const char *vr_codec_format_name(enum vr_codec_format format);

/** What a record is; *ret_ev is written when it is VR_RAW_EVENT. d may be NULL; its `where` names the
 * field. */
VR_MUST enum vr_err vr_codec_event(const struct vr_raw *raw, struct vr_arena *arena,
	struct vr_codec_stats *stats, struct vr_event *ret_ev, enum vr_raw_kind *ret_kind, struct vr_diag *d);

/** Append ev as bare protobuf; what is unknown, count 1 and channel "unknown" are left out. */
void vr_codec_event_proto(const struct vr_event *ev, struct vr_buf *b);
/** Append ev as one line of JSON in snake_case, times in RFC 3339. */
void vr_codec_event_json(const struct vr_event *ev, struct vr_buf *b);

/** Append a as virality.v1.Alert. Labels and annotations must be JSON objects of strings: else
 * VR_E_DECODE. */
VR_MUST enum vr_err vr_codec_alert_proto(const struct vr_alert *a, struct vr_buf *b);
