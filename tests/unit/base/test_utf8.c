/* SPDX-License-Identifier: Apache-2.0 */
/* Every code point, and random bytes, against a decoder that is slow and plain. */
#include "unit.h"
#include "random.h"
#include "virality/str.h"

/* The code point at p and its length, or 0: decode by the bit pattern, then judge the value. */
static size_t decode(const unsigned char *p, size_t n, uint32_t *ret)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = p[0] < 0x80             ? 1
				 : (p[0] & 0xe0) == 0xc0 ? 2
				 : (p[0] & 0xf0) == 0xe0 ? 3
				 : (p[0] & 0xf8) == 0xf0 ? 4
										 : 0;
	uint32_t v;

	if (len == 0 || len > n)
		return 0;
	v = len == 1 ? p[0] : p[0] & (0x7fU >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (p[i] & 0x3f);
	}
	if (v < least[len] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return 0;
	*ret = v;
	return len;
}

static bool judge(struct vr_str s, bool clean)
{
	const unsigned char *p = (const unsigned char *)s.p;

	for (size_t i = 0; i < s.n;) {
		uint32_t v = 0;
		size_t len = decode(p + i, s.n - i, &v);
		if (len == 0 || (clean && (v < 0x20 || (v >= 0x7f && v < 0xa0))))
			return false;
		i += len;
	}
	return true;
}

static void assert_judged(struct vr_str s)
{
	assert_int_equal(vr_utf8_valid(s), judge(s, false));
	assert_int_equal(vr_utf8_clean(s), judge(s, true));
}

static size_t encode(uint32_t v, char *p)
{
	size_t len = v < 0x80 ? 1 : v < 0x800 ? 2 : v < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (size_t i = len; i-- > 1; v >>= 6)
		p[i] = (char)(0x80 | (v & 0x3f));
	p[0] = (char)(lead[len] | v);
	return len;
}

/* At each place of a word, so that both the fast path and its seam see it. */
static void every_code_point(void **state)
{
	char text[32];

	(void)state;
	for (uint32_t v = 0; v < 0x110400; v++) {
		size_t at = v % 13;
		memset(text, 'a', sizeof(text));
		(void)encode(v, text + at);
		assert_judged((struct vr_str){text, 20});
		assert_judged((struct vr_str){text, at + 1});
	}
}

static void random_bytes(void **state)
{
	static const char alphabet[] = "aZ \x7f\x1f\x80\xbf\xc2\x9f\xa0\xe0\xed\xf0\xf4\x8f\x90\xc1\xf5\0";
	struct vr_random r = {6};
	char text[40];

	(void)state;
	for (int i = 0; i < 200000; i++) {
		size_t n = vr_random_below(&r, sizeof(text));
		memset(text, 'x', sizeof(text));
		for (int k = 0; k < 4; k++)
			text[vr_random_below(&r, sizeof(text))] = alphabet[vr_random_below(&r, sizeof(alphabet))];
		assert_judged((struct vr_str){text, n});
	}
}

static void cut_at_a_character(void **state)
{
	struct vr_str s = VR_STR("a\xc3\xa4\xe5\xbe\xae\xf0\x9f\x98\x80");
	static const size_t ends[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};

	(void)state;
	for (size_t max = 0; max < 12; max++)
		assert_int_equal(vr_utf8_cut(s, max).n, ends[max]);
	assert_true(vr_utf8_valid((struct vr_str){NULL, 0}));
	assert_true(vr_utf8_clean((struct vr_str){NULL, 0}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_point),
		cmocka_unit_test(random_bytes),
		cmocka_unit_test(cut_at_a_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
