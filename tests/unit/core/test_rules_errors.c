/* SPDX-License-Identifier: Apache-2.0 */
/* What is refused, where, and with which words. */
#include "rules_rig.h"

static struct vr_rule_error at[16];
static struct vr_rule_errors errors;

static void refuse(const struct vr_rule_spec *specs, size_t n)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_rules *set = NULL;

	errors = (struct vr_rule_errors){.at = at, .cap = 16};
	assert_int_equal(vr_rules_compile(specs, n, &rig_windows, &mem, &set, &errors), VR_E_CONFIG);
	assert_null(set);
	assert_int_equal(mem.used, 0);
	assert_true(errors.n > 0);
}

static void expect(size_t i, uint32_t line, uint32_t column, const char *part)
{
	if (!strstr(at[i].text, part))
		fail_msg("error %zu: got `%s`, expected `%s`", i, at[i].text, part);
	if (at[i].pos.line != line || at[i].pos.column != column)
		fail_msg("error %zu `%s`: at %u:%u, expected %u:%u", i, at[i].text, at[i].pos.line, at[i].pos.column,
			line, column);
}

static void each_mistake_is_named_where_it_stands(void **state)
{
	static const struct {
		const char *expr;
		unsigned column;
		const char *part;
	} CASE[] = {
		{"sharess{window=\"5m\"} > 1", 0, "unknown metric `sharess`; did you mean `shares`?"},
		{"shares_total > reproduction_number", 15, "unknown metric `reproduction_number`; expected one of"},
		{"shares{window=\"7m\"} > 1", 14, "unknown window `7m`; configured are: 1m 5m 1h"},
		{"shares > 1", 0,
			"`shares` needs a window; expected shares{window=\"...\"} with one of: 1m 5m 1h (or "
			"shares_total"},
		{"shares{windw=\"5m\"} > 1", 7, "unknown label `windw`; did you mean `window`?"},
		{"likes{window=\"5m\",channel=\"qq\"} > 1", 18,
			"only shares are kept by channel and window; expected shares, or likes_total"},
		{"events{window=\"5m\",channel=\"qq\",action=\"like\"} > 1", 27,
			"only shares are kept by channel and window"},
		{"shares_total{window=\"5m\"} > 1", 13, "metric `shares_total` has no label `window`"},
		{"unique_sharers{channel=\"qq\"} > 1", 15, "metric `unique_sharers` has no label `channel`"},
		{"events_total > 1", 0,
			"`events_total` needs an action; expected for example events_total{action=\"share\"}"},
		{"events_total{action=\"shares\"} > 1", 20, "unknown action `shares`; did you mean `share`?"},
		{"shares_total{channel=\"QQ\"} > 1", 21, "can never match; expected lower-case"},
		{"shares_total{channel=\"\"} > 1", 21, "expected 1 to 64 bytes"},
		{"shares_total{channel=\"a\",channel=\"b\"} > 1", 25, "label `channel` is there twice"},
		{"shares_total", 0, "no comparison, so it would always be true"},
		{"shares_total > 1 or likes_total", 0, "one side of `or` has no comparison"},
		{"1 > 2 and shares_total > 1", 2, "both sides of `>` are plain numbers"},
		{"shares_total > 1 and 2", 17, "a side of `and` is a plain number"},
		{"shares_total > bool 1", 15, "`bool` is not supported"},
		{"rate(shares_total) > 1", 0, "there are no functions"},
		{"shares[5m] > 1", 6, "write the window as a label"},
		{"shares_total % 2 > 1", 13, "`%` is not supported"},
		{"shares_total{channel=~\"q.*\"} > 1", 20, "matched with = only"},
		{"shares_total{channel!=\"q\"} > 1", 20, "found `!=`; expected `=`"},
		{"shares_total >", 14, "the expression ends here; expected a metric, a number or `(`"},
		{"", 0, "the expression ends here"},
		{"(shares_total > 1", 17, "the expression ends here; expected an operator or `)`"},
		{"shares_total > 1)", 16, "found `)`; expected an operator or the end"},
		{"shares_total > 1 2", 17, "found `2`; expected an operator or the end"},
		{"shares_total{channel=qq} > 1", 21, "found `qq`; expected the label's value in quotes"},
		{"shares_total{channel=\"qq > 1", 21, "has no closing quote"},
		{"shares_total{channel=\"\\n\"} > 1", 21, "has a backslash"},
		{"shares_total > 5m", 15, "`5m` is not a number"},
		{"shares_total > 1.2.3", 15, "`1.2.3` is not a number"},
		{"shares_total > 1234567890123456789", 15, "more than 15 digits"},
		{"shares_total > 1e99", 15, "more than 15 digits or 22 decimal places"},
		{"shares_total \xe2\x89\xa5 1", 13, "`\xe2\x89\xa5` has no meaning here"},
		{"shares_total = 1", 13, "found `=`; expected an operator"},
		{"and", 0, "found `and`; expected a metric"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASE) / sizeof(CASE[0]); i++) {
		struct vr_rule_spec spec = spec_of(CASE[i].expr);
		refuse(&spec, 1);
		expect(0, 4, 11 + CASE[i].column, CASE[i].part);
		if (errors.n != 1)
			fail_msg("%s: also `%s`", CASE[i].expr, at[1].text);
	}
}

static void all_mistakes_of_all_rules_come_at_once(void **state)
{
	struct vr_rule_spec specs[3] = {spec_of("sharess_total > 1\n  and likes > 2"), spec_of("views_total < 3"),
		spec_of("views_total > 3")};

	(void)state;
	specs[1].reset_expr = VR_STR("viewz_total > 1");
	specs[1].for_.ms = -1;
	specs[2].alert = VR_STR("9lives");
	refuse(specs, 3);
	assert_int_equal(errors.n, 6);
	expect(0, 4, 11, "did you mean `shares_total`");
	expect(1, 5, 17, "`likes` needs a window");
	expect(2, 3, 5, "negative");
	expect(3, 3, 5, "a rule named `R` is there already, in `r.yaml` line 3");
	expect(4, 5, 17, "did you mean `views_total`");
	expect(5, 3, 5, "`9lives` is not a name");
}

static void an_unknown_column_stays_unknown(void **state)
{
	struct vr_rule_spec spec = spec_of("likes_total > 1\nand\nlikes > 2");

	(void)state;
	spec.expr_pos.column = 0;
	refuse(&spec, 1);
	expect(0, 6, 0, "needs a window");
}

static void labels_and_templates_are_checked(void **state)
{
	const struct vr_pair labels[] = {
		{VR_STR("severity"), VR_STR("a")},
		{VR_STR("severity"), VR_STR("b")},
		{VR_STR("1x"), VR_STR("")},
		{VR_STR("title"), VR_STR("")},
		{VR_STR("v"), VR_STR("{{ $value }}")},
	};
	const struct vr_pair notes[] = {
		{VR_STR("a"), VR_STR("{{ $labels.nope }} {{ .Value }} {{ $value | humanize }} {{")},
	};
	struct vr_rule_spec spec = spec_of("views_total < 3");

	(void)state;
	spec.labels = labels;
	spec.n_labels = 5;
	spec.annotations = notes;
	spec.n_annotations = 1;
	refuse(&spec, 1);
	expect(0, 3, 5, "label `severity` of `R` is there twice");
	expect(1, 3, 5, "label `1x` of `R` is not a name");
	expect(2, 3, 5, "label `title` of `R` is filled in by virald");
	expect(3, 3, 5, "label `v` of `R` holds a template");
	expect(4, 3, 5, "unknown label `nope`");
	expect(5, 3, 5, "found `.Value`");
	expect(6, 3, 5, "found `$value | humanize`");
	expect(7, 3, 5, "found `{{`");
	assert_int_equal(errors.n, 8);
}

static void two_rules_that_decide_alike_are_refused(void **state)
{
	struct vr_rule_spec specs[2] = {spec_of("views_total < 3"), spec_of("views_total  < 3")};

	(void)state;
	specs[1].alert = VR_STR("S");
	refuse(specs, 2);
	expect(0, 3, 5, "`S` has the same expr, for and reset_expr as `R`");
}

static void more_mistakes_than_room_are_counted(void **state)
{
	struct vr_rule_spec specs[40];
	char names[40][8];

	(void)state;
	for (int i = 0; i < 40; i++) {
		snprintf(names[i], sizeof(names[i]), "R%d", i);
		specs[i] = spec_of("nope > 1");
		specs[i].alert = vr_str_c(names[i]);
	}
	refuse(specs, 40);
	assert_true(errors.n >= 40);
}

/* A text of n times part around the middle. */
static void refuse_repeated(const char *part, size_t n, const char *tail, const char *says)
{
	size_t len = strlen(part);
	char *text = malloc(len * n + strlen(tail) + 1);
	struct vr_rule_spec spec;

	for (size_t i = 0; i < n; i++)
		memcpy(text + i * len, part, len);
	memcpy(text + len * n, tail, strlen(tail) + 1);
	spec = spec_of(text);
	refuse(&spec, 1);
	if (!strstr(at[0].text, says))
		fail_msg("got `%s`", at[0].text);
	assert_int_equal(errors.n, 1);
	free(text);
}

static void size_and_depth_are_bounded(void **state)
{
	(void)state;
	refuse_repeated("(", 100000, "1", "too large");
	refuse_repeated("-", 100000, "shares_total > 1", "too large");
	refuse_repeated("1+", 1000, "shares_total > 1", "too large");
	refuse_repeated("shares_total > 1 or ", 1000, "shares_total > 1", "too large");
}

static void any_bytes_are_survived(void **state)
{
	static const char *const PIECE[] = {
		"shares_total",
		"shares{window=\"5m\"}",
		"{",
		"}",
		"(",
		")",
		">",
		"<",
		"==",
		"=",
		"and",
		"or",
		"unless",
		"-",
		"*",
		"/",
		"+",
		"1",
		"0.5",
		"\"",
		"'x'",
		",",
		"channel",
		"window=",
		" ",
		"\n",
		"#",
		"\xff",
		"[",
		"\\",
		"nope",
		"1e",
	};
	struct vr_rng rng = vr_rng_new();

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct vr_mem mem = vr_mem_heap();
		struct vr_rules *set = NULL;
		char text[256] = "";
		struct vr_rule_spec spec;
		for (uint64_t k = vr_rng_below(&rng, 12) + 1; k > 0; k--)
			strncat(text, PIECE[vr_rng_below(&rng, sizeof(PIECE) / sizeof(PIECE[0]))],
				sizeof(text) - strlen(text) - 1);
		spec = spec_of(text);
		errors = (struct vr_rule_errors){.at = at, .cap = 16};
		if (vr_rules_compile(&spec, 1, &rig_windows, &mem, &set, &errors) == VR_OK)
			(void)vr_rule_judge(vr_rules_at(set, 0), rig_value, NULL);
		else
			assert_true(errors.n > 0);
		vr_rules_free(set);
		assert_int_equal(mem.used, 0);
	}
}

static void no_memory_leaves_nothing_behind(void **state)
{
	const struct vr_pair labels[] = {{VR_STR("severity"), VR_STR("page")}};
	struct vr_rule_spec spec = spec_of("shares{window=\"5m\",channel=\"qq\"} > 1");
	enum vr_err err = VR_E_NOMEM;
	size_t n = 0;

	(void)state;
	spec.labels = spec.annotations = labels;
	spec.n_labels = spec.n_annotations = 1;
	for (; err != VR_OK; n++) {
		struct vr_test_mem budget;
		struct vr_mem mem = vr_test_mem_of(&budget);
		struct vr_rules *set = NULL;
		budget.left = n;
		errors = (struct vr_rule_errors){.at = at, .cap = 16};
		err = vr_rules_compile(&spec, 1, &rig_windows, &mem, &set, &errors);
		assert_true(err == VR_OK || err == VR_E_NOMEM);
		vr_rules_free(set);
		assert_int_equal(budget.bytes, 0);
	}
	assert_true(n > 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mistake_is_named_where_it_stands),
		cmocka_unit_test(all_mistakes_of_all_rules_come_at_once),
		cmocka_unit_test(an_unknown_column_stays_unknown),
		cmocka_unit_test(labels_and_templates_are_checked),
		cmocka_unit_test(two_rules_that_decide_alike_are_refused),
		cmocka_unit_test(more_mistakes_than_room_are_counted),
		cmocka_unit_test(size_and_depth_are_bounded),
		cmocka_unit_test(any_bytes_are_survived),
		cmocka_unit_test(no_memory_leaves_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
