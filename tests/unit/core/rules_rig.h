/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* rules_rig.h - one entity with known figures, and rules compiled in one line. */
#include "vr_test.h"
#include "virality/rules.h"

struct rig {
	struct vr_mem mem;
	struct vr_rules *set;
};

static const struct vr_windows rig_windows = {
	.n = 3,
	.width_ms = {2000, 10000, 120000},
	.name = {"1m", "5m", "1h"},
};

/* shares_total 10, likes_total 5, views_total 3, others 0; a window gives 50 + its index for shares and 30 +
 * index for others; a channel adds 100; mean_depth and root_share_fraction are unknown. */
static inline bool rig_value(const void *entity, const struct vr_term *t, double *ret)
{
	static const double totals[VR_ACTIONS_MAX] = {
		[VR_ACTION_SHARE] = 10,
		[VR_ACTION_LIKE] = 5,
		[VR_ACTION_VIEW] = 3,
	};
	static const double scalars[] = {
		[VR_METRIC_UNIQUE_SHARERS] = 7, [VR_METRIC_MAX_DEPTH] = 4, [VR_METRIC_SHARE_VELOCITY] = 2.5};

	(void)entity;
	if (t->metric == VR_METRIC_MEAN_DEPTH || t->metric == VR_METRIC_ROOT_SHARE_FRACTION)
		return false;
	if (t->metric == VR_METRIC_TOTAL)
		*ret = totals[t->action] + (t->channel.n ? 100 : 0);
	else if (t->metric == VR_METRIC_WINDOW)
		*ret = (t->action == VR_ACTION_SHARE ? 50 : 30) + t->window + (t->channel.n ? 100 : 0);
	else
		*ret = scalars[t->metric];
	return true;
}

static inline struct vr_rule_spec spec_of(const char *expr)
{
	return (struct vr_rule_spec){.alert = VR_STR("R"),
		.expr = vr_str_c(expr),
		.pos = {VR_STR("r.yaml"), 3, 5},
		.expr_pos = {VR_STR("r.yaml"), 4, 11},
		.reset_pos = {VR_STR("r.yaml"), 5, 17}};
}

static inline void compile(struct rig *rig, const struct vr_rule_spec *specs, size_t n)
{
	struct vr_rule_error at[4];
	struct vr_rule_errors errors = {.at = at, .cap = 4};

	rig->mem = vr_mem_heap();
	if (vr_rules_compile(specs, n, &rig_windows, &rig->mem, &rig->set, &errors) != VR_OK)
		fail_msg("%s", errors.n > 0 ? at[0].text : "no memory");
	assert_int_equal(errors.n, 0);
}

static inline void rig_done(struct rig *rig)
{
	vr_rules_free(rig->set);
	assert_int_equal(rig->mem.used, 0);
}

static inline struct vr_judged judge(const char *expr)
{
	struct vr_rule_spec spec = spec_of(expr);
	struct vr_judged j;
	struct rig rig;

	compile(&rig, &spec, 1);
	j = vr_rule_judge(vr_rules_at(rig.set, 0), rig_value, NULL);
	rig_done(&rig);
	return j;
}

static inline void assert_number(double got, double want)
{
	if (!(got >= want && got <= want))
		fail_msg("got %g, expected %g", got, want);
}

static inline void assert_str(struct vr_str got, const char *want)
{
	if (!vr_str_eq(got, vr_str_c(want)))
		fail_msg("got  %.*s\nwant %s", (int)got.n, got.p, want);
}
