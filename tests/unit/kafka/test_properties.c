/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

static enum vr_err try_one(const char *name, const char *value, struct vr_diag *d)
{
	struct vr_property p = {vr_str_c(name), vr_str_c(value)};
	struct vr_kafka_config c = {.properties = &p, .n_properties = 1};
	*d = (struct vr_diag){0};
	return vr_kafka_config_try(&c, d);
}

static void what_correctness_hangs_on_is_refused(void **state)
{
	static const char *const names[] = {"auto.offset.reset", "enable.auto.commit", "enable.auto.offset.store",
		"enable.partition.eof", "isolation.level", "acks", "enable.idempotence", "partitioner", "bootstrap.servers",
		"group.id", "queued.max.messages.kbytes", "allow.auto.create.topics"};
	struct vr_diag d;
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *why = vr_kafka_property_refused(vr_str_c(names[i]));
		assert_non_null(why);
		assert_int_equal(try_one(names[i], "x", &d), VR_E_CONFIG);
		assert_non_null(strstr(d.text, names[i]));
		assert_non_null(strstr(d.text, why));
	}
	assert_null(vr_kafka_property_refused(VR_STR("fetch.wait.max.ms")));
}

static void the_rest_passes_through(void **state)
{
	struct vr_diag d;
	(void)state;
	assert_int_equal(try_one("fetch.wait.max.ms", "50", &d), VR_OK);
	assert_int_equal(try_one("check.crcs", "false", &d), VR_OK);
	assert_int_equal(try_one("compression.codec", "zstd", &d), VR_OK);
}

static void what_is_wrong_is_named(void **state)
{
	struct vr_diag d;
	(void)state;
	assert_int_equal(try_one("fetch.wait.max.mss", "50", &d), VR_E_CONFIG);
	assert_non_null(strstr(d.text, "fetch.wait.max.mss"));
	assert_int_equal(try_one("fetch.wait.max.ms", "soon", &d), VR_E_CONFIG);
	assert_non_null(strstr(d.text, "fetch.wait.max.ms"));
	/* Seen only when an instance is made. */
	assert_int_equal(try_one("receive.message.max.bytes", "1000", &d), VR_E_CONFIG);
	assert_non_null(strstr(d.text, "receive.message.max.bytes"));
	assert_int_equal(try_one("max.in.flight", "100", &d), VR_E_CONFIG);
}

static void cooperative_needs_a_good_librdkafka(void **state)
{
	struct vr_diag d;
	(void)state;
	bool good = rd_kafka_version() >= 0x020601ff;
	assert_int_equal(try_one("partition.assignment.strategy", "cooperative-sticky", &d),
		good ? VR_OK : VR_E_CONFIG);
	if (!good)
		assert_non_null(strstr(d.text, "2.6.1"));
	assert_int_equal(try_one("partition.assignment.strategy", "range,roundrobin", &d), VR_OK);
}

static void ours_are_set(void **state)
{
	static const char *const want[][2] = {{"auto.offset.reset", "error"}, {"enable.auto.commit", "false"},
		{"enable.auto.offset.store", "false"}, {"enable.partition.eof", "true"}, {"isolation.level",
			"read_committed"},
		{"check.crcs", "true"}, {"allow.auto.create.topics", "false"}, {"partition.assignment.strategy", "range"},
		{"topic.metadata.refresh.interval.ms", "60000"}, {"client.id", "virald-1"}};
	struct vr_kafka_config c = {.client_id = VR_STR("virald-1"), .group_id = VR_STR("g")};
	struct vr_diag d;
	rd_kafka_conf_t *conf;
	char value[256];
	(void)state;
	assert_int_equal(vr_kafka_conf(&c, VR_KAFKA_CONSUMER, &conf, &d), VR_OK);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		size_t n = sizeof(value);
		assert_int_equal(rd_kafka_conf_get(conf, want[i][0], value, &n), RD_KAFKA_CONF_OK);
		assert_string_equal(value, want[i][1]);
	}
	rd_kafka_conf_destroy(conf);
}

static void topics_are_names_not_patterns(void **state)
{
	struct vr_str pattern = VR_STR("^shares.*");
	struct vr_kafka_config c = {.group_id = VR_STR("g"), .topics = &pattern, .n_topics = 1};
	struct vr_group_ops ops = {0};
	struct vr_group *g;
	struct vr_diag d;
	(void)state;
	assert_int_equal(vr_group_new(&c, &ops, &g, &d), VR_E_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_correctness_hangs_on_is_refused),
		cmocka_unit_test(the_rest_passes_through),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(cooperative_needs_a_good_librdkafka),
		cmocka_unit_test(ours_are_set),
		cmocka_unit_test(topics_are_names_not_patterns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
