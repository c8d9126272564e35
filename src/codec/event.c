/* SPDX-License-Identifier: Apache-2.0 */
/* What a record is. No setting tells: a protobuf message cannot begin with 00 or 01 (field 0
 * does not exist), and '{' would be field 15 as a group, which the schema keeps free. */
#include "read.h"

/* Bytes before the message index path: a first byte and the schema's id or GUID. */
#define CONFLUENT_ID 0x00
#define CONFLUENT_ID_BYTES 5U
#define CONFLUENT_GUID 0x01
#define CONFLUENT_GUID_BYTES 17U

const char *vr_codec_format_name(enum vr_codec_format format)
{
	static const char *const names[] = {
		[VR_CODEC_PROTO] = "protobuf",
		[VR_CODEC_JSON] = "json",
		[VR_CODEC_CONFLUENT] = "confluent",
		[VR_CODEC_CLOUDEVENT] = "cloudevents",
	};

	VR_ASSERT((unsigned)format < _VR_CODEC_FORMAT_MAX);
	return names[format];
}

static bool begins(struct vr_str s, unsigned char c)
{
	return s.n > 0 && (unsigned char)s.p[0] == c;
}

static struct vr_str rest(struct vr_str s, size_t from)
{
	return (struct vr_str){s.p + from, s.n - from};
}

/* The path to the message in its file, as zigzag varints: count, then an index each. [0], the
 * first message, is written short as 00, or in full as 02 00. Ours is the first. */
static size_t index_path_bytes(struct vr_str s)
{
	if (begins(s, 0))
		return 1;
	return begins(s, 2) && begins(rest(s, 1), 0) ? 2 : 0;
}

static enum vr_err refuse_path(struct vr_diag *d)
{
	return vr_diag_set(
		d, VR_E_SCHEMA, "value", "the message index names another message than virality.v1.Event");
}

static size_t prefix_bytes(struct vr_str s)
{
	if (begins(s, CONFLUENT_ID))
		return CONFLUENT_ID_BYTES;
	return begins(s, CONFLUENT_GUID) ? CONFLUENT_GUID_BYTES : 0;
}

static enum vr_err read_framed(struct reading *rd, struct vr_str bytes, size_t prefix)
{
	size_t path;

	if (bytes.n <= prefix)
		return vr_diag_set(
			rd->d, VR_E_DECODE, "value", "Confluent framing is cut off after %zu bytes", bytes.n);
	bytes = rest(bytes, prefix);
	/* Confluent's JSON serialiser writes no path; '{' cannot be one. */
	if (begins(bytes, '{'))
		return vr_read_json(rd, bytes);
	path = index_path_bytes(bytes);
	return path ? vr_read_wire(rd, rest(bytes, path)) : refuse_path(rd->d);
}

enum vr_err vr_read_payload(struct reading *rd, struct vr_str bytes)
{
	size_t prefix = prefix_bytes(bytes);

	if (prefix)
		return read_framed(rd, bytes, prefix);
	return begins(bytes, '{') ? vr_read_json(rd, bytes) : vr_read_wire(rd, bytes);
}

/* Confluent framing moved into a header: the payload is bare, the path may follow the id. */
static enum vr_err read_header_framed(struct reading *rd, const struct vr_header *h, struct vr_str value)
{
	size_t prefix = prefix_bytes(h->value);

	if (prefix == 0 || h->value.n < prefix)
		return vr_diag_set(rd->d, VR_E_SCHEMA, "__value_schema_id", "is no schema id: %zu bytes", h->value.n);
	if (h->value.n > prefix && index_path_bytes(rest(h->value, prefix)) != h->value.n - prefix)
		return refuse_path(rd->d);
	return begins(value, '{') ? vr_read_json(rd, value) : vr_read_wire(rd, value);
}

static bool is_structured(const struct vr_raw *raw)
{
	const struct vr_header *h = vr_raw_header(raw, VR_STR("content-type"));
	struct vr_str type = VR_STR("application/cloudevents");

	return h && h->value.n >= type.n && vr_text_alike((struct vr_str){h->value.p, type.n}, type);
}

static enum vr_err read_by_headers(
	struct reading *rd, const struct vr_raw *raw, enum vr_codec_format *ret_format)
{
	const struct vr_header *schema = vr_raw_header(raw, VR_STR("__value_schema_id"));

	*ret_format = VR_CODEC_CLOUDEVENT;
	if (is_structured(raw))
		return vr_read_structured(rd, raw->value);
	if (vr_raw_header(raw, VR_STR("ce_specversion")))
		return vr_read_binary(rd, raw);
	*ret_format = VR_CODEC_CONFLUENT;
	if (schema)
		return read_header_framed(rd, schema, raw->value);
	if (!prefix_bytes(raw->value))
		*ret_format = begins(raw->value, '{') ? VR_CODEC_JSON : VR_CODEC_PROTO;
	return vr_read_payload(rd, raw->value);
}

static enum vr_raw_kind kind_of(const struct vr_raw *raw)
{
	if (!raw->has_value)
		return VR_RAW_TOMBSTONE;
	if (raw->value.n > 0 || raw->n_headers == 0)
		return VR_RAW_EVENT;
	if (!raw->has_key && vr_raw_header(raw, VR_STR(VR_CODEC_TICK_HEADER)))
		return VR_RAW_TICK;
	/* Some libraries write a CloudEvent without data with an empty value instead of null. */
	return vr_raw_header(raw, VR_STR("ce_specversion")) ? VR_RAW_TOMBSTONE : VR_RAW_EVENT;
}

enum vr_err vr_codec_event(const struct vr_raw *raw, struct vr_arena *arena, struct vr_codec_stats *stats,
	struct vr_event *ret_ev, enum vr_raw_kind *ret_kind, struct vr_diag *d)
{
	struct reading rd = {.arena = arena, .stats = stats, .d = d};
	enum vr_raw_kind kind = kind_of(raw);
	enum vr_codec_format format;
	enum vr_err err = VR_OK;

	if (kind == VR_RAW_EVENT) {
		if (raw->value.n > VR_CODEC_RECORD_MAX)
			return vr_diag_set(d, VR_E_SIZE, "value", "%zu bytes; at most %d are taken", raw->value.n,
				VR_CODEC_RECORD_MAX);
		err = read_by_headers(&rd, raw, &format);
		stats->records[format]++;
		if (!err)
			err = vr_draft_check(&rd, ret_ev);
	}
	if (!err)
		*ret_kind = kind;
	return err;
}
