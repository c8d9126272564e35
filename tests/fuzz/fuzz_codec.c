/* SPDX-License-Identifier: Apache-2.0 */
/* Any record: it must not crash, a decoded event must be within its limits, must come back from
 * both encoders, and protobuf-c must read bare protobuf the same.
 *
 * Input: a byte that chooses the headers, then the value; for two of the choices the value is
 * preceded by a header's value, its length first.                                            */
#include <stdio.h>
#include <stdlib.h>
#include "reference.h"
#include "virality/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

struct bench {
	struct vr_mem mem;
	struct vr_arena arena;
	struct vr_codec_stats stats;
};

/* Which header the input sets: its own bytes as the value when `given`. */
struct choice {
	struct vr_header header;
	bool given;
};

static const struct choice choices[] = {
	{{VR_STR("content-type"), VR_STR("application/cloudevents+json"), true}, false},
	{{VR_STR("ce_specversion"), VR_STR("1.0"), true}, false},
	{{VR_STR("__value_schema_id"), VR_STR(""), true}, true},
	{{VR_STR("ce_time"), VR_STR(""), true}, true},
};
#define CHOICES (sizeof(choices) / sizeof(choices[0]))

static void require(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "does not hold: %s\n", what);
	abort();
}

static void check_text(struct vr_str s, size_t max)
{
	require(s.n <= max && vr_utf8_clean(s), "text is clean and within its limit");
}

static void check_limits(const struct vr_event *ev)
{
	check_text(ev->event_id, VR_CODEC_ID_MAX);
	check_text(ev->content_id, VR_CODEC_ID_MAX);
	check_text(ev->actor_id, VR_CODEC_ID_MAX);
	check_text(ev->parent_event_id, VR_CODEC_ID_MAX);
	check_text(ev->root_event_id, VR_CODEC_ID_MAX);
	check_text(ev->content_type, VR_CODEC_ID_MAX);
	check_text(ev->author_id, VR_CODEC_ID_MAX);
	check_text(ev->title, VR_CODEC_TITLE_MAX);
	check_text(ev->url, VR_CODEC_URL_MAX);
	check_text(ev->channel, VR_CODEC_CHANNEL_MAX);
	require(ev->content_id.n > 0 && ev->channel.n > 0 && ev->channel.p[0] != '_',
		"content and channel are there");
	require((unsigned)ev->action < VR_ACTIONS_MAX && ev->count > 0, "action and count are known");
	require(ev->event_time.ms >= 0 && ev->deadline.ms >= 0, "times are not before 1970");
}

static void check_comes_back(struct bench *bn, const struct vr_event *ev,
	void (*encode)(const struct vr_event *ev, struct vr_buf *b))
{
	struct vr_raw raw = {.has_value = true};
	struct vr_event back;
	enum vr_raw_kind kind;
	struct vr_buf b;

	vr_buf_init(&b, &bn->mem);
	encode(ev, &b);
	raw.value = vr_buf_str(&b);
	/* What was within 64 KiB in one form may be beyond it in another. */
	if (b.n <= VR_CODEC_RECORD_MAX) {
		require(
			vr_codec_event(&raw, &bn->arena, &bn->stats, &back, &kind, NULL) == VR_OK, "encoded is decoded");
		require(!vr_event_differs(ev, &back), "encoded is the same event");
	}
	vr_buf_done(&b);
}

static bool is_bare_protobuf(const struct vr_raw *raw)
{
	return raw->n_headers == 0 && raw->value.n > 0 && raw->value.p[0] != '{' &&
		   (unsigned char)raw->value.p[0] > 1;
}

static void check_record(struct bench *bn, const struct vr_raw *raw)
{
	struct vr_event ev;
	struct vr_diag d = {"", ""};
	enum vr_raw_kind kind;
	enum vr_err err = vr_codec_event(raw, &bn->arena, &bn->stats, &ev, &kind, &d);

	if (err) {
		require(vr_err_verdict(err) == VR_VERDICT_POISON && *d.text,
			"a refusal is the record's fault, and says why");
		return;
	}
	if (kind != VR_RAW_EVENT)
		return;
	check_limits(&ev);
	if (is_bare_protobuf(raw))
		require(!vr_reference_differs(raw->value, &ev), "protobuf-c reads the same");
	check_comes_back(bn, &ev, vr_codec_event_proto);
	check_comes_back(bn, &ev, vr_codec_event_json);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct bench bn = {.mem = vr_mem_heap()};
	struct vr_header headers[2];
	struct vr_raw raw = {.has_value = true, .headers = headers};
	struct vr_rd r = vr_rd_of((struct vr_str){(const char *)p, n});
	uint8_t choice = vr_rd_byte(&r);

	vr_arena_init(&bn.arena, &bn.mem, 0);
	if (choice < CHOICES) {
		headers[0] = choices[choice].header;
		headers[1] = choices[1].header;
		raw.n_headers = choice == 3 ? 2 : 1;
		if (choices[choice].given)
			headers[0].value = vr_rd_lstr(&r);
	}
	raw.value = vr_rd_bytes(&r, (size_t)(r.end - r.p));
	check_record(&bn, &raw);
	vr_arena_done(&bn.arena);
	require(bn.mem.used == 0, "all memory is given back");
	return 0;
}
