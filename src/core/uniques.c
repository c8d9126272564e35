/* SPDX-License-Identifier: Apache-2.0 */
/* Of a hash the highest 12 bits choose a register; its rank is the place of the first 1 in the other 52,
 * counted from 1 (53 when there is none). The register keeps the highest rank seen. */
#include <math.h>
#include <string.h>
#include "virality/hash.h"
#include "uniques.h"

enum { CAP_FIRST = 4, INDEX_BITS = 12, REST_BITS = 64 - INDEX_BITS };
#define ALPHA_INF 0.721347520444481703680 /* 1 / (2 ln 2) */

/* ---- the exact form ---- */

/* Place of the first hash that is not below h. */
static unsigned seek(const struct vr_uniques *u, uint64_t h)
{
	unsigned lo = 0, hi = u->n;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;
		if (u->at.hash[mid] < h)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static enum vr_err reserve(struct vr_uniques *u, struct vr_pool *pool, unsigned n)
{
	unsigned cap = u->cap ? u->cap : CAP_FIRST;
	uint64_t *hash;

	if (n <= u->cap)
		return VR_OK;
	while (cap < n)
		cap *= 2;
	hash = vr_pool_resize(pool, u->cap ? u->at.hash : NULL, u->cap * sizeof(*hash), cap * sizeof(*hash));
	if (!hash)
		return VR_E_NOMEM;
	u->at.hash = hash;
	u->cap = (uint8_t)cap;
	return VR_OK;
}

static enum vr_err insert(struct vr_uniques *u, struct vr_pool *pool, unsigned i, uint64_t h)
{
	if (reserve(u, pool, u->n + 1U) != VR_OK)
		return VR_E_NOMEM;
	memmove(u->at.hash + i + 1, u->at.hash + i, (u->n - i) * sizeof(h));
	u->at.hash[i] = h;
	u->n++;
	return VR_OK;
}

/* ---- the sketch ---- */

static struct vr_sketch *new_sketch(struct vr_pool *pool)
{
	struct vr_sketch *k = vr_pool_get(pool, sizeof(*k));

	if (k)
		k->with[0] = VR_UNIQUES_REGISTERS;
	return k;
}

static void set_register(struct vr_sketch *k, unsigned i, unsigned rank)
{
	k->with[k->reg[i]]--;
	k->with[rank]++;
	k->reg[i] = (uint8_t)rank;
}

static bool note(struct vr_sketch *k, uint64_t h)
{
	uint64_t rest = h << INDEX_BITS;
	unsigned rank = rest ? (unsigned)__builtin_clzll(rest) + 1 : REST_BITS + 1;
	unsigned i = (unsigned)(h >> REST_BITS);

	if (rank <= k->reg[i])
		return false;
	set_register(k, i, rank);
	return true;
}

/* The sketch of the hashes held so far and h. */
static enum vr_err become_sketch(struct vr_uniques *u, struct vr_pool *pool, uint64_t h)
{
	struct vr_sketch *sketch = new_sketch(pool);

	if (!sketch)
		return VR_E_NOMEM;
	for (unsigned i = 0; i < u->n; i++)
		(void)note(sketch, u->at.hash[i]);
	(void)note(sketch, h);
	vr_uniques_done(u, pool);
	u->at.sketch = sketch;
	u->is_sketch = true;
	return VR_OK;
}

enum vr_err vr_uniques_add(struct vr_uniques *u, struct vr_pool *pool, struct vr_str actor, bool *ret_changed)
{
	uint64_t h = actor.n ? vr_hash64(actor) : 0;
	bool changed = false;
	enum vr_err err = VR_OK;

	if (actor.n > 0 && u->is_sketch) {
		changed = note(u->at.sketch, h);
	} else if (actor.n > 0) {
		unsigned i = seek(u, h);
		changed = i == u->n || u->at.hash[i] != h;
		if (changed)
			err = u->n < VR_UNIQUES_EXACT ? insert(u, pool, i, h) : become_sketch(u, pool, h);
	}
	if (!err)
		*ret_changed = changed;
	return err;
}

/* The two series of Ertl's estimator: what the registers that are 0, and those that are full, stand for. */
static double sigma(double x)
{
	double y = 1, z = x, before = -1;

	if (x >= 1)
		return INFINITY;
	while (z > before) {
		x *= x;
		before = z;
		z += x * y;
		y += y;
	}
	return z;
}

static double tau(double x)
{
	double y = 1, z = 1 - x, before = 2;

	if (x <= 0 || x >= 1)
		return 0;
	while (z < before) {
		x = sqrt(x);
		before = z;
		y *= 0.5;
		z -= (1 - x) * (1 - x) * y;
	}
	return z / 3;
}

static double estimate(const uint16_t *with)
{
	const double m = VR_UNIQUES_REGISTERS;
	double z;

	z = m * tau(1 - with[REST_BITS + 1] / m);
	for (unsigned rank = REST_BITS; rank > 0; rank--)
		z = 0.5 * (z + with[rank]);
	z += m * sigma(with[0] / m);
	return ALPHA_INF * m * m / z;
}

uint64_t vr_uniques_count(const struct vr_uniques *u)
{
	double e;

	if (!u->is_sketch)
		return u->n;
	e = estimate(u->at.sketch->with);
	return e < 1e18 ? (uint64_t)(e + 0.5) : UINT64_C(1000000000000000000);
}

void vr_uniques_done(struct vr_uniques *u, struct vr_pool *pool)
{
	if (u->is_sketch)
		vr_pool_put(pool, u->at.sketch, sizeof(*u->at.sketch));
	else if (u->cap > 0)
		vr_pool_put(pool, u->at.hash, u->cap * sizeof(*u->at.hash));
	*u = (struct vr_uniques){0};
}

static bool check_sketch(const struct vr_sketch *k)
{
	uint16_t with[VR_UNIQUES_RANKS] = {0};

	for (unsigned i = 0; i < VR_UNIQUES_REGISTERS; i++) {
		if (k->reg[i] >= VR_UNIQUES_RANKS)
			return false;
		with[k->reg[i]]++;
	}
	return memcmp(with, k->with, sizeof(with)) == 0;
}

bool vr_uniques_check(const struct vr_uniques *u)
{
	if (u->is_sketch)
		return u->n == 0 && u->cap == 0 && check_sketch(u->at.sketch);
	for (unsigned i = 1; i < u->n; i++)
		if (u->at.hash[i] <= u->at.hash[i - 1])
			return false;
	return u->n <= u->cap && u->cap <= VR_UNIQUES_EXACT;
}

/* ---- stored: a form byte, then what belongs to it ---- */

enum form { EXACT = 0, SPARSE = 1, DENSE = 2 };
enum { RANK_BITS = 6, RANK_MASK = 63, RANK_MAX = REST_BITS + 1 };
enum { DENSE_BYTES = VR_UNIQUES_REGISTERS * RANK_BITS / 8 };

static void encode_u64(struct vr_buf *b, uint64_t v)
{
	unsigned char le[8];

	for (unsigned i = 0; i < 8; i++)
		le[i] = (unsigned char)(v >> (8 * i));
	vr_buf_add(b, le, sizeof(le));
}

static uint64_t decode_u64(struct vr_rd *rd)
{
	struct vr_str s = vr_rd_bytes(rd, 8);
	uint64_t v = 0;

	for (size_t i = 0; i < s.n; i++)
		v |= (uint64_t)(unsigned char)s.p[i] << (8 * i);
	return v;
}

static void encode_exact(const struct vr_uniques *u, struct vr_buf *b)
{
	vr_buf_byte(b, EXACT);
	vr_buf_byte(b, u->n);
	for (unsigned i = 0; i < u->n; i++)
		encode_u64(b, u->at.hash[i]);
}

/* Per register that is not 0: how many zeros it comes after, and its rank. */
static void encode_sparse(const uint8_t *reg, unsigned count, struct vr_buf *b)
{
	unsigned zeros = 0;

	vr_buf_byte(b, SPARSE);
	vr_buf_varint(b, count);
	for (unsigned i = 0; i < VR_UNIQUES_REGISTERS; i++) {
		if (reg[i] == 0) {
			zeros++;
			continue;
		}
		vr_buf_varint(b, (uint64_t)zeros << RANK_BITS | reg[i]);
		zeros = 0;
	}
}

/* Four registers in three bytes, the lowest bits first. */
static void encode_dense(const uint8_t *reg, struct vr_buf *b)
{
	unsigned char *p = (unsigned char *)vr_buf_room(b, 1 + DENSE_BYTES);

	if (!p)
		return;
	*p++ = DENSE;
	for (unsigned i = 0; i < VR_UNIQUES_REGISTERS; i += 4, p += 3) {
		p[0] = (unsigned char)(reg[i] | reg[i + 1] << 6);
		p[1] = (unsigned char)(reg[i + 1] >> 2 | reg[i + 2] << 4);
		p[2] = (unsigned char)(reg[i + 2] >> 4 | reg[i + 3] << 2);
	}
	b->n += 1 + DENSE_BYTES;
}

void vr_uniques_encode(const struct vr_uniques *u, struct vr_buf *b)
{
	unsigned count;

	if (!u->is_sketch) {
		encode_exact(u, b);
		return;
	}
	count = VR_UNIQUES_REGISTERS - u->at.sketch->with[0];
	if (count < DENSE_BYTES / 2)
		encode_sparse(u->at.sketch->reg, count, b);
	else
		encode_dense(u->at.sketch->reg, b);
}

static enum vr_err decode_exact(struct vr_uniques *u, struct vr_pool *pool, struct vr_rd *rd)
{
	unsigned n = vr_rd_byte(rd);

	if (rd->failed || n > VR_UNIQUES_EXACT)
		return VR_E_CORRUPT;
	if (reserve(u, pool, n) != VR_OK)
		return VR_E_NOMEM;
	for (; u->n < n; u->n++) {
		uint64_t h = decode_u64(rd);
		if (rd->failed || (u->n > 0 && h <= u->at.hash[u->n - 1]))
			return VR_E_CORRUPT;
		u->at.hash[u->n] = h;
	}
	return VR_OK;
}

static enum vr_err decode_sparse(struct vr_sketch *k, struct vr_rd *rd)
{
	uint64_t count = vr_rd_varint(rd), at = 0;

	if (count > VR_UNIQUES_REGISTERS)
		return VR_E_CORRUPT;
	for (; count > 0; count--) {
		uint64_t v = vr_rd_varint(rd), rank = v & RANK_MASK;
		at += v >> RANK_BITS;
		if (rd->failed || at >= VR_UNIQUES_REGISTERS || rank == 0 || rank > RANK_MAX)
			return VR_E_CORRUPT;
		set_register(k, (unsigned)at++, (unsigned)rank);
	}
	return VR_OK;
}

static enum vr_err decode_dense(struct vr_sketch *k, struct vr_rd *rd)
{
	struct vr_str s = vr_rd_bytes(rd, DENSE_BYTES);
	const unsigned char *p = (const unsigned char *)s.p;
	bool good = s.n == DENSE_BYTES;

	for (unsigned i = 0; good && i < VR_UNIQUES_REGISTERS; i++) {
		unsigned bit = i % 4 * RANK_BITS, word = p[0] | (unsigned)p[1] << 8 | (unsigned)p[2] << 16;
		unsigned rank = word >> bit & RANK_MASK;
		good = rank <= RANK_MAX;
		if (good)
			set_register(k, i, rank);
		p += i % 4 == 3 ? 3 : 0;
	}
	return good ? VR_OK : VR_E_CORRUPT;
}

static enum vr_err decode_sketch(struct vr_uniques *u, struct vr_pool *pool, bool is_dense, struct vr_rd *rd)
{
	enum vr_err err;

	u->at.sketch = new_sketch(pool);
	if (!u->at.sketch)
		return VR_E_NOMEM;
	u->is_sketch = true;
	err = is_dense ? decode_dense(u->at.sketch, rd) : decode_sparse(u->at.sketch, rd);
	return err || !rd->failed ? err : VR_E_CORRUPT;
}

enum vr_err vr_uniques_decode(struct vr_uniques *u, struct vr_pool *pool, struct vr_rd *rd)
{
	struct vr_uniques made = {0};
	uint8_t form = vr_rd_byte(rd);
	enum vr_err err = rd->failed || form > DENSE ? VR_E_CORRUPT : VR_OK;

	if (!err && form == EXACT)
		err = decode_exact(&made, pool, rd);
	else if (!err)
		err = decode_sketch(&made, pool, form == DENSE, rd);
	if (err)
		vr_uniques_done(&made, pool);
	else
		*u = made;
	return err;
}
