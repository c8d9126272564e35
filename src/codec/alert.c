/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts to virality.v1.Alert; field numbers are proto/virality/v1/alert.proto's. */
#include "put.h"
#include "read.h"

#define VERSION_DIGITS 16

static void put_hex(struct vr_buf *b, uint32_t number, uint64_t v)
{
	char digits[VERSION_DIGITS];

	for (size_t i = VERSION_DIGITS; i-- > 0; v >>= 4)
		digits[i] = "0123456789abcdef"[v & 15];
	vr_put_text(b, number, (struct vr_str){digits, sizeof(digits)});
}

/* Numbers on the wire; states that are never sent are 0. */
static uint64_t state_number(enum vr_alert_state state)
{
	return state >= VR_ALERT_PENDING ? (uint64_t)state - VR_ALERT_PENDING + 1 : 0;
}

static enum vr_err put_map(struct vr_buf *b, uint32_t number, struct vr_str object)
{
	json_auto_t *root = NULL;
	const char *key;
	json_t *value;

	if (object.n == 0)
		return VR_OK;
	root = vr_json_load(object, NULL);
	if (!json_is_object(root))
		return VR_E_DECODE;
	json_object_foreach(root, key, value) {
		if (!json_is_string(value))
			return VR_E_DECODE;
		vr_put_entry(b, number, vr_str_c(key), vr_json_text(value));
	}
	return VR_OK;
}

enum vr_err vr_codec_alert_proto(const struct vr_alert *a, struct vr_buf *b)
{
	enum vr_err err;

	vr_put_text(b, 1, vr_str_c(a->id));
	vr_put_text(b, 2, a->alertname);
	vr_put_text(b, 3, a->severity);
	vr_put_varint(b, 4, state_number(a->state));
	vr_put_joined(b, 6, VR_STR("content:"), a->content_id);
	vr_put_text(b, 7, a->content_id);
	vr_put_text(b, 8, a->channel);
	vr_put_double(b, 9, a->value);
	vr_put_double(b, 10, a->threshold);
	vr_put_time(b, 11, a->starts);
	vr_put_time(b, 12, a->ends);
	vr_put_time(b, 13, a->updated);
	vr_put_varint(b, 14, (uint64_t)a->reason);
	vr_put_text(b, 16, a->topic);
	vr_put_varint(b, 17, (uint64_t)(int64_t)a->partition);
	vr_put_varint(b, 18, (uint64_t)a->offset);
	put_hex(b, 19, a->rule_version);
	vr_put_text(b, 21, a->title);
	err = put_map(b, 22, a->labels);
	return err ? err : put_map(b, 23, a->annotations);
}
