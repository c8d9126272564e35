/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "failing_mem.h"
#include "random.h"
#include "virality/arena.h"

#define CHUNK 256

static void pieces_are_aligned_and_apart(void **state)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_random r = {1};
	struct vr_arena arena;
	unsigned char *p[200];
	size_t n[200];

	(void)state;
	vr_arena_init(&arena, &mem, CHUNK);
	for (int round = 0; round < 20; round++) {
		for (unsigned char i = 0; i < 200; i++) {
			n[i] = vr_random_below(&r, i % 50 == 0 ? 1000 : 40);
			p[i] = vr_arena_alloc(&arena, n[i]);
			assert_non_null(p[i]);
			assert_int_equal((uintptr_t)p[i] % _Alignof(max_align_t), 0);
			memset(p[i], i, n[i]);
		}
		for (unsigned char i = 0; i < 200; i++)
			for (size_t k = 0; k < n[i]; k++)
				assert_int_equal(p[i][k], i);
		vr_arena_reset(&arena);
	}
	vr_arena_done(&arena);
	assert_int_equal(mem.used, 0);
}

static void reset_keeps_ordinary_chunks_only(void **state)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_arena arena;
	size_t one_chunk;
	void *first;

	(void)state;
	vr_arena_init(&arena, &mem, CHUNK);
	assert_int_equal(mem.used, 0);
	first = vr_arena_alloc(&arena, 10);
	one_chunk = mem.used;
	assert_non_null(vr_arena_alloc(&arena, 100 * CHUNK));
	assert_true(mem.used > 100 * CHUNK);
	vr_arena_reset(&arena);
	assert_int_equal(mem.used, one_chunk);
	assert_ptr_equal(vr_arena_alloc(&arena, 10), first);
	vr_arena_done(&arena);
	vr_arena_done(NULL);
}

static void no_memory_leaves_it_usable(void **state)
{
	struct vr_failing_mem f;
	struct vr_mem mem = vr_failing_mem(&f, 1);
	struct vr_arena arena;
	struct vr_str copy = VR_STR("before");

	(void)state;
	vr_arena_init(&arena, &mem, CHUNK);
	assert_non_null(vr_arena_alloc(&arena, CHUNK - 32));
	assert_int_equal(vr_arena_dup(&arena, (struct vr_str){(char[100]){0}, 100}, &copy), VR_E_NOMEM);
	assert_str_equal(copy, VR_STR("before"));
	assert_int_equal(vr_arena_dup(&arena, VR_STR("fits"), &copy), VR_OK);
	assert_str_equal(copy, VR_STR("fits"));
	assert_null(vr_arena_alloc(&arena, SIZE_MAX));
	assert_null(vr_arena_alloc(&arena, SIZE_MAX - 64));
	vr_arena_done(&arena);
	assert_int_equal(mem.used, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_aligned_and_apart),
		cmocka_unit_test(reset_keeps_ordinary_chunks_only),
		cmocka_unit_test(no_memory_leaves_it_usable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
