/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include "rules_say.h"

#define QUOTED_MAX 80U
#define CUT_MARK   "..."

struct line {
	char *p;
	size_t n, cap; /* of text; one byte more is kept for NUL */
};

static void add(struct line *l, struct vr_str s)
{
	size_t n = s.n < l->cap - l->n ? s.n : l->cap - l->n;

	if (n > 0)
		memcpy(l->p + l->n, s.p, n);
	l->n += n;
	l->p[l->n] = '\0';
}

static void add_quoted(struct line *l, struct vr_str s)
{
	struct vr_str shown = vr_utf8_cut(s, QUOTED_MAX);

	add(l, VR_STR("`"));
	for (size_t i = 0; i < shown.n; i++) {
		bool control = (unsigned char)shown.p[i] < 0x20 || shown.p[i] == 0x7f;
		add(l, control ? VR_STR(" ") : (struct vr_str){shown.p + i, 1});
	}
	if (shown.n < s.n)
		add(l, VR_STR(CUT_MARK));
	add(l, VR_STR("`"));
}

static void add_number(struct line *l, size_t v)
{
	char digits[20];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	add(l, (struct vr_str){digits + i, sizeof(digits) - i});
}

static void add_format(struct line *l, const char *format, va_list args)
{
	for (const char *f = format; *f; f++) {
		if (*f != '%') {
			add(l, (struct vr_str){f, 1});
			continue;
		}
		f++;
		if (*f == 's')
			add(l, vr_str_c(va_arg(args, const char *)));
		else if (*f == 'q')
			add_quoted(l, va_arg(args, struct vr_str));
		else
			add_number(l, va_arg(args, size_t));
	}
}

void vr_rules_say(struct vr_rule_errors *errors, struct vr_pos pos, const char *format, ...)
{
	va_list args;
	size_t i = errors->n++;

	if (i >= errors->cap)
		return;
	errors->at[i].pos = pos;
	errors->at[i].text[0] = '\0';
	va_start(args, format);
	add_format(&(struct line){.p = errors->at[i].text, .cap = sizeof(errors->at[i].text) - 1}, format, args);
	va_end(args);
}

struct vr_pos vr_rules_pos_in(struct vr_pos start, struct vr_str text, size_t offset)
{
	struct vr_pos pos = start;

	for (size_t i = 0; i < offset && i < text.n; i++) {
		bool continues = ((unsigned char)text.p[i] & 0xc0) == 0x80;
		if (text.p[i] == '\n') {
			pos.line++;
			pos.column = start.column;
		} else if (pos.column > 0 && !continues) {
			pos.column++;
		}
	}
	return pos;
}
