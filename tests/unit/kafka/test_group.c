/* SPDX-License-Identifier: Apache-2.0 */
#include "at_once.h"
#include "rig.h"

#define N_PARTS 4

struct two {
	struct vr_mock *mock;
	struct member a, b;
	struct vr_kafka_config c;
};

static struct two *two_new(void)
{
	struct two *t = calloc(1, sizeof(*t));
	struct vr_diag d;
	assert_non_null(t);
	assert_int_equal(vr_mock_new(&t->mock, &d), VR_OK);
	assert_int_equal(vr_mock_topic(t->mock, "shares", N_PARTS, &d), VR_OK);
	t->c = rig_config(t->mock, &topic);
	member_init(&t->a);
	member_init(&t->b);
	return t;
}

static void two_free(struct two *t)
{
	member_leave(&t->a);
	member_leave(&t->b);
	vr_mock_free(t->mock);
	free(t);
}

static void poll_both(struct two *t)
{
	if (t->a.g)
		vr_group_poll(t->a.g, STEP);
	if (t->b.g)
		vr_group_poll(t->b.g, STEP);
}

static void answer_all(struct member *m)
{
	for (size_t i = 0; i < m->n_boxes; i++)
		box_answer(m, &m->box[i]);
}

static size_t n_seen(const struct member *m)
{
	size_t n = 0;
	for (size_t i = 0; i < m->n_boxes; i++)
		n += m->box[i].n;
	return n;
}

/* By agreement with the group, not by giving up after 8 seconds. */
static void leave_soon(struct member *m)
{
	int64_t began = now_ms();
	vr_group_free(m->g);
	m->g = NULL;
	assert_true(now_ms() - began < 6000);
	assert_int_equal(m->n_boxes, 0);
}

static int count_assigned(struct member *m)
{
	rd_kafka_topic_partition_list_t *list;
	assert_int_equal(rd_kafka_assignment(m->g->rk, &list), 0);
	int n = list->cnt;
	rd_kafka_topic_partition_list_destroy(list);
	return n;
}

static void two_members_share(void **state)
{
	(void)state;
	struct two *t = two_new();
	for (int32_t p = 0; p < N_PARTS; p++)
		fill_topic(t->mock, topic, p, 100, 20);
	member_join(&t->a, &t->c);
	EVENTUALLY(t->a.n_boxes == N_PARTS, poll_both(t));
	EVENTUALLY(all_ended(&t->a), member_take(&t->a, NULL));
	assert_int_equal(n_seen(&t->a), 400);
	member_join(&t->b, &t->c);
	EVENTUALLY(t->a.n_boxes == 2 && t->b.n_boxes == 2, poll_both(t));
	/* In how many rounds is up to the broker: one that joins late makes one more. */
	assert_true(t->a.n_revoked >= 1);
	assert_int_equal(t->a.n_lost, 0);
	EVENTUALLY(all_ended(&t->a) && all_ended(&t->b), member_take(&t->a, NULL); member_take(&t->b, NULL));
	assert_int_equal(n_seen(&t->a), 200);
	assert_int_equal(n_seen(&t->b), 200);
	/* One leaves: the other gets all, its own feeds made anew on the same queues. */
	leave_soon(&t->b);
	EVENTUALLY(t->a.n_boxes == N_PARTS, poll_both(t));
	EVENTUALLY(all_ended(&t->a), member_take(&t->a, NULL));
	assert_int_equal(n_seen(&t->a), 400);
	two_free(t);
}

static void nothing_is_read_before_all_are_answered(void **state)
{
	(void)state;
	struct rig *r = rig_new(2);
	fill_topic(r->mock, topic, 0, 10, 20);
	fill_topic(r->mock, topic, 1, 10, 20);
	r->m.hold = true;
	rig_join(r, 2);
	struct vr_topic_part unknown = {topic, 9};
	vr_group_start(r->m.g, &unknown, 0);
	box_answer(&r->m, &r->m.box[0]);
	/* Longer than a session: heartbeats alone keep the place in the group. */
	int64_t until = now_ms() + 4000;
	EVENTUALLY(now_ms() > until, vr_group_poll(r->m.g, STEP));
	assert_int_equal(count_assigned(&r->m), 0);
	assert_int_equal(r->m.n_revoked, 0);
	box_answer(&r->m, &r->m.box[1]);
	EVENTUALLY(all_ended(&r->m), member_take(&r->m, NULL));
	assert_int_equal(n_seen(&r->m), 20);
	rig_free(r);
}

/* What was fetched and not taken before a rebalance must not keep the next feed of the partition from
 * waking. */
static void the_next_feed_wakes_too(void **state)
{
	(void)state;
	struct rig *r = rig_new(1);
	uint64_t count;
	struct pollfd pfd = {.fd = r->m.fd, .events = POLLIN};
	fill_topic(r->mock, topic, 0, 100, 20);
	rig_join(r, 1);
	EVENTUALLY(rd_kafka_queue_length(r->m.box[0].feed->queue) > 50, vr_group_poll(r->m.g, STEP));
	assert_int_equal(rd_kafka_unsubscribe(r->m.g->rk), 0);
	EVENTUALLY(r->m.n_boxes == 0, vr_group_poll(r->m.g, STEP));
	while (read(r->m.fd, &count, sizeof(count)) > 0)
		;
	assert_int_equal(vr_group_join(r->m.g, NULL), VR_OK);
	EVENTUALLY(r->m.n_boxes == 1, vr_group_poll(r->m.g, STEP));
	EVENTUALLY(poll(&pfd, 1, 0) == 1, vr_group_poll(r->m.g, STEP));
	EVENTUALLY(all_ended(&r->m), member_take(&r->m, NULL));
	assert_int_equal(n_seen(&r->m), 100);
	rig_free(r);
}

static void a_declined_partition_is_not_read(void **state)
{
	(void)state;
	struct two *t = two_new();
	for (int32_t p = 0; p < N_PARTS; p++)
		fill_topic(t->mock, topic, p, 10, 20);
	t->a.start[1] = t->a.start[2] = -1;
	member_join(&t->a, &t->c);
	EVENTUALLY(t->a.n_boxes == N_PARTS, poll_both(t));
	struct box *p0 = box_find(&t->a, topic, 0), *p3 = box_find(&t->a, topic, 3);
	EVENTUALLY(p0->ended && p3->ended, member_take(&t->a, NULL));
	assert_int_equal(n_seen(&t->a), 20);
	assert_int_equal(count_assigned(&t->a), 2);
	/* It is taken away like any other. */
	member_join(&t->b, &t->c);
	EVENTUALLY(t->a.n_boxes == 2 && t->b.n_boxes == 2, poll_both(t));
	two_free(t);
}

static void a_rebalance_comes_while_answers_are_owed(void **state)
{
	(void)state;
	struct two *t = two_new();
	t->a.hold = true;
	member_join(&t->a, &t->c);
	EVENTUALLY(t->a.n_boxes == N_PARTS, poll_both(t));
	member_join(&t->b, &t->c);
	/* The other one waits in the group; nothing is taken away from the one that owes. */
	int64_t until = now_ms() + 1000;
	EVENTUALLY(now_ms() > until, poll_both(t));
	assert_int_equal(t->a.n_revoked, 0);
	t->a.hold = false;
	answer_all(&t->a);
	EVENTUALLY(t->a.n_boxes == 2 && t->b.n_boxes == 2, poll_both(t));
	two_free(t);
}

static void leaves_while_answers_are_owed(void **state)
{
	(void)state;
	struct two *t = two_new();
	t->a.hold = true;
	member_join(&t->a, &t->c);
	EVENTUALLY(t->a.n_boxes == N_PARTS, poll_both(t));
	box_answer(&t->a, &t->a.box[0]);
	leave_soon(&t->a);
	assert_int_equal(t->a.n_revoked, 1);
	member_join(&t->b, &t->c);
	EVENTUALLY(t->b.n_boxes == N_PARTS, poll_both(t));
	two_free(t);
}

static void leaves_before_it_is_in(void **state)
{
	(void)state;
	struct two *t = two_new();
	member_join(&t->a, &t->c);
	leave_soon(&t->a);
	assert_int_equal(t->a.n_assigned, 0);
	two_free(t);
}

/* A feed of what went yields nothing and cannot be moved, though its worker still holds it. */
static const char *moved_after;
static void on_revoked_late(void *ctx, const struct vr_topic_part *tps, size_t n, bool lost)
{
	struct member *m = ctx;
	struct vr_diag d;
	for (size_t i = 0; i < m->n_boxes; i++) {
		assert_false(m->box[i].feed->alive);
		assert_int_equal(vr_feed_take(m->box[i].feed, 10, &m->batch), 0);
		assert_int_equal(vr_feed_seek(m->box[i].feed, 0, &d), VR_E_AWAY);
		moved_after = "seen";
	}
	on_revoked(ctx, tps, n, lost);
}

static void a_revoked_feed_is_dead(void **state)
{
	(void)state;
	struct rig *r = rig_new(1);
	fill_topic(r->mock, topic, 0, 100, 20);
	rig_join(r, 1);
	r->m.g->ops.revoked = on_revoked_late;
	EVENTUALLY(rd_kafka_queue_length(r->m.box[0].feed->queue) > 0, vr_group_poll(r->m.g, STEP));
	rig_free(r);
	assert_string_equal(moved_after, "seen");
}

static struct member *member_cooperative(struct member *m, const struct vr_kafka_config *c)
{
	struct vr_diag d = {0};
	struct vr_group_ops ops = member_ops(m);
	rd_kafka_conf_t *conf;
	assert_int_equal(vr_kafka_conf(c, VR_KAFKA_CONSUMER, &conf, &d), VR_OK);
	assert_int_equal(rd_kafka_conf_set(conf, "partition.assignment.strategy", "cooperative-sticky", NULL, 0), 0);
	assert_int_equal(vr_group_open(conf, c, &ops, &m->g, &d), VR_OK);
	assert_int_equal(vr_group_join(m->g, &d), VR_OK);
	return m;
}

static void cooperative_members_keep_what_they_keep(void **state)
{
	(void)state;
	struct two *t = two_new();
	struct vr_diag d;
	for (int32_t p = 0; p < N_PARTS; p++)
		fill_topic(t->mock, topic, p, 100, 20);
	/* Whichever two it loses, one of them is a declined one, which librdkafka does not know. */
	t->a.start[1] = t->a.start[2] = t->a.start[3] = -1;
	t->c.client_id = VR_STR("a");
	member_cooperative(&t->a, &t->c);
	EVENTUALLY(t->a.n_boxes == N_PARTS, poll_both(t));
	EVENTUALLY(n_seen(&t->a) == 100, member_take(&t->a, NULL));
	t->c.client_id = VR_STR("b");
	member_cooperative(&t->b, &t->c);
	EVENTUALLY(t->a.n_boxes == 2 && t->b.n_boxes == 2, poll_both(t));
	EVENTUALLY(all_ended(&t->b), member_take(&t->b, NULL));
	assert_int_equal(n_seen(&t->b), 200);
	/* What stayed was not read again, and can be moved. */
	for (size_t i = 0; i < 2; i++) {
		struct box *b = &t->a.box[i];
		if (!b->feed)
			continue;
		assert_int_equal(b->n, 100);
		assert_int_equal(vr_feed_seek(b->feed, 5000, &d), VR_OK);
		box_forget(b);
		EVENTUALLY(b->out_of_range, member_take(&t->a, NULL));
		assert_int_equal(vr_feed_seek(b->feed, 90, &d), VR_OK);
		EVENTUALLY(b->n == 10, member_take(&t->a, NULL));
	}
	leave_soon(&t->a);
	two_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_members_share),
		cmocka_unit_test(nothing_is_read_before_all_are_answered),
		cmocka_unit_test(the_next_feed_wakes_too),
		cmocka_unit_test(a_declined_partition_is_not_read),
		cmocka_unit_test(a_rebalance_comes_while_answers_are_owed),
		cmocka_unit_test(leaves_while_answers_are_owed),
		cmocka_unit_test(leaves_before_it_is_in),
		cmocka_unit_test(a_revoked_feed_is_dead),
		cmocka_unit_test(cooperative_members_keep_what_they_keep),
	};
	return AT_ONCE_RUN(tests);
}
