/* SPDX-License-Identifier: Apache-2.0 */
#include "at_once.h"
#include "rig.h"
#include <sched.h>

static void every_record_once_in_order(void **state)
{
	(void)state;
	struct rig *r = rig_new(3);
	for (int32_t p = 0; p < 3; p++)
		fill_topic(r->mock, topic, p, 500 + 100 * (size_t)p, 40);
	r->m.start[1] = 250;
	rig_join(r, 3);
	EVENTUALLY(all_ended(&r->m), member_take(&r->m, NULL));
	for (int32_t p = 0; p < 3; p++) {
		struct box *b = box_find(&r->m, topic, p);
		assert_int_equal(b->first, r->m.start[p]);
		assert_int_equal(b->last, 499 + 100 * p);
		assert_int_equal(b->end_offset, 500 + 100 * p);
	}
	rig_free(r);
}

static void wakes_when_there_is_more(void **state)
{
	(void)state;
	struct rig *r = rig_new(1);
	struct vr_producer *p = producer_of(r->mock);
	rig_join(r, 1);
	struct box *b = &r->m.box[0];
	EVENTUALLY(b->ended, member_take(&r->m, NULL));
	for (size_t round = 1; round <= 20; round++) {
		while (box_take(&r->m, b, 256) > 0)
			;
		uint64_t count;
		(void)!read(r->m.fd, &count, sizeof(count));
		produce_n(p, topic, 0, 1, 10);
		/* A worker that sleeps until it is woken must be: no polling here. */
		while (b->n < round) {
			struct pollfd pfd = {.fd = r->m.fd, .events = POLLIN};
			assert_int_equal(poll(&pfd, 1, WAIT_MS), 1);
			assert_int_equal(read(r->m.fd, &count, sizeof(count)), sizeof(count));
			while (box_take(&r->m, b, 256) > 0)
				;
		}
	}
	vr_producer_free(p);
	rig_free(r);
}

static void a_record_is_what_was_sent(void **state)
{
	(void)state;
	struct rig *r = rig_new(1);
	struct vr_kafka_config c = rig_config(r->mock, &topic);
	c.n_properties = 0;
	struct vr_producer *p;
	struct vr_diag d;
	struct vr_header h[2] = {{VR_STR("a"), VR_STR("1"), true}, {VR_STR("b"), {0}, false}};
	struct vr_outgoing full = {.topic = topic, .partition = 0, .key = VR_STR("k"), .has_key = true,
		.value = VR_STR("v\0w"),
		.has_value = true, .time = {1234567890123}, .headers = h, .n_headers = 2};
	struct vr_outgoing bare = {.topic = topic, .partition = 0, .has_key = true};
	assert_int_equal(vr_producer_new(&c, &p, &d), VR_OK);
	assert_int_equal(vr_producer_send(p, &full, &d), VR_OK);
	assert_int_equal(vr_producer_send(p, &bare, &d), VR_OK);
	assert_int_equal(vr_producer_flush(p, (struct vr_span){WAIT_MS}), VR_OK);
	vr_producer_free(p);
	rig_join(r, 1);
	struct vr_batch b;
	struct vr_feed_item got[2];
	size_t n = 0;
	struct vr_header seen[2];
	assert_int_equal(vr_batch_init(&b, 1), VR_OK);
	while (n < 2) {
		EVENTUALLY(vr_feed_take(r->m.box[0].feed, 9, &b) == 1, vr_group_poll(r->m.g, STEP));
		got[n++] = b.item[0];
		if (n == 1) {
			assert_true(vr_str_eq(got[0].key, full.key) && vr_str_eq(got[0].value, full.value));
			assert_int_equal(vr_feed_headers(&got[0], seen, 2), 2);
			assert_true(vr_str_eq(seen[0].name, VR_STR("a")) && vr_str_eq(seen[0].value, VR_STR("1")));
			assert_true(seen[0].has_value && !seen[1].has_value);
			assert_int_equal(vr_feed_headers(&got[0], seen, 1), 2);
		} else {
			assert_true(got[1].has_key && got[1].key.n == 0);
			assert_int_equal(vr_feed_headers(&got[1], seen, 2), 0);
		}
		vr_batch_done(&b);
	}
	assert_int_equal(got[0].time.ms, 1234567890123);
	assert_false(got[0].log_append_time);
	assert_false(got[1].has_value);
	vr_batch_free(&b);
	rig_free(r);
}

static void seeks_back_and_forward(void **state)
{
	(void)state;
	struct rig *r = rig_new(1);
	struct vr_diag d;
	fill_topic(r->mock, topic, 0, 5000, 40);
	rig_join(r, 1);
	struct box *b = &r->m.box[0];
	static const int64_t targets[] = {4000, 10, 0, 4999, 2500, 2499, 1};
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		/* Something is fetched ahead, and not taken, whenever the seek comes. */
		EVENTUALLY(b->n > 0, member_take(&r->m, NULL));
		assert_int_equal(vr_feed_seek(b->feed, targets[i], &d), VR_OK);
		box_forget(b);
		EVENTUALLY(b->ended, box_take(&r->m, b, 7); vr_group_poll(r->m.g, (struct vr_span){0}));
		assert_int_equal(b->first, targets[i]);
		assert_int_equal(b->last, 4999);
		assert_int_equal(vr_feed_seek(b->feed, 3000, &d), VR_OK);
		box_forget(b);
	}
	rig_free(r);
}

/* The mock keeps 5 MiB of a partition. */
static void says_when_the_offset_is_gone(void **state)
{
	(void)state;
	struct rig *r = rig_new(2);
	struct vr_diag d;
	int64_t first, end;
	fill_topic(r->mock, topic, 0, 1000, 10000);
	fill_topic(r->mock, topic, 1, 3000, 40);
	r->m.start[0] = 5;
	rig_join(r, 2);
	struct box *gone = box_find(&r->m, topic, 0), *other = box_find(&r->m, topic, 1);
	struct vr_topic_part tp = part_of_box(gone);
	assert_int_equal(vr_kafka_bounds(r->m.g, &tp, (struct vr_span){WAIT_MS}, &first, &end), VR_OK);
	assert_true(first > 5);
	assert_int_equal(end, 1000);
	EVENTUALLY(gone->out_of_range && other->n > 0, member_take(&r->m, NULL));
	assert_int_equal(gone->range_offset, 5);
	assert_int_equal(gone->n, 0);
	/* Revived while the other one is in the midst of its records: that goes on with no gap and nothing twice. */
	EVENTUALLY(other->n > 500, box_take(&r->m, other, 50));
	assert_int_equal(vr_feed_seek(gone->feed, first, &d), VR_OK);
	EVENTUALLY(all_ended(&r->m), member_take(&r->m, NULL));
	assert_int_equal(gone->first, first);
	assert_int_equal(gone->last, 999);
	assert_int_equal(other->first, 0);
	assert_int_equal(other->last, 2999);
	/* Beyond the end is outside as well. */
	box_forget(gone);
	assert_int_equal(vr_feed_seek(gone->feed, 5000, &d), VR_OK);
	EVENTUALLY(gone->out_of_range, member_take(&r->m, NULL));
	assert_int_equal(gone->range_offset, 5000);
	rig_free(r);
}

struct worker {
	struct member *m;
	struct box *box;
	struct vr_batch batch;
	_Atomic bool ended;
	int64_t next;
	size_t wrong;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	while (!w->ended) {
		size_t n = vr_feed_take(w->box->feed, 64, &w->batch);
		for (size_t i = 0; i < n; i++) {
			const struct vr_feed_item *item = &w->batch.item[i];
			if (item->what == VR_FEED_RECORD)
				w->wrong += item->offset != w->next++;
			else if (item->what == VR_FEED_END && item->offset == w->next)
				w->ended = true;
		}
		vr_batch_done(&w->batch);
		sched_yield();
	}
	return NULL;
}

/* Every revival assigns all partitions again under the hands of the other one's worker. */
static void revivals_disturb_no_other_worker(void **state)
{
	(void)state;
	struct rig *r = rig_new(2);
	struct worker w = {.m = &r->m};
	struct vr_diag d;
	pthread_t thread;
	size_t revived = 0;
	fill_topic(r->mock, topic, 0, 10, 20);
	fill_topic(r->mock, topic, 1, 60000, 20);
	rig_join(r, 2);
	struct box *b = box_find(&r->m, topic, 0);
	w.box = box_find(&r->m, topic, 1);
	assert_int_equal(vr_batch_init(&w.batch, 64), VR_OK);
	assert_int_equal(pthread_create(&thread, NULL, work, &w), 0);
	while (!w.ended || revived == 0) {
		assert_int_equal(vr_feed_seek(b->feed, 99, &d), VR_OK);
		box_forget(b);
		EVENTUALLY(b->out_of_range, box_take(&r->m, b, 64); vr_group_poll(r->m.g, (struct vr_span){1}));
		assert_int_equal(vr_feed_seek(b->feed, 3, &d), VR_OK);
		box_forget(b);
		EVENTUALLY(b->last == 9, box_take(&r->m, b, 64); vr_group_poll(r->m.g, (struct vr_span){1}));
		assert_int_equal(b->first, 3);
		revived++;
	}
	pthread_join(thread, NULL);
	assert_int_equal(w.wrong, 0);
	assert_int_equal(w.next, 60000);
	vr_batch_free(&w.batch);
	rig_free(r);
}

/* What a revival read of this feed's place may be older than what its worker has taken since. */
static void nothing_is_shown_twice(void **state)
{
	(void)state;
	struct rig *r = rig_new(1);
	fill_topic(r->mock, topic, 0, 100, 20);
	rig_join(r, 1);
	struct box *b = &r->m.box[0];
	EVENTUALLY(b->n == 50, box_take(&r->m, b, 50 - b->n); vr_group_poll(r->m.g, (struct vr_span){1}));
	pthread_mutex_lock(&r->m.g->lock);
	assert_int_equal(vr_assign_again(r->m.g, vr_part_find(r->m.g, "shares", 0), 20), 0);
	pthread_mutex_unlock(&r->m.g->lock);
	EVENTUALLY(b->ended, member_take(&r->m, NULL));
	assert_int_equal(b->n, 100);
	rig_free(r);
}

static void one_that_is_not_taken_from_holds_up_nobody(void **state)
{
	(void)state;
	struct rig *r = rig_new(2);
	fill_topic(r->mock, topic, 0, 450, 10000);
	fill_topic(r->mock, topic, 1, 20000, 40);
	struct vr_kafka_config c = rig_config(r->mock, &topic);
	c.queue_budget_bytes = 128 << 10;
	member_join(&r->m, &c);
	EVENTUALLY(r->m.n_boxes == 2, vr_group_poll(r->m.g, STEP));
	struct box *idle = box_find(&r->m, topic, 0), *busy = box_find(&r->m, topic, 1);
	EVENTUALLY(busy->ended, member_take(&r->m, idle));
	assert_int_equal(busy->n, 20000);
	assert_int_equal(idle->n, 0);
	/* Of its 4.5 MB no more wait here than its share of 64 KiB and what one answer of a broker (1 MiB) is
	 * above it. */
	assert_in_range(rd_kafka_queue_length(idle->feed->queue), 1, 230);
	EVENTUALLY(idle->ended, member_take(&r->m, NULL));
	assert_int_equal(idle->n, 450);
	rig_free(r);
}

static void the_budget_is_divided(void **state)
{
	(void)state;
	struct rig *r = rig_new(8);
	char value[32];
	size_t n = sizeof(value);
	rig_join(r, 8);
	assert_int_equal(rd_kafka_conf_get(rd_kafka_conf(r->m.g->rk), "queued.max.messages.kbytes", value, &n), 0);
	assert_string_equal(value, "1024");
	rig_free(r);
}

static void needs_an_offered_partition(void **state)
{
	(void)state;
	struct rig *r = rig_new(1);
	struct vr_feed *f;
	struct vr_diag d;
	struct vr_topic_part other = {topic, 7};
	r->m.hold = true;
	rig_join(r, 1);
	struct vr_topic_part tp = part_of_box(&r->m.box[0]);
	assert_int_equal(vr_feed_new(r->m.g, &other, -1, &f), VR_E_AWAY);
	assert_int_equal(vr_feed_new(r->m.g, &tp, -1, &r->m.box[0].feed), VR_OK);
	assert_int_equal(vr_feed_new(r->m.g, &tp, -1, &f), VR_E_AWAY);
	assert_int_equal(vr_feed_seek(r->m.box[0].feed, 0, &d), VR_E_BUSY);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_record_once_in_order),
		cmocka_unit_test(wakes_when_there_is_more),
		cmocka_unit_test(a_record_is_what_was_sent),
		cmocka_unit_test(seeks_back_and_forward),
		cmocka_unit_test(says_when_the_offset_is_gone),
		cmocka_unit_test(revivals_disturb_no_other_worker),
		cmocka_unit_test(nothing_is_shown_twice),
		cmocka_unit_test(one_that_is_not_taken_from_holds_up_nobody),
		cmocka_unit_test(the_budget_is_divided),
		cmocka_unit_test(needs_an_offered_partition),
	};
	return AT_ONCE_RUN(tests);
}
