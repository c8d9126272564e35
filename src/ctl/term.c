/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>
#include "virality/term.h"

#define ELLIPSIS "\xe2\x80\xa6"

bool vr_ctl_has_colour(FILE *out)
{
	const char *no = getenv("NO_COLOR"), *force = getenv("CLICOLOR_FORCE"), *term = getenv("TERM");

	if (no && *no)
		return false;
	if (force && *force && strcmp(force, "0") != 0)
		return true;
	return isatty(fileno(out)) && !(term && strcmp(term, "dumb") == 0);
}

unsigned vr_ctl_columns(FILE *out, unsigned fallback)
{
	struct winsize ws;

	if (ioctl(fileno(out), TIOCGWINSZ, &ws) == 0 && ws.ws_col >= 20)
		return ws.ws_col;
	return fallback;
}

/* One character of UTF-8 at s, which is not empty; *ret_n bytes. A byte that starts none comes as -1. */
static int32_t decode(struct vr_str s, size_t *ret_n)
{
	static const struct { uint8_t mask, lead; uint32_t min; } forms[] = {
		{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
	uint8_t c = (uint8_t)s.p[0];

	*ret_n = 1;
	for (size_t n = 1; n <= 4 && n <= s.n; n++) {
		uint32_t code = c & (uint8_t)~forms[n - 1].mask;

		if ((c & forms[n - 1].mask) != forms[n - 1].lead || !vr_utf8_valid((struct vr_str){s.p, n}))
			continue;
		for (size_t i = 1; i < n; i++)
			code = code << 6 | ((uint8_t)s.p[i] & 0x3f);
		*ret_n = n;
		return (int32_t)code;
	}
	return -1;
}

/* Controls, and what turns, joins or hides the text around it. */
static bool is_harmful(int32_t c)
{
	static const struct {
		int32_t from, to;
	} ranges[] = {{0, 0x1f}, {0x7f, 0x9f}, {0xad, 0xad}, {0x61c, 0x61c}, {0x200b, 0x200f}, {0x2028, 0x202e},
		{0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe0fff}};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i].from && c <= ranges[i].to)
			return true;
	return false;
}

/* What is shown for the character at s: into out (16 bytes); its bytes and columns. */
struct glyph { size_t taken, n; unsigned width; char out[16]; };

static struct glyph glyph_of(struct vr_str s)
{
	struct glyph g = {0};
	int32_t c = decode(s, &g.taken);
	int width = c < 0 ? -1 : wcwidth((wchar_t)c);
	int n;

	if (c >= 0 && !is_harmful(c)) {
		memcpy(g.out, s.p, g.taken);
		g.n = g.taken;
		g.width = width < 0 ? 1 : (unsigned)width;
		return g;
	}
	if (c < 0x80)
		n = snprintf(g.out, sizeof(g.out), "\\x%02x", (uint8_t)s.p[0]);
	else
		n = snprintf(g.out, sizeof(g.out), "\\u{%x}", (unsigned)c);
	g.n = (size_t)n;
	g.width = (unsigned)n;
	return g;
}

void vr_ctl_put_text(FILE *out, struct vr_str s)
{
	while (s.n) {
		struct glyph g = glyph_of(s);

		(void)fwrite(g.out, 1, g.n, out);
		s.p += g.taken;
		s.n -= g.taken;
	}
}

unsigned vr_ctl_width(struct vr_str s)
{
	unsigned width = 0;

	while (s.n) {
		struct glyph g = glyph_of(s);

		width += g.width;
		s.p += g.taken;
		s.n -= g.taken;
	}
	return width;
}

unsigned vr_ctl_put_cut(FILE *out, struct vr_str s, unsigned width)
{
	unsigned used = 0, whole = vr_ctl_width(s);

	if (whole <= width) {
		vr_ctl_put_text(out, s);
		return whole;
	}
	while (s.n) {
		struct glyph g = glyph_of(s);

		if (used + g.width + 1 > width)
			break;
		(void)fwrite(g.out, 1, g.n, out);
		used += g.width;
		s.p += g.taken;
		s.n -= g.taken;
	}
	fputs(ELLIPSIS, out);
	return used + 1;
}

void vr_ctl_put_style(FILE *out, enum vr_ctl_style style)
{
	static const char *const codes[] = {[VR_CTL_PLAIN] = "\033[0m", [VR_CTL_BOLD] = "\033[1m",
		[VR_CTL_DIM] = "\033[2m", [VR_CTL_RED] = "\033[31m", [VR_CTL_YELLOW] = "\033[33m",
		[VR_CTL_GREEN] = "\033[32m"};

	if (vr_ctl_has_colour(out))
		fputs(codes[style], out);
}
