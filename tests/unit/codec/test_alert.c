/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts as protobuf, read back by protobuf-c's generated code. */
#include "unit.h"
#include "failing_mem.h"
#include "virality/codec.h"
#include "virality/v1/alert.pb-c.h"

static const struct vr_alert sample = {
	.id = "0123456789abcdef0123456789abcdef",
	.alertname = VR_STR("Viral"),
	.severity = VR_STR("page"),
	.content_id = VR_STR("c-1"),
	.channel = VR_STR("qq"),
	.title = VR_STR("\xe5\xbe\xae"),
	.labels = VR_STR("{\"severity\":\"page\",\"team\":\"a\"}"),
	.annotations = VR_STR("{\"summary\":\"12 shares\"}"),
	.topic = VR_STR("virality.interactions.v1"),
	.partition = 7,
	.state = VR_ALERT_RESOLVED,
	.reason = VR_REASON_SWITCH,
	.value = 12.5,
	.threshold = 10,
	.starts = {INT64_C(1500000000250)},
	.ends = {INT64_C(1500000060000)},
	.updated = {INT64_C(1500000060001)},
	.offset = INT64_C(1) << 40,
	.rule_version = 0xabc,
};

static Virality__V1__Alert *write_and_read(const struct vr_alert *a)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_buf b;
	Virality__V1__Alert *m;

	vr_buf_init(&b, &mem);
	assert_int_equal(vr_codec_alert_proto(a, &b), VR_OK);
	assert_false(b.failed);
	m = virality__v1__alert__unpack(NULL, b.n, (const uint8_t *)b.p);
	assert_non_null(m);
	vr_buf_done(&b);
	assert_int_equal(mem.used, 0);
	return m;
}

static void every_field(void **state)
{
	Virality__V1__Alert *m = write_and_read(&sample);

	(void)state;
	assert_string_equal(m->id, sample.id);
	assert_string_equal(m->alertname, "Viral");
	assert_string_equal(m->severity, "page");
	assert_int_equal(m->state, VIRALITY__V1__ALERT_STATE__ALERT_STATE_RESOLVED);
	assert_int_equal(m->step, 0);
	assert_string_equal(m->entity, "content:c-1");
	assert_string_equal(m->content_id, "c-1");
	assert_string_equal(m->channel, "qq");
	assert_true(m->value == 12.5);
	assert_true(m->threshold == 10);
	assert_int_equal(m->starts_at->seconds, 1500000000);
	assert_int_equal(m->starts_at->nanos, 250000000);
	assert_int_equal(m->ends_at->seconds, 1500000060);
	assert_int_equal(m->updated_at->nanos, 1000000);
	assert_int_equal(m->reason, VIRALITY__V1__ALERT_REASON__ALERT_REASON_SWITCH);
	assert_string_equal(m->topic, "virality.interactions.v1");
	assert_int_equal(m->partition, 7);
	assert_true(m->offset == INT64_C(1) << 40);
	assert_string_equal(m->rule_version, "0000000000000abc");
	assert_string_equal(m->title, "\xe5\xbe\xae");
	assert_int_equal(m->n_labels, 2);
	assert_string_equal(m->labels[1]->key, "team");
	assert_string_equal(m->labels[1]->value, "a");
	assert_int_equal(m->n_annotations, 1);
	assert_string_equal(m->annotations[0]->value, "12 shares");
	virality__v1__alert__free_unpacked(m, NULL);
}

static void states_and_reasons(void **state)
{
	static const struct { enum vr_alert_state state; Virality__V1__AlertState wire; } rows[] = {
		{VR_ALERT_INACTIVE, VIRALITY__V1__ALERT_STATE__ALERT_STATE_UNSPECIFIED},
		{VR_ALERT_PENDING, VIRALITY__V1__ALERT_STATE__ALERT_STATE_PENDING},
		{VR_ALERT_FIRING, VIRALITY__V1__ALERT_STATE__ALERT_STATE_FIRING},
		{VR_ALERT_RESOLVED, VIRALITY__V1__ALERT_STATE__ALERT_STATE_RESOLVED},
	};

	(void)state;
	assert_int_equal((int)VR_REASON_FORGOTTEN, VIRALITY__V1__ALERT_REASON__ALERT_REASON_FORGOTTEN);
	assert_int_equal((int)VR_REASON_RULE_REMOVED, VIRALITY__V1__ALERT_REASON__ALERT_REASON_RULE_REMOVED);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vr_alert a = sample;
		Virality__V1__Alert *m;
		a.state = rows[i].state;
		a.ends = (struct vr_wall){0};
		m = write_and_read(&a);
		assert_int_equal(m->state, rows[i].wire);
		assert_null(m->ends_at);
		virality__v1__alert__free_unpacked(m, NULL);
	}
}

static void labels_must_be_objects_of_strings(void **state)
{
	static const char *const bad[] = {"[]", "{\"a\":1}", "{", "x"};
	struct vr_mem mem = vr_mem_heap();
	struct vr_buf b;

	(void)state;
	vr_buf_init(&b, &mem);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct vr_alert a = sample;
		a.labels = vr_str_c(bad[i]);
		assert_int_equal(vr_codec_alert_proto(&a, &b), VR_E_DECODE);
	}
	vr_buf_done(&b);
}

static void no_memory_sticks(void **state)
{
	struct vr_failing_mem f;
	struct vr_mem mem = vr_failing_mem(&f, 1);
	struct vr_buf b;

	(void)state;
	vr_buf_init(&b, &mem);
	assert_int_equal(vr_codec_alert_proto(&sample, &b), VR_OK);
	assert_true(b.failed);
	vr_buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field),
		cmocka_unit_test(states_and_reasons),
		cmocka_unit_test(labels_must_be_objects_of_strings),
		cmocka_unit_test(no_memory_sticks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
