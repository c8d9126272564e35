/* SPDX-License-Identifier: Apache-2.0 */
/* ruleset.c - from the files to the set that judges, and what is said about it. */
#include "virality/rulefile.h"

enum vr_err vr_rulefile_compile(const struct vr_str_list *patterns, const struct vr_windows *windows, struct vr_mem *mem,
	struct vr_arena *names, struct vr_rulefile **ret, struct vr_rules **ret_rules, struct vr_rule_errors *errors)
{
	struct vr_rulefile *file = NULL;
	struct vr_rules *rules = NULL;
	size_t n;
	enum vr_err err = vr_rulefile_read_part(patterns, names, &file, errors);

	if (!file)
		return err;
	const struct vr_rule_spec *specs = vr_rulefile_specs(file, &n);
	enum vr_err bad = vr_rules_compile(specs, n, windows, mem, &rules, errors);
	err = err ? err : bad;
	if (err) {
		vr_rules_free(rules);
		vr_rulefile_free(file);
		return err;
	}
	*ret = file;
	*ret_rules = rules;
	return VR_OK;
}

void vr_rulefile_print_warnings(const struct vr_rulefile *file, const struct vr_rules *rules, FILE *out)
{
	size_t n;
	const struct vr_rule_spec *specs = vr_rulefile_specs(file, &n);

	for (size_t i = 0; i < n; i++) {
		const struct vr_pos *pos = &specs[i].expr_pos;

		if (!vr_rule_may_begin_by_falling(vr_rules_at(rules, i)))
			continue;
		(void)fprintf(out,
			"%.*s:%u:%u: warning: %.*s can become true by counts that fall, but time alone begins no "
			"alert: it waits for the next event of its content\n",
			(int)pos->file.n, pos->file.p, pos->line, pos->column, (int)specs[i].alert.n, specs[i].alert.p);
	}
}
