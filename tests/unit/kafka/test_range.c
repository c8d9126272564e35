/* SPDX-License-Identifier: Apache-2.0 */
/* The mock looks no time up: what is found here is found by reading. Times of fill_topic are 1000, 1001, ... */
#include "at_once.h"
#include "rig.h"
#include "virality/range.h"

#define N 1000

static const struct vr_span patience = {WAIT_MS};

static struct rig *rig_open(int partitions)
{
	struct rig *r = rig_new(partitions);
	struct vr_kafka_config c = rig_config(r->mock, &topic);
	struct vr_group_ops ops = member_ops(&r->m);
	struct vr_diag d;
	assert_int_equal(vr_group_new(&c, &ops, &r->m.g, &d), VR_OK);
	return r;
}

static struct vr_range find(struct rig *r, int32_t partition, struct vr_point from, struct vr_point to)
{
	struct vr_topic_part tp = {topic, partition};
	struct vr_range range;
	struct vr_diag d = {0};
	if (vr_range_find(r->m.g, &tp, 1, &from, &to, patience, &range, &d))
		fail_msg("%s: %s", d.where, d.text);
	return range;
}

static struct vr_point at_time(int64_t ms) { return (struct vr_point){.kind = VR_POINT_TIME, .time = {ms}}; }
static struct vr_point at_offset(int64_t off) { return (struct vr_point){.kind = VR_POINT_OFFSET, .offset = off}; }

static const struct vr_point earliest = {.kind = VR_POINT_EARLIEST}, live = {.kind = VR_POINT_LIVE};

static void the_whole_log_and_an_empty_one(void **state)
{
	(void)state;
	struct rig *r = rig_open(2);
	fill_topic(r->mock, topic, 0, N, 20);
	struct vr_range range = find(r, 0, earliest, live);
	assert_int_equal(range.first, 0);
	assert_int_equal(range.end, N);
	assert_int_equal(range.gap, 0);
	range = find(r, 1, at_time(5), live);
	assert_int_equal(range.first, 0);
	assert_int_equal(range.end, 0);
	rig_free(r);
}

static void times_are_found_by_reading(void **state)
{
	(void)state;
	struct rig *r = rig_open(1);
	fill_topic(r->mock, topic, 0, N, 20);
	static const struct { int64_t ms, offset; } row[] = {{1, 0}, {1000, 0}, {1001, 1}, {1500, 500}, {1999, 999}, {2000, N}};
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		assert_int_equal(find(r, 0, at_time(row[i].ms), live).first, row[i].offset);
		assert_int_equal(find(r, 0, earliest, at_time(row[i].ms)).end, row[i].offset);
	}
	struct vr_range range = find(r, 0, at_time(1700), at_time(1300));
	assert_int_equal(range.first, 700);
	assert_int_equal(range.end, 700);
	rig_free(r);
}

static void offsets_stay_within_the_log(void **state)
{
	(void)state;
	struct rig *r = rig_open(1);
	fill_topic(r->mock, topic, 0, N, 20);
	struct vr_range range = find(r, 0, at_offset(10), at_offset(20));
	assert_int_equal(range.first, 10);
	assert_int_equal(range.end, 20);
	range = find(r, 0, at_offset(N + 7), at_offset(N + 9));
	assert_int_equal(range.first, N);
	assert_int_equal(range.end, N);
	rig_free(r);
}

/* The mock keeps 5 MiB of a partition. */
static void what_retention_took_is_a_gap(void **state)
{
	(void)state;
	struct rig *r = rig_open(1);
	fill_topic(r->mock, topic, 0, 1200, 6000);
	struct vr_range range = find(r, 0, earliest, live);
	int64_t first = range.first;
	assert_true(first > 0);
	assert_int_equal(range.gap, 0);
	range = find(r, 0, at_offset(0), live);
	assert_int_equal(range.first, first);
	assert_int_equal(range.gap, first);
	assert_false(range.gap_at_most);
	range = find(r, 0, at_time(1000), live);
	assert_int_equal(range.first, first);
	assert_int_equal(range.gap, first);
	assert_true(range.gap_at_most);
	range = find(r, 0, at_time(1000 + first + 1), live);
	assert_int_equal(range.first, first + 1);
	assert_int_equal(range.gap, 0);
	rig_free(r);
}

static void a_partition_that_is_not_there(void **state)
{
	(void)state;
	struct rig *r = rig_open(1);
	struct vr_topic_part tp = {topic, 7};
	struct vr_range range = {.first = -7};
	struct vr_diag d = {0};
	enum vr_err err = vr_range_find(r->m.g, &tp, 1, &earliest, &live, (struct vr_span){500}, &range, &d);
	assert_int_not_equal(err, VR_OK);
	assert_int_equal(range.first, -7);
	assert_true(d.text[0]);
	rig_free(r);
}

/* Two that read the same partitions: none has a place in the group, nobody is told to go. */
static void assigned_without_the_group(void **state)
{
	(void)state;
	struct rig *r = rig_open(3);
	struct member other;
	struct vr_kafka_config c = rig_config(r->mock, &topic);
	struct vr_topic_part tp[] = {{topic, 0}, {topic, 2}};
	struct vr_diag d;
	for (int32_t p = 0; p < 3; p++)
		fill_topic(r->mock, topic, p, 100, 20);
	find(r, 0, at_time(1050), live);
	r->m.start[2] = 40;
	assert_int_equal(vr_group_assign(r->m.g, tp, 2, &d), VR_OK);
	assert_int_equal(r->m.n_assigned, 1);
	assert_int_equal(r->m.n_boxes, 2);
	member_init(&other);
	member_join(&other, &c);
	EVENTUALLY(other.n_boxes == 3, vr_group_poll(other.g, STEP));
	EVENTUALLY(all_ended(&r->m), member_take(&r->m, NULL));
	EVENTUALLY(all_ended(&other), member_take(&other, NULL));
	assert_int_equal(r->m.box[0].n, 100);
	assert_int_equal(r->m.box[1].n, 60);
	assert_int_equal(r->m.box[1].first, 40);
	assert_int_equal(vr_feed_seek(r->m.box[0].feed, 90, &d), VR_OK);
	box_forget(&r->m.box[0]);
	EVENTUALLY(r->m.box[0].ended, member_take(&r->m, NULL));
	assert_int_equal(r->m.box[0].first, 90);
	assert_int_equal(r->m.n_revoked + other.n_revoked, 0);
	member_leave(&other);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_whole_log_and_an_empty_one),
		cmocka_unit_test(times_are_found_by_reading),
		cmocka_unit_test(offsets_stay_within_the_log),
		cmocka_unit_test(what_retention_took_is_a_gap),
		cmocka_unit_test(a_partition_that_is_not_there),
		cmocka_unit_test(assigned_without_the_group),
	};
	return AT_ONCE_RUN(tests);
}
