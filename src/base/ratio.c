/* SPDX-License-Identifier: Apache-2.0 */
/* A double with six decimals, exactly: the bytes of printf("%.6f") in the C locale, without
 * stdio, so that the core can write them and every machine writes the same.
 *
 * A finite double is m * 2^e with m < 2^53. For e < 0 the number of millionths is
 * (m * 10^6) >> -e, which fits 128 bits and is rounded half to even by what was shifted out;
 * for e >= 0 it is an integer of at most 1024 bits, divided down by 10^9 a limb at a time. */
#include "virality/buf.h"
#include "virality/err.h"

#define DECIMALS 6
#define MILLION 1000000U
#define BILLION 1000000000U
#define LIMBS 33			/* 32 bits each: 1024 bits, and one for the shift within a limb */
#define DIGITS_MAX 310

typedef unsigned __int128 u128;

/* v = m * 2^e */
struct parts {
	uint64_t m;
	int e;
	bool minus;
};

static struct parts split(double v)
{
	uint64_t bits;
	struct parts x;
	int biased;

	memcpy(&bits, &v, sizeof(bits));
	biased = (int)(bits >> 52 & 0x7ff);
	VR_ASSERT(biased != 0x7ff);	/* not a number, or infinite: nobody publishes these */
	x.minus = bits >> 63;
	x.m = bits & ((UINT64_C(1) << 52) - 1);
	if (biased)
		x.m |= UINT64_C(1) << 52;
	x.e = (biased ? biased : 1) - 1075;
	return x;
}

/* m * 10^6 / 2^shift, half to even. */
static u128 millionths(uint64_t m, unsigned shift)
{
	u128 scaled = (u128)m * MILLION;
	u128 whole, rest, half;

	if (shift > 100)		/* scaled < 2^73: less than half a millionth */
		return 0;
	whole = scaled >> shift;
	rest = scaled - (whole << shift);
	half = (u128)1 << (shift - 1);
	return whole + (rest > half || (rest == half && (whole & 1)));
}

static void add_fraction(struct vr_buf *b, uint32_t millionth)
{
	char digits[1 + DECIMALS];

	digits[0] = '.';
	for (char *at = digits + DECIMALS - 1; at > digits; at -= 2, millionth /= 100)
		memcpy(at, vr_pairs + 2 * (millionth % 100), 2);
	vr_buf_add(b, digits, sizeof(digits));
}

/* limbs /= 10^9, the remainder is returned. */
static uint32_t divide(uint32_t limbs[LIMBS])
{
	uint64_t rest = 0;

	for (size_t i = LIMBS; i-- > 0;) {
		rest = rest << 32 | limbs[i];
		limbs[i] = (uint32_t)(rest / BILLION);
		rest %= BILLION;
	}
	return (uint32_t)rest;
}

static bool is_zero(const uint32_t limbs[LIMBS])
{
	for (size_t i = 0; i < LIMBS; i++)
		if (limbs[i])
			return false;
	return true;
}

static void add_integer(struct vr_buf *b, uint64_t m, unsigned shift)
{
	uint32_t limbs[LIMBS] = {0};
	char digits[DIGITS_MAX + 9];
	size_t at = shift / 32, i = sizeof(digits);
	u128 moved = (u128)m << shift % 32;

	for (; moved; moved >>= 32)
		limbs[at++] = (uint32_t)moved;
	while (!is_zero(limbs)) {
		uint32_t nine = divide(limbs);
		for (int k = 0; k < 9; k++, nine /= 10)
			digits[--i] = (char)('0' + nine % 10);
	}
	while (digits[i] == '0')
		i++;
	vr_buf_add(b, digits + i, sizeof(digits) - i);
}

void vr_buf_ratio(struct vr_buf *b, double v)
{
	struct parts x = split(v);

	if (x.minus)
		vr_buf_byte(b, '-');
	if (x.e >= 0) {
		add_integer(b, x.m, (unsigned)x.e);
		add_fraction(b, 0);
	} else {
		u128 n = millionths(x.m, (unsigned)-x.e);
		vr_buf_u64(b, (uint64_t)(n / MILLION));
		add_fraction(b, (uint32_t)(n % MILLION));
	}
}
