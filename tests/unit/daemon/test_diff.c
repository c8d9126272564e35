/* SPDX-License-Identifier: Apache-2.0 */
/* Two histories folded by the engine and written as cuts are, on a real redis-server, then compared. */
#include "diff_rig.h"

/* ---- contents ---- */

static const struct happening HISTORY[] = {{"a", 0, 3}, {"b", 1, 5}, {"a", 2, 1}, {"c", 3, 2}, {"a", 70, 4}, {"b", 130, 1}};

static void the_same_history_has_no_difference(void **state)
{
	struct rig *r = *state;
	list_rules(r, RULES("5"));
	fold(r, LIVE, RULES("5"), HISTORY, COUNT(HISTORY));
	fold(r, SPARE, RULES("5"), HISTORY, COUNT(HISTORY));
	name_spare(r, NULL);
	const struct vr_diff_counts *c = diff(r);
	assert_true(vr_diff_is_none(r->diff));
	assert_int_equal(c->contents, 3);
	assert_int_equal(c->channels, 2);
	assert_int_equal(c->moving + c->older + c->miskeyed + c->parts_moving + c->alerts_untold, 0);
	assert_int_equal(c->alerts, 4);		/* a and b: Fast fires for both, Slow for one; the other waits */
	line_begins(r, 0, "{\"what\":\"sum\",\"no_difference\":true,");
	forget_diff(r);
	assert_int_equal(try_diff(r), VR_OK);
	FILE *out = open_memstream(&r->text, &r->n_text);
	vr_diff_print(r->diff, out, false);
	fclose(out);
	assert_non_null(strstr(r->text, "\nno difference\n"));
}

static void contents_that_differ_are_named_the_largest_first(void **state)
{
	struct rig *r = *state;
	struct happening other[COUNT(HISTORY)];
	memcpy(other, HISTORY, sizeof(other));
	other[1].count += 2;
	other[3].count += 17;
	fold(r, LIVE, NO_RULES, HISTORY, COUNT(HISTORY));
	fold(r, SPARE, NO_RULES, other, COUNT(other));
	name_spare(r, NULL);
	const struct vr_diff_counts *c = diff(r);
	assert_false(vr_diff_is_none(r->diff));
	assert_int_equal(c->differing, 2);
	assert_int_equal(c->only_live + c->only_shadow, 0);
	line_begins(r, 0, "{\"what\":\"content\",\"id\":\"c\",\"field\":\"shares_total\",\"live\":\"2\",\"replay\":\"19\"");
	line_begins(r, 1, "{\"what\":\"content\",\"id\":\"b\",\"field\":\"shares_total\",\"live\":\"6\",\"replay\":\"8\"");
	line_begins(r, 2, "{\"what\":\"channel\",\"id\":\"");
}

static void a_content_that_one_side_has_comes_before_all(void **state)
{
	struct rig *r = *state;
	struct happening other[COUNT(HISTORY)];
	memcpy(other, HISTORY, sizeof(other));
	other[3].content = "d";
	other[0].count += 1000;
	fold(r, LIVE, NO_RULES, HISTORY, COUNT(HISTORY));
	fold(r, SPARE, NO_RULES, other, COUNT(other));
	name_spare(r, NULL);
	const struct vr_diff_counts *c = diff(r);
	assert_int_equal(c->only_live, 1);
	assert_int_equal(c->only_shadow, 1);
	assert_int_equal(c->differing, 3);
	line_begins(r, 0, "{\"what\":\"content\",\"id\":\"c\",\"field\":\"the whole content\",\"live\":\"there\",\"replay\":\"-\"");
	line_begins(r, 1, "{\"what\":\"content\",\"id\":\"d\",\"field\":\"the whole content\",\"live\":\"-\",\"replay\":\"there\"");
	line_begins(r, 2, "{\"what\":\"content\",\"id\":\"a\"");
}

static void of_many_the_largest_are_shown(void **state)
{
	struct rig *r = *state;
	enum { MANY = 500 };
	struct happening h[MANY], other[MANY];
	char id[MANY][8];
	for (int i = 0; i < MANY; i++) {
		snprintf(id[i], sizeof(id[i]), "c%d", i);
		h[i] = other[i] = (struct happening){id[i], i / 100, 10};
		other[i].count += 1 + (uint32_t)(i * 7 % MANY);
	}
	fold(r, LIVE, NO_RULES, h, MANY);
	fold(r, SPARE, NO_RULES, other, MANY);
	name_spare(r, NULL);
	assert_int_equal(diff(r)->differing, MANY);
	for (int i = 0; i < 20; i++) {		/* 7 has an inverse, so that each has a difference of its own */
		char wanted[120];
		int by = MANY - i, c = 0;
		while (1 + c * 7 % MANY != by)
			c++;
		snprintf(wanted, sizeof(wanted), "{\"what\":\"content\",\"id\":\"c%d\",\"field\":\"shares_total\",\"live\":\"10\",\"replay\":\"%d\"", c, 10 + by);
		line_begins(r, (size_t)i, wanted);
	}
	line_begins(r, 20, "{\"what\":\"channel\"");
}

/* ---- what people are shown ---- */

static void a_view_that_is_not_what_state_says_is_named(void **state)
{
	struct rig *r = *state;
	fold(r, LIVE, NO_RULES, HISTORY, COUNT(HISTORY));
	fold(r, SPARE, NO_RULES, HISTORY, COUNT(HISTORY));
	name_spare(r, NULL);
	run(r, LIVE, "HSET vir:c:{a} shares_total 99");
	assert_int_equal(diff(r)->differing, 1);
	line_begins(r, 0, "{\"what\":\"content\",\"id\":\"a\",\"field\":\"shown shares_total\",\"live\":\"99\",\"replay\":\"8\"");
	run(r, LIVE, "HSET vir:c:{a} likes_total 0");
	run(r, LIVE, "HDEL vir:c:{a} shares_total");
	assert_int_equal(diff(r)->differing, 1);
	line_begins(r, 0, "{\"what\":\"content\",\"id\":\"a\",\"field\":\"shown shares_total\",\"live\":\"-\",\"replay\":\"8\"");
	/* One with few events is shown to nobody. */
	run(r, LIVE, "DEL vir:c:{a}");
	assert_int_equal(diff(r)->differing, 0);
}

/* ---- channels and overall ---- */

static void channels_that_differ_are_named(void **state)
{
	struct rig *r = *state;
	static const struct happening more[] = {{"a", 0, 3}, {"b", 1, 5}, {"a", 2, 1}, {"c", 3, 2}, {"a", 70, 4}, {"b", 130, 1 + 40}};
	fold(r, LIVE, NO_RULES, more, COUNT(more));
	fold(r, SPARE, NO_RULES, HISTORY, COUNT(HISTORY));
	name_spare(r, NULL);
	/* The content is mended; what the partition counted of it stays. */
	run(r, LIVE, "DEL {vir:t:0}:c:b");
	run(r, SPARE, "COPY {vir:t:0}:c:b {vir:t:0}:c:b DB 0");
	run(r, LIVE, "DEL vir:c:{b}:ts");
	run(r, SPARE, "COPY vir:c:{b}:ts vir:c:{b}:ts DB 0");
	run(r, LIVE, "DEL vir:c:{b}");
	run(r, SPARE, "COPY vir:c:{b} vir:c:{b} DB 0");
	const struct vr_diff_counts *c = diff(r);
	assert_int_equal(c->differing, 0);
	assert_int_equal(c->channels_differing, 2);
	assert_false(vr_diff_is_none(r->diff));
	line_begins(r, 0, "{\"what\":\"channel\",\"id\":\"(overall)\",\"field\":\"shares_total\",\"live\":\"56\",\"replay\":\"16\"");
	line_begins(r, 1, "{\"what\":\"channel\",\"id\":\"qq\",\"field\":\"shares_total\",\"live\":\"56\",\"replay\":\"16\"");
}

/* ---- time series ---- */

static void a_minute_that_differs_is_named(void **state)
{
	struct rig *r = *state;
	fold(r, LIVE, NO_RULES, HISTORY, COUNT(HISTORY));
	fold(r, SPARE, NO_RULES, HISTORY, COUNT(HISTORY));
	name_spare(r, NULL);
	assert_true(run(r, LIVE, "XLEN vir:c:{a}:ts") == 2);
	assert_true(run(r, LIVE, "XDEL vir:c:{a}:ts 1440000060000-0") == 1);
	assert_int_equal(diff(r)->differing, 1);
	line_begins(r, 0, "{\"what\":\"content\",\"id\":\"a\",\"field\":\"minute 2015-08-19 16:01 shares\",\"live\":\"-\",\"replay\":\"4\"");
}

static void a_minute_that_one_side_has_not_left_is_not_compared(void **state)
{
	struct rig *r = *state;
	static const struct happening further[] = {{"a", 0, 3}, {"a", 1, 3}, {"a", 50, 2}, {"b", 70, 1}};
	fold(r, LIVE, NO_RULES, further, 4);
	fold(r, SPARE, NO_RULES, further, 3);
	name_spare(r, NULL);
	assert_true(run(r, LIVE, "XLEN vir:c:{a}:ts") == 1);
	assert_true(run(r, SPARE, "XLEN vir:c:{a}:ts") == 0);
	const struct vr_diff_counts *c = diff(r);
	assert_true(vr_diff_is_none(r->diff));
	assert_int_equal(c->contents, 1);
	assert_int_equal(c->moving, 1);
}

static void a_series_that_was_trimmed_is_compared_from_where_it_begins(void **state)
{
	struct rig *r = *state;
	enum { MINUTES = 1500 };
	static struct happening h[MINUTES];
	for (int i = 0; i < MINUTES; i++)
		h[i] = (struct happening){"a", 60 * (int64_t)i, 2};
	r->config.retention.ms = INT64_C(100) * 3600000;
	fold(r, LIVE, NO_RULES, h, MINUTES);
	fold(r, SPARE, NO_RULES, h, MINUTES);
	name_spare(r, NULL);
	assert_true(run(r, LIVE, "XLEN vir:c:{a}:ts") == VR_TS_MAXLEN);
	run(r, LIVE, "XADD vir:c:{a}:ts MAXLEN = 1440 1440099999000-0 shares 1");
	diff(r);
	assert_true(vr_diff_is_none(r->diff));
}

/* ---- alerts ---- */

static const struct happening RISING[] = {{"a", 0, 6}, {"b", 1, 8}, {"c", 2, 1}, {"c", 100, 5}, {"d", 110, 9}};

static void alerts_of_other_rules_are_added_and_removed(void **state)
{
	struct rig *r = *state;
	list_rules(r, RULES("5"));
	fold(r, LIVE, RULES("5"), RISING, COUNT(RISING));
	fold(r, SPARE, RULES("7"), RISING, COUNT(RISING));
	name_spare(r, RULES("7"));
	const struct vr_diff_counts *c = diff(r);
	assert_int_equal(c->differing, 0);
	assert_int_equal(c->channels_differing, 0);
	/* Live: Fast of four fire, Slow of two fire and of two wait. The replay: of two, one, and one. */
	assert_int_equal(c->removed, 8);
	assert_int_equal(c->added, 4);
	static const struct { const char *what, *name, *content, *state; } wanted[] = {
		{"removed", "Slow", "c", "pending"}, {"removed", "Slow", "d", "pending"}, {"added", "Slow", "d", "pending"},
		{"removed", "Fast", "a", "firing"}, {"removed", "Slow", "a", "firing"}, {"added", "Slow", "b", "firing"}};
	for (size_t i = 0; i < COUNT(wanted); i++) {
		bool found = false;
		for (size_t k = 0; k < 12; k++) {
			char text[300];
			snprintf(text, sizeof(text), "\"alertname\":\"%s\",\"content_id\":\"%s\",\"state\":\"%s\"", wanted[i].name, wanted[i].content,
				wanted[i].state);
			const char *at = strstr(line(r, k), text);
			found |= at && at < strchr(line(r, k), '\n') && strncmp(line(r, k) + 15, wanted[i].what, strlen(wanted[i].what)) == 0;
		}
		if (!found)
			fail_msg("%s %s %s %s is not in\n%s", wanted[i].what, wanted[i].name, wanted[i].content, wanted[i].state, r->text);
	}
}

static void an_alert_that_waits_on_one_side_only_is_named(void **state)
{
	struct rig *r = *state;
	list_rules(r, RULES("5"));
	fold(r, LIVE, RULES("5"), RISING, COUNT(RISING));
	fold(r, SPARE, "groups: [{name: g, rules: [{alert: Fast, expr: 'shares_total >= 5'}]}]", RISING, COUNT(RISING));
	name_spare(r, "groups: [{name: g, rules: [{alert: Fast, expr: 'shares_total >= 5'}]}]");
	const struct vr_diff_counts *c = diff(r);
	assert_int_equal(c->added, 0);
	assert_int_equal(c->removed, 4);
	line_begins(r, 0, "{\"what\":\"alert removed\"");
	assert_non_null(strstr(line(r, 0), "\"alertname\":\"Slow\",\"content_id\":\"d\",\"state\":\"pending\",\"offset\":4"));
}

/* The replay is behind: what waits there has fired in live, by time alone. */
static void time_that_has_passed_on_one_side_is_no_difference(void **state)
{
	struct rig *r = *state;
	static const struct happening h[] = {{"a", 0, 6}, {"b", 10, 1}, {"b", 70, 1}};
	list_rules(r, RULES("5"));
	fold(r, LIVE, RULES("5"), h, 3);
	fold(r, SPARE, RULES("5"), h, 2);
	name_spare(r, NULL);
	const struct vr_diff_counts *c = diff(r);
	assert_true(vr_diff_is_none(r->diff));
	assert_int_equal(c->contents, 1);
	assert_int_equal(c->alerts, 1);
	assert_int_equal(c->alerts_untold, 1);
}

/* ---- what stands in the way ---- */

static void a_state_that_cannot_be_read_is_named(void **state)
{
	struct rig *r = *state;
	fold(r, LIVE, NO_RULES, HISTORY, COUNT(HISTORY));
	fold(r, SPARE, NO_RULES, HISTORY, COUNT(HISTORY));
	name_spare(r, NULL);
	run(r, LIVE, "APPEND {vir:t:0}:c:b tail");
	assert_int_equal(try_diff(r), VR_E_CORRUPT);
	assert_string_equal(r->d.where, "live");
	assert_non_null(strstr(r->d.text, "content b "));
	run(r, LIVE, "SET {vir:t:0}:c:b x");
	assert_int_equal(try_diff(r), VR_E_CORRUPT);
	assert_non_null(strstr(r->d.text, "content b "));
}

static void another_generation_is_refused(void **state)
{
	struct rig *r = *state;
	assert_int_equal(try_diff(r), VR_E_REFUSED);
	fold(r, LIVE, NO_RULES, HISTORY, COUNT(HISTORY));
	fold(r, SPARE, NO_RULES, HISTORY, COUNT(HISTORY));
	name_spare(r, NULL);
	run(r, SPARE, "SET vir:generation other");
	run(r, SPARE, "HSET vir:gen name other");
	assert_int_equal(try_diff(r), VR_E_REFUSED);
	assert_non_null(strstr(r->d.text, "other"));
}

static void the_caller_may_break_off(void **state)
{
	struct rig *r = *state;
	fold(r, LIVE, NO_RULES, HISTORY, COUNT(HISTORY));
	fold(r, SPARE, NO_RULES, HISTORY, COUNT(HISTORY));
	name_spare(r, NULL);
	for (int after = 0; after < 3; after++) {
		r->steps = after;
		assert_int_equal(try_diff(r), VR_E_BUSY);
		assert_null(r->diff);
	}
}

static void catch_up(struct rig *r)
{
	run(r, SPARE, "FLUSHDB");
	fold(r, SPARE, NO_RULES, HISTORY, COUNT(HISTORY));
	name_spare(r, NULL);
}

static void what_live_went_on_with_is_compared_later(void **state)
{
	struct rig *r = *state;
	fold(r, LIVE, NO_RULES, HISTORY, COUNT(HISTORY));
	fold(r, SPARE, NO_RULES, HISTORY, COUNT(HISTORY) - 1);
	name_spare(r, NULL);
	const struct vr_diff_counts *c = diff(r);
	assert_true(vr_diff_is_none(r->diff));
	assert_int_equal(c->moving, 1);
	assert_int_equal(c->parts_moving, 1);
	r->meanwhile = catch_up;
	c = diff(r);
	assert_true(vr_diff_is_none(r->diff));
	assert_int_equal(c->moving + c->parts_moving, 0);
	assert_int_equal(c->contents, 3);
}

static void a_live_that_was_lost_gets_all_of_it(void **state)
{
	struct rig *r = *state;
	fold(r, SPARE, NO_RULES, HISTORY, COUNT(HISTORY));
	name_spare(r, NULL);
	const struct vr_diff_counts *c = diff(r);
	assert_int_equal(c->only_shadow, 3);
	assert_int_equal(c->moving + c->parts_moving, 0);
	assert_int_equal(c->channels_differing, 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_same_history_has_no_difference), TEST(contents_that_differ_are_named_the_largest_first),
		TEST(a_view_that_is_not_what_state_says_is_named),
		TEST(a_content_that_one_side_has_comes_before_all), TEST(of_many_the_largest_are_shown), TEST(channels_that_differ_are_named),
		TEST(a_minute_that_differs_is_named), TEST(a_minute_that_one_side_has_not_left_is_not_compared),
		TEST(a_series_that_was_trimmed_is_compared_from_where_it_begins), TEST(alerts_of_other_rules_are_added_and_removed),
		TEST(an_alert_that_waits_on_one_side_only_is_named), TEST(time_that_has_passed_on_one_side_is_no_difference),
		TEST(a_state_that_cannot_be_read_is_named), TEST(another_generation_is_refused), TEST(the_caller_may_break_off),
		TEST(what_live_went_on_with_is_compared_later), TEST(a_live_that_was_lost_gets_all_of_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
