/* SPDX-License-Identifier: Apache-2.0 */
/* What expressions mean: precedence, presence, value and threshold, versions, templates. */
#include <math.h>
#include "rules_rig.h"
#include "virality/hash.h"
#include "virality/json.h"

static void precedence_is_that_of_promql(void **state)
{
	static const struct {
		const char *expr;
		bool present;
	} CASE[] = {
		{"shares_total + 2 * 3 == 16", true}, /* 10 + 6 */
		{"(shares_total + 2) * 3 == 36", true},
		{"shares_total - 3 - 2 == 5", true}, /* left associative */
		{"shares_total / 5 / 2 == 1", true},
		{"-shares_total + 11 == 1", true},
		{"- - shares_total == 10", true},
		{"-shares_total * 2 < -19", true},
		{"likes_total > 1 or shares_total > 1 and shares_total > 99", true}, /* or binds least */
		{"(likes_total > 1 or shares_total > 1) and shares_total > 99", false},
		{"shares_total > 1 and likes_total > 1 unless views_total > 0", false},
		{"shares_total > 1 unless views_total > 99", true},
		{"shares_total > likes_total > 9", true}, /* (10 > 5) is 10 */
		{"shares_total > likes_total > 10", false},
		{"shares_total >= 10 AND shares_total <= 10 Unless shares_total != 10", true},
		{"shares_total*2>likes_total*3", true},
		{"shares_total > 9.5e0 # a comment\n and likes_total > .5", true},
		{"shares_total > 1e2", false},
		{"0.3 * 10 == 3 * shares_total / 10", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASE) / sizeof(CASE[0]); i++)
		if (judge(CASE[i].expr).present != CASE[i].present)
			fail_msg("%s: expected %d", CASE[i].expr, CASE[i].present);
}

static void selectors_ask_for_what_they_name(void **state)
{
	static const struct {
		const char *expr;
		double value;
	} CASE[] = {
		{"shares{window=\"5m\"} > 0", 51},
		{"shares{window='1h',} > 0", 52},
		{"shares{ channel = `weibo`, window = \"1h\" } > 0", 152},
		{"events{window=\"1m\",action=\"view\"} > 0", 30},
		{"views{window=\"1m\"} > 0", 30},
		{"events_total{action=\"view\",channel=\"qq\"} > 0", 103},
		{"views_total > 0", 3},
		{"unique_sharers > 0", 7},
		{"max_depth > 0", 4},
		{"share_velocity > 0", 2.5},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASE) / sizeof(CASE[0]); i++)
		assert_number(judge(CASE[i].expr).value, CASE[i].value);
}

static void absence_spreads_as_in_promql(void **state)
{
	(void)state; /* mean_depth and root_share_fraction are unknown in the rig */
	assert_false(judge("mean_depth > 0").present);
	assert_false(judge("mean_depth <= 0 or mean_depth > 0").present);
	assert_false(judge("mean_depth + shares_total > 0").present);
	assert_false(judge("shares_total > 1 and mean_depth > 0").present);
	assert_true(judge("mean_depth > 0 or shares_total > 1").present);
	assert_true(judge("shares_total > 1 unless mean_depth > 0").present);
	assert_false(judge("mean_depth > 0 unless shares_total > 99").present);
	assert_true(judge("shares_total / conversions_total > 3").present);        /* 10 / 0 is +Inf */
	assert_false(judge("conversions_total / conversions_total >= 0").present); /* NaN */
}

static void value_and_threshold_are_the_sides_of_the_first_comparison(void **state)
{
	struct vr_judged j;

	(void)state;
	j = judge("shares_total > 4 * 2 and likes_total < 1");
	assert_false(j.present);
	assert_number(j.value, 10);
	assert_number(j.threshold, 8);
	j = judge("shares_total - (likes_total > 1) > 3"); /* the first in reading order is the inner one */
	assert_true(j.present);
	assert_number(j.value, 5);
	assert_number(j.threshold, 1);
	j = judge("shares_total > (likes_total > 1)"); /* the outer one */
	assert_number(j.value, 10);
	assert_number(j.threshold, 5);
	j = judge("mean_depth > 2");
	assert_true(isnan(j.value));
	assert_number(j.threshold, 2);
}

/* Counts how often it is asked; see rig_value for what is true. */
static bool counting_value(const void *entity, const struct vr_term *t, double *ret)
{
	(*(unsigned *)(uintptr_t)entity)++;
	return rig_value(NULL, t, ret);
}

static void a_side_that_cannot_matter_is_not_asked(void **state)
{
	static const struct { const char *expr; unsigned asked; bool present; } of[] = {
		{"shares_total > 100 and (likes_total > 1 or views_total > 1)", 1, false},
		{"shares_total > 1 and (likes_total > 1 or views_total > 1)", 2, true},
		{"shares_total > 1 and (likes_total > 100 or views_total > 1)", 3, true},
		{"shares_total > 100 or likes_total > 1", 2, true},
		{"shares_total > 100 unless likes_total > 1", 1, false},
		{"shares_total > 1 unless likes_total > 100", 2, true},
		/* The first comparison stands in the right side: its sides are told all the same. */
		{"mean_depth and shares_total > 1", 2, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		struct vr_rule_spec spec = spec_of(of[i].expr);
		struct vr_judged j;
		struct rig rig;
		unsigned asked = 0;

		compile(&rig, &spec, 1);
		j = vr_rule_judge(vr_rules_at(rig.set, 0), counting_value, &asked);
		assert_int_equal(j.present, of[i].present);
		assert_int_equal(asked, of[i].asked);
		assert_number(j.value, 10);
		rig_done(&rig);
	}
}

static void a_reset_expression_holds_a_firing_alert(void **state)
{
	struct vr_rule_spec spec = spec_of("shares_total > 9");
	struct rig rig;

	(void)state;
	spec.reset_expr = VR_STR("shares_total < 5");
	compile(&rig, &spec, 1);
	assert_false(vr_rule_may_reset(vr_rules_at(rig.set, 0), rig_value, NULL));
	rig_done(&rig);
	spec.reset_expr = VR_STR("likes_total <= 5");
	compile(&rig, &spec, 1);
	assert_true(vr_rule_may_reset(vr_rules_at(rig.set, 0), rig_value, NULL));
	rig_done(&rig);
	spec.reset_expr = (struct vr_str){0};
	compile(&rig, &spec, 1);
	assert_true(vr_rule_may_reset(vr_rules_at(rig.set, 0), rig_value, NULL));
	rig_done(&rig);
}

static uint64_t version_of(const char *expr, int64_t for_ms, const char *reset)
{
	struct vr_rule_spec spec = spec_of(expr);
	struct rig rig;
	uint64_t v, key;

	spec.for_.ms = for_ms;
	spec.reset_expr = vr_str_c(reset);
	compile(&rig, &spec, 1);
	v = vr_rule_version(vr_rules_at(rig.set, 0));
	key = vr_rule_key(vr_rules_at(rig.set, 0));
	assert_int_equal(vr_rules_find(rig.set, key), 0);
	assert_int_equal(vr_rules_find(rig.set, key + 1), -1);
	rig_done(&rig);
	return v;
}

static void the_version_is_the_hash_of_what_decides(void **state)
{
	uint64_t v = version_of("shares_total > 5 and likes_total > 1", 300000, "");

	(void)state;
	assert_true(v == vr_hash64((struct vr_str){"shares_total > 5 and likes_total > 1\000300000\0", 44}));
	assert_true(v == version_of(" shares_total  > 5\n\tand likes_total > 1\n", 300000, ""));
	assert_true(v != version_of("shares_total > 5 and likes_total > 1", 300001, ""));
	assert_true(v != version_of("shares_total > 5 and likes_total > 1", 300000, "likes_total < 1"));
}

static void labels_and_annotations_are_json_with_templates_filled(void **state)
{
	const struct vr_pair labels[] = {{VR_STR("severity"), VR_STR("page")}, {VR_STR("team"), VR_STR("a\"b")}};
	const struct vr_pair notes[] = {
		{VR_STR("summary"), VR_STR("{{$labels.title}}: {{ $value }} of {{ $threshold }}")},
		{VR_STR("who"), VR_STR("{{ $labels.alertname }}/{{ $labels.team }}/{{ $labels.channel }} {x}")},
	};
	struct vr_template_env env = {.value = 12.5,
		.threshold = 10,
		.content_id = VR_STR("c"),
		.title = VR_STR("T\"\n{{ $value }}"),
		.channel = VR_STR("qq")};
	struct vr_rule_spec spec = spec_of("shares_total > 1");
	struct vr_buf b;
	struct rig rig;

	(void)state;
	spec.labels = labels;
	spec.annotations = notes;
	spec.n_labels = spec.n_annotations = 2;
	compile(&rig, &spec, 1);
	vr_buf_init(&b, &rig.mem);
	vr_rule_labels_json(vr_rules_at(rig.set, 0), &b);
	assert_str(vr_buf_str(&b), "{\"severity\":\"page\",\"team\":\"a\\\"b\"}");
	vr_buf_clear(&b);
	vr_rule_annotations_json(vr_rules_at(rig.set, 0), &env, &b);
	assert_str(
		vr_buf_str(&b), "{\"summary\":\"T\\\"\\n{{ $value }}: 12.5 of 10\",\"who\":\"R/a\\\"b/qq {x}\"}");
	assert_str(vr_rule_severity(vr_rules_at(rig.set, 0)), "page");
	vr_buf_done(&b);
	rig_done(&rig);
}

static void numbers_are_written_as_people_do(void **state)
{
	static const struct {
		double v;
		const char *text;
	} CASE[] = {
		{0, "0"},
		{-0.0, "0"},
		{-1e-9, "0"},
		{12, "12"},
		{1e15, "1000000000000000"},
		{12.5, "12.5"},
		{-0.125, "-0.125"},
		{1.0 / 3, "0.333333"},
		{100, "100"},
		{NAN, "NaN"},
		{INFINITY, "+Inf"},
		{-INFINITY, "-Inf"},
	};
	struct vr_mem mem = vr_mem_heap();
	struct vr_buf b;

	(void)state;
	vr_buf_init(&b, &mem);
	for (size_t i = 0; i < sizeof(CASE) / sizeof(CASE[0]); i++) {
		vr_buf_clear(&b);
		vr_value_text(CASE[i].v, &b);
		assert_str(vr_buf_str(&b), CASE[i].text);
	}
	vr_buf_done(&b);
}

static void warns_of_rules_that_time_alone_could_begin(void **state)
{
	static const struct {
		const char *expr;
		bool falling;
	} CASE[] = {
		{"shares{window=\"5m\"} > 5", false},
		{"shares{window=\"5m\"} < 5", true},
		{"shares{window=\"5m\"} == 5", true},
		{"5 > shares{window=\"5m\"}", true},
		{"5 < shares{window=\"5m\"}", false},
		{"shares_total < 5", false},
		{"root_share_fraction < 0.5 and shares_total > 5", false},
		{"share_velocity <= 1", true},
		{"-shares{window=\"5m\"} > -5", true},
		{"0 - shares{window=\"5m\"} < -5", false},
		{"shares{window=\"5m\"} * 12 > 3 * shares{window=\"1h\"}", true},
		{"shares{window=\"5m\"} * -1 > -5", true},
		{"shares_total / likes{window=\"5m\"} > 5", true},
		{"shares{window=\"5m\"} / likes_total > 5", false},
		{"shares_total > 5 unless shares{window=\"5m\"} > 5", true},
		{"shares_total > 5 unless shares{window=\"5m\"} < 5", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASE) / sizeof(CASE[0]); i++) {
		struct vr_rule_spec spec = spec_of(CASE[i].expr);
		struct rig rig;
		compile(&rig, &spec, 1);
		if (vr_rule_may_begin_by_falling(vr_rules_at(rig.set, 0)) != CASE[i].falling)
			fail_msg("%s: expected %d", CASE[i].expr, CASE[i].falling);
		rig_done(&rig);
	}
}

static void a_set_without_rules_is_fine(void **state)
{
	struct rig rig;

	(void)state;
	compile(&rig, NULL, 0);
	assert_int_equal(vr_rules_count(rig.set), 0);
	rig_done(&rig);
	vr_rules_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(precedence_is_that_of_promql),
		cmocka_unit_test(selectors_ask_for_what_they_name),
		cmocka_unit_test(absence_spreads_as_in_promql),
		cmocka_unit_test(value_and_threshold_are_the_sides_of_the_first_comparison),
		cmocka_unit_test(a_side_that_cannot_matter_is_not_asked),
		cmocka_unit_test(a_reset_expression_holds_a_firing_alert),
		cmocka_unit_test(the_version_is_the_hash_of_what_decides),
		cmocka_unit_test(labels_and_annotations_are_json_with_templates_filled),
		cmocka_unit_test(numbers_are_written_as_people_do),
		cmocka_unit_test(warns_of_rules_that_time_alone_could_begin),
		cmocka_unit_test(a_set_without_rules_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
