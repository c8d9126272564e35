/* SPDX-License-Identifier: Apache-2.0 */
#include "at_once.h"
#include "rig.h"

static const struct vr_span patience = {WAIT_MS};

static void bounds_of_a_partition(void **state)
{
	(void)state;
	struct rig *r = rig_new(2);
	fill_topic(r->mock, topic, 1, 100, 20);
	rig_join(r, 2);
	struct vr_topic_part tp = {topic, 1};
	int64_t first = -7, end = -7, at = -7;
	assert_int_equal(vr_kafka_bounds(r->m.g, &tp, patience, &first, &end), VR_OK);
	assert_int_equal(first, 0);
	assert_int_equal(end, 100);
	/* The mock finds no time, which is what a broker says of one later than all records. */
	assert_int_equal(vr_kafka_offset_at(r->m.g, &tp, (struct vr_wall){1}, patience, &at), VR_OK);
	assert_int_equal(at, 100);
	tp.partition = 9;
	first = -7;
	assert_int_not_equal(vr_kafka_bounds(r->m.g, &tp, (struct vr_span){500}, &first, &end), VR_OK);
	assert_int_equal(first, -7);
	rig_free(r);
}

static void what_is_committed_is_read_back(void **state)
{
	(void)state;
	struct rig *r = rig_new(2);
	rig_join(r, 2);
	struct vr_topic_part tp = {topic, 1};
	int64_t offset = -7;
	assert_int_equal(vr_kafka_committed(r->m.g, &tp, patience, &offset), VR_OK);
	assert_int_equal(offset, -1);
	vr_kafka_commit(r->m.g, &tp, 42);
	EVENTUALLY(vr_kafka_committed(r->m.g, &tp, patience, &offset) == VR_OK && offset == 42, vr_group_poll(r->m.g,
		STEP));
	assert_int_equal(vr_kafka_commit_failures(r->m.g), 0);
	vr_kafka_commit(r->m.g, &(struct vr_topic_part){{0}, 1}, 42);
	assert_int_equal(vr_kafka_commit_failures(r->m.g), 1);
	rig_free(r);
}

static void the_topic_and_the_cluster(void **state)
{
	(void)state;
	struct rig *r = rig_new(5);
	rig_join(r, 5);
	struct vr_diag d;
	int32_t n = 0;
	char id[64], none[2];
	assert_int_equal(vr_kafka_partitions(r->m.g, topic, patience, &n, &d), VR_OK);
	assert_int_equal(n, 5);
	assert_int_equal(vr_kafka_cluster_id(r->m.g, patience, id, sizeof(id)), VR_OK);
	assert_true(strlen(id) > 0);
	assert_int_equal(vr_kafka_cluster_id(r->m.g, patience, none, sizeof(none)), VR_E_SIZE);
	rig_free(r);
}

/* The mock knows no settings. */
static void settings_may_be_unknown(void **state)
{
	(void)state;
	struct rig *r = rig_new(1);
	rig_join(r, 1);
	struct vr_diag d;
	bool known = true;
	assert_int_equal(vr_kafka_topic_check(r->m.g, topic, (struct vr_span){5000}, &known, &d), VR_OK);
	assert_false(known);
	rig_free(r);
}

static void nobody_there_is_said_in_time(void **state)
{
	(void)state;
	struct vr_kafka_config c = {.brokers = VR_STR("127.0.0.1:1"), .group_id = VR_STR("g"), .topics = &topic,
		.n_topics = 1};
	struct member m;
	struct vr_group_ops ops;
	struct vr_topic_part tp = {topic, 0};
	struct vr_diag d;
	const struct vr_span soon = {300};
	int64_t a, b;
	int32_t n;
	char id[64];
	(void)state;
	member_init(&m);
	ops = member_ops(&m);
	assert_int_equal(vr_group_new(&c, &ops, &m.g, &d), VR_OK);
	assert_int_equal(vr_err_verdict(vr_kafka_partitions(m.g, topic, soon, &n, &d)), VR_VERDICT_RETRY);
	assert_int_equal(vr_err_verdict(vr_kafka_bounds(m.g, &tp, soon, &a, &b)), VR_VERDICT_RETRY);
	assert_int_equal(vr_err_verdict(vr_kafka_committed(m.g, &tp, soon, &a)), VR_VERDICT_RETRY);
	assert_int_equal(vr_err_verdict(vr_kafka_offset_at(m.g, &tp, (struct vr_wall){1}, soon, &a)),
		VR_VERDICT_RETRY);
	assert_int_equal(vr_err_verdict(vr_kafka_cluster_id(m.g, soon, id, sizeof(id))), VR_VERDICT_RETRY);
	member_leave(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounds_of_a_partition),
		cmocka_unit_test(what_is_committed_is_read_back),
		cmocka_unit_test(the_topic_and_the_cluster),
		cmocka_unit_test(settings_may_be_unknown),
		cmocka_unit_test(nobody_there_is_said_in_time),
	};
	return AT_ONCE_RUN(tests);
}
