/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "vr_test.h"
#include "virality/alert.h"
#include "virality/buf.h"

static struct vr_alert sample(void)
{
	return (struct vr_alert){
		.id = "0123456789abcdef0123456789abcdef",
		.alertname = VR_STR("Takeoff"),
		.severity = VR_STR("page"),
		.content_id = VR_STR("c1"),
		.channel = VR_STR("weibo"),
		.title = VR_STR("A \"t\""),
		.labels = VR_STR("{\"severity\":\"page\"}"),
		.annotations = {0},
		.topic = VR_STR("events"),
		.partition = 3,
		.state = VR_ALERT_RESOLVED,
		.reason = VR_REASON_FORGOTTEN,
		.value = 12.5,
		.threshold = 10,
		.starts = {1000},
		.ends = {3000},
		.updated = {3000},
		.due = {0},
		.offset = 42,
		.rule_version = 255,
	};
}

static void assert_buf(const struct vr_buf *b, const char *want)
{
	if (!vr_str_eq(vr_buf_str(b), vr_str_c(want)))
		fail_msg("got  %.*s\nwant %s", (int)b->n, b->p, want);
}

static void collect(void *ctx, const char *name, struct vr_str text)
{
	vr_buf_c(ctx, name);
	vr_buf_byte(ctx, '=');
	vr_buf_str_add(ctx, text);
	vr_buf_byte(ctx, '|');
}

static void fields_come_in_the_order_of_the_contract(void **state)
{
	struct vr_alert a = sample();
	struct vr_mem mem = vr_mem_heap();
	struct vr_buf all, scratch;

	(void)state;
	vr_buf_init(&all, &mem);
	vr_buf_init(&scratch, &mem);
	vr_alert_fields(&a, &scratch, collect, &all);
	assert_buf(&all,
		"id=0123456789abcdef0123456789abcdef|alertname=Takeoff|severity=page|state=resolved|step=0|"
		"entity=content:c1|content_id=c1|channel=weibo|title=A "
		"\"t\"|value=12.5|threshold=10|starts_ms=1000|ends_ms=3000|"
		"updated_ms=3000|topic=events|partition=3|offset=42|rule_version=00000000000000ff|replay=0|reason="
		"forgotten|"
		"labels={\"severity\":\"page\"}|annotations=|");
	vr_buf_done(&all);
	vr_buf_done(&scratch);
	assert_int_equal(mem.used, 0);
}

static void json_is_one_line_with_numbers_as_numbers(void **state)
{
	struct vr_alert a = sample();
	struct vr_mem mem = vr_mem_heap();
	struct vr_buf b;

	(void)state;
	a.state = VR_ALERT_PENDING;
	a.reason = VR_REASON_NONE;
	a.threshold = NAN;
	a.value = INFINITY;
	a.due.ms = 4000;
	vr_buf_init(&b, &mem);
	vr_alert_json(&a, true, &b);
	assert_buf(&b,
		"{\"id\":\"0123456789abcdef0123456789abcdef\",\"alertname\":\"Takeoff\",\"severity\":\"page\","
		"\"state\":\"pending\",\"step\":0,\"entity\":\"content:c1\",\"content_id\":\"c1\",\"channel\":"
		"\"weibo\","
		"\"title\":\"A "
		"\\\"t\\\"\",\"value\":null,\"threshold\":null,\"starts_ms\":1000,\"ends_ms\":3000,\"updated_ms\":"
		"3000,"
		"\"topic\":\"events\",\"partition\":3,\"offset\":42,\"rule_version\":\"00000000000000ff\",\"replay\":"
		"0,\"reason\":\"\","
		"\"labels\":{\"severity\":\"page\"},\"annotations\":{},\"due_ms\":4000}");
	vr_buf_clear(&b);
	vr_alert_json(&a, false, &b);
	assert_null(memmem(b.p, b.n, "due_ms", 6));
	vr_buf_done(&b);
}

static void the_id_is_the_hash_of_the_contract(void **state)
{
	char id[VR_ALERT_ID_LEN + 1], other[VR_ALERT_ID_LEN + 1];

	(void)state;
	vr_alert_id(VR_STR("Takeoff"), 255, VR_STR("content:c1"), VR_STR("events"), 3,
		(struct vr_wall){1700000000000}, 42, id);
	assert_string_equal(
		id, "bd6a388e1202a0a95498e88c3f72a999"); /* from Python's xxhash over the same bytes */
	vr_alert_id(VR_STR("Takeoff"), 255, VR_STR("content:c1"), VR_STR("events"), 3,
		(struct vr_wall){1700000000000}, 43, other);
	assert_string_not_equal(id, other);
}

static void the_longest_parts_fit_an_id(void **state)
{
	char name[128], entity[264], topic[249], id[VR_ALERT_ID_LEN + 1];

	(void)state;
	memset(name, 'n', sizeof(name));
	memset(entity, 'e', sizeof(entity));
	memset(topic, 't', sizeof(topic));
	vr_alert_id((struct vr_str){name, sizeof(name)}, UINT64_MAX, (struct vr_str){entity, sizeof(entity)},
		(struct vr_str){topic, sizeof(topic)}, INT32_MIN, (struct vr_wall){INT64_MIN}, INT64_MIN, id);
	assert_int_equal(strlen(id), VR_ALERT_ID_LEN);
}

static void no_memory_sticks(void **state)
{
	struct vr_alert a = sample();
	struct vr_test_mem budget;
	struct vr_mem mem = vr_test_mem_of(&budget);
	struct vr_buf b;
	size_t n = 0;
	bool failed = true;

	(void)state;
	for (; failed; n++) {
		budget.left = n;
		vr_buf_init(&b, &mem);
		vr_alert_json(&a, true, &b);
		failed = b.failed;
		vr_buf_done(&b);
		assert_int_equal(budget.bytes, 0);
	}
	assert_true(n > 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_come_in_the_order_of_the_contract),
		cmocka_unit_test(json_is_one_line_with_numbers_as_numbers),
		cmocka_unit_test(the_id_is_the_hash_of_the_contract),
		cmocka_unit_test(the_longest_parts_fit_an_id),
		cmocka_unit_test(no_memory_sticks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
