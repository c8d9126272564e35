/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a rule file, as an expression and as a configuration: refused with words or taken, and what is
 * taken reads back from its canonical text as the same. */
#include <stdint.h>
#include <stdlib.h>
#include "virality/err.h"
#include "virality/rulefile.h"

#define ERRORS_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct vr_windows windows = {.n = 2, .width_ms = {2000, 10000}, .name = {"1m", "5m"}};

static bool value(const void *entity, const struct vr_term *term, double *ret)
{
	(void)entity;
	*ret = (double)term->action;
	return term->metric != VR_METRIC_MEAN_DEPTH;
}

static void judge_all(const struct vr_rule_spec *specs, size_t n, struct vr_rule_errors *errors)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_rules *set = NULL;
	struct vr_buf b;

	if (vr_rules_compile(specs, n, &windows, &mem, &set, errors) != VR_OK) {
		VR_ASSERT(errors->n > 0);
		return;
	}
	vr_buf_init(&b, &mem);
	for (size_t i = 0; i < vr_rules_count(set); i++) {
		const struct vr_rule *r = vr_rules_at(set, i);
		struct vr_judged j = vr_rule_judge(r, value, NULL);
		const struct vr_template_env env = {.value = j.value, .threshold = j.threshold, .title = VR_STR("t")};
		(void)vr_rule_may_begin_by_falling(r);
		vr_rule_labels_json(r, &b);
		vr_rule_annotations_json(r, &env, &b);
	}
	VR_ASSERT(!b.failed);
	vr_buf_done(&b);
	vr_rules_free(set);
	VR_ASSERT(mem.used == 0);
}

static void try_expression(struct vr_str text)
{
	struct vr_rule_error at[ERRORS_MAX];
	struct vr_rule_errors errors = {.at = at, .cap = ERRORS_MAX};
	const struct vr_rule_spec spec = {
		.alert = VR_STR("A"), .expr = text, .expr_pos = {.line = 1, .column = 1}};

	judge_all(&spec, 1, &errors);
}

static void try_file(struct vr_str text)
{
	struct vr_rule_error at[ERRORS_MAX];
	struct vr_rule_errors errors = {.at = at, .cap = ERRORS_MAX};
	struct vr_rulefile *file = NULL, *again = NULL;
	const struct vr_rule_spec *specs;
	size_t n;

	if (vr_rulefile_parse(text, VR_STR("f"), &file, &errors) != VR_OK) {
		VR_ASSERT(errors.n > 0);
		return;
	}
	specs = vr_rulefile_specs(file, &n);
	judge_all(specs, n, &errors);
	errors.n = 0;
	if (vr_rulefile_json(file).n < (1U << 19)) {
		VR_ASSERT(vr_rulefile_parse(vr_rulefile_json(file), VR_STR("again"), &again, &errors) == VR_OK);
		VR_ASSERT(vr_str_eq(vr_rulefile_json(file), vr_rulefile_json(again)));
	}
	vr_rulefile_free(again);
	vr_rulefile_free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct vr_str text = {(const char *)p, n};

	try_expression(text);
	try_file(text);
	return 0;
}
