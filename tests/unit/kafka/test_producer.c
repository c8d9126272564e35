/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

struct outcome { size_t n; enum vr_err last; };

static void note_outcome(void *ctx, enum vr_err err)
{
	struct outcome *o = ctx;
	o->n++;
	o->last = err;
}

static struct vr_mock *mock_new(void)
{
	struct vr_mock *m;
	struct vr_diag d;
	assert_int_equal(vr_mock_new(&m, &d), VR_OK);
	return m;
}

static void every_record_is_acknowledged_once(void **state)
{
	(void)state;
	struct vr_mock *mock = mock_new();
	struct vr_producer *p = producer_of(mock);
	struct outcome seen = {0};
	struct vr_diag d;
	for (int i = 0; i < 300; i++) {
		struct vr_outgoing o = {.topic = topic, .partition = -1, .key = VR_STR("k"), .has_key = true,
			.value = VR_STR("v"), .has_value = true, .done = note_outcome, .ctx = &seen};
		assert_int_equal(vr_producer_send(p, &o, &d), VR_OK);
	}
	EVENTUALLY(seen.n == 300, vr_producer_poll(p, STEP));
	assert_int_equal(seen.last, VR_OK);
	assert_int_equal(vr_producer_flush(p, (struct vr_span){0}), VR_OK);
	vr_producer_free(p);
	assert_int_equal(seen.n, 300);
	vr_mock_free(mock);
}

static void what_is_not_stored_fails(void **state)
{
	(void)state;
	/* Nobody listens at the reserved port 1. */
	struct vr_kafka_config c = {.brokers = VR_STR("127.0.0.1:1"), .log = {say_log, NULL}};
	struct vr_producer *p;
	struct outcome seen = {0};
	struct vr_diag d;
	struct vr_outgoing o = {.topic = topic, .partition = 0, .value = VR_STR("v"), .has_value = true,
		.done = note_outcome, .ctx = &seen};
	assert_int_equal(vr_producer_new(&c, &p, &d), VR_OK);
	assert_int_equal(vr_producer_send(p, &o, &d), VR_OK);
	assert_int_equal(vr_producer_flush(p, (struct vr_span){10}), VR_E_TIMEOUT);
	assert_int_equal(seen.n, 0);
	vr_producer_free(p);
	assert_int_equal(seen.n, 1);
	assert_int_not_equal(seen.last, VR_OK);
}

static void gives_up_in_time(void **state)
{
	(void)state;
	struct vr_property soon = {VR_STR("message.timeout.ms"), VR_STR("200")};
	struct vr_kafka_config c = {.brokers = VR_STR("127.0.0.1:1"), .properties = &soon, .n_properties = 1};
	struct vr_producer *p;
	struct outcome seen = {0};
	struct vr_diag d;
	struct vr_outgoing o = {.topic = topic, .partition = 0, .value = VR_STR("v"), .has_value = true,
		.done = note_outcome, .ctx = &seen};
	assert_int_equal(vr_producer_new(&c, &p, &d), VR_OK);
	assert_int_equal(vr_producer_send(p, &o, &d), VR_OK);
	EVENTUALLY(seen.n == 1, vr_producer_poll(p, STEP));
	assert_int_equal(seen.last, VR_E_TIMEOUT);
	vr_producer_free(p);
}

static void refuses_what_is_too_large(void **state)
{
	(void)state;
	struct vr_property few = {VR_STR("message.max.bytes"), VR_STR("1000")};
	struct vr_kafka_config c = {.brokers = VR_STR("127.0.0.1:1"), .properties = &few, .n_properties = 1};
	struct vr_producer *p;
	struct outcome seen = {0};
	struct vr_header h = {VR_STR("a"), VR_STR("b"), true};
	struct vr_diag d;
	char big[2000] = "";
	struct vr_outgoing o = {.topic = topic, .partition = 0, .value = {big, sizeof(big)}, .has_value = true,
		.headers = &h, .n_headers = 1, .done = note_outcome, .ctx = &seen};
	assert_int_equal(vr_producer_new(&c, &p, &d), VR_OK);
	assert_int_equal(vr_producer_send(p, &o, &d), VR_E_SIZE);
	o.topic = (struct vr_str){0};
	assert_int_equal(vr_producer_send(p, &o, &d), VR_E_CONFIG);
	vr_producer_free(p);
	assert_int_equal(seen.n, 0);
}

static void says_when_its_queue_is_full(void **state)
{
	(void)state;
	struct vr_property few = {VR_STR("queue.buffering.max.messages"), VR_STR("3")};
	struct vr_kafka_config c = {.brokers = VR_STR("127.0.0.1:1"), .properties = &few, .n_properties = 1};
	struct vr_producer *p;
	struct outcome seen = {0};
	struct vr_diag d;
	struct vr_outgoing o = {.topic = topic, .partition = 0, .done = note_outcome, .ctx = &seen};
	assert_int_equal(vr_producer_new(&c, &p, &d), VR_OK);
	for (int i = 0; i < 3; i++)
		assert_int_equal(vr_producer_send(p, &o, &d), VR_OK);
	assert_int_equal(vr_producer_send(p, &o, &d), VR_E_BUSY);
	vr_producer_free(p);
	assert_int_equal(seen.n, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_record_is_acknowledged_once),
		cmocka_unit_test(what_is_not_stored_fails),
		cmocka_unit_test(gives_up_in_time),
		cmocka_unit_test(refuses_what_is_too_large),
		cmocka_unit_test(says_when_its_queue_is_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
