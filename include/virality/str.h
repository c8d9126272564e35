/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* str.h - a borrowed run of bytes: pointer and length, never NUL-terminated by contract.
 *
 * Ownership: none; whoever made the bytes keeps them alive.   p may be NULL only when n is 0. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct vr_str { const char *p; size_t n; };

#define VR_STR(lit) ((struct vr_str){"" lit, sizeof(lit) - 1})

static inline struct vr_str vr_str_c(const char *z) { return (struct vr_str){z, z ? strlen(z) : 0}; }
/** Are n bytes the same? From 8 to 16, as most ids have, without a call: two words that may overlap. */
static inline bool vr_same(const char *a, const char *b, size_t n)
{
	uint64_t head[2], tail[2];

	if (n < 8 || n > 16)
		return n == 0 || memcmp(a, b, n) == 0;
	memcpy(&head[0], a, 8);
	memcpy(&head[1], b, 8);
	memcpy(&tail[0], a + n - 8, 8);
	memcpy(&tail[1], b + n - 8, 8);
	return head[0] == head[1] && tail[0] == tail[1];
}

static inline bool vr_str_eq(struct vr_str a, struct vr_str b) { return a.n == b.n && vr_same(a.p, b.p, a.n); }
/** Byte order, shorter first on a common prefix: the order of Redis members. <0, 0, >0. */
static inline int vr_str_cmp(struct vr_str a, struct vr_str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;
	return c ? c : (a.n > b.n) - (a.n < b.n);
}

/** memcpy for what is mostly short: up to 16 bytes are copied without a call, by two words that may overlap. */
static inline void vr_copy(char *to, const char *from, size_t n)
{
	char head[8], tail[8];

	if (n > 16) {
		memcpy(to, from, n);
	} else if (n >= 8) {
		memcpy(head, from, 8);
		memcpy(tail, from + n - 8, 8);
		memcpy(to, head, 8);
		memcpy(to + n - 8, tail, 8);
	} else if (n >= 4) {
		memcpy(head, from, 4);
		memcpy(tail, from + n - 4, 4);
		memcpy(to, head, 4);
		memcpy(to + n - 4, tail, 4);
	} else if (n > 0) {
		to[0] = from[0];
		to[n / 2] = from[n / 2];
		to[n - 1] = from[n - 1];
	}
}

/** As a C string in out[size]; what is too long is cut off. */
static inline void vr_str_copy(char *out, size_t size, struct vr_str s)
{
	size_t n = s.n < size ? s.n : size - 1;
	if (n)
		memcpy(out, s.p, n);
	out[n] = '\0';
}

/** Valid UTF-8 (no surrogates, no overlong forms, at most U+10FFFF). */
bool vr_utf8_valid(struct vr_str s);
/** Valid UTF-8 without control characters (C0, DEL, C1) - so without NUL too. */
bool vr_utf8_clean(struct vr_str s);
/** Longest prefix of at most max bytes that ends at a character's end. */
struct vr_str vr_utf8_cut(struct vr_str s, size_t max);
/** Levenshtein-nearest of n names to s within distance 3, or NULL ("did you mean"). */
const char *vr_str_nearest(struct vr_str s, const char *const *names, size_t n);
