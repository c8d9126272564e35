/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include "unit.h"
#include "failing_mem.h"
#include "random.h"
#include "virality/buf.h"

static int setup(void **state)
{
	static struct vr_mem mem;
	static struct vr_buf b;

	mem = vr_mem_heap();
	vr_buf_init(&b, &mem);
	*state = &b;
	return 0;
}

static int teardown(void **state)
{
	struct vr_buf *b = *state;

	vr_buf_done(b);
	return b->mem->used != 0;
}

static void atoms_come_back(void **state)
{
	struct vr_buf *b = *state;
	struct vr_random r = {2};

	for (int i = 0; i < 20000; i++) {
		uint64_t v = vr_random_scaled(&r);
		int64_t z = (int64_t)vr_random_u64(&r) >> vr_random_below(&r, 64);
		double d = (double)z / 7;
		struct vr_rd rd;
		vr_buf_clear(b);
		vr_buf_varint(b, v);
		vr_buf_zigzag(b, z);
		vr_buf_f64(b, d);
		vr_buf_lstr(b, VR_STR("kept\0whole"));
		vr_buf_byte(b, 0xff);
		rd = vr_rd_of(vr_buf_str(b));
		assert_true(vr_rd_varint(&rd) == v);
		assert_true(vr_rd_zigzag(&rd) == z);
		assert_true(vr_rd_f64(&rd) == d);
		assert_str_equal(vr_rd_lstr(&rd), VR_STR("kept\0whole"));
		assert_int_equal(vr_rd_byte(&rd), 0xff);
		assert_false(rd.failed);
		assert_ptr_equal(rd.p, rd.end);
	}
}

static void atoms_are_these_bytes(void **state)
{
	struct vr_buf *b = *state;

	vr_buf_varint(b, 300);
	vr_buf_zigzag(b, -2);
	vr_buf_f64(b, 1.0);
	vr_buf_varint(b, UINT64_MAX);
	assert_str_equal(vr_buf_str(b),
		VR_STR("\xac\x02\x03\0\0\0\0\0\0\xf0\x3f\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
}

static void decimals_are_those_of_stdio(void **state)
{
	static const int64_t edges[] = {0, 1, -1, 9, 10, -10, INT64_MAX, INT64_MIN};
	struct vr_buf *b = *state;
	struct vr_random r = {3};

	for (size_t i = 0; i < 10000; i++) {
		int64_t v = i < 8 ? edges[i] : (int64_t)vr_random_u64(&r) >> vr_random_below(&r, 64);
		char expected[64];
		int n = snprintf(expected, sizeof(expected), "%" PRId64 " %" PRIu64, v, (uint64_t)v);
		vr_buf_clear(b);
		vr_buf_i64(b, v);
		vr_buf_byte(b, ' ');
		vr_buf_u64(b, (uint64_t)v);
		assert_str_equal(vr_buf_str(b), ((struct vr_str){expected, (size_t)n}));
	}
}

static void every_cut_is_a_failure(void **state)
{
	struct vr_buf *b = *state;

	vr_buf_varint(b, 1000000);
	vr_buf_f64(b, 0.5);
	vr_buf_lstr(b, VR_STR("abc"));
	for (size_t n = 0; n < b->n; n++) {
		struct vr_rd rd = vr_rd_of((struct vr_str){b->p, n});
		(void)vr_rd_varint(&rd);
		(void)vr_rd_f64(&rd);
		assert_int_equal(vr_rd_lstr(&rd).n, 0);
		assert_true(rd.failed);
		assert_int_equal(vr_rd_byte(&rd), 0);
		assert_int_equal(vr_rd_varint(&rd), 0);
	}
}

static void varint_of_more_than_64_bits_fails(void **state)
{
	struct vr_rd r = vr_rd_of(VR_STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"));
	struct vr_rd longer = vr_rd_of(VR_STR("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"));

	(void)state;
	assert_int_equal(vr_rd_varint(&r), 0);
	assert_true(r.failed);
	assert_int_equal(vr_rd_varint(&longer), 0);
	assert_true(longer.failed);
}

static void failure_sticks(void **state)
{
	struct vr_failing_mem f;
	struct vr_mem mem = vr_failing_mem(&f, 1);
	struct vr_buf b;

	(void)state;
	vr_buf_init(&b, &mem);
	vr_buf_c(&b, "first");
	vr_buf_add(&b, (char[200]){0}, 200);
	assert_true(b.failed);
	vr_buf_byte(&b, 'x');
	vr_buf_varint(&b, 1);
	assert_null(vr_buf_room(&b, 1));
	assert_str_equal(vr_buf_str(&b), VR_STR("first"));
	vr_buf_clear(&b);
	vr_buf_c(&b, "again");
	assert_false(b.failed);
	assert_null(vr_buf_room(&b, SIZE_MAX));
	assert_true(b.failed);
	vr_buf_done(&b);
	assert_int_equal(mem.used, 0);
}

static void room_of_nothing_is_not_a_failure(void **state)
{
	struct vr_buf *b = *state;

	assert_non_null(vr_buf_room(b, 0));
	vr_buf_str_add(b, (struct vr_str){NULL, 0});
	assert_false(b->failed);
	assert_int_equal(b->n, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(atoms_come_back),
		TEST(atoms_are_these_bytes),
		TEST(decimals_are_those_of_stdio),
		TEST(every_cut_is_a_failure),
		TEST(varint_of_more_than_64_bits_fails),
		TEST(failure_sticks),
		TEST(room_of_nothing_is_not_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
