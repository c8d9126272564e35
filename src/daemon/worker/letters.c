/* SPDX-License-Identifier: Apache-2.0 */
#include "letters.h"

#include "clock.h"

enum { HEADERS_MAX = 64, OWN_MAX = 11, SETTLE_MS = 2000, STEP_MS = 50, NUMBER_LEN = 24 };

static void done(void *ctx, enum vr_err err)
{
	struct vr_letters *l = ctx;
	if (err)
		atomic_fetch_add(&l->failed, 1);
	else
		l->written(l->ctx);
	atomic_fetch_sub(&l->open, 1);
}

static void put_topic(const struct vr_letters *l, struct vr_str own, struct vr_buf *b)
{
	struct vr_str mark = VR_STR("<topic>");
	const char *at = memmem(l->topic.p, l->topic.n, mark.p, mark.n);
	size_t before = at ? (size_t)(at - l->topic.p) : l->topic.n;
	vr_buf_add(b, l->topic.p, before);
	if (!at)
		return;
	vr_buf_str_add(b, own);
	vr_buf_add(b, at + mark.n, l->topic.n - before - mark.n);
}

/* A header that is there already (a dead letter fed again) is not written over. */
static size_t add_header(struct vr_header *out, size_t n, const char *name, struct vr_str value)
{
	for (size_t i = 0; i < n; i++)
		if (vr_str_eq(out[i].name, vr_str_c(name)))
			return n;
	out[n] = (struct vr_header){vr_str_c(name), value, true};
	return n + 1;
}

static struct vr_str number(struct vr_arena *arena, int64_t v)
{
	char *text = vr_arena_alloc(arena, NUMBER_LEN);
	size_t i = NUMBER_LEN;
	uint64_t u = v < 0 ? 0 : (uint64_t)v;
	if (!text)
		return VR_STR("");
	do
		text[--i] = (char)('0' + u % 10);
	while ((u /= 10) > 0);
	return (struct vr_str){text + i, NUMBER_LEN - i};
}

/* Kafka Connect's names, so that tools that know them can list and feed again. */
static size_t add_headers(const struct vr_letters *l, const struct vr_topic_part *part, const struct vr_feed_item *item, enum vr_err why,
	const char *what, struct vr_arena *arena, struct vr_header *out, size_t n)
{
	struct vr_str reason = vr_str_c(vr_err_name(why));
	n = add_header(out, n, "__connect.errors.topic", part->topic);
	n = add_header(out, n, "__connect.errors.partition", number(arena, part->partition));
	n = add_header(out, n, "__connect.errors.offset", number(arena, item->offset));
	n = add_header(out, n, "__connect.errors.connector.name", l->client_id);
	n = add_header(out, n, "__connect.errors.task.id", number(arena, l->task));
	n = add_header(out, n, "__connect.errors.stage", VR_STR("VALUE_CONVERTER"));
	n = add_header(out, n, "__connect.errors.class.name", VR_STR("virality.v1.Event"));
	n = add_header(out, n, "__connect.errors.exception.class.name", reason);
	n = add_header(out, n, "__connect.errors.exception.message", vr_str_c(what));
	if (why == VR_E_KAFKA_AHEAD)
		n = add_header(out, n, "virald.timestamp", number(arena, item->time.ms));
	return add_header(out, n, "virald.reason", reason);
}

static enum vr_err push(struct vr_letters *l, const struct vr_outgoing *o)
{
	enum vr_err err;
	while ((err = vr_producer_send(l->producer, o, NULL)) == VR_E_BUSY && !atomic_load(l->stop))
		vr_producer_poll(l->producer, (struct vr_span){STEP_MS});
	return err;
}

void vr_letters_send(struct vr_letters *l, const struct vr_topic_part *part, const struct vr_feed_item *item, enum vr_err why,
	const char *what)
{
	struct vr_header header[HEADERS_MAX + OWN_MAX];
	struct vr_arena arena;
	struct vr_buf topic;
	if (!l->producer || l->topic.n == 0)
		return;
	vr_arena_init(&arena, &l->mem, 1024);
	vr_buf_init(&topic, &l->mem);
	size_t n = vr_feed_headers(item, header, HEADERS_MAX);
	n = add_headers(l, part, item, why, what, &arena, header, n < HEADERS_MAX ? n : HEADERS_MAX);
	put_topic(l, part->topic, &topic);
	/* Brokers refuse a timestamp far ahead, in any topic: that one moves into a header. */
	struct vr_wall now = {0};
	struct vr_outgoing o = {.topic = vr_buf_str(&topic), .partition = -1, .key = item->key, .value = item->value,
		.has_key = item->has_key, .has_value = item->has_value, .time = why == VR_E_KAFKA_AHEAD ? now : item->time, .headers = header, .n_headers = n,
		.done = done, .ctx = l};
	atomic_fetch_add(&l->open, 1);
	enum vr_err err = push(l, &o);
	if (err == VR_E_SIZE) {
		/* With our headers it is larger than the topic takes; where it stands in the source tells where to find it. */
		o.has_value = false;
		o.value = (struct vr_str){NULL, 0};
		err = push(l, &o);
	}
	if (err)
		done(l, err);
	vr_buf_done(&topic);
	vr_arena_done(&arena);
}

enum vr_err vr_letters_settle(struct vr_letters *l, int64_t *known)
{
	struct vr_mono end = vr_mono_add(vr_clock_mono(), (struct vr_span){SETTLE_MS});
	while (atomic_load(&l->open) > 0 && !vr_mono_reached(vr_clock_mono(), end))
		vr_producer_poll(l->producer, (struct vr_span){STEP_MS});
	if (atomic_load(&l->open) > 0)
		return VR_E_DLQ;
	int64_t failed = atomic_load(&l->failed);
	bool news = failed != *known;
	*known = failed;
	return news ? VR_E_LOST_LINK : VR_OK;
}
