/* SPDX-License-Identifier: Apache-2.0 */
#include "backtest/picture.h"
#include "unit.h"

#define H INT64_C(3600000)

static struct vr_mem mem;

static void expect_spark(const uint64_t *count, size_t n, const char *ascii, const char *blocks)
{
	struct vr_buf b;
	vr_buf_init(&b, &mem);
	vr_picture_spark(count, n, true, &b);
	assert_str_equal(vr_buf_str(&b), vr_str_c(ascii));
	vr_buf_clear(&b);
	vr_picture_spark(count, n, false, &b);
	assert_str_equal(vr_buf_str(&b), vr_str_c(blocks));
	vr_buf_done(&b);
}

static void a_cell_is_as_high_as_its_share(void **state)
{
	(void)state;
	expect_spark((uint64_t[]){0, 1, 2, 3, 4, 5, 6, 7, 8}, 9, " .:-=+*%#", " ▁▂▃▄▅▆▇█");
	expect_spark((uint64_t[]){0, 1, 1000, 500}, 4, " .#=", " ▁█▄");
	expect_spark((uint64_t[]){7, 7}, 2, "##", "██");
	expect_spark((uint64_t[]){0, 0}, 2, "  ", "  ");
}

static void expect_bar(uint64_t n, uint64_t most, size_t width, const char *text)
{
	struct vr_buf b;
	vr_buf_init(&b, &mem);
	vr_picture_bar(n, most, width, &b);
	assert_str_equal(vr_buf_str(&b), vr_str_c(text));
	vr_buf_done(&b);
}

static void a_bar_is_never_nothing_for_something(void **state)
{
	(void)state;
	expect_bar(0, 10, 8, "");
	expect_bar(1, 1000000, 8, "#");
	expect_bar(5, 10, 8, "####");
	expect_bar(10, 10, 8, "########");
	expect_bar(0, 0, 8, "");
}

static void hours_are_whole_and_before_1970_too(void **state)
{
	(void)state;
	assert_int_equal(vr_picture_hour((struct vr_wall){0}), 0);
	assert_int_equal(vr_picture_hour((struct vr_wall){H - 1}), 0);
	assert_int_equal(vr_picture_hour((struct vr_wall){H}), 1);
	assert_int_equal(vr_picture_hour((struct vr_wall){-1}), -1);
	assert_int_equal(vr_picture_hour((struct vr_wall){-H}), -1);
	assert_int_equal(vr_picture_hour((struct vr_wall){-H - 1}), -2);
}

static void an_axis_holds_all_hours_in_few_cells(void **state)
{
	(void)state;
	for (int64_t hours = 1; hours < 2000; hours++) {
		struct vr_wall from = {5 * H + 1}, to = {(4 + hours) * H + 2};
		struct vr_axis a = vr_picture_axis(from, to);
		assert_int_equal(a.first, 5);
		assert_in_range(a.cells, 1, VR_PICTURE_CELLS);
		assert_true((int64_t)a.cells * a.hours >= hours && ((int64_t)a.cells - 1) * a.hours < hours);
		assert_int_equal(vr_picture_cell(&a, from), 0);
		assert_int_equal(vr_picture_cell(&a, to), a.cells - 1);
	}
	struct vr_axis day = vr_picture_axis((struct vr_wall){0}, (struct vr_wall){24 * H - 1});
	assert_int_equal(day.hours, 1);
	assert_int_equal(day.cells, 24);
	assert_int_equal(vr_picture_cell(&day, (struct vr_wall){7 * H}), 7);
	assert_int_equal(vr_picture_cell(&day, (struct vr_wall){7 * H - 1}), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cell_is_as_high_as_its_share),
		cmocka_unit_test(a_bar_is_never_nothing_for_something),
		cmocka_unit_test(hours_are_whole_and_before_1970_too),
		cmocka_unit_test(an_axis_holds_all_hours_in_few_cells),
	};

	mem = vr_mem_heap();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
