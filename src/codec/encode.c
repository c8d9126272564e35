/* SPDX-License-Identifier: Apache-2.0 */
/* Events to bytes, by the table. */
#include "put.h"
#include "read.h"
#include "virality/json.h"
#include "virality/rfc3339.h"

#define TAG_VARINT 0U
#define TAG_FIXED64 1U
#define TAG_BYTES 2U
#define JSON_WHOLE_MAX (UINT64_C(1) << 53)	/* readers that know only doubles keep whole numbers up to here */

static void put_tag(struct vr_buf *b, uint32_t number, uint32_t type)
{
	vr_buf_varint(b, (uint64_t)number << 3 | type);
}

void vr_put_varint(struct vr_buf *b, uint32_t number, uint64_t v)
{
	if (v == 0)
		return;
	put_tag(b, number, TAG_VARINT);
	vr_buf_varint(b, v);
}

void vr_put_joined(struct vr_buf *b, uint32_t number, struct vr_str head, struct vr_str tail)
{
	put_tag(b, number, TAG_BYTES);
	vr_buf_varint(b, head.n + tail.n);
	vr_buf_str_add(b, head);
	vr_buf_str_add(b, tail);
}

void vr_put_text(struct vr_buf *b, uint32_t number, struct vr_str s)
{
	if (s.n > 0)
		vr_put_joined(b, number, s, (struct vr_str){NULL, 0});
}

void vr_put_double(struct vr_buf *b, uint32_t number, double v)
{
	if (v == 0)
		return;
	put_tag(b, number, TAG_FIXED64);
	vr_buf_f64(b, v);
}

static size_t varint_bytes(uint64_t v)
{
	size_t n = 1;

	for (; v >= 0x80; v >>= 7)
		n++;
	return n;
}

static size_t varint_field_bytes(uint64_t v)
{
	return v ? 1 + varint_bytes(v) : 0;
}

void vr_put_time(struct vr_buf *b, uint32_t number, struct vr_wall t)
{
	struct draft_stamp stamp = vr_stamp_of(t);
	uint64_t seconds = (uint64_t)stamp.seconds, nanos = (uint64_t)stamp.nanos;

	if (t.ms <= 0)
		return;
	put_tag(b, number, TAG_BYTES);
	vr_buf_varint(b, varint_field_bytes(seconds) + varint_field_bytes(nanos));
	vr_put_varint(b, 1, seconds);
	vr_put_varint(b, 2, nanos);
}

void vr_put_entry(struct vr_buf *b, uint32_t number, struct vr_str key, struct vr_str value)
{
	put_tag(b, number, TAG_BYTES);
	vr_buf_varint(b, 1 + varint_bytes(key.n) + key.n + 1 + varint_bytes(value.n) + value.n);
	put_tag(b, 1, TAG_BYTES);
	vr_buf_lstr(b, key);
	put_tag(b, 2, TAG_BYTES);
	vr_buf_lstr(b, value);
}

static struct vr_wall wall_of(struct draft_stamp stamp)
{
	return (struct vr_wall){stamp.seconds * 1000 + stamp.nanos / 1000000};
}

void vr_codec_event_proto(const struct vr_event *ev, struct vr_buf *b)
{
	struct draft draft;

	vr_draft_of(ev, &draft);
	for (uint32_t i = 0; i < FIELDS_MAX; i++) {
		const struct field *f = &vr_fields[i];
		if (f->kind == FIELD_TEXT)
			vr_put_text(b, i, draft.text[f->slot]);
		else if (f->kind == FIELD_TIME)
			vr_put_time(b, i, wall_of(draft.time[f->slot]));
		else if (f->kind != FIELD_NONE && f->kind != FIELD_LABELS)
			vr_put_varint(b, i, draft.num[f->slot]);
	}
}

/* `"name":` with what stands before it. */
static void add_name(struct vr_buf *b, const struct field *f, bool *first)
{
	vr_buf_c(b, *first ? "{" : ",");
	*first = false;
	vr_json_string(b, f->name);
	vr_buf_byte(b, ':');
}

static void add_num(struct vr_buf *b, const struct field *f, uint64_t v)
{
	if (f->kind == FIELD_BOOL)
		vr_buf_c(b, v ? "true" : "false");
	else if (f->kind == FIELD_ENUM)
		vr_json_string(b, vr_str_c(f->names->names[v - 1]));
	else if (v <= JSON_WHOLE_MAX)
		vr_buf_u64(b, v);
	else {
		vr_buf_byte(b, '"');
		vr_buf_u64(b, v);
		vr_buf_byte(b, '"');
	}
}

static bool is_set(const struct draft *draft, const struct field *f)
{
	if (f->kind == FIELD_TEXT)
		return draft->text[f->slot].n > 0;
	if (f->kind == FIELD_TIME)
		return wall_of(draft->time[f->slot]).ms > 0;
	return f->kind != FIELD_NONE && f->kind != FIELD_LABELS && draft->num[f->slot] > 0;
}

static void add_value(struct vr_buf *b, const struct draft *draft, const struct field *f)
{
	if (f->kind == FIELD_TEXT) {
		vr_json_string(b, draft->text[f->slot]);
	} else if (f->kind == FIELD_TIME) {
		vr_buf_byte(b, '"');
		vr_rfc3339_add(b, wall_of(draft->time[f->slot]));
		vr_buf_byte(b, '"');
	} else {
		add_num(b, f, draft->num[f->slot]);
	}
}

void vr_codec_event_json(const struct vr_event *ev, struct vr_buf *b)
{
	struct draft draft;
	bool first = true;

	vr_draft_of(ev, &draft);
	for (uint32_t i = 0; i < FIELDS_MAX; i++) {
		if (!is_set(&draft, &vr_fields[i]))
			continue;
		add_name(b, &vr_fields[i], &first);
		add_value(b, &draft, &vr_fields[i]);
	}
	vr_buf_byte(b, '}');
}
