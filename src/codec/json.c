/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON reader: the proto3 JSON mapping, and what people send beside it (fields.h). */
#include "read.h"
#include "virality/rfc3339.h"

#define U64_LIMIT 18446744073709551616.0	/* 2^64 */

/* jansson recurses; how deep is known before it is called. Brackets in strings do not nest. */
static bool is_too_deep(struct vr_str s)
{
	size_t depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '{' || c == '['))
			depth++;
		else if (!quoted && (c == '}' || c == ']') && depth > 0)
			depth--;
		if (depth > VR_CODEC_JSON_DEPTH_MAX)
			return true;
	}
	return false;
}

json_t *vr_json_load(struct vr_str bytes, struct vr_diag *d)
{
	json_error_t error;
	json_t *root;

	if (is_too_deep(bytes)) {
		(void)vr_diag_set(d, VR_E_DECODE, "value", "JSON is nested deeper than %d", VR_CODEC_JSON_DEPTH_MAX);
		return NULL;
	}
	/* NULs are let in so that the check names the field. Of two equal names the last one wins. */
	root = json_loadb(bytes.p, bytes.n, JSON_ALLOW_NUL, &error);
	if (!root)
		(void)vr_diag_set(d, VR_E_DECODE, "value", "JSON, byte %d: %s", error.position, error.text);
	return root;
}

struct vr_str vr_json_text(const json_t *string)
{
	return (struct vr_str){json_string_value(string), json_string_length(string)};
}

/* jansson's iterator wants a pointer to non-const, and changes nothing. */
static json_t *iterable(const json_t *object)
{
	return (json_t *)(uintptr_t)object;
}

static enum vr_err refuse_kind(struct reading *rd, const struct field *f, const char *expected)
{
	return vr_diag_set(rd->d, VR_E_DECODE, f->name.p, "must be %s in JSON", expected);
}

static enum vr_err refuse_range(struct reading *rd, const struct field *f)
{
	return vr_diag_set(rd->d, VR_E_RANGE, f->name.p, "is negative or too large");
}

static enum vr_err read_digits(struct reading *rd, const struct field *f, struct vr_str s, uint64_t *ret)
{
	uint64_t v = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return refuse_kind(rd, f, "a whole number");
		if (__builtin_mul_overflow(v, 10U, &v) || __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return refuse_range(rd, f);
	}
	if (s.n == 0)
		return refuse_kind(rd, f, "a whole number");
	*ret = v;
	return VR_OK;
}

/* 5, 5.0, 5e0 and "5" are the same number. */
static enum vr_err read_whole(struct reading *rd, const struct field *f, const json_t *value, uint64_t *ret)
{
	double real;

	if (json_is_string(value))
		return read_digits(rd, f, vr_json_text(value), ret);
	if (json_is_integer(value)) {
		if (json_integer_value(value) < 0)
			return refuse_range(rd, f);
		*ret = (uint64_t)json_integer_value(value);
		return VR_OK;
	}
	if (!json_is_real(value))
		return refuse_kind(rd, f, "a whole number");
	real = json_real_value(value);
	if (real < 0 || real >= U64_LIMIT)
		return refuse_range(rd, f);
	if ((double)(uint64_t)real != real)
		return refuse_kind(rd, f, "a whole number");
	*ret = (uint64_t)real;
	return VR_OK;
}

static enum vr_err read_num(struct reading *rd, const struct field *f, const json_t *value)
{
	return read_whole(rd, f, value, &rd->draft.num[f->slot]);
}

static enum vr_err read_text(struct reading *rd, const struct field *f, const json_t *value)
{
	if (!json_is_string(value))
		return refuse_kind(rd, f, "a string");
	return vr_arena_dup(rd->arena, vr_json_text(value), &rd->draft.text[f->slot]);
}

static enum vr_err read_bool(struct reading *rd, const struct field *f, const json_t *value)
{
	if (!json_is_boolean(value))
		return refuse_kind(rd, f, "true or false");
	rd->draft.num[f->slot] = json_is_true(value);
	return VR_OK;
}

static enum vr_err read_enum(struct reading *rd, const struct field *f, const json_t *value)
{
	json_int_t number = json_integer_value(value);

	if (json_is_integer(value)) {
		/* Numbers that no enum has are one as good as the other; the check counts or refuses them. */
		rd->draft.num[f->slot] = number < 0 || number > UINT32_MAX ? UINT32_MAX : (uint64_t)number;
		return VR_OK;
	}
	if (!json_is_string(value))
		return refuse_kind(rd, f, "a name or a number");
	rd->draft.num[f->slot] = vr_field_enum(f->names, vr_json_text(value));
	return VR_OK;
}

static enum vr_err read_time(struct reading *rd, const struct field *f, const json_t *value)
{
	struct vr_wall t;
	uint64_t ms = 0;
	enum vr_err err;

	if (json_is_string(value)) {
		if (vr_rfc3339_parse(vr_json_text(value), &t))
			return refuse_kind(rd, f, "a time as in RFC 3339, or milliseconds since 1970");
		rd->draft.time[f->slot] = vr_stamp_of(t);
		return t.ms < 0 ? refuse_range(rd, f) : VR_OK;
	}
	err = read_whole(rd, f, value, &ms);
	if (err)
		return err;
	if (ms > VR_WALL_MAX_MS)
		return refuse_range(rd, f);
	rd->draft.time[f->slot] = vr_stamp_of((struct vr_wall){(int64_t)ms});
	return VR_OK;
}

static enum vr_err read_labels(struct reading *rd, const struct field *f, const json_t *value)
{
	const char *name;
	json_t *label;

	if (!json_is_object(value))
		return refuse_kind(rd, f, "an object");
	json_object_foreach(iterable(value), name, label) {
		if (!json_is_string(label))
			return refuse_kind(rd, f, "an object of strings");
		enum vr_err err = vr_label_check(rd, vr_str_c(name));
		if (!err)
			err = vr_label_check(rd, vr_json_text(label));
		if (err)
			return err;
	}
	return VR_OK;
}

typedef enum vr_err read_value_f(struct reading *rd, const struct field *f, const json_t *value);

static read_value_f *const readers[_FIELD_KIND_MAX] = {
	[FIELD_TEXT] = read_text,
	[FIELD_NUM] = read_num,
	[FIELD_BOOL] = read_bool,
	[FIELD_ENUM] = read_enum,
	[FIELD_TIME] = read_time,
	[FIELD_LABELS] = read_labels,
};

enum vr_err vr_read_json_object(struct reading *rd, const json_t *object)
{
	const char *name;
	json_t *value;

	if (!json_is_object(object))
		return vr_diag_set(rd->d, VR_E_DECODE, "value", "an event in JSON must be an object");
	json_object_foreach(iterable(object), name, value) {
		const struct field *f = vr_field_find(vr_str_c(name));
		enum vr_err err;
		if (!f)
			rd->stats->unknown_fields++;
		if (!f || json_is_null(value))
			continue;
		err = readers[f->kind](rd, f, value);
		if (err)
			return err;
	}
	return VR_OK;
}

enum vr_err vr_read_json(struct reading *rd, struct vr_str bytes)
{
	json_auto_t *root = vr_json_load(bytes, rd->d);

	return root ? vr_read_json_object(rd, root) : VR_E_DECODE;
}
