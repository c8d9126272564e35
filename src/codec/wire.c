/* SPDX-License-Identifier: Apache-2.0 */
/* The protobuf reader: zero copy, no recursion, no allocation.
 *
 * A message is a run of items: varint tag (field number << 3 | wire type), then a value whose
 * extent the wire type tells. So one function walks any message, and a field not known is
 * walked over like any other. The last occurrence of a field wins; occurrences of a sub-message
 * are merged, as the specification says. Groups, long dead, are refused. */
#include "read.h"

enum wire_type {
	WIRE_VARINT = 0,
	WIRE_FIXED64 = 1,
	WIRE_BYTES = 2,
	WIRE_FIXED32 = 5,
};

struct item {
	uint32_t number;
	enum wire_type type;
	uint64_t num;		/* of WIRE_VARINT */
	struct vr_str bytes;	/* of the others */
};

/* vr_rd_varint, inline, so that the cursor stays in registers. */
static inline uint64_t take_varint(struct vr_rd *r)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && r->p < r->end; shift += 7) {
		uint64_t c = (unsigned char)*r->p++;
		v |= (c & 0x7f) << shift;
		if (c < 0x80 && (shift < 63 || c < 2))
			return v;
	}
	r->failed = true;
	return 0;
}

static inline struct vr_str take_bytes(struct vr_rd *r, uint64_t n)
{
	struct vr_str s = {r->p, (size_t)n};

	if (n > (size_t)(r->end - r->p)) {
		r->failed = true;
		return (struct vr_str){NULL, 0};
	}
	r->p += n;
	return s;
}

/* The next item, or false at the end and on failure (r->failed). */
static inline bool next_item(struct vr_rd *r, struct item *it)
{
	uint64_t tag;

	if (r->p == r->end)
		return false;
	tag = take_varint(r);
	it->number = (uint32_t)(tag >> 3);
	it->type = tag & 7;
	if (it->number == 0 || tag > UINT32_MAX)
		r->failed = true;
	switch (it->type) {
	case WIRE_VARINT:
		it->num = take_varint(r);
		break;
	case WIRE_BYTES:
		it->bytes = take_bytes(r, take_varint(r));
		break;
	case WIRE_FIXED64:
		it->bytes = take_bytes(r, 8);
		break;
	case WIRE_FIXED32:
		it->bytes = take_bytes(r, 4);
		break;
	default:
		r->failed = true;
	}
	return !r->failed;
}

static enum vr_err refuse(struct reading *rd, const char *where, const char *text)
{
	return vr_diag_set(rd->d, VR_E_DECODE, where, "%s", text);
}

static enum vr_err refuse_type(struct reading *rd, const char *where)
{
	return refuse(rd, where, "another wire type than the schema's");
}

static enum vr_err refuse_bytes(struct reading *rd, const char *where)
{
	return refuse(rd, where, "not a protobuf message: cut off, or a tag that cannot be");
}

/* google.protobuf.Timestamp { int64 seconds = 1; int32 nanos = 2; } */
static enum vr_err read_stamp(struct reading *rd, const struct field *f, struct vr_str bytes)
{
	struct draft_stamp *stamp = &rd->draft.time[f->slot];
	struct vr_rd r = vr_rd_of(bytes);
	struct item it = {0};

	while (next_item(&r, &it)) {
		if (it.number > 2) {
			rd->stats->unknown_fields++;
			continue;
		}
		if (it.type != WIRE_VARINT)
			return refuse_type(rd, f->name.p);
		if (it.number == 1)
			stamp->seconds = (int64_t)it.num;
		else
			stamp->nanos = (int32_t)it.num;
	}
	return r.failed ? refuse_bytes(rd, f->name.p) : VR_OK;
}

/* An entry of labels { string key = 1; string value = 2; }: nothing is counted by labels, so they
 * are only looked at. */
static enum vr_err read_label(struct reading *rd, const struct field *f, struct vr_str bytes)
{
	struct vr_rd r = vr_rd_of(bytes);
	struct item it = {0};

	while (next_item(&r, &it)) {
		if (it.number > 2)
			continue;
		enum vr_err err = it.type == WIRE_BYTES ? vr_label_check(rd, it.bytes) : refuse_type(rd, f->name.p);
		if (err)
			return err;
	}
	return r.failed ? refuse_bytes(rd, f->name.p) : VR_OK;
}

static enum vr_err read_field(struct reading *rd, const struct field *f, const struct item *it)
{
	bool is_number = f->kind == FIELD_NUM || f->kind == FIELD_ENUM || f->kind == FIELD_BOOL;

	if (it->type != (is_number ? WIRE_VARINT : WIRE_BYTES))
		return refuse_type(rd, f->name.p);
	if (is_number)
		rd->draft.num[f->slot] = it->num;
	else if (f->kind == FIELD_TEXT)
		rd->draft.text[f->slot] = it->bytes;
	else if (f->kind == FIELD_TIME)
		return read_stamp(rd, f, it->bytes);
	else
		return read_label(rd, f, it->bytes);
	return VR_OK;
}

enum vr_err vr_read_wire(struct reading *rd, struct vr_str bytes)
{
	struct vr_rd r = vr_rd_of(bytes);
	struct item it = {0};

	while (next_item(&r, &it)) {
		enum vr_err err;
		if (it.number >= FIELDS_MAX || vr_fields[it.number].kind == FIELD_NONE) {
			rd->stats->unknown_fields++;
			continue;
		}
		err = read_field(rd, &vr_fields[it.number], &it);
		if (err)
			return err;
	}
	return r.failed ? refuse_bytes(rd, "value") : VR_OK;
}
