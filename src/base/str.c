/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include "virality/str.h"

#define NEAR_MAX 3U
#define NAME_BYTES 64U

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Levenshtein with one row; a name longer than NAME_BYTES is near to nothing. */
static unsigned distance(struct vr_str a, struct vr_str b)
{
	unsigned row[NAME_BYTES + 1];

	if (a.n > NAME_BYTES || b.n > NAME_BYTES)
		return UINT32_MAX;
	for (unsigned j = 0; j <= b.n; j++)
		row[j] = j;
	for (unsigned i = 0; i < a.n; i++) {
		unsigned diagonal = row[0];
		row[0] = i + 1;
		for (unsigned j = 0; j < b.n; j++) {
			unsigned above = row[j + 1];
			row[j + 1] = min3(diagonal + (a.p[i] != b.p[j]), above + 1, row[j] + 1);
			diagonal = above;
		}
	}
	return row[b.n];
}

const char *vr_str_nearest(struct vr_str s, const char *const *names, size_t n)
{
	const char *best = NULL;
	unsigned best_d = NEAR_MAX + 1;

	for (size_t i = 0; i < n; i++) {
		struct vr_str name = vr_str_c(names[i]);
		unsigned d = distance(s, name);
		/* A name that shares no character with s is no hint, however short both are. */
		if (d < best_d && d < (s.n > name.n ? s.n : name.n)) {
			best = names[i];
			best_d = d;
		}
	}
	return best;
}
