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
 * Time alone ripens and ends, never begins. Between records, contents with a pending or firing alert are
 * judged at each moment at which one of their buckets leaves, and when `for` is over: `timers` holds those
 * contents, by (moment, id).                                                                              */
#include <math.h>

#include "engine_parts.h"

/* Whose figures, at which stream time. */
struct look { const struct vr_engine *e; struct vr_content *c; struct vr_wall now; };

/* ------------------------------------------------ figures for expressions --------------- */

static bool total_of(const struct look *l, const struct vr_term *t, double *ret)
{
	if (t->channel.n == 0) {
		*ret = (double)vr_tally_total(&l->c->tally, t->action);
		return true;
	}
	const struct vr_channel *ch = vr_channel_find(l->e, t->channel);
	const struct vr_chan *chan = ch ? vr_content_chan(l->c, ch->number) : NULL;
	*ret = chan ? (double)vr_chan_total(chan, t->action) : 0;
	return true;
}

static uint64_t window_value(const struct look *l, const struct vr_term *t)
{
	const struct vr_windows *w = &l->e->config.windows;
	if (t->channel.n == 0)
		return vr_tally_window(&l->c->tally, w, t->action, t->window, l->now);
	const struct vr_channel *ch = vr_channel_find(l->e, t->channel);
	const struct vr_chan *chan = ch ? vr_content_chan(l->c, ch->number) : NULL;
	if (!chan || !chan->share)
		return 0;
	return vr_ring_value_at(&chan->share->ring[t->window], w->width_ms[t->window], l->now.ms);
}

static bool depth_of(const struct look *l, enum vr_metric metric, double *ret)
{
	const struct vr_content *c = l->c;
	if (c->depth_n == 0)
		return false;
	if (metric == VR_METRIC_MAX_DEPTH)
		*ret = c->depth_max;
	else
		*ret = (double)(metric == VR_METRIC_MEAN_DEPTH ? c->depth_sum : c->depth_roots) / (double)c->depth_n;
	return true;
}

static bool figure_of(const void *entity, const struct vr_term *t, double *ret)
{
	const struct look *l = entity;
	struct vr_term shortest = {.metric = VR_METRIC_WINDOW, .action = VR_ACTION_SHARE};
	switch (t->metric) {
	case VR_METRIC_TOTAL:
		return total_of(l, t, ret);
	case VR_METRIC_WINDOW:
		*ret = (double)window_value(l, t);
		return true;
	case VR_METRIC_UNIQUE_SHARERS:
		*ret = (double)vr_content_uniques(l->c);
		return *ret > 0;
	case VR_METRIC_SHARE_VELOCITY:
		*ret = vr_velocity(&l->e->config.windows, window_value(l, &shortest));
		return true;
	case VR_METRIC_MEAN_DEPTH:
	case VR_METRIC_MAX_DEPTH:
	case VR_METRIC_ROOT_SHARE_FRACTION:
		return depth_of(l, t->metric, ret);
	}
	return false;
}

/* ------------------------------------------------ what is said -------------------------- */

static struct vr_str keep(struct vr_engine *e, struct vr_str s)
{
	struct vr_str copy = {NULL, 0};
	if (s.n > 0 && vr_arena_dup(&e->texts, s, &copy))
		e->broken = true;
	return copy;
}

static void fill_names(struct vr_engine *e, const struct vr_content *c, const struct vr_rule *rule, struct vr_alert *a)
{
	int top = vr_content_top_channel(c, vr_engine_channel_name, e);
	a->alertname = vr_rule_name(rule);
	a->severity = vr_rule_severity(rule);
	a->content_id = c->id;
	a->title = c->title;
	a->channel = top < 0 ? VR_STR("") : vr_engine_channel_name(e, (uint16_t)top);
	a->topic = e->config.topic;
	a->partition = e->config.partition;
	a->rule_version = vr_rule_version(rule);
}

static void make_id(struct vr_engine *e, struct vr_alert *a)
{
	(void)vr_engine_buf(e, &e->scratch);
	vr_buf_c(&e->scratch, "content:");
	vr_buf_str_add(&e->scratch, a->content_id);
	vr_alert_id(a->alertname, a->rule_version, vr_buf_str(&e->scratch), a->topic, a->partition, a->starts, a->offset, a->id);
}

/* Everything of an alert but its state: texts live until the cut is committed. */
static void describe(struct vr_engine *e, struct vr_content *c, const struct vr_rule *rule, const struct vr_rule_state *s,
	const struct vr_judged *j, struct vr_alert *a)
{
	fill_names(e, c, rule, a);
	a->starts = s->since;
	a->offset = s->offset;
	a->value = j->value;
	a->threshold = j->threshold;
	make_id(e, a);
	struct vr_template_env env = {a->value, a->threshold, c->id, c->title, c->url, a->channel};
	(void)vr_engine_buf(e, &e->scratch);
	vr_rule_labels_json(rule, &e->scratch);
	a->labels = keep(e, vr_buf_str(&e->scratch));
	(void)vr_engine_buf(e, &e->scratch);
	vr_rule_annotations_json(rule, &env, &e->scratch);
	a->annotations = keep(e, vr_buf_str(&e->scratch));
	a->alertname = keep(e, a->alertname);
	a->severity = keep(e, a->severity);
	a->content_id = keep(e, a->content_id);
	a->title = keep(e, a->title);
	a->channel = keep(e, a->channel);
	if (s->state == VR_ALERT_PENDING)
		a->due = vr_wall_add(s->since, vr_rule_for(rule));
}

static void count_state(struct vr_engine *e, uint8_t state, int by)
{
	if (state == VR_ALERT_PENDING)
		e->n_pending = (uint64_t)((int64_t)e->n_pending + by);
	if (state == VR_ALERT_FIRING)
		e->n_firing = (uint64_t)((int64_t)e->n_firing + by);
}

/* One step of the drawing above: the new state is kept, and the transition waits for the cut. */
static enum vr_err move(struct vr_engine *e, const struct look *l, const struct vr_rule *rule, struct vr_rule_state s,
	enum vr_alert_state to, enum vr_alert_reason reason, const struct vr_judged *j, int64_t at_offset)
{
	struct vr_alert *a = vr_list_push(&e->alerts, &e->pool_mem, sizeof(*a));
	if (!a)
		return VR_E_NOMEM;
	a->was_firing = s.state == VR_ALERT_FIRING;
	a->begins = s.state == VR_ALERT_INACTIVE;
	count_state(e, s.state, -1);
	s.state = (uint8_t)to;
	count_state(e, s.state, +1);
	describe(e, l->c, rule, &s, j, a);
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

static enum vr_err judge_inactive(struct vr_engine *e, const struct look *l, const struct vr_rule *rule,
	const struct vr_judged *j, int64_t offset)
{
	if (!j->present)
		return VR_OK;
	struct vr_rule_state s = {.key = vr_rule_key(rule), .since = l->now, .offset = offset};
	enum vr_alert_state to = vr_rule_for(rule).ms > 0 ? VR_ALERT_PENDING : VR_ALERT_FIRING;
	return move(e, l, rule, s, to, VR_REASON_NONE, j, offset);
}

/* What a look may change for an alert that is there: it ends, or it goes on. */
static enum vr_err judge_open(struct vr_engine *e, const struct look *l, const struct vr_rule *rule, struct vr_rule_state s,
	const struct vr_judged *j, int64_t at_offset)
{
	if (j->present)
		return VR_OK;
	if (s.state == VR_ALERT_PENDING)
		return move(e, l, rule, s, VR_ALERT_INACTIVE, VR_REASON_NONE, j, at_offset);
	if (!vr_rule_may_reset(rule, figure_of, l))
		return VR_OK;
	return move(e, l, rule, s, VR_ALERT_RESOLVED, VR_REASON_NONE, j, at_offset);
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

static enum vr_err judge_rule(struct vr_engine *e, const struct look *l, const struct vr_rule *rule, int64_t offset)
{
	const struct vr_rule_state *s = vr_content_rule(l->c, vr_rule_key(rule));
	struct vr_judged j = vr_rule_judge(rule, figure_of, l);
	if (!s)
		return judge_inactive(e, l, rule, &j, offset);
	if (s->state != VR_ALERT_SUPPRESSED)
		return judge_open(e, l, rule, *s, &j, offset);
	if (!j.present)
		vr_content_rule_drop(l->c, vr_rule_key(rule));
	return VR_OK;
}

/* ------------------------------------------------ at a record --------------------------- */

enum vr_err vr_judge(struct vr_engine *e, struct vr_content *c, enum vr_action action, bool still, int64_t offset)
{
	struct look l = {e, c, e->stream};
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
	struct look l = {e, c, e->stream};
	size_t n = vr_rules_count(e->rules);
	for (size_t i = 0; i < n; i++) {
		const struct vr_rule *rule = vr_rules_at(e->rules, i);
		if (c->rules_no >= vr_rule_since(e, vr_rule_key(rule)) || !may_hold(c, vr_rule_gate(rule)))
			continue;
		if (!vr_rule_judge(rule, figure_of, &l).present)
			continue;
		struct vr_rule_state s = {.key = vr_rule_key(rule), .since = e->stream, .state = VR_ALERT_SUPPRESSED};
		enum vr_err err = vr_content_rule_set(c, &e->pool, &s);
		if (err)
			return err;
	}
	return VR_OK;
}

/* ------------------------------------------------ between records ----------------------- */

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

static enum vr_err buckets_leave(struct vr_engine *e, const struct look *l, int64_t at_offset)
{
	size_t n = vr_rules_count(e->rules);
	for (size_t i = 0; i < n; i++) {
		const struct vr_rule *rule = vr_rules_at(e->rules, i);
		const struct vr_rule_state *s = vr_content_rule(l->c, vr_rule_key(rule));
		if (!s || s->state == VR_ALERT_SUPPRESSED)
			continue;
		struct vr_judged j = vr_rule_judge(rule, figure_of, l);
		enum vr_err err = judge_open(e, l, rule, *s, &j, at_offset);
		if (err)
			return err;
	}
	return VR_OK;
}

static enum vr_err for_is_over(struct vr_engine *e, const struct look *l, int64_t at_offset)
{
	size_t n = vr_rules_count(e->rules);
	for (size_t i = 0; i < n; i++) {
		const struct vr_rule *rule = vr_rules_at(e->rules, i);
		const struct vr_rule_state *s = vr_content_rule(l->c, vr_rule_key(rule));
		if (!s || s->state != VR_ALERT_PENDING || l->now.ms - s->since.ms < vr_rule_for(rule).ms)
			continue;
		struct vr_judged j = vr_rule_judge(rule, figure_of, l);
		enum vr_err err = move(e, l, rule, *s, VR_ALERT_FIRING, VR_REASON_NONE, &j, at_offset);
		if (err)
			return err;
	}
	return VR_OK;
}

enum vr_err vr_timers_until(struct vr_engine *e, struct vr_wall until, int64_t at_offset)
{
	int64_t due;
	struct vr_content *c;
	while ((c = vr_heap_top(&e->timers, &due)) != NULL && due <= until.ms && due < VR_NEVER) {
		/* Stream time goes through the due moments one by one, so that each is judged at its own time. */
		e->stream = vr_wall_max(e->stream, (struct vr_wall){due});
		struct look l = {e, c, e->stream};
		enum vr_err err = buckets_leave(e, &l, at_offset);
		if (!err)
			err = for_is_over(e, &l, at_offset);
		if (!err)
			err = vr_timer_set(e, c);
		if (err)
			return err;
	}
	return VR_OK;
}

/* ------------------------------------------------ ends that nobody judged --------------- */

static enum vr_err end_rule(struct vr_engine *e, struct vr_content *c, const struct vr_rule *rule, struct vr_rule_state s,
	enum vr_alert_reason reason, int64_t at_offset)
{
	struct look l = {e, c, e->stream};
	struct vr_judged j = vr_rule_judge(rule, figure_of, &l);
	enum vr_alert_state to = s.state == VR_ALERT_FIRING ? VR_ALERT_RESOLVED : VR_ALERT_INACTIVE;
	return move(e, &l, rule, s, to, reason, &j, at_offset);
}

enum vr_err vr_judge_end(struct vr_engine *e, struct vr_content *c, enum vr_alert_reason reason, int64_t at_offset)
{
	size_t n = e->rules ? vr_rules_count(e->rules) : 0;
	for (size_t i = 0; i < n; i++) {
		const struct vr_rule *rule = vr_rules_at(e->rules, i);
		const struct vr_rule_state *s = vr_content_rule(c, vr_rule_key(rule));
		if (!s || s->state == VR_ALERT_SUPPRESSED)
			continue;
		enum vr_err err = end_rule(e, c, rule, *s, reason, at_offset);
		if (err)
			return err;
	}
	return vr_timer_set(e, c);
}

/* ------------------------------------------------ another set of rules ------------------ */

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
			count_state(e, s.state, +1);
	}
}

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

static enum vr_err drop_gone(struct vr_engine *e, struct vr_content *c, const struct vr_rules *next, int64_t at_offset)
{
	size_t n = vr_rules_count(e->rules);
	for (size_t i = 0; i < n; i++) {
		const struct vr_rule *rule = vr_rules_at(e->rules, i);
		const struct vr_rule_state *s = vr_content_rule(c, vr_rule_key(rule));
		if (!s || s->state == VR_ALERT_SUPPRESSED || vr_rules_find(next, vr_rule_key(rule)) >= 0)
			continue;
		enum vr_err err = end_rule(e, c, rule, *s, VR_REASON_RULE_REMOVED, at_offset);
		if (err)
			return err;
	}
	return VR_OK;
}

static enum vr_err resolve_gone(struct vr_engine *e, const struct vr_rules *next, int64_t at_offset)
{
	struct vr_list list = {0};
	enum vr_err err = vr_alerting(e, &list);
	for (size_t i = 0; i < list.n && !err; i++)
		err = drop_gone(e, ((struct vr_content **)list.at)[i], next, at_offset);
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

static void tell_active(struct vr_engine *e, struct vr_content *c, void (*each)(void *ctx, const struct vr_alert *a), void *ctx)
{
	size_t n = e->rules ? vr_rules_count(e->rules) : 0;
	for (size_t i = 0; i < n; i++) {
		const struct vr_rule *rule = vr_rules_at(e->rules, i);
		const struct vr_rule_state *s = vr_content_rule(c, vr_rule_key(rule));
		if (!s || s->state == VR_ALERT_SUPPRESSED)
			continue;
		struct look l = {e, c, e->stream};
		struct vr_judged j = vr_rule_judge(rule, figure_of, &l);
		struct vr_alert a = {.state = s->state, .updated = e->stream, .at_offset = s->offset};
		describe(e, c, rule, s, &j, &a);
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
