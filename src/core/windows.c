/* SPDX-License-Identifier: Apache-2.0 */
#include "virality/windows.h"

#define WHERE "windows"
#define DAY_MS INT64_C(86400000)
#define SPAN_MAX_MS (INT64_C(36500) * DAY_MS)

static const struct { struct vr_str name; int64_t ms; } UNITS[] = {
	{{"ms", 2}, 1}, {{"s", 1}, 1000}, {{"m", 1}, 60000}, {{"h", 1}, 3600000}, {{"d", 1}, DAY_MS},
};

int vr_windows_find(const struct vr_windows *w, struct vr_str name)
{
	for (int i = 0; i < w->n; i++)
		if (vr_str_eq(vr_str_c(w->name[i]), name))
			return i;
	return -1;
}

static bool is_separator(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',';
}

/* Cuts the next word off *text; empty at the end. */
static struct vr_str next_word(struct vr_str *text)
{
	struct vr_str word = *text;

	while (word.n > 0 && is_separator(*word.p)) {
		word.p++;
		word.n--;
	}
	text->n = word.n;
	text->p = word.p;
	word.n = 0;
	while (text->n > 0 && !is_separator(*text->p)) {
		text->p++;
		text->n--;
		word.n++;
	}
	return word;
}

/* Milliseconds of a unit's name, or 0. */
static int64_t unit_of(struct vr_str name)
{
	for (size_t i = 0; i < sizeof(UNITS) / sizeof(UNITS[0]); i++)
		if (vr_str_eq(UNITS[i].name, name))
			return UNITS[i].ms;
	return 0;
}

/* The span a word means, or 0. Short enough for 11 digits: nothing overflows before the limit is seen. */
static int64_t span_of(struct vr_str word)
{
	struct vr_str unit = word;
	int64_t number = 0, ms;

	if (word.n == 0 || word.n >= VR_WINDOW_NAME_MAX || word.p[0] == '0')
		return 0;
	for (; unit.n > 0 && *unit.p >= '0' && *unit.p <= '9'; unit.p++, unit.n--)
		number = number * 10 + (*unit.p - '0');
	ms = unit_of(unit);
	return ms > 0 && number <= SPAN_MAX_MS / ms ? number * ms : 0;
}

/* Puts a window where its span belongs; false when that span is there. */
static bool insert(struct vr_windows *w, struct vr_str word, int64_t width_ms)
{
	unsigned i = w->n;

	for (unsigned j = 0; j < w->n; j++)
		if (w->width_ms[j] == width_ms)
			return false;
	for (; i > 0 && w->width_ms[i - 1] > width_ms; i--) {
		w->width_ms[i] = w->width_ms[i - 1];
		memcpy(w->name[i], w->name[i - 1], VR_WINDOW_NAME_MAX);
	}
	w->width_ms[i] = width_ms;
	memset(w->name[i], 0, VR_WINDOW_NAME_MAX);
	memcpy(w->name[i], word.p, word.n);
	w->n++;
	return true;
}

static enum vr_err add(struct vr_windows *w, struct vr_str word, struct vr_diag *d)
{
	int64_t span_ms = span_of(word);
	int shown = word.n < 40 ? (int)word.n : 40;

	if (span_ms == 0)
		return vr_diag_set(d, VR_E_CONFIG, WHERE,
			"\"%.*s\" is no window: write a number without leading zeros and ms, s, m, h or d, such as 5m, "
			"at most 36500d", shown, word.p);
	if (span_ms % VR_BUCKETS != 0)
		return vr_diag_set(d, VR_E_CONFIG, WHERE, "\"%.*s\" is no multiple of 30 ms", shown, word.p);
	if (w->n == VR_WINDOWS_MAX)
		return vr_diag_set(d, VR_E_CONFIG, WHERE, "more than %d windows", VR_WINDOWS_MAX);
	if (!insert(w, word, span_ms / VR_BUCKETS))
		return vr_diag_set(d, VR_E_CONFIG, WHERE, "\"%.*s\" is there twice", shown, word.p);
	return VR_OK;
}

enum vr_err vr_windows_parse(struct vr_str text, struct vr_windows *ret_w, struct vr_diag *d)
{
	struct vr_windows w = {0};

	for (struct vr_str word = next_word(&text); word.n > 0; word = next_word(&text)) {
		enum vr_err err = add(&w, word, d);
		if (err)
			return err;
	}
	if (w.n == 0)
		return vr_diag_set(d, VR_E_CONFIG, WHERE, "no window: write some, such as 1m 5m 1h 24h");
	*ret_w = w;
	return VR_OK;
}
