/* SPDX-License-Identifier: Apache-2.0 */
/* decode(encode(event)) == event, for every wire that we write. */
#include "unit.h"
#include "reference.h"
#include "virality/codec.h"

#define ROUNDS 20000

typedef void encode_f(const struct vr_event *ev, struct vr_buf *b);

static void check(encode_f *encode, struct vr_str prefix, uint64_t seed)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_random r = {seed};
	struct vr_codec_stats stats = {0};
	struct vr_arena arena;
	struct vr_buf b;

	vr_arena_init(&arena, &mem, 0);
	vr_buf_init(&b, &mem);
	for (int i = 0; i < ROUNDS; i++) {
		struct vr_event back, ev = vr_random_event(&r, &arena);
		enum vr_raw_kind kind;
		struct vr_raw raw = {.has_value = true};
		vr_buf_clear(&b);
		vr_buf_str_add(&b, prefix);
		encode(&ev, &b);
		raw.value = vr_buf_str(&b);
		assert_int_equal(vr_codec_event(&raw, &arena, &stats, &back, &kind, NULL), VR_OK);
		assert_int_equal(kind, VR_RAW_EVENT);
		assert_null(vr_event_differs(&ev, &back));
		vr_arena_reset(&arena);
	}
	assert_int_equal(stats.unknown_fields + stats.unknown_enums, 0);
	vr_buf_done(&b);
	vr_arena_done(&arena);
}

static void protobuf(void **state)
{
	(void)state;
	check(vr_codec_event_proto, VR_STR(""), 1);
}

static void confluent(void **state)
{
	(void)state;
	check(vr_codec_event_proto, VR_STR("\0\0\0\0\1\0"), 2);
}

static void json(void **state)
{
	(void)state;
	check(vr_codec_event_json, VR_STR(""), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(protobuf),
		cmocka_unit_test(confluent),
		cmocka_unit_test(json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
