/* SPDX-License-Identifier: Apache-2.0 */
#include "rulefile_rules.h"
#include "say.h"
#include "units.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* One rule being read. */
struct reader {
	struct vr_arena *arena;
	struct vr_specs *specs;
	struct vr_rule_errors *errors;
	struct vr_str source; /* the text its nodes came from */
	struct vr_rule_spec *spec;
};

/* ------------------------------------------------------------- one key -- */

static bool is_text(struct reader *r, const struct vr_yaml *value, const char *key)
{
	if (value->kind == VR_YAML_TEXT)
		return true;
	vr_config_say(r->errors, value->pos, "%s: found a %s; expected a text", key,
		value->kind == VR_YAML_LIST ? "list" : "map");
	return false;
}

/* Characters that JSON, YAML or a terminal would not carry unchanged. */
static bool has_odd_character(struct vr_str t)
{
	static const char *const odd[] = {
		"\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf", "\xef\xbf\xbe", "\xef\xbf\xbf"};

	for (size_t i = 0; i < t.n; i++) {
		unsigned char c = (unsigned char)t.p[i];
		if ((c < 0x20 && c != '\t' && c != '\n') || c == 0x7f ||
			(c == 0xc2 && i + 1 < t.n && (unsigned char)t.p[i + 1] < 0xa0))
			return true;
	}
	for (size_t i = 0; i < COUNT_OF(odd) && t.n > 0; i++)
		if (memmem(t.p, t.n, odd[i], strlen(odd[i])))
			return true;
	return false;
}

static void check_characters(struct reader *r, const struct vr_yaml *value)
{
	if (has_odd_character(value->text))
		vr_config_say(r->errors, value->pos,
			"the text holds a control character or an invisible line separator; expected none");
}

static void read_alert(struct reader *r, const struct vr_yaml *value)
{
	if (!is_text(r, value, "alert"))
		return;
	check_characters(r, value);
	r->spec->alert = value->text;
}

static void read_expr(struct reader *r, const struct vr_yaml *value)
{
	if (!is_text(r, value, "expr"))
		return;
	check_characters(r, value);
	r->spec->expr = value->text;
	r->spec->expr_pos = vr_yaml_text_pos(value, r->source);
}

static void read_reset(struct reader *r, const struct vr_yaml *value)
{
	if (!is_text(r, value, "reset_expr"))
		return;
	check_characters(r, value);
	r->spec->reset_expr = value->text;
	r->spec->reset_pos = vr_yaml_text_pos(value, r->source);
	if (value->text.n == 0)
		vr_config_say(r->errors, value->pos, "reset_expr is empty; expected an expression, or no reset_expr");
}

static void read_for(struct reader *r, const struct vr_yaml *value)
{
	if (is_text(r, value, "for") && !vr_span_parse(value->text, &r->spec->for_))
		vr_config_say(r->errors, value->pos,
			"for: found `%.*s`; expected a duration such as 30s, 5m or 1h30m", SHOW(value->text));
}

static void read_on(struct reader *r, const struct vr_yaml *value)
{
	if (!is_text(r, value, "on") || vr_str_eq(value->text, VR_STR("content")))
		return;
	if (vr_str_eq(value->text, VR_STR("channel")) || vr_str_eq(value->text, VR_STR("all")))
		vr_config_say(r->errors, value->pos, "on: %s is not supported yet by this version; expected content",
			value->text.p);
	else
		vr_config_say(r->errors, value->pos, "on: found `%.*s`; expected content", SHOW(value->text));
}

static const struct vr_pair *read_pairs(
	struct reader *r, const struct vr_yaml *value, const char *key, size_t *ret_n)
{
	struct vr_pair *pairs;
	size_t n = 0;

	*ret_n = 0;
	if (vr_yaml_is_nothing(value))
		return NULL;
	if (value->kind != VR_YAML_MAP) {
		vr_config_say(r->errors, value->pos, "%s: expected a map of names and texts", key);
		return NULL;
	}
	pairs = vr_arena_alloc(r->arena, value->n * sizeof(*pairs));
	for (size_t i = 0; i < value->n && pairs; i++) {
		if (!is_text(r, &value->item[i], value->key[i].text.p))
			continue;
		check_characters(r, &value->key[i]);
		check_characters(r, &value->item[i]);
		pairs[n++] = (struct vr_pair){value->key[i].text, value->item[i].text};
	}
	*ret_n = n;
	return pairs;
}

static void read_labels(struct reader *r, const struct vr_yaml *value)
{
	r->spec->labels = read_pairs(r, value, "labels", &r->spec->n_labels);
}

static void read_annotations(struct reader *r, const struct vr_yaml *value)
{
	r->spec->annotations = read_pairs(r, value, "annotations", &r->spec->n_annotations);
}

static void refuse_later(struct reader *r, const struct vr_yaml *value)
{
	vr_config_say(r->errors, value->pos,
		"not supported yet by this version; expected none of keep_firing_for, cooldown, steps");
}

static void refuse_record(struct reader *r, const struct vr_yaml *value)
{
	vr_config_say(r->errors, value->pos, "recording rules are not supported; expected `alert`");
}

typedef void read_f(struct reader *r, const struct vr_yaml *value);
static const struct key {
	const char *name;
	read_f *read;
} keys[] = {
	{"alert", read_alert},
	{"expr", read_expr},
	{"for", read_for},
	{"reset_expr", read_reset},
	{"on", read_on},
	{"labels", read_labels},
	{"annotations", read_annotations},
	{"keep_firing_for", refuse_later},
	{"cooldown", refuse_later},
	{"steps", refuse_later},
	{"record", refuse_record},
};

/* ------------------------------------------------------ rules, groups -- */

static void say_unknown(struct reader *r, const struct vr_yaml *key, const char *where,
	const char *const *names, size_t n, const char *expected)
{
	const char *near = vr_str_nearest(key->text, names, n);

	if (near)
		vr_config_say(r->errors, key->pos, "unknown key `%.*s` in %s; did you mean `%s`?", SHOW(key->text),
			where, near);
	else
		vr_config_say(
			r->errors, key->pos, "unknown key `%.*s` in %s; expected %s", SHOW(key->text), where, expected);
}

static void read_key(struct reader *r, const struct vr_yaml *key, const struct vr_yaml *value)
{
	const char *names[COUNT_OF(keys)];

	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		names[i] = keys[i].name;
		if (!vr_str_eq(key->text, vr_str_c(keys[i].name)))
			continue;
		keys[i].read(r, value);
		return;
	}
	say_unknown(
		r, key, "a rule", names, COUNT_OF(keys), "alert, expr, for, reset_expr, on, labels or annotations");
}

static void read_rule(struct reader *r, const struct vr_yaml *rule)
{
	if (rule->kind != VR_YAML_MAP) {
		vr_config_say(r->errors, rule->pos, "expected a rule: a map with alert and expr");
		return;
	}
	if (r->specs->n == VR_SPECS_MAX) {
		vr_config_say(r->errors, rule->pos, "more than %d rules", VR_SPECS_MAX);
		return;
	}
	r->spec = &r->specs->at[r->specs->n++];
	*r->spec = (struct vr_rule_spec){.pos = rule->pos};
	for (size_t i = 0; i < rule->n; i++) {
		if (vr_str_eq(rule->key[i].text, VR_STR("alert")))
			r->spec->pos = rule->key[i].pos;
		read_key(r, &rule->key[i], &rule->item[i]);
	}
	if (!vr_yaml_find(rule, "alert") && !vr_yaml_find(rule, "record"))
		vr_config_say(r->errors, rule->pos, "the rule has no name; expected `alert: Name`");
	if (!vr_yaml_find(rule, "expr"))
		vr_config_say(r->errors, rule->pos, "the rule has no expression; expected `expr: ...`");
}

static void read_group_key(struct reader *r, const struct vr_yaml *key, const struct vr_yaml *value)
{
	static const char *const names[] = {"name", "rules"};

	if (vr_str_eq(key->text, VR_STR("name")))
		(void)is_text(r, value, "name");
	else if (vr_str_eq(key->text, VR_STR("interval")) || vr_str_eq(key->text, VR_STR("limit")))
		vr_config_say(r->errors, key->pos,
			"%s has no meaning: rules are judged at every record of their content", key->text.p);
	else if (!vr_str_eq(key->text, VR_STR("rules")))
		say_unknown(r, key, "a group", names, COUNT_OF(names), "name or rules");
	else if (value->kind != VR_YAML_LIST && !vr_yaml_is_nothing(value))
		vr_config_say(r->errors, value->pos, "rules: expected a list of rules");
	else
		for (size_t i = 0; i < value->n; i++)
			read_rule(r, &value->item[i]);
}

static void read_group(struct reader *r, const struct vr_yaml *group)
{
	if (group->kind != VR_YAML_MAP) {
		vr_config_say(r->errors, group->pos, "expected a group: a map with name and rules");
		return;
	}
	for (size_t i = 0; i < group->n; i++)
		read_group_key(r, &group->key[i], &group->item[i]);
	if (!vr_yaml_find(group, "name"))
		vr_config_say(r->errors, group->pos, "the group has no name; expected `name: ...`");
}

static void read_root(struct reader *r, const struct vr_yaml *root)
{
	static const char *const names[] = {"groups"};

	if (vr_yaml_is_nothing(root))
		return;
	if (root->kind != VR_YAML_MAP) {
		vr_config_say(r->errors, root->pos, "expected `groups:` and a list of groups");
		return;
	}
	for (size_t i = 0; i < root->n; i++) {
		const struct vr_yaml *value = &root->item[i];
		if (!vr_str_eq(root->key[i].text, VR_STR("groups")))
			say_unknown(r, &root->key[i], "a rule file", names, 1, "groups");
		else if (value->kind != VR_YAML_LIST && !vr_yaml_is_nothing(value))
			vr_config_say(r->errors, value->pos, "groups: expected a list of groups");
		for (size_t k = 0; k < value->n && value->kind == VR_YAML_LIST; k++)
			read_group(r, &value->item[k]);
	}
}

void vr_rulefile_rules(const struct vr_yaml *root, struct vr_str source, struct vr_arena *arena, struct vr_specs *specs,
	struct vr_rule_errors *errors)
{
	struct reader r = {.arena = arena, .specs = specs, .errors = errors, .source = source};

	read_root(&r, root);
}
