/* SPDX-License-Identifier: Apache-2.0 */
/* judge.c - rules on a content: how an alert begins, ripens and ends.
 *
 *                       expr true at a record             `for` is over
 *      inactive ------------------------------> pending ----------------> firing --+
 *         ^  ^            (no `for`: straight to firing)                           | expr false and
 *         |  +---- expr false: without a word ----+                                | reset_expr true
 *         +------------------------------ resolved <-------------------------------+
 *      suppressed: was true before the rule first looked; inactive again once it was false
 *
 * Time alone ripens and ends, never begins (judge_time.c).                                                 */
#include "judge.h"

/* ------------------------------------------------ a step of the drawing ---------------- */

void vr_judge_count(struct vr_engine *e, uint8_t state, int by)
{
	if (state == VR_ALERT_PENDING)
		e->n_pending = (uint64_t)((int64_t)e->n_pending + by);
	if (state == VR_ALERT_FIRING)
		e->n_firing = (uint64_t)((int64_t)e->n_firing + by);
}

enum vr_err vr_judge_move(struct vr_engine *e, const struct vr_look *l, const struct vr_rule *rule, struct vr_rule_state s,
	enum vr_alert_state to, enum vr_alert_reason reason, const struct vr_judged *j, int64_t at_offset)
{
	struct vr_alert *a = vr_list_push(&e->alerts, &e->pool_mem, sizeof(*a));
	if (!a)
		return VR_E_NOMEM;
	a->was_firing = s.state == VR_ALERT_FIRING;
	a->begins = s.state == VR_ALERT_INACTIVE;
	vr_judge_count(e, s.state, -1);
	s.state = (uint8_t)to;
	vr_judge_count(e, s.state, +1);
	vr_judge_describe(e, l->c, rule, &s, j, a);
	a->state = to;
	a->reason = reason;
	a->updated = l->now;
	a->ends = to == VR_ALERT_RESOLVED ? l->now : (struct vr_wall){0};
	a->at_offset = at_offset;
	vr_engine_touch(e, l->c);
	if (to == VR_ALERT_PENDING || to == VR_ALERT_FIRING)
		return vr_content_rule_set(l->c, &e->pool, &s);
	vr_content_rule_drop(l->c, s.key);
	return VR_OK;
}

/* ------------------------------------------------ one rule, one look -------------------- */

static enum vr_err judge_inactive(struct vr_engine *e, const struct vr_look *l, const struct vr_rule *rule,
	const struct vr_judged *j, int64_t offset)
{
	if (!j->present)
		return VR_OK;
	struct vr_rule_state s = {.key = vr_rule_key(rule), .since = l->now, .offset = offset};
	enum vr_alert_state to = vr_rule_for(rule).ms > 0 ? VR_ALERT_PENDING : VR_ALERT_FIRING;
	return vr_judge_move(e, l, rule, s, to, VR_REASON_NONE, j, offset);
}

enum vr_err vr_judge_open(struct vr_engine *e, const struct vr_look *l, const struct vr_rule *rule, struct vr_rule_state s,
	const struct vr_judged *j, int64_t at_offset)
{
	if (j->present)
		return VR_OK;
	if (s.state == VR_ALERT_PENDING)
		return vr_judge_move(e, l, rule, s, VR_ALERT_INACTIVE, VR_REASON_NONE, j, at_offset);
	if (!vr_rule_may_reset(rule, vr_look_figure, l))
		return VR_OK;
	return vr_judge_move(e, l, rule, s, VR_ALERT_RESOLVED, VR_REASON_NONE, j, at_offset);
}

/* Has it had enough events for the rule to hold? */
static bool may_hold(const struct vr_content *c, const struct vr_rule_gate *gate)
{
	uint64_t sum = 0;
	if (gate->least <= 0)
		return true;
	if ((double)c->counted < gate->least)
		return false;
	for (unsigned i = 0; i < c->tally.n; i++)
		if (gate->of >> c->tally.action[i] & 1 && __builtin_add_overflow(sum, vr_tally_at(&c->tally)[i]->total, &sum))
			return true;
	return (double)sum >= gate->least;
}

/* At a record of that action: can the rule's state change? A suppressed one waits for expr to be false, however that comes. */
static bool may_change(const struct vr_content *c, const struct vr_rule_state *s, const struct vr_rule_gate *gate,
	enum vr_action action, bool still)
{
	bool moved = gate->by >> action & 1;
	if (s)
		return moved || s->state == VR_ALERT_SUPPRESSED;
	return (moved || (gate->by_time && !still)) && may_hold(c, gate);
}

/* The same for all rules at once: mostly none can. */
static bool may_any_change(const struct vr_engine *e, const struct vr_content *c, enum vr_action action, bool still)
{
	if (c->n_rules == 0 && (double)c->counted < e->rules_least)
		return false;
	if (e->rules_by >> action & 1 || (e->rules_by_time && !still))
		return true;
	for (unsigned i = 0; i < c->n_rules; i++)
		if (c->rule[i].state == VR_ALERT_SUPPRESSED)
			return true;
	return false;
}

static enum vr_err judge_rule(struct vr_engine *e, const struct vr_look *l, const struct vr_rule *rule, int64_t offset)
{
	const struct vr_rule_state *s = vr_content_rule(l->c, vr_rule_key(rule));
	struct vr_judged j = vr_rule_judge(rule, vr_look_figure, l);
	if (!s)
		return judge_inactive(e, l, rule, &j, offset);
	if (s->state != VR_ALERT_SUPPRESSED)
		return vr_judge_open(e, l, rule, *s, &j, offset);
	if (!j.present)
		vr_content_rule_drop(l->c, vr_rule_key(rule));
	return VR_OK;
}

/* ------------------------------------------------ when to look again ----------------- */

enum vr_err vr_timer_set(struct vr_engine *e, struct vr_content *c)
{
	int64_t due = VR_NEVER;
	if (!vr_content_has_alert(c)) {
		vr_heap_remove(&e->timers, c);
		return VR_OK;
	}
	int64_t leave = vr_content_leave(c, &e->config.windows, e->stream);
	due = leave < due ? leave : due;
	for (unsigned i = 0; i < c->n_rules; i++) {
		int no = c->rule[i].state == VR_ALERT_PENDING && e->rules ? vr_rules_find(e->rules, c->rule[i].key) : -1;
		if (no < 0)
			continue;
		int64_t ripe = c->rule[i].since.ms + vr_rule_for(vr_rules_at(e->rules, (size_t)no)).ms;
		due = ripe < due ? ripe : due;
	}
	return vr_heap_set(&e->timers, c, due);
}

/* ------------------------------------------------ rule states of a content ------------- */

uint32_t vr_rule_since(const struct vr_engine *e, uint64_t key)
{
	const struct vr_since *s = e->since.at;
	for (size_t i = 0; i < e->since.n; i++)
		if (s[i].key == key)
			return s[i].no;
	return UINT32_MAX;
}

void vr_judge_loaded(struct vr_engine *e, struct vr_content *c)
{
	for (unsigned i = c->n_rules; i-- > 0;) {
		struct vr_rule_state s = c->rule[i];
		if (c->rules_no < vr_rule_since(e, s.key))
			vr_content_rule_drop(c, s.key);
		else
			vr_judge_count(e, s.state, +1);
	}
}

/* ------------------------------------------------ at a record --------------------------- */

enum vr_err vr_judge(struct vr_engine *e, struct vr_content *c, enum vr_action action, bool still, int64_t offset)
{
	struct vr_look l = {e, c, e->stream};
	bool looked = false;
	if (!e->rules || c->home == VR_HOME_ELSEWHERE)
		return VR_OK;
	if (!may_any_change(e, c, action, still)) {
		c->rules_no = e->rules_no;
		return c->timer_place && c->leave <= e->stream.ms ? vr_timer_set(e, c) : VR_OK;
	}
	size_t n = vr_rules_count(e->rules);
	for (size_t i = 0; i < n; i++) {
		const struct vr_rule *rule = vr_rules_at(e->rules, i);
		if (!may_change(c, c->n_rules ? vr_content_rule(c, vr_rule_key(rule)) : NULL, vr_rule_gate(rule), action, still))
			continue;
		looked = true;
		enum vr_err err = judge_rule(e, &l, rule, offset);
		if (err)
			return err;
	}
	c->rules_no = e->rules_no;
	if (looked)
		c->still = vr_content_leave(c, &e->config.windows, e->stream);
	return c->n_rules || c->timer_place ? vr_timer_set(e, c) : VR_OK;
}

enum vr_err vr_judge_before(struct vr_engine *e, struct vr_content *c)
{
	/* A content without a record has only zeros, yet a rule may hold for those. */
	if (!e->rules || c->home == VR_HOME_ELSEWHERE || c->rules_no == e->rules_no || (double)c->counted < e->rules_least)
		return VR_OK;
	struct vr_look l = {e, c, e->stream};
	size_t n = vr_rules_count(e->rules);
	for (size_t i = 0; i < n; i++) {
		const struct vr_rule *rule = vr_rules_at(e->rules, i);
		if (c->rules_no >= vr_rule_since(e, vr_rule_key(rule)) || !may_hold(c, vr_rule_gate(rule)))
			continue;
		if (!vr_rule_judge(rule, vr_look_figure, &l).present)
			continue;
		struct vr_rule_state s = {.key = vr_rule_key(rule), .since = e->stream, .state = VR_ALERT_SUPPRESSED};
		enum vr_err err = vr_content_rule_set(c, &e->pool, &s);
		if (err)
			return err;
	}
	return VR_OK;
}
