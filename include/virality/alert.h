/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* alert.h - one state of one alert, with all that explains it. The same in the stream, in
 * `vir:alert:<id>`, as JSON and as protobuf.
 *
 * Ownership: everything is borrowed from the maker for the call.                          */
#include "virality/event.h"

enum vr_alert_state { VR_ALERT_INACTIVE, VR_ALERT_SUPPRESSED, VR_ALERT_PENDING, VR_ALERT_FIRING, VR_ALERT_RESOLVED };
const char *vr_alert_state_name(enum vr_alert_state s);
enum vr_alert_reason { VR_REASON_NONE, VR_REASON_FORGOTTEN, VR_REASON_RULE_REMOVED, VR_REASON_SWITCH };
const char *vr_alert_reason_name(enum vr_alert_reason r);	/* "" for none */

enum { VR_ALERT_ID_LEN = 32 };
struct vr_alert {
	char id[VR_ALERT_ID_LEN + 1];		/* lower-case hex */
	struct vr_str alertname, severity, content_id, channel, title;	/* channel: the content's channel_top */
	struct vr_str labels, annotations;	/* JSON objects */
	struct vr_str topic;
	int32_t partition;
	enum vr_alert_state state;		/* PENDING, FIRING, RESOLVED; INACTIVE: a pending one ended without a word */
	enum vr_alert_reason reason;
	bool was_firing;			/* before this state */
	bool begins;				/* there was no alert before this state */
	double value, threshold;
	struct vr_wall starts, ends, updated, due;	/* due: next time-driven transition, 0 = none */
	int64_t offset;				/* record at which it began */
	int64_t at_offset;			/* record whose processing brought this state (decides what is said) */
	uint64_t rule_version;
};
/** Fields in the order of the contract, for any writer: calls f(ctx, name, text) for each. Uses *scratch for text. */
struct vr_buf;
void vr_alert_fields(const struct vr_alert *a, struct vr_buf *scratch,
	void (*f)(void *ctx, const char *name, struct vr_str text), void *ctx);
/** One line of JSON: the same fields (numbers as numbers, labels and annotations as objects), plus due_ms when with_due. */
void vr_alert_json(const struct vr_alert *a, bool with_due, struct vr_buf *b);
/** CONTRACT.md "Rules": XXH3-128 of name, version, entity, topic, partition, start, offset. Writes 32 hex digits and NUL. */
void vr_alert_id(struct vr_str alertname, uint64_t rule_version, struct vr_str entity, struct vr_str topic, int32_t partition,
	struct vr_wall starts, int64_t offset, char ret_id[VR_ALERT_ID_LEN + 1]);
