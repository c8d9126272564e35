/* SPDX-License-Identifier: Apache-2.0 */
#include "recorded.h"
#include "virality/rfc3339.h"

enum { ID_MAX = 256, CHANNEL_MAX = 64 };

static const struct { const char *name; bool is_event; enum vr_action action; } kinds[VR_IMPORT_KINDS] = {
	[VR_IMPORT_POST] = {"post", false, VR_ACTION_SHARE},
	[VR_IMPORT_SHARE] = {"share", true, VR_ACTION_SHARE},
	[VR_IMPORT_REPLY] = {"reply", true, VR_ACTION_COMMENT},
	[VR_IMPORT_MENTION] = {"mention", true, VR_ACTION_MENTION},
	[VR_IMPORT_SHARE_TOTAL] = {"share_total", true, VR_ACTION_SHARE},
};

/* A key of the layout. max: of a text's bytes, or of a number. */
struct key {
	const char *name;
	bool is_text, required;
	size_t at;
	int64_t max;
};
#define TEXT(name, field, required, max) {name, true, required, offsetof(struct vr_recorded, field), max}
#define NUMBER(name, field, required, max) {name, false, required, offsetof(struct vr_recorded, field), max}
static const struct key keys[] = {
	NUMBER("ts", ts_ms, true, VR_WALL_MAX_MS),
	TEXT("kind", kind_name, true, 32),
	TEXT("content", content, true, ID_MAX),
	TEXT("id", id, false, ID_MAX),
	TEXT("parent", parent, false, ID_MAX),
	TEXT("user", user, false, ID_MAX),
	TEXT("channel", channel, false, CHANNEL_MAX),
	NUMBER("reach", reach, false, INT64_MAX),
	NUMBER("delta", delta, false, UINT32_MAX),
};
#undef TEXT
#undef NUMBER

const char *vr_import_kind_name(enum vr_import_kind kind)
{
	return kinds[kind].name;
}

void vr_recorded_done(struct vr_recorded *r)
{
	json_decref(r->json);
	*r = (struct vr_recorded){0};
}

bool vr_recorded_action(const struct vr_recorded *r, enum vr_action *ret)
{
	if (!kinds[r->kind].is_event || (r->kind == VR_IMPORT_SHARE_TOTAL && r->delta == 0))
		return false;
	*ret = kinds[r->kind].action;
	return true;
}

/* Column of a key in the line, 1 when it is not there as it is usually written. */
static size_t column_of(struct vr_str line, const char *name)
{
	char quoted[64];
	const char *at;
	int n = snprintf(quoted, sizeof(quoted), "\"%s\"", name);

	at = memmem(line.p, line.n, quoted, (size_t)n);
	return at ? (size_t)(at - line.p) + 1 : 1;
}

static const char *type_name(const json_t *value)
{
	static const char *const names[] = {[JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array",
		[JSON_STRING] = "a string", [JSON_INTEGER] = "a whole number", [JSON_REAL] = "a fraction",
		[JSON_TRUE] = "true", [JSON_FALSE] = "false", [JSON_NULL] = "null (leave the key out instead)"};

	return names[json_typeof(value)];
}

struct place {
	const struct vr_lines *l;
	struct vr_str line;
	struct vr_diag *d;
};

static enum vr_err take_text(
	const struct place *at, const struct key *key, const json_t *value, struct vr_recorded *r)
{
	struct vr_str *field = (struct vr_str *)(void *)((char *)r + key->at);
	size_t column = column_of(at->line, key->name);

	if (!json_is_string(value))
		return vr_lines_fail(at->l, column, VR_E_DECODE, at->d, "\"%s\" is %s: expected a string", key->name,
			type_name(value));
	*field = (struct vr_str){json_string_value(value), json_string_length(value)};
	if (field->n > (size_t)key->max)
		return vr_lines_fail(at->l, column, VR_E_ID, at->d, "\"%s\" has %zu bytes: at most %" PRId64,
			key->name, field->n, key->max);
	if (!vr_utf8_clean(*field))
		return vr_lines_fail(
			at->l, column, VR_E_CONTROL, at->d, "\"%s\" holds control characters: remove them", key->name);
	return VR_OK;
}

static enum vr_err take_number(
	const struct place *at, const struct key *key, const json_t *value, struct vr_recorded *r)
{
	int64_t *field = (int64_t *)(void *)((char *)r + key->at);
	size_t column = column_of(at->line, key->name);

	if (!json_is_integer(value))
		return vr_lines_fail(at->l, column, VR_E_DECODE, at->d, "\"%s\" is %s: expected a whole number",
			key->name, type_name(value));
	*field = json_integer_value(value);
	if (*field < 0 || *field > key->max)
		return vr_lines_fail(at->l, column, VR_E_RANGE, at->d,
			"\"%s\" is %" PRId64 ": expected 0 to %" PRId64, key->name, *field, key->max);
	return VR_OK;
}

static enum vr_err take_keys(const struct place *at, struct vr_recorded *r)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const json_t *value = json_object_get(r->json, keys[i].name);
		enum vr_err err;

		if (!value && keys[i].required)
			return vr_lines_fail(at->l, 1, VR_E_DECODE, at->d, "\"%s\" is missing", keys[i].name);
		if (!value)
			continue;
		err = keys[i].is_text ? take_text(at, &keys[i], value, r) : take_number(at, &keys[i], value, r);
		if (err)
			return err;
	}
	return VR_OK;
}

static enum vr_err find_kind(const struct place *at, struct vr_recorded *r)
{
	for (int k = 0; k < VR_IMPORT_KINDS; k++) {
		if (!vr_str_eq(r->kind_name, vr_str_c(kinds[k].name)))
			continue;
		r->kind = (enum vr_import_kind)k;
		return VR_OK;
	}
	return vr_lines_fail(at->l, column_of(at->line, "kind"), VR_E_ACTION, at->d,
		"kind is \"%.*s\": expected post, share, reply, mention or share_total", (int)r->kind_name.n,
		r->kind_name.p);
}

static enum vr_err check_whole(const struct place *at, const struct vr_recorded *r)
{
	if (r->content.n == 0)
		return vr_lines_fail(at->l, column_of(at->line, "content"), VR_E_CONTENT_ID, at->d,
			"\"content\" is empty: it names what the counters belong to");
	if (r->kind == VR_IMPORT_SHARE_TOTAL && r->delta < 0)
		return vr_lines_fail(
			at->l, 1, VR_E_DECODE, at->d, "\"delta\" is missing: a share_total tells its rise");
	if (r->channel.n && (r->channel.p[0] == '_' || memchr(r->channel.p, '{', r->channel.n) ||
		memchr(r->channel.p, '}', r->channel.n)))
		return vr_lines_fail(at->l, column_of(at->line, "channel"), VR_E_CHANNEL, at->d,
			"channel \"%.*s\": no braces, no \"_\" at the start", (int)r->channel.n, r->channel.p);
	return VR_OK;
}

static enum vr_err parse_json(const struct place *at, json_t **ret)
{
	json_error_t e;
	json_t *json = json_loadb(at->line.p, at->line.n, JSON_REJECT_DUPLICATES, &e);

	if (json && json_is_object(json)) {
		*ret = json;
		return VR_OK;
	}
	if (json) {
		const char *found = type_name(json);

		json_decref(json);
		return vr_lines_fail(at->l, 1, VR_E_DECODE, at->d, "the line is %s: expected a JSON object", found);
	}
	if (at->line.n == 0)
		return vr_lines_fail(at->l, 1, VR_E_DECODE, at->d, "an empty line: expected a JSON object");
	return vr_lines_fail(
		at->l, e.column > 0 ? (size_t)e.column : 1, VR_E_DECODE, at->d, "not JSON: %.200s", e.text);
}

enum vr_err vr_recorded_parse(
	const struct vr_lines *l, struct vr_str line, struct vr_recorded *ret, struct vr_diag *d)
{
	struct place at = {l, line, d};
	struct vr_recorded r = {.delta = -1};
	enum vr_err err = parse_json(&at, &r.json);

	if (!err)
		err = take_keys(&at, &r);
	if (!err)
		err = find_kind(&at, &r);
	if (!err)
		err = check_whole(&at, &r);
	if (err) {
		vr_recorded_done(&r);
		return err;
	}
	*ret = r;
	return VR_OK;
}
