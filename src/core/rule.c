/* SPDX-License-Identifier: Apache-2.0 */
#include "rule.h"

struct vr_str vr_rule_name(const struct vr_rule *r)
{
	return r->name;
}
uint64_t vr_rule_version(const struct vr_rule *r)
{
	return r->version;
}
uint64_t vr_rule_key(const struct vr_rule *r)
{
	return r->key;
}
struct vr_span vr_rule_for(const struct vr_rule *r)
{
	return r->for_;
}
struct vr_str vr_rule_severity(const struct vr_rule *r)
{
	return r->severity;
}

size_t vr_rule_labels(const struct vr_rule *r, const struct vr_pair **ret)
{
	*ret = r->labels;
	return r->n_labels;
}

struct vr_judged vr_rule_judge(const struct vr_rule *r, vr_term_value_f *value, const void *entity)
{
	return vr_program_run(&r->expr, value, entity);
}

bool vr_rule_may_reset(const struct vr_rule *r, vr_term_value_f *value, const void *entity)
{
	return !r->has_reset || vr_program_run(&r->reset, value, entity).present;
}

const struct vr_rule_gate *vr_rule_gate(const struct vr_rule *r)
{
	return &r->gate;
}

bool vr_rule_may_begin_by_falling(const struct vr_rule *r)
{
	return vr_program_may_begin_by_falling(&r->expr);
}
