/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>
#include <unistd.h>
#include "vr_test.h"
#include "virality/config.h"

/* A folder with a main file and conf.d, and one load of it. */
static char folder[64];
static struct vr_mem mem;
static struct vr_arena names;
static struct vr_rule_error at[32];
static struct vr_rule_errors errors;
static struct vr_config_source source;
static struct vr_config *config;
static char main_path[128];

static const char *path_of(const char *name)
{
	static char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(path_of(name), "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/vr-config-XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_int_equal(mkdir(path_of("conf.d"), 0700), 0);
	(void)snprintf(main_path, sizeof(main_path), "%s/virald.yaml", folder);
	mem = vr_mem_heap();
	vr_arena_init(&names, &mem, 0);
	source = (struct vr_config_source){.path = main_path, .names = &names};
	config = NULL;
	return 0;
}

static int tear_down(void **state)
{
	static const char *const files[] = {"virald.yaml", "conf.d/10-a.yaml", "conf.d/20-b.yaml",
		"conf.d/30.txt", "secret", "properties", "redis-password", "conf.d", ""};

	(void)state;
	vr_config_free(config);
	vr_arena_done(&names);
	assert_int_equal(mem.used, 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		(void)remove(path_of(files[i]));
	return 0;
}

static enum vr_err load(const char *text)
{
	vr_config_free(config);
	config = NULL;
	if (text)
		put("virald.yaml", text);
	errors = (struct vr_rule_errors){.at = at, .cap = 32};
	return vr_config_load(&source, &config, &errors);
}

static void take(const char *text)
{
	if (load(text) != VR_OK)
		fail_msg("%s", errors.n > 0 ? at[0].text : "?");
}

static void refuse(const char *text)
{
	assert_int_equal(load(text), VR_E_CONFIG);
	assert_null(config);
	assert_true(errors.n > 0);
}

static void expect(size_t i, uint32_t line, uint32_t column, const char *part)
{
	assert_true(i < errors.n);
	if (!strstr(at[i].text, part) || at[i].pos.line != line || at[i].pos.column != column)
		fail_msg("error %zu: got %u:%u `%s`, expected %u:%u `%s`", i, at[i].pos.line, at[i].pos.column,
			at[i].text, line, column, part);
}

static void assert_text(struct vr_str got, const char *want)
{
	assert_string_equal(got.p, want);
	assert_int_equal(got.n, strlen(want));
}

static void defaults_are_those_of_the_design(void **state)
{
	(void)state;
	take("");
	assert_text(config->kafka_group_id, "virald");
	assert_int_equal(config->windows.n, 4);
	assert_int_equal(config->retention.ms, INT64_C(30) * 86400000);
	assert_int_equal(config->dedup_window.ms, 600000);
	assert_int_equal(config->kafka_max_ahead.ms, 300000);
	assert_int_equal(config->cut_bytes, 8 << 20);
	assert_int_equal(config->kafka_on_gap, VR_ON_GAP_STOP);
	assert_int_equal(config->log_format, VR_LOG_AUTO);
	assert_false(config->announce_history);
	assert_text(config->redis_host, "127.0.0.1");
	assert_int_equal(config->redis_port, 6379);
	assert_int_equal(config->http_port, 9477);
	assert_int_equal(config->start, VR_START_BEGINNING);
	assert_text(config->rules_files.at[0], "/etc/virald/rules.d/*.yaml");
	assert_string_equal(vr_config_origin(config, "kafka.brokers"), "default");
	assert_null(vr_config_origin(config, "kafka.broker"));
}

static void every_type_is_read(void **state)
{
	(void)state;
	take("windows: 30s 1m\nretention: 48h\nannounce_history: yes\nrules_files: [a.yaml, \"b c.yaml\"]\n"
		 "kafka:\n  brokers: a:1,b:2\n  topics: x y\n  start: 2026-01-31T09:30:00Z\n  on_gap: skip\n  "
		 "queue_budget: 64MiB\n"
		 "  properties: {security.protocol: sasl_ssl, debug: ~}\nredis: {url: \"unix:///run/redis.sock\", "
		 "live_db: 7}\nhttp: {listen: \"[::1]:80\"}\nlog:\n");
	assert_int_equal(config->windows.n, 2);
	assert_true(config->announce_history);
	assert_int_equal(config->rules_files.n, 2);
	assert_text(config->rules_files.at[1], "b c.yaml");
	assert_int_equal(config->kafka_topics.n, 2);
	assert_text(config->kafka_topics.at[1], "y");
	assert_int_equal(config->start, VR_START_TIME);
	assert_int_equal(config->start_time.ms, INT64_C(1769851800000));
	assert_int_equal(config->kafka_on_gap, VR_ON_GAP_SKIP);
	assert_int_equal(config->kafka_queue_budget, 64 << 20);
	assert_int_equal(config->librdkafka.n, 2);
	assert_text(config->librdkafka.at[0].value, "sasl_ssl");
	assert_text(config->redis_socket, "/run/redis.sock");
	assert_text(config->http_host, "::1");
	assert_int_equal(config->http_port, 80);
}

static void all_mistakes_come_at_once_with_their_place(void **state)
{
	(void)state;
	refuse("windos: 1m\nworkers: many\nkafka:\n  broker: x\n  on_gap: maybe\n  max_ahead: 5\n  topics: {a: "
		   "b}\ncut:\n  interval: 2h\n"
		   "redis:\n  password: secret\n  live_db: 99999\nretention: 1450m\nlog: loud\nunheard_of_thing: "
		   "1\ncut.bytes: 1\n");
	expect(0, 1, 1, "unknown setting `windos`; did you mean `windows`?");
	expect(1, 2, 10, "workers: found `many`; expected a whole number (threads) from 0 to 256");
	expect(2, 4, 3, "unknown setting `kafka.broker`; did you mean `kafka.brokers`?");
	expect(3, 5, 11, "kafka.on_gap: found `maybe`; expected one of stop skip");
	expect(4, 6, 14, "kafka.max_ahead: found `5`; expected a duration from 0 to 1d, such as");
	expect(5, 7, 11, "kafka.topics: found a map; expected a list (topic) of 1 to 100");
	expect(6, 9, 13, "cut.interval: found `2h`; expected a duration from 10ms to 1m");
	expect(7, 11, 3,
		"unknown setting `redis.password`; secrets do not belong here: name a file that holds it with "
		"redis.password_file");
	expect(8, 12, 12, "redis.live_db: found `99999`; expected a whole number (database) from 0 to 65535");
	expect(9, 14, 6, "log is a section; expected a map of settings");
	expect(10, 15, 1, "unknown setting `unheard_of_thing`; expected one of those in REFERENCE.md");
	expect(11, 16, 1, "unknown setting `cut.bytes`; write it below its section");
	expect(12, 13, 12, "retention: is not in whole hours");
	assert_int_equal(errors.n, 13);
	assert_text(at[0].pos.file, main_path);
}

static void values_that_hang_together_are_checked(void **state)
{
	static const struct {
		const char *text;
		const char *part;
	} CASE[] = {
		{"windows: 1m 7x", "windows: "},
		{"retention: 1h", "retention: is shorter than the longest window (24h)"},
		{"kafka: {start: soon}", "expected beginning, end or a time"},
		{"kafka: {topics: [\"a b\"]}", "is not a topic's name"},
		{"kafka: {topics: [a, a]}", "is there twice"},
		{"kafka: {topics: [a], dlq_topic: a}", "a topic that is consumed"},
		{"kafka: {dlq_topic: \"<topic>/dead\"}", "is not a topic's name"},
		{"kafka: {dlq_topic: \"<topic>\"}", "a topic that is consumed"},
		{"redis: {url: http://x}", "expected redis://"},
		{"redis: {url: \"redis://h:0\"}", "port from 1 to 65535"},
		{"redis: {url: \"redis://h:6379/3\"}", "names a database"},
		{"redis: {url: \"redis://:hush@h\"}", "holds a password"},
		{"redis: {user: u}", "has no password"},
		{"redis: {prefix: \"v{\"}", "expected no braces"},
		{"http: {listen: \"9477\"}", "expected address:port"},
		{"cut: {contents: 9000}", "is more than cut.contents_catching_up"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASE) / sizeof(CASE[0]); i++) {
		refuse(CASE[i].text);
		if (!strstr(at[0].text, CASE[i].part) || strstr(at[0].text, "hush"))
			fail_msg("%s: got `%s`", CASE[i].text, at[0].text);
		assert_int_equal(at[0].pos.line, 1);
	}
}

static void later_sources_win_and_maps_merge(void **state)
{
	static const char *const env[] = {"PATH=/bin", "VIRALD_KAFKA__GROUP_ID=env", "VIRALD_LOG__LEVEL=warn",
		"VIRALD_KAFKA__PROPERTIES=debug=msg e=5", NULL};
	static const char *const sets[] = {
		"log.level=error", "kafka.properties.f=six and more", "rules_files=a,b"};

	(void)state;
	put("conf.d/20-b.yaml", "kafka:\n  properties: {b: 2b, c: 3}\n");
	put("conf.d/10-a.yaml", "kafka:\n  properties: {b: 2, a: 1a}\n  group_id: file\nworkers: 2\n");
	put("conf.d/30.txt", "nonsense: [");
	source.env = env;
	source.sets = sets;
	source.n_sets = 3;
	take("kafka:\n  properties: {a: 1, debug: cgrp}\nworkers: 1\n");
	assert_text(config->kafka_group_id, "env");
	assert_int_equal(config->log_level, VR_LOG_ERROR);
	assert_int_equal(config->workers, 2);
	assert_int_equal(config->kafka_properties.n, 6);
	assert_text(config->kafka_properties.at[0].value, "1a");
	assert_text(config->kafka_properties.at[1].value, "msg");
	assert_text(config->kafka_properties.at[2].value, "2b");
	assert_text(config->kafka_properties.at[5].value, "six and more");
	assert_int_equal(config->rules_files.n, 2);
	assert_string_equal(vr_config_origin(config, "kafka.group_id"), "environment VIRALD_KAFKA__GROUP_ID");
	assert_string_equal(vr_config_origin(config, "log.level"), "--set");
	assert_non_null(strstr(vr_config_origin(config, "workers"), "conf.d/10-a.yaml:4"));
}

static void mistakes_of_environment_and_command_line_are_named(void **state)
{
	static const char *const env[] = {"VIRALD_KAFKA__BROKRES=x", "VIRALD_WORKERS=-1", NULL};
	static const char *const sets[] = {"log.lvel=x", "workers", "log.level=loud", "kafka.properties.x"};

	(void)state;
	source.env = env;
	source.sets = sets;
	source.n_sets = 4;
	refuse("");
	expect(0, 0, 0, "unknown setting `kafka.brokres`");
	expect(1, 0, 0, "workers: found `-1`");
	assert_text(at[1].pos.file, "environment VIRALD_WORKERS");
	expect(2, 0, 0, "unknown setting `log.lvel`");
	expect(3, 0, 0, "found `workers`; expected path=value");
	expect(4, 0, 0, "log.level: found `loud`");
	expect(5, 0, 0, "found `x`; expected name=value");
	assert_int_equal(errors.n, 6);
}

static void variables_are_replaced_in_values(void **state)
{
	static const char *const env[] = {"HOST=h1", "EMPTY=", NULL};

	(void)state;
	source.env = env;
	take("kafka:\n  brokers: ${HOST}:9092,${OTHER:-h2}:${PORT:-1}\n  group_id: a$${HOST}$\n  dlq_topic: "
		 "\"${EMPTY}\"\n"
		 "instance: ${EMPTY:-x}\n  ");
	assert_text(config->kafka_brokers, "h1:9092,h2:1");
	assert_text(config->kafka_group_id, "a${HOST}$");
	assert_text(config->kafka_dlq_topic, "");
	assert_text(config->instance, "x");
	refuse("kafka:\n  brokers: ${NOPE}\n  group_id: ${HOST\n");
	expect(0, 2, 12, "environment variable `NOPE` is not set; expected it, or ${NOPE:-default}");
	expect(1, 3, 13, "has ${ without }");
}

static char *dump(void)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	vr_config_dump(config, f);
	assert_int_equal(fclose(f), 0);
	return text;
}

static void secrets_come_from_files_and_are_never_shown(void **state)
{
	char text[600], credentials[128];
	const char *env[] = {credentials, NULL};
	char *shown;

	(void)state;
	put("secret", "hush-1\n");
	put("properties", "# of the broker\n\nssl.key.password = hush-3\r\nclient.rack=r1\n");
	put("redis-password", "hush-2");
	(void)snprintf(credentials, sizeof(credentials), "CREDENTIALS_DIRECTORY=%s", folder);
	source.env = env;
	(void)snprintf(text, sizeof(text),
		"kafka:\n  sasl_password_file: %s/secret\n  properties_file: %s/properties\n"
		"  properties: {sasl.oauthbearer.client.secret: hush-4, client.rack: r2}\n",
		folder, folder);
	take(text);
	assert_text(config->kafka_sasl_password, "hush-1");
	assert_text(config->redis_password, "hush-2");
	assert_string_equal(vr_config_origin(config, "redis.password_file"), "credential");
	assert_int_equal(config->librdkafka.n, 4);
	assert_text(config->librdkafka.at[0].value, "hush-3");
	assert_text(config->librdkafka.at[1].value, "r2");
	assert_text(config->librdkafka.at[3].name, "sasl.password");
	shown = dump();
	assert_null(strstr(shown, "hush"));
	assert_non_null(strstr(shown, "password_file: <secret>"));
	free(shown);
	(void)snprintf(text, sizeof(text),
		"redis: {password_file: %s/none}\nkafka: {properties_file: %s/secret}\n", folder, folder);
	refuse(text);
	expect(0, 0, 0, "cannot be read: No such file");
	expect(1, 1, 0, "expected name=value");
	assert_null(strstr(at[1].text, "hush"));
}

static const char *property_refused(struct vr_str name)
{
	return vr_str_eq(name, VR_STR("group.id")) ? "it is a setting of its own" : NULL;
}

static void refused_properties_say_why(void **state)
{
	(void)state;
	source.property_refused = property_refused;
	refuse("kafka:\n  properties:\n    group.id: x\n    debug: y\n");
	expect(0, 3, 5, "kafka.properties: `group.id` cannot be set: it is a setting of its own");
	assert_int_equal(errors.n, 1);
}

static void broken_yaml_is_told(void **state)
{
	static const struct {
		const char *text;
		uint32_t line;
		const char *part;
	} CASE[] = {
		{"kafka: [", 2, "not YAML"},
		{"a: b: c", 1, "not YAML"},
		{"- a", 1, "expected a map of settings"},
		{"just text", 1, "expected a map of settings"},
		{"workers: 1\nworkers: 2\n", 2, "key `workers` is there already, in line 1"},
		{"? [a]\n: b\n", 1, "a key is not a text"},
		{"workers: 1\n---\nworkers: 2\n", 2, "a second document"},
		{"workers: !!python/object 1\n", 1, "tag"},
		{"workers: !x 1\n", 1, "tag"},
		{"instance: \"a\\0b\"\n", 1, "NUL"},
		{"a: &a [*a]\n", 1, "nested too deep"},
		{"instance: *b\n", 1, "not YAML"},
		{"instance: \"a\\nb\"\n", 1, "expected text (name)"},
		{"\xff\xfe", 0, "not YAML"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASE) / sizeof(CASE[0]); i++) {
		if (load(CASE[i].text) == VR_OK)
			fail_msg("%s: was taken", CASE[i].text);
		if (!strstr(at[0].text, CASE[i].part) || at[0].pos.line != CASE[i].line)
			fail_msg("%s: got line %u `%s`", CASE[i].text, at[0].pos.line, at[0].text);
	}
}

static void aliases_do_not_explode(void **state)
{
	char text[2000] = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n";

	(void)state;
	for (int i = 1; i < 12; i++) {
		size_t n = strlen(text);
		(void)snprintf(text + n, sizeof(text) - n, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i,
			i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	}
	refuse(text);
	assert_non_null(strstr(at[0].text, "too much of it"));
}

static void a_missing_file_is_told(void **state)
{
	(void)state;
	refuse(NULL);
	expect(0, 0, 0, "cannot be read: No such file");
	source.path = NULL;
	take(NULL);
}

static void note(void *ctx, const char *path, bool reloadable)
{
	size_t n = strlen(ctx);

	(void)snprintf((char *)ctx + n, 200 - n, "%s%s ", path, reloadable ? "" : "!");
}

static void two_configs_are_compared(void **state)
{
	struct vr_config *old;
	char found[200] = "";

	(void)state;
	take("workers: 1\nlog: {level: warn}\nkafka: {properties: {a: b}, topics: [x]}\n");
	old = config;
	config = NULL;
	take("workers: 2\nlog: {level: info}\nkafka: {properties: {a: c}, topics: [x]}\n");
	vr_config_compare(old, config, note, found);
	assert_string_equal(found, "workers! kafka.properties! log.level ");
	vr_config_free(old);
}

static void compare_file(const char *path, void (*print)(FILE *out))
{
	char *want = NULL, *got;
	size_t n = 0;
	FILE *out = open_memstream(&want, &n), *f = fopen(path, "r");

	print(out);
	assert_int_equal(fclose(out), 0);
	assert_non_null(f);
	got = calloc(1, n + 2);
	assert_int_equal(fread(got, 1, n + 1, f), n);
	assert_string_equal(got, want);
	assert_int_equal(fclose(f), 0);
	free(got);
	free(want);
}

static void pages_are_in_step_with_the_table(void **state)
{
	(void)state;
	compare_file(VR_DEPLOY_DIR "/config/virald.yaml", vr_config_print_sample);
	compare_file(VR_DEPLOY_DIR "/config/REFERENCE.md", vr_config_print_reference);
}

/* Every default written out is what is there without it. */
static void the_sample_uncommented_changes_nothing(void **state)
{
	struct vr_config *plain;
	char *text = NULL, found[200] = "";
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	(void)state;
	vr_config_print_sample(out);
	assert_int_equal(fclose(out), 0);
	for (char *p = text; *p; p += strcspn(p, "\n") + 1) {
		char *mark = p + strspn(p, " ");
		if (*mark == '#' && mark[1] != ' ')
			memmove(mark, mark + 1, strlen(mark));
	}
	take("");
	plain = config;
	config = NULL;
	take(text);
	assert_non_null(strstr(vr_config_origin(config, "redis.url"), "virald.yaml:"));
	vr_config_compare(plain, config, note, found);
	assert_string_equal(found, "");
	vr_config_free(plain);
	free(text);
}

static void a_dump_reads_back(void **state)
{
	struct vr_config *old;
	char *text, found[200] = "";

	(void)state;
	take("instance: \"a: # b\"\nwindows: 30s\nkafka: {properties: {a: \"[x]\", b: \"\"}, topics: [x, "
		 "y]}\ncut: {bytes: 1MiB, interval: 90ms}\n");
	text = dump();
	old = config;
	config = NULL;
	take(text);
	vr_config_compare(old, config, note, found);
	assert_string_equal(found, "");
	vr_config_free(old);
	free(text);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(defaults_are_those_of_the_design),
		TEST(every_type_is_read),
		TEST(all_mistakes_come_at_once_with_their_place),
		TEST(values_that_hang_together_are_checked),
		TEST(later_sources_win_and_maps_merge),
		TEST(mistakes_of_environment_and_command_line_are_named),
		TEST(variables_are_replaced_in_values),
		TEST(secrets_come_from_files_and_are_never_shown),
		TEST(refused_properties_say_why),
		TEST(broken_yaml_is_told),
		TEST(aliases_do_not_explode),
		TEST(a_missing_file_is_told),
		TEST(two_configs_are_compared),
		TEST(pages_are_in_step_with_the_table),
		TEST(the_sample_uncommented_changes_nothing),
		TEST(a_dump_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
