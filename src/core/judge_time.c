/* SPDX-License-Identifier: Apache-2.0 */
/* judge_time.c - between records: the moments at which a bucket leaves, and when `for` is over. `timers` holds the contents
 * with a pending or firing alert, by (moment, id). */
#include "judge.h"

static enum vr_err buckets_leave(struct vr_engine *e, const struct vr_look *l, int64_t at_offset)
{
	size_t n = vr_rules_count(e->rules);
	for (size_t i = 0; i < n; i++) {
		const struct vr_rule *rule = vr_rules_at(e->rules, i);
		const struct vr_rule_state *s = vr_judge_alert(l->c, rule);
		if (!s)
			continue;
		struct vr_judged j = vr_rule_judge(rule, vr_look_figure, l);
		enum vr_err err = vr_judge_open(e, l, rule, *s, &j, at_offset);
		if (err)
			return err;
	}
	return VR_OK;
}

static enum vr_err for_is_over(struct vr_engine *e, const struct vr_look *l, int64_t at_offset)
{
	size_t n = vr_rules_count(e->rules);
	for (size_t i = 0; i < n; i++) {
		const struct vr_rule *rule = vr_rules_at(e->rules, i);
		const struct vr_rule_state *s = vr_content_rule(l->c, vr_rule_key(rule));
		if (!s || s->state != VR_ALERT_PENDING || l->now.ms - s->since.ms < vr_rule_for(rule).ms)
			continue;
		struct vr_judged j = vr_rule_judge(rule, vr_look_figure, l);
		enum vr_err err = vr_judge_move(e, l, rule, *s, VR_ALERT_FIRING, VR_REASON_NONE, &j, at_offset);
		if (err)
			return err;
	}
	return VR_OK;
}

/* Stream time goes through the due moments one by one, so that each is judged at its own time. */
static enum vr_err come_due(struct vr_engine *e, struct vr_content *c, int64_t due, int64_t at_offset)
{
	e->stream = vr_wall_max(e->stream, (struct vr_wall){due});
	struct vr_look l = {e, c, e->stream};
	enum vr_err err = buckets_leave(e, &l, at_offset);
	if (!err)
		err = for_is_over(e, &l, at_offset);
	return err ? err : vr_timer_set(e, c);
}

static bool is_any_due(const struct vr_engine *e, struct vr_wall until)
{
	int64_t due;
	return vr_heap_top(&e->timers, &due) && due <= until.ms && due < VR_NEVER;
}

static __attribute__((noinline)) enum vr_err run_until(struct vr_engine *e, struct vr_wall until, int64_t at_offset)
{
	enum vr_err err = VR_OK;
	while (!err && is_any_due(e, until)) {
		int64_t due;
		struct vr_content *c = vr_heap_top(&e->timers, &due);
		err = come_due(e, c, due, at_offset);
	}
	return err;
}

enum vr_err vr_timers_until(struct vr_engine *e, struct vr_wall until, int64_t at_offset)
{
	return is_any_due(e, until) ? run_until(e, until, at_offset) : VR_OK;
}
