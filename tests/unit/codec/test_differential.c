/* SPDX-License-Identifier: Apache-2.0 */
/* Our protobuf reader against protobuf-c's: whatever we take, it takes, and reads the same. We
 * refuse more (dirty text, numbers that do not fit, varints beyond 64 bits), never less. */
#include "unit.h"
#include "reference.h"
#include "virality/codec.h"

#define ROUNDS 60000
#define STAMP VR_STR("\x08\xac\x02\x10\x80\xda\xc4\x09")
#define LABEL VR_STR("\x0a\x01k\x12\x01v")

struct bench {
	struct vr_mem mem;
	struct vr_arena arena;
	struct vr_buf b;
	struct vr_codec_stats stats;
	size_t taken;
};

static void begin(struct bench *bn)
{
	*bn = (struct bench){.mem = vr_mem_heap()};
	vr_arena_init(&bn->arena, &bn->mem, 0);
	vr_buf_init(&bn->b, &bn->mem);
}

static void end(struct bench *bn)
{
	vr_buf_done(&bn->b);
	vr_arena_done(&bn->arena);
	assert_int_equal(bn->mem.used, 0);
}

static enum vr_err compare(struct bench *bn)
{
	struct vr_raw raw = {.value = vr_buf_str(&bn->b), .has_value = true};
	enum vr_raw_kind kind;
	struct vr_event ev;
	const char *field;
	enum vr_err err;

	/* These first bytes say another wire. */
	if (bn->b.n > 0 && (bn->b.p[0] == '{' || (unsigned char)bn->b.p[0] < 2))
		return VR_E_DECODE;
	err = vr_codec_event(&raw, &bn->arena, &bn->stats, &ev, &kind, NULL);
	field = err ? NULL : vr_reference_differs(raw.value, &ev);
	if (field) {
		print_error("%s differs:", field);
		for (size_t i = 0; i < bn->b.n; i++)
			print_error(" %02x", (unsigned char)bn->b.p[i]);
		print_error("\n");
	}
	assert_null(field);
	bn->taken += !err;
	return err;
}

static void what_we_write(void **state)
{
	struct vr_random r = {11};
	struct bench bn;

	(void)state;
	begin(&bn);
	for (int i = 0; i < ROUNDS / 4; i++) {
		struct vr_event ev = vr_random_event(&r, &bn.arena);
		vr_buf_clear(&bn.b);
		vr_codec_event_proto(&ev, &bn.b);
		assert_int_equal(compare(&bn), VR_OK);
		assert_null(vr_reference_differs(vr_buf_str(&bn.b), &ev));
		vr_arena_reset(&bn.arena);
	}
	end(&bn);
}

/* A few bytes changed, or the end cut off. */
static void what_is_broken(void **state)
{
	struct vr_random r = {12};
	struct bench bn;

	(void)state;
	begin(&bn);
	for (int i = 0; i < ROUNDS; i++) {
		struct vr_event ev = vr_random_event(&r, &bn.arena);
		vr_buf_clear(&bn.b);
		vr_codec_event_proto(&ev, &bn.b);
		for (uint64_t k = vr_random_below(&r, 4); k > 0; k--)
			bn.b.p[vr_random_below(&r, bn.b.n)] = (char)vr_random_u64(&r);
		if (vr_random_below(&r, 4) == 0)
			bn.b.n = vr_random_below(&r, bn.b.n + 1);
		(void)compare(&bn);
		vr_arena_reset(&bn.arena);
	}
	assert_true(bn.taken > ROUNDS / 10);
	assert_true(bn.taken < ROUNDS * 9 / 10);
	end(&bn);
}

/* Well-formed fields of any number, type and order. */
static void add_field(struct vr_random *r, struct vr_buf *b)
{
	uint32_t number = 1 + (uint32_t)vr_random_below(r, 30), type = (uint32_t)vr_random_below(r, 6);
	bool stamp = number == 2 || number == 8 || number == 22;

	if (type == 3 || type == 4)
		return;
	vr_buf_varint(b, number << 3 | type);
	if (type == 0)
		vr_buf_varint(b, vr_random_below(r, 2) ? vr_random_below(r, 16) : vr_random_scaled(r));
	else if (type == 2)
		vr_buf_lstr(b, stamp ? STAMP : number == 23 ? LABEL : VR_STR("Text"));
	else
		vr_buf_add(b, "\1\2\3\4\5\6\7\10", type == 1 ? 8 : 4);
}

static uint32_t likely_type(uint32_t number)
{
	static const uint32_t nums =
		1U << 3 | 1U << 10 | 1U << 11 | 1U << 12 | 1U << 13 | 1U << 14 | 1U << 16 | 1U << 17;

	return nums >> number & 1 ? 0 : 2;
}

static void add_likely_field(struct vr_random *r, struct vr_buf *b)
{
	uint32_t number = 1 + (uint32_t)vr_random_below(r, 21);

	if (vr_random_below(r, 20) == 0 || number == 2 || number == 8) {
		add_field(r, b);
		return;
	}
	vr_buf_varint(b, number << 3 | likely_type(number));
	if (likely_type(number) == 0)
		vr_buf_varint(b, vr_random_below(r, 14));
	else
		vr_buf_lstr(b, number % 2 ? VR_STR("Text") : VR_STR(""));
}

static void what_others_write(void **state)
{
	struct vr_random r = {13};
	struct bench bn;

	(void)state;
	begin(&bn);
	for (int i = 0; i < ROUNDS; i++) {
		vr_buf_clear(&bn.b);
		vr_buf_str_add(&bn.b, VR_STR("\x18\x04\x22\x01""c"));
		for (uint64_t n = vr_random_below(&r, 12); n > 0; n--)
			add_likely_field(&r, &bn.b);
		(void)compare(&bn);
		vr_arena_reset(&bn.arena);
	}
	assert_true(bn.taken > ROUNDS / 10);
	assert_true(bn.taken < ROUNDS * 9 / 10);
	end(&bn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_we_write),
		cmocka_unit_test(what_is_broken),
		cmocka_unit_test(what_others_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
