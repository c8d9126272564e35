/* SPDX-License-Identifier: Apache-2.0 */
/* When a rule need not be asked: known gates, and random expressions over random figures, where a gate must never hide
 * an expression that is present. */
#include "rules_rig.h"

enum { SHARE = 1 << VR_ACTION_SHARE, UNSHARE = 1 << VR_ACTION_UNSHARE, LIKE = 1 << VR_ACTION_LIKE, VIEW = 1 << VR_ACTION_VIEW };

static void gates_of_known_expressions(void **state)
{
	static const struct {
		const char *expr;
		uint32_t by, of;
		double least;
		bool by_time;
	} CASE[] = {
		{"shares{window=\"5m\"} >= 100 and mean_depth > 1.5", SHARE | UNSHARE, SHARE | UNSHARE, 100, false},
		{"100 <= shares{window=\"5m\"}", SHARE | UNSHARE, SHARE | UNSHARE, 100, false},
		{"likes_total * 2 > 8", LIKE, LIKE, 4, false},
		{"likes_total / 2 > 8", LIKE, LIKE, 16, false},
		{"(likes_total + views_total) * 10 > shares_total and likes_total + views_total >= 20", LIKE | VIEW | SHARE | UNSHARE,
			LIKE | VIEW, 20, false},
		{"likes_total + 3 >= 10", LIKE, LIKE, 7, false},
		{"likes_total - 3 >= 10", LIKE, LIKE, 13, false},
		{"likes_total - views_total >= 10", LIKE | VIEW, LIKE, 10, false},
		{"likes_total > 5 or views_total > 3", LIKE | VIEW, LIKE | VIEW, 3, false},
		{"likes_total > 5 or unique_sharers > 3", LIKE | SHARE | UNSHARE, LIKE, 0, false},
		{"likes_total > 5 unless views_total > 3", LIKE | VIEW, LIKE, 5, false},
		{"likes_total < 5", LIKE, 0, 0, false},
		{"likes{window=\"1m\"} < 5", LIKE, 0, 0, true},
		{"-likes_total > -5", LIKE, 0, 0, false},
		{"share_velocity > 3", SHARE | UNSHARE, 0, 0, false},
		{"likes_total == 7", LIKE, LIKE, 7, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASE) / sizeof(CASE[0]); i++) {
		struct vr_rule_spec spec = spec_of(CASE[i].expr);
		struct rig rig;
		compile(&rig, &spec, 1);
		const struct vr_rule_gate *g = vr_rule_gate(vr_rules_at(rig.set, 0));
		bool near = g->least <= CASE[i].least && g->least >= CASE[i].least * 0.999;
		if (g->by != CASE[i].by || g->by_time != CASE[i].by_time || !near || (CASE[i].least > 0 && g->of != CASE[i].of))
			fail_msg("%s: by %x of %x least %g by_time %d", CASE[i].expr, g->by, g->of, g->least, g->by_time);
		rig_done(&rig);
	}
}

static void a_reset_expression_is_asked_for_its_actions_too(void **state)
{
	struct vr_rule_spec spec = spec_of("likes_total > 5");
	struct rig rig;

	(void)state;
	spec.reset_expr = VR_STR("views{window=\"1m\"} < 2");
	compile(&rig, &spec, 1);
	assert_int_equal(vr_rule_gate(vr_rules_at(rig.set, 0))->by, LIKE | VIEW);
	rig_done(&rig);
}

/* ---- random ones ---- */

static const char *const actions[] = {"share", "like", "view", "unshare"};
static const enum vr_action numbers[] = {VR_ACTION_SHARE, VR_ACTION_LIKE, VR_ACTION_VIEW, VR_ACTION_UNSHARE};

static void random_term(struct vr_rng *rng, char *out, size_t size)
{
	unsigned a = (unsigned)vr_rng_below(rng, 4), kind = (unsigned)vr_rng_below(rng, 4);

	if (kind == 0)
		(void)snprintf(out, size, "%d", (int)vr_rng_below(rng, 9));
	else if (kind == 1)
		(void)snprintf(out, size, "events_total{action=\"%s\"}", actions[a]);
	else
		(void)snprintf(out, size, "events{action=\"%s\",window=\"%s\"}", actions[a], kind == 2 ? "1m" : "1h");
}

static void random_expr(struct vr_rng *rng, unsigned depth, bool compare, char *out, size_t size)
{
	static const char *const sets[] = {"and", "or", "unless"}, *const sums[] = {"+", "-", "*", "/"};
	static const char *const orders[] = {">", ">=", "<", "<=", "==", "!="};
	char left[400], right[400];
	bool set = compare && depth > 1 && vr_rng_below(rng, 2);

	if (depth == 0) {
		random_term(rng, out, size);
		return;
	}
	random_expr(rng, depth - 1, set, left, sizeof(left));
	random_expr(rng, depth - 1, set, right, sizeof(right));
	(void)snprintf(out, size, "(%s) %s (%s)", left,
		set ? sets[vr_rng_below(rng, 3)] : compare ? orders[vr_rng_below(rng, 6)] : sums[vr_rng_below(rng, 4)], right);
}

/* What was counted ever, and what windows and totals may show of it. */
struct world { uint64_t ever[VR_ACTIONS_MAX], window[VR_ACTIONS_MAX][3], total[VR_ACTIONS_MAX]; };

static void random_world(struct vr_rng *rng, struct world *w)
{
	memset(w, 0, sizeof(*w));
	for (unsigned i = 0; i < 4; i++) {
		enum vr_action a = numbers[i];
		w->total[a] = w->ever[a] = vr_rng_below(rng, 12);
		w->window[a][2] = vr_rng_below(rng, w->ever[a] + 1);
		w->window[a][0] = vr_rng_below(rng, w->window[a][2] + 1);
	}
	uint64_t back = w->ever[VR_ACTION_UNSHARE], shares = w->ever[VR_ACTION_SHARE];
	w->total[VR_ACTION_SHARE] = shares - (back < shares ? back : shares);
}

static bool world_value(const void *entity, const struct vr_term *t, double *ret)
{
	const struct world *w = entity;

	*ret = (double)(t->metric == VR_METRIC_TOTAL ? w->total[t->action] : w->window[t->action][t->window]);
	return true;
}

static void check_gate(const struct vr_rule *rule, const char *expr, struct vr_rng *rng)
{
	const struct vr_rule_gate *g = vr_rule_gate(rule);
	struct world w, moved;
	uint64_t sum = 0;

	random_world(rng, &w);
	for (unsigned a = 0; a < VR_ACTIONS_MAX; a++)
		sum += g->of >> a & 1 ? w.total[a] : 0;
	bool present = vr_rule_judge(rule, world_value, &w).present;
	if (present && (double)sum < g->least)
		fail_msg("%s: present, with %d events of %x; the gate wants %g", expr, (int)sum, g->of, g->least);
	random_world(rng, &moved);
	for (unsigned a = 0; a < VR_ACTIONS_MAX; a++) {
		if (!(g->by >> a & 1))
			continue;
		moved.total[a] = w.total[a];
		memcpy(moved.window[a], w.window[a], sizeof(w.window[a]));
	}
	if (vr_rule_judge(rule, world_value, &moved).present != present)
		fail_msg("%s: changes by an action that is not in %x", expr, g->by);
}

static void no_gate_hides_what_is_present(void **state)
{
	struct vr_rng rng = vr_rng_new();
	unsigned bounded = 0;

	(void)state;
	for (int i = 0; i < 4000; i++) {
		char expr[1024];
		struct vr_rule_error at[4];
		struct vr_rule_errors errors = {.at = at, .cap = 4};
		struct vr_mem mem = vr_mem_heap();
		struct vr_rules *set;
		random_expr(&rng, 1 + (unsigned)vr_rng_below(&rng, 3), true, expr, sizeof(expr));
		struct vr_rule_spec spec = spec_of(expr);
		if (vr_rules_compile(&spec, 1, &rig_windows, &mem, &set, &errors))
			continue;	/* without a figure */
		for (int k = 0; k < 50; k++)
			check_gate(vr_rules_at(set, 0), expr, &rng);
		bounded += vr_rule_gate(vr_rules_at(set, 0))->least > 0;
		vr_rules_free(set);
	}
	assert_true(bounded > 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gates_of_known_expressions),
		cmocka_unit_test(a_reset_expression_is_asked_for_its_actions_too),
		cmocka_unit_test(no_gate_hides_what_is_present),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
