/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "options.h"
#include "virality/rfc3339.h"

enum { OPTIONS_MAX = 64, LONG_BASE = 256, HELP_COLUMN = 30 };

/* All groups flattened: long option i has value LONG_BASE + i. */
struct flat {
	const struct vr_ctl_option *option[OPTIONS_MAX];
	void *base[OPTIONS_MAX];
	struct option longs[OPTIONS_MAX + 2];
	char shorts[2 * OPTIONS_MAX + 4];
	size_t n;
};

static void flatten(struct flat *f, const struct vr_ctl_group *groups, size_t n)
{
	size_t s = 0;

	*f = (struct flat){0};
	f->shorts[s++] = ':';
	for (size_t g = 0; g < n; g++) {
		for (size_t i = 0; i < groups[g].n; i++) {
			const struct vr_ctl_option *o = &groups[g].options[i];
			bool has_arg = o->type != VR_CTL_FLAG;

			VR_ASSERT(f->n < OPTIONS_MAX);
			f->option[f->n] = o;
			f->base[f->n] = groups[g].base;
			f->longs[f->n] = (struct option){o->name, has_arg ? required_argument : no_argument, NULL,
				LONG_BASE + (int)f->n};
			f->n++;
			if (!o->letter)
				continue;
			f->shorts[s++] = o->letter;
			if (has_arg)
				f->shorts[s++] = ':';
		}
	}
	f->longs[f->n] = (struct option){"help", no_argument, NULL, 'h'};
	f->shorts[s++] = 'h';
}

/* ------------------------------------------------------------------------- help -- */

static void help_option(const struct vr_ctl_option *o)
{
	char left[96];
	int n =
		snprintf(left, sizeof(left), "  %c%c%s--%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
			o->letter ? ", " : "  ", o->name, o->arg ? " " : "", o->arg ? o->arg : "");

	if (n >= HELP_COLUMN)
		printf("%s\n%*s%s\n", left, HELP_COLUMN, "", o->help);
	else
		printf("%-*s%s\n", HELP_COLUMN, left, o->help);
}

static void print_help(const struct vr_ctl_command *c, const struct vr_ctl_group *groups, size_t n)
{
	printf("Usage: viralctl %s [OPTION]...%s%s\n\n%s\n", c->name, c->operands[0] ? " " : "", c->operands,
		c->summary);
	if (c->details)
		printf("\n%s\n", c->details);
	for (size_t g = 0; g < n; g++) {
		printf("\n%s:\n", groups[g].title);
		for (size_t i = 0; i < groups[g].n; i++)
			help_option(&groups[g].options[i]);
	}
	printf("\n  -h, --help                  this text\n");
}

/* ----------------------------------------------------------------------- values -- */

static const char *take_real(const struct vr_ctl_option *o, const char *text, double *ret)
{
	char *end;
	double v;

	errno = 0;
	v = strtod(text, &end);
	if (end == text || *end || errno || !isfinite(v))
		return "a number";
	if ((o->min != 0 || o->max != 0) && (v < o->min || v > o->max))
		return "a number in range";
	*ret = v;
	return NULL;
}

static const char *take_signed(const char *text, int64_t *ret)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(text, &end, 10);
	if (end == text || *end || errno)
		return "a whole number";
	*ret = v;
	return NULL;
}

static const char *take_whole(const struct vr_ctl_option *o, const char *text, uint64_t *ret)
{
	int64_t v = 0;

	if (take_signed(text, &v) || v < 0)
		return "a whole number, 0 or more";
	if ((o->min != 0 || o->max != 0) && ((double)v < o->min || (double)v > o->max))
		return "a whole number in range";
	*ret = (uint64_t)v;
	return NULL;
}

static const char *take_span(const char *text, struct vr_span *ret)
{
	static const struct { const char *unit; double ms; } units[] = {
		{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	char *end;
	double v = strtod(text, &end);

	for (size_t i = 0; end != text && v >= 0 && v < 1e9 && i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].unit) != 0)
			continue;
		ret->ms = (int64_t)(v * units[i].ms);
		return NULL;
	}
	return "a time with its unit, like 90s, 5m, 1h or 2d";
}

static const char *take_time(const char *text, struct vr_wall *ret)
{
	struct vr_wall t;

	if (vr_rfc3339_parse(vr_str_c(text), &t) && take_signed(text, &t.ms))
		return "a time like 2026-01-31T09:30:00Z, or milliseconds since 1970";
	*ret = t;
	return NULL;
}

static const char *take_choice(const struct vr_ctl_option *o, const char *text, int *ret)
{
	const char *word = o->arg;

	for (int i = 0; word; i++) {
		const char *bar = strchr(word, '|');
		size_t n = bar ? (size_t)(bar - word) : strlen(word);

		if (strlen(text) == n && memcmp(word, text, n) == 0) {
			*ret = i;
			return NULL;
		}
		word = bar ? bar + 1 : NULL;
	}
	return o->arg;
}

static const char *take_word(const char *text, struct vr_ctl_words *words)
{
	if (words->n == VR_CTL_WORDS_MAX)
		return "at most 64 of them";
	words->at[words->n++] = text;
	return NULL;
}

/* NULL, or what was expected. */
static const char *take(const struct vr_ctl_option *o, void *base, const char *text)
{
	void *to = (char *)base + o->at;

	if (o->given_at)
		*(bool *)((char *)base + o->given_at) = true;
	switch (o->type) {
	case VR_CTL_FLAG:
		*(bool *)to = true;
		return NULL;
	case VR_CTL_TEXT:
		*(const char **)to = text;
		return NULL;
	case VR_CTL_WORDS:
		return take_word(text, to);
	case VR_CTL_WHOLE:
		return take_whole(o, text, to);
	case VR_CTL_REAL:
		return take_real(o, text, to);
	case VR_CTL_SPAN:
		return take_span(text, to);
	case VR_CTL_SIGNED:
		return take_signed(text, to);
	case VR_CTL_TIME:
		return take_time(text, to);
	case VR_CTL_CHOICE:
		return take_choice(o, text, to);
	}
	return "nothing";
}

/* ------------------------------------------------------------------ the command line -- */

static size_t find_short(const struct flat *f, int letter)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->option[i]->letter == letter)
			return i;
	return f->n;
}

static enum vr_ctl_exit unknown(const struct vr_ctl_command *command, const struct flat *f, const char *word)
{
	const char *names[OPTIONS_MAX], *near;
	size_t n = strcspn(word, "=");

	for (size_t i = 0; i < f->n; i++)
		names[i] = f->option[i]->name;
	if (strncmp(word, "--", 2) != 0)
		return vr_ctl_misuse(command, "there is no option -%c", optopt);
	near = vr_str_nearest((struct vr_str){word + 2, n - 2}, names, f->n);
	return near ? vr_ctl_misuse(command, "there is no option %.*s; did you mean --%s?", (int)n, word, near)
		    : vr_ctl_misuse(command, "there is no option %.*s", (int)n, word);
}

static enum vr_ctl_exit apply(const struct vr_ctl_command *command, const struct flat *f, int c)
{
	size_t i = c >= LONG_BASE ? (size_t)(c - LONG_BASE) : find_short(f, c);
	const char *expected;

	VR_ASSERT(i < f->n);
	expected = take(f->option[i], f->base[i], optarg);
	if (!expected)
		return VR_CTL_OK;
	if (f->option[i]->min != 0 || f->option[i]->max != 0)
		return vr_ctl_misuse(command, "--%s is \"%s\": expected %s (%.15g to %.15g)", f->option[i]->name,
			optarg, expected, f->option[i]->min, f->option[i]->max);
	return vr_ctl_misuse(command, "--%s is \"%s\": expected %s", f->option[i]->name, optarg, expected);
}

bool vr_ctl_parse(const struct vr_ctl_command *command, const struct vr_ctl_group *groups, size_t n, int argc,
	char **argv, struct vr_ctl_operands *ret, enum vr_ctl_exit *ret_code)
{
	struct flat f;
	int c;

	flatten(&f, groups, n);
	optind = 1;
	*ret_code = VR_CTL_OK;
	while ((c = getopt_long(argc, argv, f.shorts, f.longs, NULL)) != -1) {
		if (c == 'h') {
			print_help(command, groups, n);
			*ret_code = vr_ctl_finish(VR_CTL_OK);
			return false;
		}
		if (c == ':')
			*ret_code = vr_ctl_misuse(command, "%s wants a value", argv[optind - 1]);
		else if (c == '?')
			*ret_code = unknown(command, &f, argv[optind - 1]);
		else
			*ret_code = apply(command, &f, c);
		if (*ret_code)
			return false;
	}
	*ret = (struct vr_ctl_operands){argv + optind, argc - optind};
	return true;
}
