/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "virality/rules.h"

static void drop_trailing_zeros(struct vr_buf *b)
{
	while (b->p[b->n - 1] == '0')
		b->n--;
	if (b->p[b->n - 1] == '.')
		b->n--;
}

void vr_value_text(double v, struct vr_buf *b)
{
	size_t from = b->n;

	if (isnan(v)) {
		vr_buf_c(b, "NaN");
		return;
	}
	if (isinf(v)) {
		vr_buf_c(b, v > 0 ? "+Inf" : "-Inf");
		return;
	}
	vr_buf_ratio(b, v);
	if (b->failed)
		return;
	drop_trailing_zeros(b);
	if (b->n - from == 2 && memcmp(b->p + from, "-0", 2) == 0) {
		b->p[from] = '0';
		b->n = from + 1;
	}
}
