/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8, eight bytes at a time while they are plain ASCII, a character at a time else. */
#include <stdint.h>
#include "virality/str.h"

#define ONES UINT64_C(0x0101010101010101)
#define HIGH (ONES * 0x80)
#define WORD sizeof(uint64_t)

static uint64_t load(const char *p)
{
	uint64_t w;

	memcpy(&w, p, WORD);
	return w;
}

static bool is_ascii(uint64_t w)
{
	return (w & HIGH) == 0;
}

/* High bits where not every byte is in 0x20..0x7e: + 1 carries only 0x7f into the high bit, - 0x20 borrows only below 0x20. */
static uint64_t unprintable(uint64_t w)
{
	return w | (w + ONES) | (w - ONES * 0x20);
}

static bool is_printable(uint64_t w)
{
	return is_ascii(unprintable(w));
}

/* What may follow a lead byte: RFC 3629, section 4. n is the length of the whole character. */
struct lead {
	unsigned char n, second_min, second_max;
};

static struct lead lead_of(unsigned char c)
{
	if (c < 0xc2 || c > 0xf4)
		return (struct lead){0, 0, 0};
	if (c < 0xe0)
		return (struct lead){2, 0x80, 0xbf};
	if (c < 0xf0)
		return (struct lead){3, c == 0xe0 ? 0xa0 : 0x80, c == 0xed ? 0x9f : 0xbf};
	return (struct lead){4, c == 0xf0 ? 0x90 : 0x80, c == 0xf4 ? 0x8f : 0xbf};
}

/* Bytes of the non-ASCII character at p, or 0. */
static size_t wide(const unsigned char *p, const unsigned char *end)
{
	struct lead l = lead_of(*p);

	if (l.n == 0 || (size_t)(end - p) < l.n || p[1] < l.second_min || p[1] > l.second_max)
		return 0;
	for (size_t i = 2; i < l.n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return l.n;
}

/* U+0080 to U+009F: C2 80 to C2 9F. */
static bool is_c1(const unsigned char *p)
{
	return p[0] == 0xc2 && p[1] < 0xa0;
}

static bool is_c0_or_del(unsigned char c)
{
	return c < 0x20 || c == 0x7f;
}

/* Never inlined: what is plain need not pay for its registers. */
static __attribute__((noinline)) bool walk(struct vr_str s, bool clean)
{
	const unsigned char *p = (const unsigned char *)s.p;
	const unsigned char *end = s.n ? p + s.n : p;

	while (p < end) {
		size_t n;
		if ((size_t)(end - p) >= WORD) {
			uint64_t w = load((const char *)p);
			if (clean ? is_printable(w) : is_ascii(w)) {
				p += WORD;
				continue;
			}
		}
		if (*p < 0x80) {
			if (clean && is_c0_or_del(*p))
				return false;
			p++;
			continue;
		}
		n = wide(p, end);
		if (n == 0 || (clean && is_c1(p)))
			return false;
		p += n;
	}
	return true;
}

/* 1 to 7 bytes as a word, some of them twice, none that is not among them but spaces. */
static uint64_t load_short(const char *p, size_t n)
{
	uint32_t head, tail;
	const unsigned char *u = (const unsigned char *)p;

	if (n < sizeof(head))
		return ONES * ' ' << 24 | (uint64_t)u[0] << 16 | (uint64_t)u[n / 2] << 8 | u[n - 1];
	memcpy(&head, p, sizeof(head));
	memcpy(&tail, p + n - sizeof(tail), sizeof(tail));
	return (uint64_t)head << 32 | tail;
}

static uint64_t faults_of(uint64_t w, bool clean)
{
	return clean ? unprintable(w) : w;
}

/* The whole of s in words, the last one overlapping the one before it, and looked at once. */
static inline __attribute__((always_inline)) bool plain(struct vr_str s, bool clean)
{
	uint64_t faults;

	if (s.n < WORD)
		return s.n == 0 || is_ascii(faults_of(load_short(s.p, s.n), clean));
	faults = faults_of(load(s.p + s.n - WORD), clean);
	for (size_t i = 0; i + WORD < s.n; i += WORD)
		faults |= faults_of(load(s.p + i), clean);
	return is_ascii(faults);
}

bool vr_utf8_valid(struct vr_str s)
{
	return plain(s, false) || walk(s, false);
}

bool vr_utf8_clean(struct vr_str s)
{
	return plain(s, true) || walk(s, true);
}

struct vr_str vr_utf8_cut(struct vr_str s, size_t max)
{
	if (s.n <= max)
		return s;
	while (max > 0 && ((unsigned char)s.p[max] & 0xc0) == 0x80)
		max--;
	return (struct vr_str){s.p, max};
}
