/* SPDX-License-Identifier: Apache-2.0 */
#include "setting.h"
#include <inttypes.h>
#include "say.h"
#include "units.h"

const struct vr_setting vr_settings[] = {
#define VR_SETTING(field, type, path, unit, low, high, fallback, reloadable, text)                           \
	{path, VR_TYPE_##type, unit, low, high, fallback, reloadable, text, offsetof(struct vr_config, field)},
#include "virality/settings.def"
#undef VR_SETTING
};
const size_t vr_settings_n = sizeof(vr_settings) / sizeof(vr_settings[0]);
_Static_assert(
	sizeof(vr_settings) / sizeof(vr_settings[0]) <= VR_SETTINGS_MAX, "more settings than VR_SETTINGS_MAX");

int vr_setting_find(struct vr_str path)
{
	for (size_t i = 0; i < vr_settings_n; i++)
		if (vr_str_eq(path, vr_str_c(vr_settings[i].path)))
			return (int)i;
	return -1;
}

static void print_range(const struct vr_setting *s, char *text, size_t size)
{
	char low[VR_UNIT_TEXT_MAX], high[VR_UNIT_TEXT_MAX];

	if (s->type == VR_TYPE_SPAN) {
		vr_span_print(s->low, low);
		vr_span_print(s->high, high);
		(void)snprintf(text, size, "a duration from %s to %s", low, high);
	} else if (s->type == VR_TYPE_SIZE) {
		vr_size_print(s->low, low);
		vr_size_print(s->high, high);
		(void)snprintf(text, size, "a size from %s to %s", low, high);
	} else {
		(void)snprintf(
			text, size, "a whole number (%s) from %" PRId64 " to %" PRId64, s->unit, s->low, s->high);
	}
}

static void print_choice(const struct vr_setting *s, char *text, size_t size)
{
	(void)snprintf(text, size, "one of %s", s->unit);
	for (char *p = text; *p; p++)
		if (*p == '|')
			*p = ' ';
}

void vr_setting_expected(const struct vr_setting *s, char *text, size_t size)
{
	switch (s->type) {
	case VR_TYPE_INT:
	case VR_TYPE_SIZE:
	case VR_TYPE_SPAN:
		print_range(s, text, size);
		break;
	case VR_TYPE_BOOL:
		(void)snprintf(text, size, "yes or no");
		break;
	case VR_TYPE_CHOICE:
		print_choice(s, text, size);
		break;
	case VR_TYPE_STR:
		(void)snprintf(text, size, "text (%s) of %" PRId64 " to %" PRId64 " bytes", s->unit, s->low, s->high);
		break;
	case VR_TYPE_LIST:
		(void)snprintf(text, size, "a list (%s) of %" PRId64 " to %" PRId64, s->unit, s->low, s->high);
		break;
	case VR_TYPE_MAP:
		(void)snprintf(text, size, "a map (%s: value) of at most %" PRId64, s->unit, s->high);
		break;
	case VR_TYPE_SECRET:
		(void)snprintf(text, size, "the path of a file that holds it");
		break;
	}
}

static void say_wrong(
	struct vr_setter *s, const struct vr_setting *row, const struct vr_yaml *value, struct vr_str found)
{
	static const char *const kinds[] = {"", "a list", "a map"};
	static const char *const samples[VR_TYPE_SECRET + 1] = {
		[VR_TYPE_SPAN] = ", such as 500ms, 30s, 5m or 24h",
		[VR_TYPE_SIZE] = ", such as 512KiB or 4MiB",
	};
	const char *sample = samples[row->type] ? samples[row->type] : "";
	char expected[300];

	vr_setting_expected(row, expected, sizeof(expected));
	if (value->kind == VR_YAML_TEXT)
		vr_config_say(s->errors, value->pos, "%s: found `%.*s`; expected %s%s", row->path, SHOW(found),
			expected, sample);
	else
		vr_config_say(s->errors, value->pos, "%s: found %s; expected %s%s", row->path, kinds[value->kind],
			expected, sample);
}

static struct vr_arena *arena_of(struct vr_setter *s)
{
	return &s->config->own->arena;
}

static bool has_control(struct vr_str t)
{
	for (size_t i = 0; i < t.n; i++)
		if ((unsigned char)t.p[i] < 0x20 || t.p[i] == 0x7f)
			return true;
	return false;
}

typedef bool set_f(struct vr_setter *s, const struct vr_setting *row, struct vr_str text, void *field);

static bool in_range(const struct vr_setting *row, int64_t v)
{
	return v >= row->low && v <= row->high;
}

static bool set_str(struct vr_setter *s, const struct vr_setting *row, struct vr_str text, void *field)
{
	(void)s;
	if (!in_range(row, (int64_t)text.n) || has_control(text))
		return false;
	*(struct vr_str *)field = text;
	return true;
}

static bool set_int(struct vr_setter *s, const struct vr_setting *row, struct vr_str text, void *field)
{
	int64_t v;

	(void)s;
	if (!vr_int_parse(text, &v) || !in_range(row, v))
		return false;
	*(int64_t *)field = v;
	return true;
}

static bool set_size(struct vr_setter *s, const struct vr_setting *row, struct vr_str text, void *field)
{
	int64_t v;

	(void)s;
	if (!vr_size_parse(text, &v) || !in_range(row, v))
		return false;
	*(int64_t *)field = v;
	return true;
}

static bool set_span(struct vr_setter *s, const struct vr_setting *row, struct vr_str text, void *field)
{
	struct vr_span v;

	(void)s;
	if (!vr_span_parse(text, &v) || !in_range(row, v.ms))
		return false;
	*(struct vr_span *)field = v;
	return true;
}

static bool set_bool(struct vr_setter *s, const struct vr_setting *row, struct vr_str text, void *field)
{
	static const char *const words[] = {"no", "yes", "false", "true", "off", "on"};

	(void)s, (void)row;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (vr_str_eq(text, vr_str_c(words[i]))) {
			*(bool *)field = i % 2;
			return true;
		}
	return false;
}

static bool set_choice(struct vr_setter *s, const struct vr_setting *row, struct vr_str text, void *field)
{
	const char *word = row->unit;

	(void)s;
	for (int i = 0; *word; i++) {
		size_t n = strcspn(word, "|");
		if (vr_str_eq(text, (struct vr_str){word, n})) {
			*(int *)field = i;
			return true;
		}
		word += n + (word[n] == '|');
	}
	return false;
}

/* A secret is the file's content without the line end. */
static bool set_secret(struct vr_setter *s, const struct vr_setting *row, struct vr_str path, void *field)
{
	struct vr_str text = {0};

	if (path.n > 0 && !vr_file_read(path.p, arena_of(s), s->errors, NULL, &text))
		return true; /* said already */
	while (text.n > 0 && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
		text.n--;
	text = vr_text_keep(arena_of(s), text);
	if ((int64_t)text.n > row->high)
		return false;
	*(struct vr_str *)field = text;
	return true;
}

static bool expand_items(struct vr_setter *s, const struct vr_yaml *value, struct vr_str *to)
{
	for (size_t i = 0; i < value->n; i++) {
		if (value->item[i].kind != VR_YAML_TEXT) {
			vr_config_say(s->errors, value->item[i].pos, "expected a text");
			return false;
		}
		to[i] = vr_text_expand(s, &value->item[i]);
		if (!to[i].p)
			return false;
	}
	return true;
}

/* A text stands for a list of one, or of what blanks and commas separate. */
static size_t split(struct vr_str text, struct vr_str *to)
{
	size_t n = 0, i = 0;

	while (i < text.n) {
		size_t from = i += strspn(text.p + i, " ,\t\n");
		i += strcspn(text.p + i, " ,\t\n");
		if (i > from && to)
			to[n] = (struct vr_str){text.p + from, i - from};
		n += i > from;
	}
	return n;
}

static void set_list(struct vr_setter *s, const struct vr_setting *row, const struct vr_yaml *value)
{
	bool one = value->kind == VR_YAML_TEXT;
	struct vr_str text = one ? vr_text_expand(s, value) : (struct vr_str){0};
	size_t n = one ? text.p ? split(text, NULL) : 0 : value->n;
	struct vr_str *at = vr_arena_alloc(arena_of(s), n * sizeof(*at));

	if (!at || (one && !text.p) || (!one && !expand_items(s, value, at)))
		return;
	if (!in_range(row, (int64_t)n) || value->kind == VR_YAML_MAP) {
		say_wrong(s, row, value, text);
		return;
	}
	if (one)
		(void)split(text, at);
	for (size_t i = 0; i < n && one; i++)
		at[i] = vr_text_keep(arena_of(s), at[i]);
	*(struct vr_str_list *)vr_setting_field(s->config, row) = (struct vr_str_list){at, n};
}

static bool put_pair(struct vr_pair *to, size_t *n, struct vr_str name, struct vr_str value)
{
	for (size_t i = 0; i < *n; i++)
		if (vr_str_eq(to[i].name, name)) {
			to[i].value = value;
			return false;
		}
	to[(*n)++] = (struct vr_pair){name, value};
	return true;
}

/* What is there already stays, as far as it is not named again. */
static void set_map(struct vr_setter *s, const struct vr_setting *row, const struct vr_yaml *value)
{
	struct vr_pair_list *field = vr_setting_field(s->config, row);
	struct vr_pair *to = vr_arena_alloc(arena_of(s), (field->n + value->n) * sizeof(*to));
	struct vr_str *texts = vr_arena_alloc(arena_of(s), value->n * sizeof(*texts));
	size_t n = 0;

	if (!vr_yaml_is_nothing(value) && value->kind != VR_YAML_MAP) {
		say_wrong(s, row, value, value->text);
		return;
	}
	if (!to || !texts || !expand_items(s, value, texts))
		return;
	for (size_t i = 0; i < field->n; i++)
		(void)put_pair(to, &n, field->at[i].name, field->at[i].value);
	for (size_t i = 0; i < value->n; i++)
		(void)put_pair(to, &n, value->key[i].text, texts[i]);
	*field = (struct vr_pair_list){to, n};
	if ((int64_t)n > row->high)
		say_wrong(s, row, value, value->text);
}

static set_f *const set_text[] = {
	[VR_TYPE_STR] = set_str,
	[VR_TYPE_INT] = set_int,
	[VR_TYPE_SIZE] = set_size,
	[VR_TYPE_SPAN] = set_span,
	[VR_TYPE_BOOL] = set_bool,
	[VR_TYPE_CHOICE] = set_choice,
	[VR_TYPE_SECRET] = set_secret,
};

void vr_setting_set(struct vr_setter *s, size_t i, const struct vr_yaml *value)
{
	const struct vr_setting *row = &vr_settings[i];
	struct vr_str text = value->text;

	s->config->own->pos[i] = value->pos;
	if (row->type == VR_TYPE_LIST) {
		set_list(s, row, value);
	} else if (row->type == VR_TYPE_MAP) {
		set_map(s, row, value);
	} else if (value->kind != VR_YAML_TEXT) {
		say_wrong(s, row, value, text);
	} else {
		text = vr_text_expand(s, value);
		if (text.p && !set_text[row->type](s, row, text, vr_setting_field(s->config, row)))
			say_wrong(s, row, value, text);
	}
}
