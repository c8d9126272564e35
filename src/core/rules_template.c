/* SPDX-License-Identifier: Apache-2.0 */
#include "rules_template.h"

enum piece_kind { PIECE_END, PIECE_TEXT, PIECE_VALUE, PIECE_THRESHOLD, PIECE_LABEL, PIECE_BAD };
struct piece {
	enum piece_kind kind;
	struct vr_str text; /* the text, the label's name, or what is wrong */
};

static const char *const builtins[] = {"alertname", "content_id", "title", "url", "channel"};
#define LABELS_PREFIX VR_STR("$labels.")

bool vr_template_is_builtin(struct vr_str name)
{
	for (size_t i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++)
		if (vr_str_eq(name, vr_str_c(builtins[i])))
			return true;
	return false;
}

/* Offset of the two-byte mark from i on, or n. */
static size_t find_mark(struct vr_str s, size_t i, const char mark[2])
{
	for (; i + 1 < s.n; i++)
		if (s.p[i] == mark[0] && s.p[i + 1] == mark[1])
			return i;
	return s.n;
}

static struct vr_str trim(struct vr_str s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t' || s.p[0] == '\n'))
		s = (struct vr_str){s.p + 1, s.n - 1};
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t' || s.p[s.n - 1] == '\n'))
		s.n--;
	return s;
}

static struct piece name_piece(struct vr_str inside)
{
	struct vr_str name = trim(inside), prefix = LABELS_PREFIX;

	if (vr_str_eq(name, VR_STR("$value")))
		return (struct piece){PIECE_VALUE, name};
	if (vr_str_eq(name, VR_STR("$threshold")))
		return (struct piece){PIECE_THRESHOLD, name};
	if (name.n > prefix.n && memcmp(name.p, prefix.p, prefix.n) == 0)
		return (struct piece){PIECE_LABEL, {name.p + prefix.n, name.n - prefix.n}};
	return (struct piece){PIECE_BAD, name};
}

static struct piece next_piece(struct vr_str s, size_t *at)
{
	size_t open = find_mark(s, *at, "{{"), close, from = *at;

	if (from >= s.n)
		return (struct piece){.kind = PIECE_END};
	if (open > from) {
		*at = open;
		return (struct piece){PIECE_TEXT, {s.p + from, open - from}};
	}
	close = find_mark(s, open + 2, "}}");
	*at = close == s.n ? s.n : close + 2;
	if (close == s.n)
		return (struct piece){PIECE_BAD, {s.p + from, s.n - from}};
	return name_piece((struct vr_str){s.p + open + 2, close - open - 2});
}

static bool has_label(const struct vr_rule_spec *spec, struct vr_str name)
{
	for (size_t i = 0; i < spec->n_labels; i++)
		if (vr_str_eq(spec->labels[i].name, name))
			return true;
	return vr_template_is_builtin(name);
}

void vr_template_check(struct vr_str text, const struct vr_rule_spec *spec, struct vr_str annotation,
	struct vr_rule_errors *errors)
{
	size_t at = 0;

	for (struct piece x = next_piece(text, &at); x.kind != PIECE_END; x = next_piece(text, &at)) {
		if (x.kind == PIECE_BAD)
			vr_rules_say(errors, spec->pos,
				"annotation %q of %q: found %q; expected {{ $value }}, {{ $threshold }} or "
				"{{ $labels.NAME }}",
				annotation, spec->alert, x.text);
		else if (x.kind == PIECE_LABEL && !has_label(spec, x.text))
			vr_rules_say(errors, spec->pos,
				"annotation %q of %q: unknown label %q; expected alertname, content_id, "
				"title, url, channel or a label of the rule",
				annotation, spec->alert, x.text);
	}
}

static struct vr_str label_value(
	struct vr_str name, const struct vr_rule *r, const struct vr_template_env *env)
{
	const struct vr_pair builtin[] = {
		{VR_STR("alertname"), vr_rule_name(r)},
		{VR_STR("content_id"), env->content_id},
		{VR_STR("title"), env->title},
		{VR_STR("url"), env->url},
		{VR_STR("channel"), env->channel},
	};
	const struct vr_pair *labels;
	size_t n = vr_rule_labels(r, &labels);

	for (size_t i = 0; i < sizeof(builtin) / sizeof(builtin[0]); i++)
		if (vr_str_eq(name, builtin[i].name))
			return builtin[i].value;
	for (size_t i = 0; i < n; i++)
		if (vr_str_eq(name, labels[i].name))
			return labels[i].value;
	return (struct vr_str){0};
}

void vr_template_fill(
	struct vr_str text, const struct vr_rule *r, const struct vr_template_env *env, struct vr_buf *b)
{
	size_t at = 0;

	for (struct piece x = next_piece(text, &at); x.kind != PIECE_END; x = next_piece(text, &at)) {
		if (x.kind == PIECE_VALUE)
			vr_value_text(env->value, b);
		else if (x.kind == PIECE_THRESHOLD)
			vr_value_text(env->threshold, b);
		else
			vr_buf_str_add(b, x.kind == PIECE_LABEL ? label_value(x.text, r, env) : x.text);
	}
}
