/* SPDX-License-Identifier: Apache-2.0 */
/* The stored form of a tally. Its reader trusts nothing: what it accepts passes vr_tally_check. */
#include "tally.h"

enum { VARINT_MAX = 10, RING_MAX = VARINT_MAX * (1 + 2 * VR_BUCKETS) };

static char *encode_ring(const struct vr_ring *r, char *p)
{
	const struct vr_bucket *at = vr_ring_at(r);

	p = vr_write_varint(p, r->n);
	for (unsigned i = 0; i < r->n; i++) {
		p = i == 0 ? vr_write_zigzag(p, at[i].k) : vr_write_varint(p, (uint64_t)(at[i].k - at[i - 1].k));
		p = vr_write_varint(p, at[i].n);
	}
	return p;
}

/* Room is asked for once: a content is little else than these numbers. */
static void encode_series(const struct vr_series *s, const struct vr_windows *w, struct vr_buf *b)
{
	char *p = vr_buf_room(b, 1 + VARINT_MAX + w->n * (size_t)RING_MAX);

	if (!p)
		return;
	*p++ = (char)s->action;
	p = vr_write_varint(p, s->total);
	for (unsigned i = 0; i < w->n; i++)
		p = encode_ring(&s->ring[i], p);
	b->n = (size_t)(p - b->p);
}

void vr_tally_encode(const struct vr_tally *t, const struct vr_windows *w, struct vr_buf *b)
{
	vr_buf_varint(b, t->n);
	for (unsigned i = 0; i < t->n; i++)
		encode_series(vr_tally_at(t)[i], w, b);
}

/* No time of 64 bits has a bucket outside these. */
static bool is_bucket(int64_t k, int64_t width_ms)
{
	return k >= vr_bucket_of(INT64_MIN, width_ms) && k <= INT64_MAX / width_ms;
}

/* One bucket behind `before` (NULL: the first of the ring). */
static enum vr_err decode_bucket(const struct vr_bucket *before, int64_t width_ms, struct vr_rd *rd,
	struct vr_bucket *ret)
{
	struct vr_bucket b = {0};
	uint64_t step;

	if (before) {
		step = vr_rd_varint(rd);
		if (step == 0 || __builtin_add_overflow(before->k, step, &b.k))
			return VR_E_CORRUPT;
	} else {
		b.k = vr_rd_zigzag(rd);
	}
	b.n = vr_rd_varint(rd);
	if (rd->failed || b.n == 0 || !is_bucket(b.k, width_ms))
		return VR_E_CORRUPT;
	*ret = b;
	return VR_OK;
}

static enum vr_err decode_ring(struct vr_ring *r, struct vr_pool *pool, int64_t width_ms, struct vr_rd *rd)
{
	uint64_t n = vr_rd_varint(rd);
	struct vr_bucket b[VR_BUCKETS];

	if (n > VR_BUCKETS)
		return VR_E_CORRUPT;
	for (unsigned i = 0; i < n; i++) {
		enum vr_err err = decode_bucket(i > 0 ? &b[i - 1] : NULL, width_ms, rd, &b[i]);
		if (err)
			return err;
		if ((uint64_t)b[i].k - (uint64_t)b[0].k >= VR_BUCKETS || b[i].n > VR_COUNT_MAX - r->sum)
			return VR_E_CORRUPT;
		err = vr_ring_add(r, pool, b[i].k, b[i].n);
		if (err)
			return err;
	}
	return VR_OK;
}

static enum vr_err decode_series(struct vr_tally *t, struct vr_pool *pool, const struct vr_windows *w,
	struct vr_rd *rd)
{
	uint8_t action = vr_rd_byte(rd);
	uint64_t total = vr_rd_varint(rd);
	struct vr_series *s;
	enum vr_err err;

	if (rd->failed || action >= VR_ACTIONS_MAX || total > VR_COUNT_MAX)
		return VR_E_CORRUPT;
	if (t->n > 0 && action <= t->action[t->n - 1])
		return VR_E_CORRUPT;
	err = vr_tally_series(t, pool, w, (enum vr_action)action, &s);
	if (err)
		return err;
	s->total = total;
	for (unsigned i = 0; i < w->n && !err; i++)
		err = decode_ring(&s->ring[i], pool, w->width_ms[i], rd);
	return err;
}

enum vr_err vr_tally_decode(struct vr_tally *t, struct vr_pool *pool, const struct vr_windows *w,
	struct vr_rd *rd)
{
	struct vr_tally made = {0};
	uint64_t n = vr_rd_varint(rd);
	enum vr_err err = rd->failed || n > VR_ACTIONS_MAX ? VR_E_CORRUPT : VR_OK;

	for (unsigned i = 0; i < n && !err; i++)
		err = decode_series(&made, pool, w, rd);
	if (!err && rd->failed)
		err = VR_E_CORRUPT;
	if (err)
		vr_tally_done(&made, pool, w);
	else
		*t = made;
	return err;
}
