/* SPDX-License-Identifier: Apache-2.0 */
#include "units.h"
#include <inttypes.h>
#include <stdio.h>

#define SPAN_MAX_MS (INT64_C(36525) * 86400000)
#define DIGITS_MAX  18

struct unit {
	const char *name;
	int64_t factor;
};
/* Largest first: a compound duration goes down this table. */
static const struct unit spans[] = {
	{"w", 604800000},
	{"d", 86400000},
	{"h", 3600000},
	{"m", 60000},
	{"s", 1000},
	{"ms", 1},
};
static const struct unit sizes[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}, {"", 1}};
#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* Cuts leading digits off *text. */
static bool cut_number(struct vr_str *text, int64_t *ret)
{
	int64_t v = 0;
	size_t n = 0;

	while (n < text->n && text->p[n] >= '0' && text->p[n] <= '9') {
		if (n == DIGITS_MAX)
			return false;
		v = v * 10 + (text->p[n++] - '0');
	}
	*text = (struct vr_str){text->p + n, text->n - n};
	*ret = v;
	return n > 0;
}

/* Cuts the letters of a unit off *text and finds it from row `from` on; the row, or -1. */
static int cut_unit(struct vr_str *text, size_t from)
{
	size_t n = 0;

	while (n < text->n && (text->p[n] | 0x20) >= 'a' && (text->p[n] | 0x20) <= 'z')
		n++;
	for (size_t i = from; i < COUNT_OF(spans); i++)
		if (vr_str_eq((struct vr_str){text->p, n}, vr_str_c(spans[i].name))) {
			*text = (struct vr_str){text->p + n, text->n - n};
			return (int)i;
		}
	return -1;
}

bool vr_span_parse(struct vr_str text, struct vr_span *ret)
{
	int64_t total = 0, v;
	size_t from = 0;

	if (vr_str_eq(text, VR_STR("0"))) {
		ret->ms = 0;
		return true;
	}
	while (text.n > 0) {
		int i = cut_number(&text, &v) ? cut_unit(&text, from) : -1;
		if (i < 0 || v > SPAN_MAX_MS / spans[i].factor)
			return false;
		total += v * spans[i].factor;
		from = (size_t)i + 1;
	}
	if (from == 0 || total > SPAN_MAX_MS)
		return false;
	ret->ms = total;
	return true;
}

bool vr_size_parse(struct vr_str text, int64_t *ret)
{
	int64_t v;

	if (!cut_number(&text, &v))
		return false;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		if (!vr_str_eq(text, vr_str_c(sizes[i].name)))
			continue;
		if (v > INT64_MAX / sizes[i].factor)
			return false;
		*ret = v * sizes[i].factor;
		return true;
	}
	return false;
}

bool vr_int_parse(struct vr_str text, int64_t *ret)
{
	bool minus = text.n > 0 && text.p[0] == '-';
	int64_t v;

	if (minus)
		text = (struct vr_str){text.p + 1, text.n - 1};
	if (!cut_number(&text, &v) || text.n > 0)
		return false;
	*ret = minus ? -v : v;
	return true;
}

static void print_whole(int64_t v, const struct unit *units, size_t n, char text[VR_UNIT_TEXT_MAX])
{
	for (size_t i = 0; i < n; i++) {
		if (v == 0 || v % units[i].factor != 0)
			continue;
		(void)snprintf(text, VR_UNIT_TEXT_MAX, "%" PRId64 "%s", v / units[i].factor, units[i].name);
		return;
	}
	(void)snprintf(text, VR_UNIT_TEXT_MAX, "%" PRId64, v);
}

void vr_span_print(int64_t ms, char text[VR_UNIT_TEXT_MAX])
{
	/* Nobody thinks of retention in weeks. */
	print_whole(ms, spans + 1, COUNT_OF(spans) - 1, text);
}

void vr_size_print(int64_t bytes, char text[VR_UNIT_TEXT_MAX])
{
	print_whole(bytes, sizes, COUNT_OF(sizes) - 2, text);
}
