/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* buf.h - a growing byte buffer whose failure sticks: append ten times, check once.
 *
 * Picture:  |p ........ n ........ cap|
 * Invariant: n <= cap; after `failed` nothing is appended any more.
 * Memory: from *mem (kept).   Threads: one owner.                                   */
#include <inttypes.h>
#include "virality/mem.h"
#include "virality/str.h"

struct vr_buf {
	char *p;
	size_t n, cap;
	struct vr_mem *mem;	/* keeps */
	bool failed;
};

void vr_buf_init(struct vr_buf *b, struct vr_mem *mem);
void vr_buf_done(struct vr_buf *b);
static inline void vr_buf_clear(struct vr_buf *b) { b->n = 0; b->failed = false; }
static inline struct vr_str vr_buf_str(const struct vr_buf *b) { return (struct vr_str){b->p, b->n}; }
/** Room for n more bytes at p + n (the caller then raises n), or NULL and failed. */
static inline char *vr_buf_room(struct vr_buf *b, size_t n);
static inline void vr_buf_add(struct vr_buf *b, const void *p, size_t n);
static inline void vr_buf_str_add(struct vr_buf *b, struct vr_str s) { vr_buf_add(b, s.p, s.n); }
static inline void vr_buf_c(struct vr_buf *b, const char *z) { vr_buf_add(b, z, strlen(z)); }
static inline void vr_buf_byte(struct vr_buf *b, unsigned char c) { vr_buf_add(b, &c, 1); }
/** Plain decimal. */
void vr_buf_u64(struct vr_buf *b, uint64_t v);
void vr_buf_i64(struct vr_buf *b, int64_t v);
/** Six decimals, half to even: how every published ratio is written. */
void vr_buf_ratio(struct vr_buf *b, double v);
/** LEB128 varint, zigzag varint, little-endian IEEE double: the stored format's atoms. */
static inline void vr_buf_varint(struct vr_buf *b, uint64_t v);
static inline void vr_buf_zigzag(struct vr_buf *b, int64_t v);
void vr_buf_f64(struct vr_buf *b, double v);
/** Length as varint, then the bytes. */
void vr_buf_lstr(struct vr_buf *b, struct vr_str s);

/* The reader of the same atoms: a failure sticks too, and yields 0 or empty. */
struct vr_rd {
	const char *p, *end;
	bool failed;
};
static inline struct vr_rd vr_rd_of(struct vr_str s) { return (struct vr_rd){s.p, s.n ? s.p + s.n : s.p, false}; }
uint64_t vr_rd_varint(struct vr_rd *r);
int64_t vr_rd_zigzag(struct vr_rd *r);
double vr_rd_f64(struct vr_rd *r);
struct vr_str vr_rd_lstr(struct vr_rd *r);
uint8_t vr_rd_byte(struct vr_rd *r);
struct vr_str vr_rd_bytes(struct vr_rd *r, size_t n);

/* ---- what is called for every byte ---- */

/** vr_buf_room where there is none yet. */
char *vr_buf_more(struct vr_buf *b, size_t n);

static inline char *vr_buf_room(struct vr_buf *b, size_t n)
{
	return !b->failed && b->p && n <= b->cap - b->n ? b->p + b->n : vr_buf_more(b, n);
}

static inline void vr_buf_add(struct vr_buf *b, const void *p, size_t n)
{
	char *room = vr_buf_room(b, n);

	if (!room)
		return;
	vr_copy(room, p, n);
	b->n += n;
}

enum { VR_U64_DIGITS = 20, VR_I64_DIGITS = 1 + VR_U64_DIGITS };
/** "00" to "99", one behind the other. */
extern const char vr_pairs[2 * 100 + 1];

/** How many decimal digits v has. */
static inline unsigned vr_u64_digits(uint64_t v)
{
	unsigned n = 1;

	for (; v >= 10000; v /= 10000)
		n += 4;
	return n + (v >= 10) + (v >= 100) + (v >= 1000);
}

/** Those of v < 100: most numbers are lengths and small counts. */
static inline char *vr_write_small(char *p, uint64_t v)
{
	if (v < 10) {
		*p = (char)('0' + v);
		return p + 1;
	}
	memcpy(p, vr_pairs + 2 * v, 2);
	return p + 2;
}

/** Decimal digits of v at p, where there is room for VR_U64_DIGITS bytes; returns the end. */
static inline char *vr_write_u64(char *p, uint64_t v)
{
	char *end, *at;

	if (v < 100)
		return vr_write_small(p, v);
	end = at = p + vr_u64_digits(v);
	for (; v >= 100; v /= 100) {
		at -= 2;
		memcpy(at, vr_pairs + 2 * (v % 100), 2);
	}
	(void)vr_write_small(p, v);
	return end;
}

/** The same with a sign, where there is room for VR_I64_DIGITS bytes. */
static inline char *vr_write_i64(char *p, int64_t v)
{
	if (v >= 0)
		return vr_write_u64(p, (uint64_t)v);
	*p = '-';
	return vr_write_u64(p + 1, 0 - (uint64_t)v);
}

/** At p, where there is room for 10 bytes; returns the end. */
static inline char *vr_write_varint(char *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (char)(v | 0x80);
	*p++ = (char)v;
	return p;
}

static inline char *vr_write_zigzag(char *p, int64_t v)
{
	return vr_write_varint(p, ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0));
}

static inline void vr_buf_varint(struct vr_buf *b, uint64_t v)
{
	char *room = vr_buf_room(b, 10);

	if (room)
		b->n = (size_t)(vr_write_varint(room, v) - b->p);
}

static inline void vr_buf_zigzag(struct vr_buf *b, int64_t v)
{
	vr_buf_varint(b, ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0));
}
