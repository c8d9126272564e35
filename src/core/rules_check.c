/* SPDX-License-Identifier: Apache-2.0 */
#include "rules_check.h"
#include "rules_template.h"

#define NAME_BYTES_MAX 128U

static bool is_name(struct vr_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
		if (!letter && (i == 0 || c < '0' || c > '9'))
			return false;
	}
	return s.n > 0 && s.n <= NAME_BYTES_MAX;
}

static void check_name(const struct vr_rule_spec *spec, struct vr_rule_errors *errors)
{
	if (!is_name(spec->alert))
		vr_rules_say(errors, spec->pos,
			"alert %q is not a name; expected at most %u letters, digits and _, no digit first", spec->alert,
			(size_t)NAME_BYTES_MAX);
	if (spec->for_.ms < 0)
		vr_rules_say(
			errors, spec->pos, "`for` of %q is negative; expected a duration such as 5m", spec->alert);
}

static void check_pair(const struct vr_rule_spec *spec, const struct vr_pair *pairs, size_t i,
	const char *what, struct vr_rule_errors *errors)
{
	if (!is_name(pairs[i].name))
		vr_rules_say(errors, spec->pos,
			"%s %q of %q is not a name; expected letters, digits and _, no digit first", what, pairs[i].name,
			spec->alert);
	if (!vr_utf8_valid(pairs[i].value))
		vr_rules_say(errors, spec->pos, "%s %q of %q is not valid UTF-8", what, pairs[i].name, spec->alert);
	for (size_t j = 0; j < i; j++)
		if (vr_str_eq(pairs[j].name, pairs[i].name))
			vr_rules_say(errors, spec->pos, "%s %q of %q is there twice", what, pairs[i].name, spec->alert);
}

static bool has_template(struct vr_str s)
{
	for (size_t i = 0; i + 1 < s.n; i++)
		if (s.p[i] == '{' && s.p[i + 1] == '{')
			return true;
	return false;
}

static void check_labels(const struct vr_rule_spec *spec, struct vr_rule_errors *errors)
{
	for (size_t i = 0; i < spec->n_labels; i++) {
		const struct vr_pair *l = &spec->labels[i];
		check_pair(spec, spec->labels, i, "label", errors);
		if (vr_template_is_builtin(l->name))
			vr_rules_say(errors, spec->pos, "label %q of %q is filled in by virald; expected another name",
				l->name, spec->alert);
		if (has_template(l->value))
			vr_rules_say(errors, spec->pos,
				"label %q of %q holds a template; labels stay the same for the life of an "
				"alert, put it into an annotation",
				l->name, spec->alert);
	}
}

static void check_annotations(const struct vr_rule_spec *spec, struct vr_rule_errors *errors)
{
	for (size_t i = 0; i < spec->n_annotations; i++) {
		check_pair(spec, spec->annotations, i, "annotation", errors);
		vr_template_check(spec->annotations[i].value, spec, spec->annotations[i].name, errors);
	}
}

void vr_rule_spec_check(const struct vr_rule_spec *specs, size_t i, struct vr_rule_errors *errors)
{
	check_name(&specs[i], errors);
	check_labels(&specs[i], errors);
	check_annotations(&specs[i], errors);
	for (size_t j = 0; j < i; j++) {
		if (!vr_str_eq(specs[j].alert, specs[i].alert))
			continue;
		vr_rules_say(errors, specs[i].pos,
			"a rule named %q is there already, in %q line %u; expected another name", specs[i].alert,
			specs[j].pos.file, (size_t)specs[j].pos.line);
		return;
	}
}
