/* SPDX-License-Identifier: Apache-2.0 */
/* Each limit: the longest that is taken, and one more that is not; and memory at its end. */
#include "unit.h"
#include "failing_mem.h"
#include "virality/codec.h"

struct bench {
	struct vr_mem mem;
	struct vr_arena arena;
	struct vr_buf b;
	struct vr_codec_stats stats;
	struct vr_event ev;
	struct vr_diag d;
};

static int setup(void **state)
{
	static struct bench bn;

	bn = (struct bench){.mem = vr_mem_heap()};
	vr_arena_init(&bn.arena, &bn.mem, 0);
	vr_buf_init(&bn.b, &bn.mem);
	*state = &bn;
	return 0;
}

static int teardown(void **state)
{
	struct bench *bn = *state;

	vr_buf_done(&bn->b);
	vr_arena_done(&bn->arena);
	return bn->mem.used != 0;
}

static enum vr_err decode(struct bench *bn)
{
	struct vr_raw raw = {.value = vr_buf_str(&bn->b), .has_value = true};
	enum vr_raw_kind kind;

	return vr_codec_event(&raw, &bn->arena, &bn->stats, &bn->ev, &kind, &bn->d);
}

static char letters[VR_CODEC_RECORD_MAX];

static struct vr_str text(size_t n)
{
	memset(letters, 'x', sizeof(letters));
	return (struct vr_str){letters, n};
}

struct limit {
	size_t offset, max;
	enum vr_err err;
	const char *where;
};
#define LIMIT(field, max, err) {offsetof(struct vr_event, field), max, err, #field}

static const struct limit limits[] = {
	LIMIT(event_id, 256, VR_E_EVENT_ID),
	LIMIT(content_id, 256, VR_E_CONTENT_ID),
	LIMIT(actor_id, 256, VR_E_ID),
	LIMIT(parent_event_id, 256, VR_E_ID),
	LIMIT(root_event_id, 256, VR_E_ID),
	LIMIT(channel, 64, VR_E_CHANNEL),
	LIMIT(content_type, 256, VR_E_SIZE),
	LIMIT(title, 1024, VR_E_SIZE),
	LIMIT(url, 2048, VR_E_SIZE),
	LIMIT(author_id, 256, VR_E_SIZE),
};

typedef void encode_f(const struct vr_event *ev, struct vr_buf *b);

static enum vr_err try(struct bench *bn, encode_f *encode, const struct limit *l, size_t n)
{
	struct vr_event ev = {
		.content_id = VR_STR("c"), .channel = VR_STR("unknown"), .action = VR_ACTION_SHARE, .count = 1};

	memcpy((char *)&ev + l->offset, &(struct vr_str){text(n).p, n}, sizeof(struct vr_str));
	vr_buf_clear(&bn->b);
	encode(&ev, &bn->b);
	return decode(bn);
}

static void texts(void **state)
{
	static encode_f *const encoders[] = {vr_codec_event_proto, vr_codec_event_json};
	struct bench *bn = *state;

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		for (size_t k = 0; k < 2; k++) {
			assert_int_equal(try(bn, encoders[k], &limits[i], limits[i].max), VR_OK);
			assert_int_equal(((struct vr_str *)((char *)&bn->ev + limits[i].offset))->n, limits[i].max);
			assert_int_equal(try(bn, encoders[k], &limits[i], limits[i].max + 1), limits[i].err);
			assert_string_equal(bn->d.where, limits[i].where);
		}
	}
}

/* An unknown field fills the record up. */
static void record(void **state)
{
	struct bench *bn = *state;
	static const size_t sizes[] = {VR_CODEC_RECORD_MAX, VR_CODEC_RECORD_MAX + 1};

	for (size_t i = 0; i < 2; i++) {
		vr_buf_clear(&bn->b);
		vr_buf_str_add(&bn->b, VR_STR("\x18\x04\x22\x01""c\xa2\x06"));
		vr_buf_lstr(&bn->b, text(sizes[i] - 10));
		assert_int_equal(bn->b.n, sizes[i]);
		assert_int_equal(decode(bn), i ? VR_E_SIZE : VR_OK);
	}
	assert_string_equal(bn->d.where, "value");
	assert_int_equal(bn->stats.unknown_fields, 1);
}

static void channel_is_copied_only_when_it_changes(void **state)
{
	struct bench *bn = *state;
	size_t before = bn->mem.used;

	vr_buf_str_add(&bn->b, VR_STR("\x18\x04\x22\x01""c\x2a\x02qq"));
	before = bn->mem.used;
	assert_int_equal(decode(bn), VR_OK);
	assert_ptr_equal(bn->ev.channel.p, bn->b.p + bn->b.n - 2);
	assert_int_equal(bn->mem.used, before);
	bn->b.p[bn->b.n - 1] = 'Q';
	assert_int_equal(decode(bn), VR_OK);
	assert_str_equal(bn->ev.channel, VR_STR("qq"));
	assert_true(bn->ev.channel.p != bn->b.p + bn->b.n - 2);
}

static void refusal_leaves_results_alone(void **state)
{
	struct bench *bn = *state;
	struct vr_raw raw = {.value = VR_STR("\xff"), .has_value = true};
	enum vr_raw_kind kind = VR_RAW_TICK;

	memset(&bn->ev, 0x5a, sizeof(bn->ev));
	assert_int_equal(vr_codec_event(&raw, &bn->arena, &bn->stats, &bn->ev, &kind, NULL), VR_E_DECODE);
	assert_int_equal(kind, VR_RAW_TICK);
	for (size_t i = 0; i < sizeof(bn->ev); i++)
		assert_int_equal(((char *)&bn->ev)[i], 0x5a);
}

static void formats_are_counted(void **state)
{
	struct bench *bn = *state;
	static const struct vr_str values[] = {
		VR_STR("\x18\x04\x22\x01""c"), VR_STR("{\"action\":4,\"content_id\":\"c\"}"),
		VR_STR("\0\0\0\0\1\0\x18\x04\x22\x01""c"), VR_STR("\xff"),
	};

	for (size_t i = 0; i < 4; i++) {
		vr_buf_clear(&bn->b);
		vr_buf_str_add(&bn->b, values[i]);
		assert_int_equal(decode(bn), i < 3 ? VR_OK : VR_E_DECODE);
	}
	assert_int_equal(bn->stats.records[VR_CODEC_PROTO], 2);
	assert_int_equal(bn->stats.records[VR_CODEC_JSON], 1);
	assert_int_equal(bn->stats.records[VR_CODEC_CONFLUENT], 1);
	assert_int_equal(bn->stats.records[VR_CODEC_CLOUDEVENT], 0);
	for (int i = 0; i < _VR_CODEC_FORMAT_MAX; i++)
		assert_true(*vr_codec_format_name((enum vr_codec_format)i));
}

static void no_memory(void **state)
{
	static const struct vr_str values[] = {
		VR_STR("\x18\x04\x22\x01""c\x2a\x01Q"), VR_STR("{\"action\":4,\"content_id\":\"c\"}"),
		VR_STR("{\"id\":\"x\",\"data_base64\":\"GAQiAWM=\"}"),
	};
	static const struct vr_header structured = {
		VR_STR("content-type"), VR_STR("application/cloudevents+json"), true};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct vr_raw raw = {
			.value = values[i], .has_value = true, .headers = &structured, .n_headers = i == 2};
		struct vr_codec_stats stats = {0};
		struct vr_failing_mem f;
		struct vr_mem mem = vr_failing_mem(&f, 0);
		struct vr_arena arena;
		struct vr_event ev;
		enum vr_raw_kind kind;
		vr_arena_init(&arena, &mem, 0);
		assert_int_equal(vr_codec_event(&raw, &arena, &stats, &ev, &kind, NULL), VR_E_NOMEM);
		vr_arena_done(&arena);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(texts),
		TEST(record),
		TEST(channel_is_copied_only_when_it_changes),
		TEST(refusal_leaves_results_alone),
		TEST(formats_are_counted),
		TEST(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
