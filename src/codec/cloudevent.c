/* SPDX-License-Identifier: Apache-2.0 */
/* CloudEvents 1.0 over Kafka: an envelope of id, time and data around an event. The payload's
 * own event_id and event_time beat the envelope's. */
#include <strings.h>
#include "read.h"
#include "virality/rfc3339.h"

const struct vr_header *vr_raw_header(const struct vr_raw *raw, struct vr_str name)
{
	for (size_t i = 0; i < raw->n_headers; i++)
		if (vr_text_alike(raw->headers[i].name, name))
			return &raw->headers[i];
	return NULL;
}

static struct vr_str header_text(const struct vr_raw *raw, struct vr_str name)
{
	const struct vr_header *h = vr_raw_header(raw, name);

	return h && h->has_value ? h->value : (struct vr_str){NULL, 0};
}

/* What the payload left open, from the envelope. id must live as long as the event. */
static enum vr_err fill(struct reading *rd, struct vr_str id, struct vr_str time)
{
	struct draft_stamp *stamp = &rd->draft.time[TIME_EVENT];
	struct vr_wall t;

	if (rd->draft.text[TEXT_EVENT_ID].n == 0)
		rd->draft.text[TEXT_EVENT_ID] = id;
	if (stamp->seconds != 0 || stamp->nanos != 0 || time.n == 0)
		return VR_OK;
	if (vr_rfc3339_parse(time, &t))
		return vr_diag_set(rd->d, VR_E_DECODE, "time", "the CloudEvent's time is not as in RFC 3339");
	if (t.ms < 0)
		return vr_diag_set(rd->d, VR_E_RANGE, "time", "the CloudEvent's time is before 1970");
	*stamp = vr_stamp_of(t);
	return VR_OK;
}

static bool is_json(struct vr_str content_type)
{
	struct vr_str json = VR_STR("application/json");

	return content_type.n >= json.n && vr_text_alike((struct vr_str){content_type.p, json.n}, json);
}

enum vr_err vr_read_binary(struct reading *rd, const struct vr_raw *raw)
{
	bool json = is_json(header_text(raw, VR_STR("content-type")));
	enum vr_err err = json ? vr_read_json(rd, raw->value) : vr_read_payload(rd, raw->value);

	if (err)
		return err;
	return fill(rd, header_text(raw, VR_STR("ce_id")), header_text(raw, VR_STR("ce_time")));
}

static int base64_digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Standard alphabet; padding may be left out. */
static enum vr_err read_base64(struct reading *rd, struct vr_str s, struct vr_str *ret)
{
	unsigned char *p = vr_arena_alloc(rd->arena, s.n);
	size_t n = 0;
	uint32_t bits = 0;
	unsigned held = 0;

	if (!p)
		return VR_E_NOMEM;
	while (s.n > 0 && s.p[s.n - 1] == '=')
		s.n--;
	for (size_t i = 0; i < s.n; i++) {
		int digit = base64_digit(s.p[i]);
		if (digit < 0)
			return vr_diag_set(rd->d, VR_E_DECODE, "data_base64", "is not base64");
		bits = bits << 6 | (uint32_t)digit;
		held += 6;
		if (held >= 8) {
			held -= 8;
			p[n++] = (unsigned char)(bits >> held);
		}
	}
	*ret = (struct vr_str){(const char *)p, n};
	return VR_OK;
}

static enum vr_err read_data(struct reading *rd, const json_t *root)
{
	const json_t *data = json_object_get(root, "data");
	const json_t *base64 = json_object_get(root, "data_base64");
	struct vr_str bytes;
	enum vr_err err;

	if (data)
		return vr_read_json_object(rd, data);
	if (!json_is_string(base64))
		return vr_diag_set(rd->d, VR_E_DECODE, "data", "the CloudEvent has neither data nor data_base64");
	err = read_base64(rd, vr_json_text(base64), &bytes);
	return err ? err : vr_read_payload(rd, bytes);
}

enum vr_err vr_read_structured(struct reading *rd, struct vr_str bytes)
{
	json_auto_t *root = vr_json_load(bytes, rd->d);
	struct vr_str id;
	enum vr_err err;

	if (!root)
		return VR_E_DECODE;
	if (!json_is_object(root))
		return vr_diag_set(
			rd->d, VR_E_DECODE, "value", "a CloudEvent must be a JSON object; batches are not taken");
	err = read_data(rd, root);
	if (err)
		return err;
	err = vr_arena_dup(rd->arena, vr_json_text(json_object_get(root, "id")), &id);
	return err ? err : fill(rd, id, vr_json_text(json_object_get(root, "time")));
}
