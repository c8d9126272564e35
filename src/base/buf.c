/* SPDX-License-Identifier: Apache-2.0 */
#include "virality/buf.h"
#include "virality/err.h"

#define CAP_MIN 64U

void vr_buf_init(struct vr_buf *b, struct vr_mem *mem)
{
	*b = (struct vr_buf){.mem = mem};
}

void vr_buf_done(struct vr_buf *b)
{
	if (!b || !b->mem)
		return;
	vr_mem_put(b->mem, b->p, b->cap);
	*b = (struct vr_buf){.mem = b->mem};
}

static bool grow(struct vr_buf *b, size_t need)
{
	size_t cap = b->cap ? b->cap : CAP_MIN;
	char *p;

	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	p = vr_mem_resize(b->mem, b->p, b->cap, cap);
	if (!p)
		return false;
	b->p = p;
	b->cap = cap;
	return true;
}

char *vr_buf_more(struct vr_buf *b, size_t n)
{
	if (b->failed)
		return NULL;
	if (n > b->cap - b->n && (n > SIZE_MAX - b->n || !grow(b, b->n + n))) {
		b->failed = true;
		return NULL;
	}
	/* A fresh buffer has no bytes, but "no room" is what NULL would say. */
	return b->p ? b->p + b->n : (char *)"";
}

const char vr_pairs[2 * 100 + 1] =
	"0001020304050607080910111213141516171819"
	"2021222324252627282930313233343536373839"
	"4041424344454647484950515253545556575859"
	"6061626364656667686970717273747576777879"
	"8081828384858687888990919293949596979899";

void vr_buf_u64(struct vr_buf *b, uint64_t v)
{
	char *p = vr_buf_room(b, VR_U64_DIGITS);

	if (p)
		b->n = (size_t)(vr_write_u64(p, v) - b->p);
}

void vr_buf_i64(struct vr_buf *b, int64_t v)
{
	char *p = vr_buf_room(b, VR_I64_DIGITS);

	if (p)
		b->n = (size_t)(vr_write_i64(p, v) - b->p);
}

void vr_buf_f64(struct vr_buf *b, double v)
{
	uint64_t bits;
	unsigned char le[8];

	memcpy(&bits, &v, sizeof(bits));
	for (size_t i = 0; i < sizeof(le); i++)
		le[i] = (unsigned char)(bits >> (8 * i));
	vr_buf_add(b, le, sizeof(le));
}

void vr_buf_lstr(struct vr_buf *b, struct vr_str s)
{
	vr_buf_varint(b, s.n);
	vr_buf_add(b, s.p, s.n);
}
