/* SPDX-License-Identifier: Apache-2.0 */
#include "picture.h"

enum { LEVELS = 8 };

int64_t vr_picture_hour(struct vr_wall t)
{
	return t.ms / VR_HOUR_IN_MS - (t.ms % VR_HOUR_IN_MS < 0);
}

struct vr_axis vr_picture_axis(struct vr_wall from, struct vr_wall to)
{
	int64_t first = vr_picture_hour(from), last = vr_picture_hour(to);
	int64_t all = last < first ? 1 : last - first + 1;
	int64_t hours = (all + VR_PICTURE_CELLS - 1) / VR_PICTURE_CELLS;
	return (struct vr_axis){first, hours, (size_t)((all + hours - 1) / hours)};
}

size_t vr_picture_cell(const struct vr_axis *a, struct vr_wall t)
{
	int64_t at = (vr_picture_hour(t) - a->first) / a->hours;
	return at < 0 ? 0 : (size_t)at < a->cells ? (size_t)at : a->cells - 1;
}

/* n of most in steps from 1; 0 only for nothing. */
static size_t level(uint64_t n, uint64_t most, size_t steps)
{
	if (n == 0 || most == 0)
		return 0;
	size_t up = (size_t)((double)n / (double)most * (double)steps + 0.5);
	return up < 1 ? 1 : up < steps ? up : steps;
}

void vr_picture_spark(const uint64_t *count, size_t n, bool ascii, struct vr_buf *b)
{
	static const char *const block[LEVELS + 1] = {" ", "\xe2\x96\x81", "\xe2\x96\x82", "\xe2\x96\x83", "\xe2\x96\x84", "\xe2\x96\x85",
		"\xe2\x96\x86", "\xe2\x96\x87", "\xe2\x96\x88"};
	static const char *const plain[LEVELS + 1] = {" ", ".", ":", "-", "=", "+", "*", "%", "#"};
	uint64_t most = 0;
	for (size_t i = 0; i < n; i++)
		most = count[i] > most ? count[i] : most;
	for (size_t i = 0; i < n; i++)
		vr_buf_c(b, (ascii ? plain : block)[level(count[i], most, LEVELS)]);
}

void vr_picture_bar(uint64_t n, uint64_t most, size_t width, struct vr_buf *b)
{
	for (size_t i = level(n, most, width); i > 0; i--)
		vr_buf_byte(b, '#');
}
