/* SPDX-License-Identifier: Apache-2.0 */
#include "intake.h"

enum { HEADERS_MAX = 64 };

enum vr_err vr_intake_decode(
	const struct vr_intake *in, const struct vr_feed_item *item, struct vr_event *event, struct vr_record *ret)
{
	struct vr_header headers[HEADERS_MAX];
	struct vr_raw raw = {.key = item->key, .value = item->value, .has_key = item->has_key, .has_value = item->has_value, .headers = headers};
	enum vr_raw_kind kind = VR_RAW_TOMBSTONE;
	struct vr_diag why;
	*ret = (struct vr_record){.offset = item->offset, .kafka_time = item->time};
	if (item->time.ms > in->latest.ms) {
		ret->kafka_time = (struct vr_wall){0};	/* it must not move log time */
		ret->refused = VR_E_KAFKA_AHEAD;
		return VR_OK;
	}
	size_t found = in->headers(in->ctx, item, headers, HEADERS_MAX);
	raw.n_headers = found < HEADERS_MAX ? found : HEADERS_MAX;
	enum vr_err err = vr_codec_event(&raw, in->arena, in->stats, event, &kind, &why);
	if (err && vr_err_verdict(err) != VR_VERDICT_POISON)
		return err;
	ret->refused = err;
	if (!err && kind == VR_RAW_EVENT)
		ret->event = event;
	return VR_OK;
}

void vr_intake_admit(const struct vr_engine *e, struct vr_record *r, struct vr_wall *log)
{
	enum vr_err refused = vr_engine_admits(e, r, log);
	if (refused) {
		r->refused = refused;
		r->event = NULL;
	}
}
