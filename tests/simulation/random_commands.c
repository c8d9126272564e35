/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include "random_commands.h"

uint64_t maker_below(struct maker *m, uint64_t n)
{
	uint64_t z = (m->random += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (z ^ (z >> 31)) % n;
}

static struct vr_str said(struct maker *m, int n)
{
	return (struct vr_str){m->text, (size_t)n};
}

static struct vr_str one_of(struct maker *m, const struct vr_str *words, size_t n)
{
	return words[maker_below(m, n)];
}
#define ONE_OF(m, ...) \
	one_of(m, (const struct vr_str[]){__VA_ARGS__}, \
		sizeof((const struct vr_str[]){__VA_ARGS__}) / sizeof(struct vr_str))

/* A key that mostly holds that type, and sometimes any. */
static struct vr_str make_key(struct maker *m, char kind)
{
	static const char kinds[] = "SHZLEX";

	if (kind == 'K' || maker_below(m, 16) == 0)
		kind = kinds[maker_below(m, sizeof(kinds) - 1)];
	return said(m, snprintf(m->text, sizeof(m->text), "%c%d", kind, (int)maker_below(m, 2)));
}

static struct vr_str make_value(struct maker *m)
{
	return ONE_OF(m, VR_STR("a"), VR_STR("b"), VR_STR("c"), VR_STR(""), VR_STR("10"), VR_STR("-7"),
		VR_STR("007"), VR_STR("x\r\ny\0z"),
		VR_STR("\xff\xfe"), VR_STR("forty characters of a rather long value!"));
}

static struct vr_str make_score(struct maker *m)
{
	static const char *const special[] = {"inf", "-inf", "1e3", "0.1", "-0", "1e400", "nan", "x", "", " 1"};

	if (maker_below(m, 8) == 0)
		return vr_str_c(special[maker_below(m, sizeof(special) / sizeof(special[0]))]);
	return said(m, snprintf(m->text, sizeof(m->text), "%.17g", ((double)maker_below(m, 64) - 20) / 3));
}

static struct vr_str make_bound(struct maker *m)
{
	static const char *const special[] = {"-inf", "+inf", "(inf", "(x", "("};

	if (maker_below(m, 8) == 0)
		return vr_str_c(special[maker_below(m, sizeof(special) / sizeof(special[0]))]);
	return said(m, snprintf(m->text, sizeof(m->text), "%s%d", maker_below(m, 2) ? "(" : "",
		(int)maker_below(m, 24) - 8));
}

/* Rising with the steps, with a small chance of an old one. */
static struct vr_str make_id(struct maker *m, const char *seq)
{
	uint64_t ms = m->step / 4;

	if (maker_below(m, 12) == 0)
		ms -= maker_below(m, ms / 4 + 1);
	if (seq)
		return said(m, snprintf(m->text, sizeof(m->text), "%" PRIu64 "%s", ms, seq));
	return said(m, snprintf(m->text, sizeof(m->text), "%" PRIu64 "-%d", ms, (int)maker_below(m, 1000)));
}

static struct vr_str make_end(struct maker *m)
{
	static const char *const special[] = {"-", "+", "(0", "(18446744073709551615-18446744073709551615", "(-",
		"5-", "-5", "(0-0"};
	uint64_t ms = m->step / 4;

	if (maker_below(m, 10) == 0)
		return vr_str_c(special[maker_below(m, sizeof(special) / sizeof(special[0]))]);
	ms -= maker_below(m, ms < 120 ? ms + 1 : 120);
	return said(m, snprintf(m->text, sizeof(m->text), "%s%" PRIu64 "%s", maker_below(m, 4) ? "" : "(", ms,
		maker_below(m,
		2) ? "-300" : ""));
}

static struct vr_str make(struct maker *m, char kind)
{
	switch (kind) {
	case 'f':
		return ONE_OF(m, VR_STR("f1"), VR_STR("f2"), VR_STR("f3"), VR_STR("f4"), VR_STR(""), VR_STR("f\0"));
	case 'g':
		return ONE_OF(m, VR_STR("g"), VR_STR("17"), VR_STR(""), VR_STR("\0\r\n"));
	case 'v':
		return make_value(m);
	case 'd':
		return make_score(m);
	case 'b':
		return make_bound(m);
	case 'i':
		return said(m, snprintf(m->text, sizeof(m->text), "%d", (int)maker_below(m, 13) - 6));
	case 'n':
		return said(m, snprintf(m->text, sizeof(m->text), "%d", (int)maker_below(m, 500)));
	case 'D':
		return said(m, snprintf(m->text, sizeof(m->text), "%d", (int)maker_below(m, DATABASES)));
	case 'I':
		return make_id(m, NULL);
	case 'A':
		return make_id(m, maker_below(m, 2) ? "-*" : "");
	case 'J':
		return make_end(m);
	default:
		return make_key(m, kind);
	}
}

void maker_add(struct maker *m, struct vr_cmds *c, const char *pattern)
{
	uint32_t argc = 1;
	char name[16];

	for (const char *p = pattern; *p; p++)
		argc += *p == ' ';
	(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(pattern, " "), pattern);
	vr_cmd(c, argc, name);
	for (const char *p = strchr(pattern, ' '); p; p = strchr(p + 1, ' ')) {
		struct vr_str word = {p + 1, strcspn(p + 1, " ")};
		vr_cmd_str(c, word.n == 1 && strchr("fgvdbinDIAJKSHZLEX", word.p[0]) ? make(m, word.p[0]) : word);
	}
}
