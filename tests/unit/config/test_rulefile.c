/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>
#include "vr_test.h"
#include "virality/rulefile.h"

static struct vr_rule_error at[32];
static struct vr_rule_errors errors;
static struct vr_rulefile *file;

static enum vr_err parse(const char *text)
{
	vr_rulefile_free(file);
	file = NULL;
	errors = (struct vr_rule_errors){.at = at, .cap = 32};
	return vr_rulefile_parse(vr_str_c(text), VR_STR("r.yaml"), &file, &errors);
}

static int tear_down(void **state)
{
	(void)state;
	vr_rulefile_free(file);
	file = NULL;
	return 0;
}

static void take(const char *text)
{
	if (parse(text) != VR_OK)
		fail_msg("%s", errors.n > 0 ? at[0].text : "?");
}

static void expect(size_t i, uint32_t line, uint32_t column, const char *part)
{
	if (i >= errors.n || !strstr(at[i].text, part) || at[i].pos.line != line || at[i].pos.column != column)
		fail_msg("error %zu of %zu: got %u:%u `%s`, expected %u:%u `%s`", i, errors.n, at[i].pos.line,
			at[i].pos.column, at[i].text, line, column, part);
}

static void assert_text(struct vr_str got, const char *want)
{
	if (!vr_str_eq(got, vr_str_c(want)))
		fail_msg("got  %.*s\nwant %s", (int)got.n, got.p, want);
}

#define TWO                                                                                                  \
	"groups:\n"                                                                                              \
	"- name: one\n"                                                                                          \
	"  rules:\n"                                                                                             \
	"  - alert: A\n"                                                                                         \
	"    expr: |\n"                                                                                          \
	"      shares_total  > 5\n"                                                                              \
	"      and likes > 1\n"                                                                                  \
	"    for: 1h30m\n"                                                                                       \
	"    reset_expr: 'shares_total < 3'\n"                                                                   \
	"    on: content\n"                                                                                      \
	"    labels: {severity: page, n: 1}\n"                                                                   \
	"    annotations:\n"                                                                                     \
	"      summary: \"{{ $value }} \\\"x\\\" \\u00e9\"\n"                                                    \
	"- name: two\n"                                                                                          \
	"  rules:\n"                                                                                             \
	"  - {expr: likes_total > 1, alert: B}\n"

static void specs_are_what_the_file_says(void **state)
{
	const struct vr_rule_spec *s;
	size_t n;

	(void)state;
	take(TWO);
	s = vr_rulefile_specs(file, &n);
	assert_int_equal(n, 2);
	assert_text(s[0].alert, "A");
	assert_text(s[0].expr, "shares_total  > 5\nand likes > 1\n");
	assert_int_equal(s[0].for_.ms, 5400000);
	assert_text(s[0].reset_expr, "shares_total < 3");
	assert_int_equal(s[0].n_labels, 2);
	assert_text(s[0].labels[1].value, "1");
	assert_int_equal(s[0].pos.line, 4);
	assert_int_equal(s[0].pos.column, 5);
	assert_int_equal(s[0].expr_pos.line, 6);
	assert_int_equal(s[0].expr_pos.column, 7);
	assert_int_equal(s[0].reset_pos.line, 9);
	assert_int_equal(s[0].reset_pos.column, 18);
	assert_int_equal(s[1].expr_pos.line, 16);
	assert_int_equal(s[1].expr_pos.column, 12);
	assert_text(s[1].alert, "B");
}

static void mistakes_in_an_expression_stand_where_the_file_has_them(void **state)
{
	static const struct vr_windows windows = {.n = 1, .width_ms = {10000}, .name = {"5m"}};
	struct vr_mem mem = vr_mem_heap();
	struct vr_rules *set = NULL;
	const struct vr_rule_spec *s;
	size_t n;

	(void)state;
	take(TWO);
	s = vr_rulefile_specs(file, &n);
	assert_int_equal(vr_rules_compile(s, n, &windows, &mem, &set, &errors), VR_E_CONFIG);
	expect(0, 7, 11, "`likes` needs a window");
}

static void columns_that_cannot_be_known_are_not_guessed(void **state)
{
	const struct vr_rule_spec *s;
	size_t n;

	(void)state;
	take("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: \"likes\\t> 1\"\n  - alert: B\n    expr: "
		 "likes\n      > 1\n"
		 "  - alert: C\n    expr: >-\n      likes\n      > 1\n  - alert: \xe4\xbd\xa0\n    expr: "
		 "\"\xe4\xbd\xa0 > 1\"\n");
	s = vr_rulefile_specs(file, &n);
	assert_int_equal(n, 4);
	assert_int_equal(s[0].expr_pos.line, 5);
	assert_int_equal(s[0].expr_pos.column, 0);
	assert_int_equal(s[1].expr_pos.line, 7);
	assert_int_equal(s[1].expr_pos.column, 0);
	assert_int_equal(s[2].expr_pos.line, 11);
	assert_int_equal(s[2].expr_pos.column, 0);
	assert_int_equal(s[3].expr_pos.line, 14);
	assert_int_equal(s[3].expr_pos.column, 12);
}

static void canonical_json_is_stable_and_reads_back(void **state)
{
	char json[2000], hash[17];

	(void)state;
	take(TWO);
	assert_text(vr_rulefile_json(file), "{\"groups\":[{\"name\":\"virald\",\"rules\":["
										"{\"alert\":\"A\",\"expr\":\"shares_total  > 5\\nand likes > "
										"1\\n\",\"for\":\"5400000ms\",\"reset_expr\":\"shares_total < 3\","
										"\"labels\":{\"severity\":\"page\",\"n\":\"1\"},\"annotations\":{"
										"\"summary\":\"{{ $value }} \\\"x\\\" \xc3\xa9\"}},"
										"{\"alert\":\"B\",\"expr\":\"likes_total > 1\"}]}]}");
	(void)snprintf(json, sizeof(json), "%.*s", (int)vr_rulefile_json(file).n, vr_rulefile_json(file).p);
	(void)snprintf(hash, sizeof(hash), "%s", vr_rulefile_hash(file).p);
	assert_int_equal(strlen(hash), 16);
	take(json);
	assert_text(vr_rulefile_json(file), json);
	assert_text(vr_rulefile_hash(file), hash);
}

static void all_mistakes_come_at_once(void **state)
{
	(void)state;
	assert_int_equal(parse("group: x\n"
						   "groups:\n"
						   "- nam: g\n"
						   "  interval: 1m\n"
						   "  rules:\n"
						   "  - alert: A\n"
						   "    exp: x\n"
						   "    for: soon\n"
						   "    on: channel\n"
						   "    cooldown: 5m\n"
						   "    labels: [a]\n"
						   "    annotations: {x: {y: z}}\n"
						   "  - record: r\n"
						   "    expr: [1]\n"
						   "  - text\n"
						   "  - alert: {a: b}\n"
						   "    expr: \"a\\u2028b\"\n"
						   "    on: world\n"
						   "    reset_expr: ''\n"),
		VR_E_CONFIG);
	expect(0, 1, 1, "unknown key `group` in a rule file; did you mean `groups`?");
	expect(1, 3, 3, "unknown key `nam` in a group; did you mean `name`?");
	expect(2, 4, 3, "interval has no meaning");
	expect(3, 7, 5, "unknown key `exp` in a rule; did you mean `expr`?");
	expect(4, 8, 10, "for: found `soon`; expected a duration");
	expect(5, 9, 9, "on: channel is not supported yet by this version");
	expect(6, 10, 15, "not supported yet by this version");
	expect(7, 11, 13, "labels: expected a map");
	expect(8, 12, 22, "x: found a map; expected a text");
	expect(9, 6, 5, "the rule has no expression");
	expect(10, 13, 13, "recording rules are not supported");
	expect(11, 14, 11, "expr: found a list; expected a text");
	expect(12, 15, 5, "expected a rule");
	expect(13, 16, 12, "alert: found a map; expected a text");
	expect(14, 17, 11, "invisible line separator");
	expect(15, 18, 9, "on: found `world`; expected content");
	expect(16, 19, 17, "reset_expr is empty");
	expect(17, 3, 3, "the group has no name");
	assert_int_equal(errors.n, 18);
	assert_null(file);
}

static void odd_shapes_are_refused_or_empty(void **state)
{
	static const char *const EMPTY[] = {
		"", "groups:\n", "groups: []\n", "groups: [{name: g}]", "groups: [{name: g, rules: }]"};
	static const char *const BAD[] = {
		"groups: x", "- a", "text", "groups: [x]", "groups: [{name: g, rules: x}]", "groups: {a: b}", "{"};
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(EMPTY) / sizeof(EMPTY[0]); i++) {
		take(EMPTY[i]);
		(void)vr_rulefile_specs(file, &n);
		assert_int_equal(n, 0);
		assert_text(vr_rulefile_json(file), "{\"groups\":[{\"name\":\"virald\",\"rules\":[]}]}");
	}
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
		assert_int_equal(parse(BAD[i]), VR_E_CONFIG);
}

static enum vr_err read_paths(const char *a, const char *b, struct vr_arena *names)
{
	const struct vr_str paths[2] = {vr_str_c(a), vr_str_c(b)};

	vr_rulefile_free(file);
	file = NULL;
	errors = (struct vr_rule_errors){.at = at, .cap = 32};
	return vr_rulefile_read(&(struct vr_str_list){paths, b ? 2 : 1}, names, &file, &errors);
}

static void files_are_found_by_pattern(void **state)
{
	char folder[] = "/tmp/vr-rules-XXXXXX", path[100], pattern[100];
	struct vr_mem mem = vr_mem_heap();
	struct vr_arena names;
	const struct vr_rule_spec *s;
	size_t n;

	(void)state;
	vr_arena_init(&names, &mem, 0);
	assert_non_null(mkdtemp(folder));
	for (char c = 'c'; c >= 'a'; c--) {
		(void)snprintf(path, sizeof(path), "%s/%c.yaml", folder, c);
		FILE *f = fopen(path, "w");
		assert_non_null(f);
		(void)fprintf(f, "groups: [{name: g, rules: [{alert: %c, expr: likes_total > 1}]}]\n", c);
		assert_int_equal(fclose(f), 0);
	}
	(void)snprintf(pattern, sizeof(pattern), "%s/[bc].yaml", folder);
	assert_int_equal(read_paths(pattern, path, &names), VR_OK);
	s = vr_rulefile_specs(file, &n);
	assert_int_equal(n, 3);
	assert_text(s[0].alert, "b");
	assert_text(s[2].alert, "a");
	assert_text(s[2].pos.file, path);
	for (char c = 'a'; c <= 'c'; c++) {
		(void)snprintf(path, sizeof(path), "%s/%c.yaml", folder, c);
		assert_int_equal(remove(path), 0);
	}
	assert_int_equal(read_paths(pattern, NULL, &names), VR_OK);
	assert_int_equal(read_paths(path, NULL, &names), VR_E_CONFIG);
	expect(0, 0, 0, "cannot be read: No such file");
	assert_text(at[0].pos.file, path);
	assert_int_equal(rmdir(folder), 0);
	vr_arena_done(&names);
}

static void the_default_rules_compile(void **state)
{
	struct vr_windows windows;
	struct vr_mem mem = vr_mem_heap();
	struct vr_arena names;
	struct vr_rules *set = NULL;
	const struct vr_rule_spec *s;
	size_t n;

	(void)state;
	vr_arena_init(&names, &mem, 0);
	assert_int_equal(vr_windows_parse(VR_STR("1m 5m 1h 24h"), &windows, NULL), VR_OK);
	assert_int_equal(read_paths(VR_DEPLOY_DIR "/rules/virald-default.yaml", NULL, &names), VR_OK);
	s = vr_rulefile_specs(file, &n);
	assert_true(n >= 5);
	if (vr_rules_compile(s, n, &windows, &mem, &set, &errors) != VR_OK)
		fail_msg("%u:%u %s", at[0].pos.line, at[0].pos.column, at[0].text);
	for (size_t i = 0; i < n; i++) {
		assert_true(vr_rule_severity(vr_rules_at(set, i)).n > 0);
		assert_int_equal(s[i].n_annotations, 2);
	}
	vr_rules_free(set);
	vr_arena_done(&names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(specs_are_what_the_file_says, tear_down),
		cmocka_unit_test_teardown(mistakes_in_an_expression_stand_where_the_file_has_them, tear_down),
		cmocka_unit_test_teardown(columns_that_cannot_be_known_are_not_guessed, tear_down),
		cmocka_unit_test_teardown(canonical_json_is_stable_and_reads_back, tear_down),
		cmocka_unit_test_teardown(all_mistakes_come_at_once, tear_down),
		cmocka_unit_test_teardown(odd_shapes_are_refused_or_empty, tear_down),
		cmocka_unit_test_teardown(files_are_found_by_pattern, tear_down),
		cmocka_unit_test_teardown(the_default_rules_compile, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
