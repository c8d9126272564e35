/* SPDX-License-Identifier: Apache-2.0 */
/* judge_rules.c - another set of rules: alerts of rules that are gone end, the others go on; what of a content's rule states
 * still counts. */
#include <math.h>

#include "judge.h"

/* ------------------------------------------------ whose alerts ------------------------- */

/* Shell sort: no memory, the same order everywhere. */
static void sort_by_id(struct vr_content **at, size_t n)
{
	for (size_t gap = n / 2; gap > 0; gap /= 2)
		for (size_t i = gap; i < n; i++) {
			struct vr_content *c = at[i];
			size_t k = i;
			for (; k >= gap && vr_str_cmp(c->id, at[k - gap]->id) < 0; k -= gap)
				at[k] = at[k - gap];
			at[k] = c;
		}
}

enum vr_err vr_alerting(struct vr_engine *e, struct vr_list *ret)
{
	/* Whoever has an alert that is pending or firing has a timer, if only one that no time will bring. */
	for (uint32_t i = 0; i < e->timers.n; i++) {
		struct vr_content **slot = vr_list_push(ret, &e->pool_mem, sizeof(*slot));
		if (!slot)
			return VR_E_NOMEM;
		*slot = e->timers.item[i].member;
	}
	sort_by_id(ret->at, ret->n);
	return VR_OK;
}

static void tell_active(struct vr_engine *e, struct vr_content *c, void (*each)(void *ctx, const struct vr_alert *a), void *ctx)
{
	size_t n = e->rules ? vr_rules_count(e->rules) : 0;
	for (size_t i = 0; i < n; i++) {
		const struct vr_rule *rule = vr_rules_at(e->rules, i);
		const struct vr_rule_state *s = vr_judge_alert(c, rule);
		if (!s)
			continue;
		struct vr_look l = {e, c, e->stream};
		struct vr_judged j = vr_rule_judge(rule, vr_look_figure, &l);
		struct vr_alert a = {.state = s->state, .updated = e->stream, .at_offset = s->offset};
		vr_judge_describe(e, c, rule, s, &j, &a);
		each(ctx, &a);
	}
}

enum vr_err vr_engine_active(struct vr_engine *e, void (*each)(void *ctx, const struct vr_alert *a), void *ctx)
{
	struct vr_list list = {0};
	enum vr_err err = vr_alerting(e, &list);
	for (size_t i = 0; i < list.n && !err; i++)
		tell_active(e, ((struct vr_content **)list.at)[i], each, ctx);
	vr_list_done(&list, &e->pool_mem, sizeof(struct vr_content *));
	return err || e->broken ? VR_E_NOMEM : VR_OK;
}

/* ------------------------------------------------ ends that nobody judged --------------- */

static enum vr_err end_rule(struct vr_engine *e, struct vr_content *c, const struct vr_rule *rule, struct vr_rule_state s,
	enum vr_alert_reason reason, int64_t at_offset)
{
	struct vr_look l = {e, c, e->stream};
	struct vr_judged j = vr_rule_judge(rule, vr_look_figure, &l);
	enum vr_alert_state to = s.state == VR_ALERT_FIRING ? VR_ALERT_RESOLVED : VR_ALERT_INACTIVE;
	return vr_judge_move(e, &l, rule, s, to, reason, &j, at_offset);
}

/* Of all its rules, but for those that `stays` has; NULL: none stays. */
static enum vr_err end_rules(struct vr_engine *e, struct vr_content *c, const struct vr_rules *stays, enum vr_alert_reason reason,
	int64_t at_offset)
{
	size_t n = e->rules ? vr_rules_count(e->rules) : 0;
	enum vr_err err = VR_OK;
	for (size_t i = 0; i < n && !err; i++) {
		const struct vr_rule *rule = vr_rules_at(e->rules, i);
		const struct vr_rule_state *s = vr_judge_alert(c, rule);
		if (s && !(stays && vr_rules_find(stays, vr_rule_key(rule)) >= 0))
			err = end_rule(e, c, rule, *s, reason, at_offset);
	}
	return err;
}

enum vr_err vr_judge_end(struct vr_engine *e, struct vr_content *c, enum vr_alert_reason reason, int64_t at_offset)
{
	enum vr_err err = end_rules(e, c, NULL, reason, at_offset);
	return err ? err : vr_timer_set(e, c);
}

/* ------------------------------------------------ the change --------------------------- */

static enum vr_err resolve_gone(struct vr_engine *e, const struct vr_rules *next, int64_t at_offset)
{
	struct vr_list list = {0};
	enum vr_err err = vr_alerting(e, &list);
	for (size_t i = 0; i < list.n && !err; i++)
		err = end_rules(e, ((struct vr_content **)list.at)[i], next, VR_REASON_RULE_REMOVED, at_offset);
	vr_list_done(&list, &e->pool_mem, sizeof(struct vr_content *));
	return err;
}

/* Since when each version of the new set has been in force without a break. */
static enum vr_err renew_since(struct vr_engine *e, const struct vr_rules *rules, uint32_t no)
{
	struct vr_list old = e->since;
	struct vr_list now = {0};
	for (size_t i = 0; i < vr_rules_count(rules); i++) {
		struct vr_since *s = vr_list_push(&now, &e->pool_mem, sizeof(*s));
		if (!s)
			return VR_E_NOMEM;
		s->key = vr_rule_key(vr_rules_at(rules, i));
		uint32_t since = vr_rule_since(e, s->key);
		s->no = since == UINT32_MAX ? no : since;
	}
	e->since = now;
	vr_mem_put(&e->pool_mem, old.at, old.cap * sizeof(struct vr_since));
	e->rules_dirty = true;
	return VR_OK;
}

static void drop_suppressed(struct vr_engine *e)
{
	for (struct vr_content *c = e->first; c; c = c->next)
		for (unsigned i = c->n_rules; i-- > 0;)
			if (vr_rule_since(e, c->rule[i].key) == UINT32_MAX)
				vr_content_rule_drop(c, c->rule[i].key);
}

static enum vr_err set_timers(struct vr_engine *e)
{
	enum vr_err err = VR_OK;
	for (struct vr_content *c = e->first; c && !err; c = c->next)
		if (c->timer_place || c->n_rules)
			err = vr_timer_set(e, c);
	return err;
}

static void put_in_force(struct vr_engine *e, const struct vr_rules *rules, uint32_t no)
{
	e->rules = rules;
	e->rules_no = no;
	e->rules_least = INFINITY;
	e->rules_by = 0;
	e->rules_by_time = false;
	for (size_t i = 0; i < vr_rules_count(rules); i++) {
		const struct vr_rule_gate *gate = vr_rule_gate(vr_rules_at(rules, i));
		if (gate->least < e->rules_least)
			e->rules_least = gate->least;
		e->rules_by |= gate->by;
		e->rules_by_time |= gate->by_time;
	}
}

enum vr_err vr_engine_rules(struct vr_engine *e, const struct vr_rules *rules, uint32_t no, int64_t at_offset)
{
	enum vr_err err = e->rules ? resolve_gone(e, rules, at_offset) : VR_OK;
	if (!err)
		err = renew_since(e, rules, no);
	if (err)
		return err;
	put_in_force(e, rules, no);
	drop_suppressed(e);
	return set_timers(e);
}

enum vr_err vr_engine_rules_resume(struct vr_engine *e, const struct vr_rules *rules, uint32_t no)
{
	put_in_force(e, rules, no);
	return VR_OK;
}
