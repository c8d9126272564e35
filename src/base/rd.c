/* SPDX-License-Identifier: Apache-2.0 */
#include "virality/buf.h"

static size_t left(const struct vr_rd *r)
{
	return (size_t)(r->end - r->p);
}

static uint64_t fail(struct vr_rd *r)
{
	r->failed = true;
	r->p = r->end;
	return 0;
}

uint64_t vr_rd_varint(struct vr_rd *r)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && r->p < r->end; shift += 7) {
		uint64_t c = (unsigned char)*r->p++;
		if (shift == 63 && c > 1)
			break;
		v |= (c & 0x7f) << shift;
		if (c < 0x80)
			return v;
	}
	return fail(r);
}

int64_t vr_rd_zigzag(struct vr_rd *r)
{
	uint64_t v = vr_rd_varint(r);

	return (int64_t)((v >> 1) ^ (0 - (v & 1)));
}

double vr_rd_f64(struct vr_rd *r)
{
	struct vr_str s = vr_rd_bytes(r, 8);
	uint64_t bits = 0;
	double v;

	for (size_t i = 0; i < s.n; i++)
		bits |= (uint64_t)(unsigned char)s.p[i] << (8 * i);
	memcpy(&v, &bits, sizeof(v));
	return v;
}

struct vr_str vr_rd_lstr(struct vr_rd *r)
{
	uint64_t n = vr_rd_varint(r);

	if (n > left(r))
		n = fail(r);
	return vr_rd_bytes(r, (size_t)n);
}

uint8_t vr_rd_byte(struct vr_rd *r)
{
	if (r->p == r->end)
		return (uint8_t)fail(r);
	return (uint8_t)*r->p++;
}

struct vr_str vr_rd_bytes(struct vr_rd *r, size_t n)
{
	struct vr_str s = {r->p, n};

	if (n > left(r)) {
		(void)fail(r);
		return (struct vr_str){r->p, 0};
	}
	if (n > 0)
		r->p += n;
	return s;
}
