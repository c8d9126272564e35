/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* rig.h - a mock cluster and members of a group, driven by the test's own thread.
 *
 * Nothing here sleeps: a member is polled, or its eventfd waited for, until what the test wants has come
 * true; that it never does is the failure (WAIT_MS). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include "room.h"

#define WAIT_MS 60000
#define STEP ((struct vr_span){20})
#define PARTS_MAX 16

struct box {
	char topic[VR_TOPIC_MAX];
	int32_t partition;
	struct vr_feed *feed;
	bool ended, out_of_range;
	int64_t range_offset, end_offset;
	int64_t first, last;		/* offsets seen since the last look; -1: none */
	size_t n;
};

struct member {
	struct vr_group *g;
	int fd;
	struct box box[PARTS_MAX];
	size_t n_boxes;
	bool hold;			/* offered partitions are not answered at once */
	int64_t start[PARTS_MAX];	/* by partition; -1: decline */
	size_t n_assigned, n_revoked, n_lost, n_fatal;
	struct vr_batch batch;
};

static inline int64_t now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

#define EVENTUALLY(cond, step) do { \
	int64_t due_ = now_ms() + WAIT_MS; \
	while (!(cond)) { \
		if (now_ms() > due_) fail_msg("never came true: %s", #cond); \
		step; \
	} \
} while (0)

static inline struct vr_topic_part part_of_box(const struct box *b)
{
	return (struct vr_topic_part){vr_str_c(b->topic), b->partition};
}

static inline struct box *box_find(struct member *m, struct vr_str topic, int32_t partition)
{
	for (size_t i = 0; i < m->n_boxes; i++)
		if (m->box[i].partition == partition && vr_str_eq(vr_str_c(m->box[i].topic), topic))
			return &m->box[i];
	return NULL;
}

static inline void box_answer(struct member *m, struct box *b)
{
	struct vr_topic_part tp = part_of_box(b);
	int64_t start = m->start[b->partition];
	if (start >= 0)
		assert_int_equal(vr_feed_new(m->g, &tp, m->fd, &b->feed), VR_OK);
	vr_group_start(m->g, &tp, start);
}

static inline void on_assigned(void *ctx, const struct vr_topic_part *tps, size_t n)
{
	struct member *m = ctx;
	m->n_assigned++;
	for (size_t i = 0; i < n; i++) {
		struct box *b = &m->box[m->n_boxes++];
		assert_true(m->n_boxes <= PARTS_MAX);
		*b = (struct box){.partition = tps[i].partition, .first = -1, .last = -1};
		assert_true(vr_topic_z(b->topic, tps[i].topic));
	}
	for (size_t i = 0; i < n && !m->hold; i++)
		box_answer(m, box_find(m, tps[i].topic, tps[i].partition));
}

static inline void on_revoked(void *ctx, const struct vr_topic_part *tps, size_t n, bool lost)
{
	struct member *m = ctx;
	m->n_revoked++;
	m->n_lost += lost;
	for (size_t i = 0; i < n; i++) {
		struct box *b = box_find(m, tps[i].topic, tps[i].partition);
		assert_non_null(b);
		vr_feed_free(b->feed);
		*b = m->box[--m->n_boxes];
	}
}

static inline void on_fault(void *ctx, enum vr_err err, bool fatal, const char *text)
{
	struct member *m = ctx;
	m->n_fatal += fatal;
	if (getenv("VR_TEST_LOG"))
		fprintf(stderr, "error %s%s: %s\n", vr_err_name(err), fatal ? " (fatal)" : "", text);
}

static inline void say_log(void *ctx, int level, const char *fac, const char *text)
{
	if (getenv("VR_TEST_LOG"))
		fprintf(stderr, "%p %d %s: %s\n", ctx, level, fac, text);
}

static inline struct vr_group_ops member_ops(struct member *m)
{
	return (struct vr_group_ops){on_assigned, on_revoked, on_fault, m};
}

static const struct vr_property quick[] = {
	{{"session.timeout.ms", 18}, {"3000", 4}},
	{{"heartbeat.interval.ms", 21}, {"200", 3}},
	{{"max.poll.interval.ms", 20}, {"60000", 5}},
};

static inline struct vr_kafka_config rig_config(struct vr_mock *mock, const struct vr_str *topic)
{
	struct vr_kafka_config c = {
		.brokers = vr_str_c(vr_mock_brokers(mock)),
		.group_id = VR_STR("g"),
		.topics = topic,
		.n_topics = 1,
		.properties = quick,
		.n_properties = sizeof(quick) / sizeof(quick[0]),
		.queue_budget_bytes = 8 << 20,
		.log = {say_log, NULL},
	};
	return c;
}

static inline void member_init(struct member *m)
{
	*m = (struct member){.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
	assert_true(m->fd >= 0);
	assert_int_equal(vr_batch_init(&m->batch, 256), VR_OK);
}

static inline void member_join(struct member *m, const struct vr_kafka_config *c)
{
	struct vr_diag d = {0};
	struct vr_group_ops ops = member_ops(m);
	if (vr_group_new(c, &ops, &m->g, &d))
		fail_msg("%s: %s", d.where, d.text);
	if (vr_group_join(m->g, &d))
		fail_msg("%s: %s", d.where, d.text);
}

static inline void member_leave(struct member *m)
{
	vr_group_free(m->g);
	m->g = NULL;
	vr_batch_free(&m->batch);
	close(m->fd);
}

/* What one item means for its box; every test wants offsets to rise by one. */
static inline void box_note(struct box *b, const struct vr_feed_item *item)
{
	switch (item->what) {
	case VR_FEED_RECORD:
		if (b->last >= 0 && item->offset != b->last + 1)
			fail_msg("partition %d: %" PRId64 " after %" PRId64, b->partition, item->offset, b->last);
		b->first = b->first < 0 ? item->offset : b->first;
		b->last = item->offset;
		b->n++;
		break;
	case VR_FEED_END:
		b->ended = true;
		b->end_offset = item->offset;
		break;
	case VR_FEED_RANGE:
		b->out_of_range = true;
		b->range_offset = item->offset;
		break;
	case VR_FEED_ERROR:
		break;
	}
}

static inline size_t box_take(struct member *m, struct box *b, size_t max)
{
	size_t n = vr_feed_take(b->feed, max, &m->batch);
	for (size_t i = 0; i < n; i++)
		box_note(b, &m->batch.item[i]);
	vr_batch_done(&m->batch);
	return n;
}

/* Take from all feeds but one until they are empty, then wait for the eventfd. */
static inline void member_take(struct member *m, const struct box *but)
{
	size_t n = 0;
	for (size_t i = 0; i < m->n_boxes; i++)
		if (m->box[i].feed && &m->box[i] != but)
			n += box_take(m, &m->box[i], m->batch.cap);
	if (n)
		return;
	struct pollfd pfd = {.fd = m->fd, .events = POLLIN};
	uint64_t count;
	if (poll(&pfd, 1, 20) == 1)
		assert_int_equal(read(m->fd, &count, sizeof(count)), sizeof(count));
	vr_group_poll(m->g, (struct vr_span){0});
}

static inline void box_forget(struct box *b)
{
	b->first = b->last = -1;
	b->n = 0;
	b->ended = b->out_of_range = false;
}

static inline void count_done(void *ctx, enum vr_err err)
{
	size_t *n = ctx;
	assert_int_equal(err, VR_OK);
	(*n)++;
}

/* Bytes that no compression makes smaller, so that sizes mean what they say. */
static inline void fill_noise(char *p, size_t n, uint64_t seed)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15u + 1;
	for (size_t i = 0; i < n; i++) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		p[i] = (char)(x >> 32);
	}
}

static inline struct vr_producer *producer_of(struct vr_mock *mock)
{
	struct vr_property small = {VR_STR("batch.num.messages"), VR_STR("100")};
	struct vr_kafka_config c = {.brokers = vr_str_c(vr_mock_brokers(mock)), .properties = &small,
		.n_properties = 1,
		.log = {say_log, NULL}};
	struct vr_producer *p;
	struct vr_diag d;
	assert_int_equal(vr_producer_new(&c, &p, &d), VR_OK);
	return p;
}

/* n records of `size` bytes into one partition, acknowledged. */
static inline void produce_n(struct vr_producer *p, struct vr_str topic, int32_t partition, size_t n,
	size_t size)
{
	struct vr_diag d;
	size_t done = 0;
	char *value = calloc(1, size + 1);
	for (size_t i = 0; i < n; i++) {
		fill_noise(value, size, i);
		struct vr_outgoing o = {.topic = topic, .partition = partition, .value = {value, size}, .has_value = true,
			.time = {1000 + (int64_t)i}, .done = count_done, .ctx = &done};
		enum vr_err err;
		while ((err = vr_producer_send(p, &o, &d)) == VR_E_BUSY)
			vr_producer_poll(p, STEP);
		assert_int_equal(err, VR_OK);
	}
	assert_int_equal(vr_producer_flush(p, (struct vr_span){WAIT_MS}), VR_OK);
	assert_int_equal(done, n);
	free(value);
}

static inline void fill_topic(struct vr_mock *mock, struct vr_str topic, int32_t partition, size_t n,
	size_t size)
{
	struct vr_producer *p = producer_of(mock);
	produce_n(p, topic, partition, n, size);
	vr_producer_free(p);
}

/* ------------------------------------------------------------------- one member alone -- */
struct rig {
	struct vr_mock *mock;
	struct member m;
};

static const struct vr_str topic = {"shares", 6};

static inline struct rig *rig_new(int partitions)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct vr_diag d;
	assert_non_null(r);
	assert_int_equal(vr_mock_new(&r->mock, &d), VR_OK);
	assert_int_equal(vr_mock_topic(r->mock, "shares", partitions, &d), VR_OK);
	member_init(&r->m);
	return r;
}

static inline void rig_join(struct rig *r, int partitions)
{
	struct vr_kafka_config c = rig_config(r->mock, &topic);
	member_join(&r->m, &c);
	EVENTUALLY(r->m.n_boxes == (size_t)partitions, vr_group_poll(r->m.g, STEP));
}

static inline void rig_free(struct rig *r)
{
	member_leave(&r->m);
	vr_mock_free(r->mock);
	free(r);
}

static inline bool all_ended(const struct member *m)
{
	for (size_t i = 0; i < m->n_boxes; i++)
		if (!m->box[i].ended)
			return false;
	return m->n_boxes > 0;
}
