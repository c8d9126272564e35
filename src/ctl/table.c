/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdarg.h>
#include <time.h>
#include "virality/term.h"

void vr_ctl_table_init(
	struct vr_ctl_table *t, const struct vr_ctl_column *columns, size_t n, struct vr_arena *arena)
{
	*t = (struct vr_ctl_table){.columns = columns, .n = n, .arena = arena};
}

struct vr_ctl_row *vr_ctl_table_row(struct vr_ctl_table *t)
{
	struct vr_ctl_row *row = vr_arena_alloc(t->arena, sizeof(*row));

	if (!row)
		return NULL;
	*row = (struct vr_ctl_row){.style = VR_CTL_PLAIN};
	if (t->last)
		t->last->next = row;
	else
		t->first = row;
	t->last = row;
	t->n_rows++;
	return row;
}

struct vr_str vr_ctl_text(struct vr_arena *arena, const char *fmt, ...)
{
	char text[1024];
	struct vr_str s = {0};
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return vr_arena_dup(arena, vr_str_c(text), &s) ? (struct vr_str){0} : s;
}

struct vr_str vr_ctl_number(struct vr_arena *arena, int64_t n)
{
	char digits[32], text[48];
	int len = snprintf(digits, sizeof(digits), "%" PRId64, n), out = 0;

	for (int i = 0; i < len; i++) {
		if (i > (n < 0) && (len - i) % 3 == 0)
			text[out++] = ',';
		text[out++] = digits[i];
	}
	text[out] = '\0';
	return vr_ctl_text(arena, "%s", text);
}

struct vr_str vr_ctl_time(struct vr_arena *arena, int64_t ms)
{
	time_t s = (time_t)(ms / 1000);
	char text[32];
	struct tm tm;

	if (ms <= 0 || !gmtime_r(&s, &tm) || !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm))
		return VR_STR("-");
	return vr_ctl_text(arena, "%s", text);
}

static unsigned column_width(const struct vr_ctl_table *t, size_t i)
{
	unsigned width = vr_ctl_width(vr_str_c(t->columns[i].title)), max = t->columns[i].max;

	for (const struct vr_ctl_row *row = t->first; row; row = row->next) {
		unsigned w = vr_ctl_width(row->cells[i]);

		width = w > width ? w : width;
	}
	return max && width > max ? max : width;
}

static void put_blanks(FILE *out, unsigned n)
{
	fprintf(out, "%*s", (int)n, "");
}

static void put_cell(FILE *out, struct vr_str s, unsigned width, bool right, bool last)
{
	unsigned w = vr_ctl_width(s);

	if (right && w < width)
		put_blanks(out, width - w);
	w = vr_ctl_put_cut(out, s, width);
	if (!right && !last && w < width)
		put_blanks(out, width - w);
	if (!last)
		put_blanks(out, 2);
}

void vr_ctl_table_print(const struct vr_ctl_table *t, FILE *out)
{
	unsigned widths[VR_CTL_COLUMNS_MAX];

	vr_ctl_put_style(out, VR_CTL_BOLD);
	for (size_t i = 0; i < t->n; i++) {
		widths[i] = column_width(t, i);
		put_cell(out, vr_str_c(t->columns[i].title), widths[i], t->columns[i].right, i + 1 == t->n);
	}
	vr_ctl_put_style(out, VR_CTL_PLAIN);
	fputc('\n', out);
	for (const struct vr_ctl_row *row = t->first; row; row = row->next) {
		if (row->style != VR_CTL_PLAIN)
			vr_ctl_put_style(out, row->style);
		for (size_t i = 0; i < t->n; i++)
			put_cell(out, row->cells[i], widths[i], t->columns[i].right, i + 1 == t->n);
		if (row->style != VR_CTL_PLAIN)
			vr_ctl_put_style(out, VR_CTL_PLAIN);
		fputc('\n', out);
	}
}
