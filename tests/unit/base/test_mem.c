/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "virality/mem.h"

static void an_array_grows_and_keeps_what_it_has(void **state)
{
	uint64_t *at = NULL;
	size_t cap = 0;

	(void)state;
	for (size_t n = 0; n < 1000; n++) {
		uint64_t *more = vr_mem_grow(at, n, &cap, sizeof(*more));
		assert_non_null(more);
		assert_true(cap > n);
		at = more;
		at[n] = n * n;
	}
	for (size_t n = 0; n < 1000; n++)
		assert_int_equal(at[n], n * n);
	free(at);
}

static void with_room_nothing_moves(void **state)
{
	size_t cap = 0;
	char *at = vr_mem_grow(NULL, 0, &cap, 1);
	size_t before = cap;

	(void)state;
	assert_non_null(at);
	assert_ptr_equal(vr_mem_grow(at, cap - 1, &cap, 1), at);
	assert_int_equal(cap, before);
	free(at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_array_grows_and_keeps_what_it_has),
		cmocka_unit_test(with_room_nothing_moves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
