/* SPDX-License-Identifier: Apache-2.0 */
/* Two lists of alerts side by side: what is unchanged, shifted, added, removed; and what is counted of them. */
#include "backtest/compare.h"
#include "backtest/homes.h"
#include "vr_test.h"

enum { FAR_MS = 1000, IDS = 64 };

/* "Rule content fired ends" a row, in any order; "" ends the list. */
struct row { const char *rule, *content; int64_t fired, ends; };

struct both {
	struct vr_test_mem counted;
	struct vr_mem mem;
	struct vr_found_list before, now;
	struct vr_comparison c;
};

static void fill(struct vr_found_list *l, const struct row *rows, char side)
{
	for (int i = 0; rows && rows[i].rule; i++) {
		struct vr_alert a = {.alertname = vr_str_c(rows[i].rule), .content_id = vr_str_c(rows[i].content), .topic = VR_STR("t"),
			.state = VR_ALERT_FIRING, .updated = {rows[i].fired}, .starts = {rows[i].fired}, .offset = i};
		snprintf(a.id, sizeof(a.id), "%c%030d", side, i);
		vr_found_take(l, &a);
		a.state = VR_ALERT_RESOLVED;
		a.was_firing = true;
		a.ends.ms = rows[i].ends;
		if (rows[i].ends)
			vr_found_take(l, &a);
	}
	vr_found_sort(l);
	assert_false(l->failed);
}

static struct both *compare(const struct row *before, const struct row *now)
{
	static struct both b;
	memset(&b, 0, sizeof(b));
	b.mem = vr_test_mem_of(&b.counted);
	vr_found_init(&b.before, &b.mem);
	vr_found_init(&b.now, &b.mem);
	fill(&b.before, before, 'b');
	fill(&b.now, now, 'n');
	assert_int_equal(vr_compare(&b.before, &b.now, (struct vr_span){FAR_MS}, &b.mem, &b.c), VR_OK);
	return &b;
}

static void done(struct both *b)
{
	vr_comparison_free(&b->c, &b->mem);
	vr_found_done(&b->before);
	vr_found_done(&b->now);
	assert_int_equal(b->counted.bytes, 0);
}

/* The differences as text: "=100 ~100>130 +200 -300". */
static void expect(const struct row *before, const struct row *now, const char *text)
{
	char found[1024] = "";
	struct both *b = compare(before, now);
	size_t n = 0;
	for (size_t i = 0; i < b->c.n; i++) {
		const struct vr_difference *d = &b->c.at[i];
		long long was = d->before ? (long long)d->before->fired.ms : 0, is = d->now ? (long long)d->now->fired.ms : 0;
		n += (size_t)(d->change == VR_CHANGE_NONE    ? snprintf(found + n, sizeof(found) - n, " =%lld", is)
			      : d->change == VR_CHANGE_ADDED   ? snprintf(found + n, sizeof(found) - n, " +%lld", is)
			      : d->change == VR_CHANGE_REMOVED ? snprintf(found + n, sizeof(found) - n, " -%lld", was)
							       : snprintf(found + n, sizeof(found) - n, " ~%lld>%lld", was, is));
	}
	assert_string_equal(n ? found + 1 : "", text);
	done(b);
}

#define ROWS(...) ((const struct row[]){__VA_ARGS__, {0}})

static void equal_lists_have_no_difference(void **state)
{
	const struct row *rows = ROWS({"A", "x", 100, 200}, {"A", "y", 100, 0}, {"B", "x", 50, 60});
	(void)state;
	expect(NULL, NULL, "");
	expect(rows, rows, "=100 =100 =50");
}

static void what_only_one_has_is_added_or_removed(void **state)
{
	(void)state;
	expect(NULL, ROWS({"A", "x", 100, 200}), "+100");
	expect(ROWS({"A", "x", 100, 200}), NULL, "-100");
	/* Another rule or another content is no partner. */
	expect(ROWS({"A", "x", 100, 200}), ROWS({"A", "y", 100, 200}), "-100 +100");
	expect(ROWS({"A", "x", 100, 200}), ROWS({"B", "x", 100, 200}), "-100 +100");
}

static void another_start_or_end_is_a_shift(void **state)
{
	struct vr_span end;
	(void)state;
	struct both *b = compare(ROWS({"A", "x", 100, 200}), ROWS({"A", "x", 70, 250}));
	assert_int_equal(b->c.n, 1);
	assert_int_equal(b->c.of[VR_CHANGE_SHIFTED], 1);
	assert_int_equal(vr_difference_start(&b->c.at[0]).ms, -30);
	assert_true(vr_difference_end(&b->c.at[0], &end));
	assert_int_equal(end.ms, 50);
	done(b);
	b = compare(ROWS({"A", "x", 100, 200}), ROWS({"A", "x", 100, 0}));
	assert_int_equal(b->c.of[VR_CHANGE_SHIFTED], 1);
	assert_false(vr_difference_end(&b->c.at[0], &end));
	done(b);
	expect(ROWS({"A", "x", 100, 200}), ROWS({"A", "x", 100, 201}), "~100>100");
	expect(ROWS({"A", "x", 100, 0}), ROWS({"A", "x", 100, 0}), "=100");
}

static void the_nearest_are_partners(void **state)
{
	(void)state;
	expect(ROWS({"A", "x", 100, 110}), ROWS({"A", "x", 10, 20}, {"A", "x", 90, 95}, {"A", "x", 300, 310}), "+10 ~100>90 +300");
	expect(ROWS({"A", "x", 10, 20}, {"A", "x", 90, 95}, {"A", "x", 300, 310}), ROWS({"A", "x", 100, 110}), "-10 ~90>100 -300");
	expect(ROWS({"A", "x", 100, 1}, {"A", "x", 200, 1}), ROWS({"A", "x", 130, 1}, {"A", "x", 240, 1}), "~100>130 ~200>240");
}

static void equal_moments_hold_the_others_apart(void **state)
{
	(void)state;
	/* 100 and 320 are on both sides of what did not change. */
	expect(ROWS({"A", "x", 100, 1}, {"A", "x", 300, 1}), ROWS({"A", "x", 300, 1}, {"A", "x", 320, 1}), "-100 =300 +320");
	expect(ROWS({"A", "x", 100, 1}, {"A", "x", 300, 1}, {"A", "x", 500, 1}), ROWS({"A", "x", 120, 1}, {"A", "x", 300, 1}, {"A", "x", 480, 1}),
		"~100>120 =300 ~500>480");
}

static void what_is_far_apart_is_two_alerts(void **state)
{
	(void)state;
	expect(ROWS({"A", "x", 100, 1}), ROWS({"A", "x", 100 + FAR_MS, 1}), "~100>1100");
	expect(ROWS({"A", "x", 100, 1}), ROWS({"A", "x", 101 + FAR_MS, 1}), "-100 +1101");
	expect(ROWS({"A", "x", 101 + FAR_MS, 1}), ROWS({"A", "x", 100, 1}), "+100 -1101");
}

static void every_alert_is_in_one_difference(void **state)
{
	struct vr_rng rng = vr_rng_new();
	static const char *const names[] = {"A", "B"}, *const contents[] = {"x", "y", "z"};
	(void)state;
	for (int round = 0; round < 300; round++) {
		struct row rows[2][IDS + 1] = {0};
		for (int side = 0; side < 2; side++)
			for (uint64_t i = vr_rng_below(&rng, IDS); i-- > 0;)
				rows[side][i] = (struct row){names[vr_rng_below(&rng, 2)], contents[vr_rng_below(&rng, 3)],
					vr_rng_between(&rng, 1, 4000), vr_rng_between(&rng, 0, 1) * 5000};
		struct both *b = compare(rows[0], rows[1]);
		size_t *of = b->c.of;
		assert_int_equal(of[VR_CHANGE_NONE] + of[VR_CHANGE_SHIFTED] + of[VR_CHANGE_REMOVED], b->before.n);
		assert_int_equal(of[VR_CHANGE_NONE] + of[VR_CHANGE_SHIFTED] + of[VR_CHANGE_ADDED], b->now.n);
		for (size_t i = 0; i < b->c.n; i++)
			if (b->c.at[i].change == VR_CHANGE_SHIFTED)
				assert_in_range(llabs(vr_difference_start(&b->c.at[i]).ms), 0, FAR_MS);
		done(b);
	}
}

static void only_what_fired_is_found(void **state)
{
	struct vr_test_mem counted;
	struct vr_mem mem = vr_test_mem_of(&counted);
	struct vr_found_list l;
	(void)state;
	vr_found_init(&l, &mem);
	struct vr_alert a = {.id = "0123456789abcdef0123456789abcdef", .alertname = VR_STR("A"), .content_id = VR_STR("x"), .topic = VR_STR("t"),
		.starts = {10}, .updated = {10}, .state = VR_ALERT_PENDING};
	vr_found_take(&l, &a);
	a.state = VR_ALERT_INACTIVE;
	vr_found_take(&l, &a);
	assert_int_equal(l.n, 0);
	a.state = VR_ALERT_FIRING;
	a.updated.ms = 40;
	vr_found_take(&l, &a);
	assert_int_equal(l.n, 1);
	assert_int_equal(l.at[0]->starts.ms, 10);
	assert_int_equal(l.at[0]->fired.ms, 40);
	assert_int_equal(l.at[0]->ends.ms, 0);
	a.state = VR_ALERT_RESOLVED;
	a.reason = VR_REASON_FORGOTTEN;
	a.was_firing = true;
	a.ends.ms = 70;
	vr_found_take(&l, &a);
	assert_int_equal(l.n, 1);
	assert_int_equal(l.at[0]->ends.ms, 70);
	assert_int_equal(l.at[0]->reason, VR_REASON_FORGOTTEN);
	vr_found_done(&l);
	assert_int_equal(counted.bytes, 0);
}

static void a_content_is_at_home_where_it_came_first(void **state)
{
	struct vr_test_mem counted;
	struct vr_mem mem = vr_test_mem_of(&counted);
	struct vr_homes h;
	char id[24];
	bool here;
	(void)state;
	vr_homes_init(&h, &mem);
	for (int i = 0; i < 5000; i++) {
		snprintf(id, sizeof(id), "c%d", i);
		assert_int_equal(vr_homes_claim(&h, vr_str_c(id), 1 + (uint32_t)i % 3, &here), VR_OK);
		assert_true(here);
	}
	for (int i = 0; i < 5000; i++) {
		snprintf(id, sizeof(id), "c%d", i);
		for (uint32_t place = 1; place <= 3; place++) {
			assert_int_equal(vr_homes_claim(&h, vr_str_c(id), place, &here), VR_OK);
			assert_int_equal(here, place == 1 + (uint32_t)i % 3);
		}
	}
	assert_int_equal(h.n, 5000);
	vr_homes_done(&h);
	assert_int_equal(counted.bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_lists_have_no_difference),
		cmocka_unit_test(what_only_one_has_is_added_or_removed),
		cmocka_unit_test(another_start_or_end_is_a_shift),
		cmocka_unit_test(the_nearest_are_partners),
		cmocka_unit_test(equal_moments_hold_the_others_apart),
		cmocka_unit_test(what_is_far_apart_is_two_alerts),
		cmocka_unit_test(every_alert_is_in_one_difference),
		cmocka_unit_test(only_what_fired_is_found),
		cmocka_unit_test(a_content_is_at_home_where_it_came_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
