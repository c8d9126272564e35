/* SPDX-License-Identifier: Apache-2.0 */
/* printf rounds exactly, half to even: it is the model. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include "unit.h"
#include "random.h"
#include "virality/buf.h"

static void assert_as_printf(struct vr_buf *b, double v)
{
	char expected[400];
	int n = snprintf(expected, sizeof(expected), "%.6f", v);

	vr_buf_clear(b);
	vr_buf_ratio(b, v);
	assert_str_equal(vr_buf_str(b), ((struct vr_str){expected, (size_t)n}));
}

static void edges(void **state)
{
	static const double values[] = {
		0, -0.0, 1, -1, 0.5, 0.1, 1e-6, 5e-7, 4.9999999e-7, 0.0000015, 0.9999995, 0.99999949, 999999.9999995,
		DBL_MAX, -DBL_MAX, DBL_MIN, DBL_TRUE_MIN, DBL_EPSILON, 1e15, 1e16, 1e22, 123456789012345678.0,
		9007199254740991.0, 9007199254740992.0, 0x1p63, 0x1p64, 0x1p127, 0x1p128,
	};
	struct vr_mem mem = vr_mem_heap();
	struct vr_buf b;

	(void)state;
	vr_buf_init(&b, &mem);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		assert_as_printf(&b, values[i]);
	vr_buf_done(&b);
}

/* k / 2^7 has seven decimals that end in 5: true ties, half of which go down. */
static void ties_go_to_even(void **state)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_buf b;

	(void)state;
	vr_buf_init(&b, &mem);
	vr_buf_ratio(&b, 1 / 128.0);
	assert_str_equal(vr_buf_str(&b), VR_STR("0.007812"));
	vr_buf_clear(&b);
	vr_buf_ratio(&b, 3 / 128.0);
	assert_str_equal(vr_buf_str(&b), VR_STR("0.023438"));
	for (int k = -100000; k < 100000; k++)
		assert_as_printf(&b, k / 128.0);
	vr_buf_done(&b);
}

static void random_bits(void **state)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_random r = {4};
	struct vr_buf b;

	(void)state;
	vr_buf_init(&b, &mem);
	for (int i = 0; i < 100000; i++) {
		uint64_t bits = vr_random_u64(&r);
		double v;
		memcpy(&v, &bits, sizeof(v));
		if (isfinite(v))
			assert_as_printf(&b, v);
		assert_as_printf(&b, (double)(bits >> 40) / (double)(1 + bits % 1000));
	}
	vr_buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edges),
		cmocka_unit_test(ties_go_to_even),
		cmocka_unit_test(random_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
