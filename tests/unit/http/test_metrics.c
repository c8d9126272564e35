/* SPDX-License-Identifier: Apache-2.0 */
/* The registry and its exposition; Prometheus' own checker reads it too. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"
#include "registry.h"
#include "virality/metrics.h"

struct bench {
	struct vr_metrics *m;
	struct vr_mem mem;
	struct vr_buf b;
};

static void open_bench(struct bench *b, int workers)
{
	assert_int_equal(vr_metrics_new(workers, &b->m), VR_OK);
	b->mem = vr_mem_heap();
	vr_buf_init(&b->b, &b->mem);
}

static void close_bench(struct bench *b)
{
	vr_buf_done(&b->b);
	vr_metrics_free(b->m);
}

static const char *shown(struct bench *b)
{
	vr_buf_clear(&b->b);
	vr_metrics_write(b->m, &b->b);
	vr_buf_byte(&b->b, '\0');
	assert_false(b->b.failed);
	return b->b.p;
}

/* The value of a series ("name{labels}"), or NULL; valid until the next call. */
static const char *value(struct bench *b, const char *series)
{
	const char *p = shown(b);
	size_t n = strlen(series);
	while (p && *p) {
		if (strncmp(p, series, n) == 0 && p[n] == ' ') {
			*strchrnul(p + n, '\n') = '\0';
			return p + n + 1;
		}
		p = strchr(p, '\n');
		p = p ? p + 1 : NULL;
	}
	return NULL;
}

#define assert_value(b, series, want)                             \
	do {                                                      \
		const char *value_ = value(b, series);            \
		assert_non_null(value_);                          \
		assert_string_equal(value_, want);                \
	} while (0)

static void counters_are_summed_over_workers(void **state)
{
	struct bench b;
	(void)state;
	open_bench(&b, 3);
	assert_value(&b, "virald_events_consumed_total", "0");
	for (int w = VR_M_SHARED; w < 3; w++)
		vr_metric_add(b.m, w, VR_M_EVENTS, 10);
	vr_metric_add(b.m, 2, VR_M_EVENTS, UINT64_C(1) << 60);
	assert_value(&b, "virald_events_consumed_total", "1152921504606847016");
	assert_true(vr_metric_sum(b.m, VR_M_EVENTS, 0) == (UINT64_C(1) << 60) + 40);
	close_bench(&b);
}

static void expected_cells_are_there_from_the_beginning(void **state)
{
	struct bench b;
	(void)state;
	open_bench(&b, 1);
	assert_value(&b, "virald_events_rejected_total{reason=\"utf8\"}", "0");
	assert_null(value(&b, "virald_events_rejected_total{reason=\"gap\"}"));
	vr_metric_add_at(b.m, 0, VR_M_REJECTED, VR_E_UTF8, 2);
	vr_metric_add_at(b.m, 0, VR_M_REJECTED, VR_E_GAP, 1);
	assert_value(&b, "virald_events_rejected_total{reason=\"utf8\"}", "2");
	assert_value(&b, "virald_events_rejected_total{reason=\"gap\"}", "1");
	assert_value(&b, "virald_kafka_rebalances_total{type=\"lost\"}", "0");
	assert_string_equal(vr_metric_cell(VR_M_PARTITIONS, VR_L_STOPPED), "stopped");
	assert_null(vr_metric_cell(VR_M_PARTITIONS, _VR_L_PART_STATES));
	close_bench(&b);
}

static void what_is_unknown_is_absent(void **state)
{
	struct bench b;
	(void)state;
	open_bench(&b, 1);
	assert_null(value(&b, "virald_tracked_contents"));
	assert_null(strstr(shown(&b), "virald_tracked_contents"));
	vr_metric_set(b.m, VR_M_CONTENTS, 0);
	assert_value(&b, "virald_tracked_contents", "0");
	vr_metric_set(b.m, VR_M_CONTENTS, (double)NAN);
	assert_null(value(&b, "virald_tracked_contents"));
	vr_metric_set_at(b.m, VR_M_ALERTS, VR_L_FIRING, 3);
	assert_value(&b, "virald_alerts{state=\"firing\"}", "3");
	assert_null(value(&b, "virald_alerts{state=\"pending\"}"));
	close_bench(&b);
}

static void numbers_read_back_as_they_were(void **state)
{
	static const struct { double v; const char *text;
	} cases[] = {{0.1, "0.1"}, {1.0 / 3, "0.3333333333333333"}, {1769851800.25, "1769851800.25"}, {-1, "-1"},
		{1e300, "1e+300"}, {123456789012345, "123456789012345"}};
	struct bench b;
	(void)state;
	open_bench(&b, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		vr_metric_set(b.m, VR_M_EVENT_LAG, cases[i].v);
		assert_value(&b, "virald_event_time_lag_seconds", cases[i].text);
	}
	close_bench(&b);
}

static void set_lag(struct bench *b, const char *topic, const char *partition, double v)
{
	struct vr_label labels[] = {{"topic", vr_str_c(topic)}, {"partition", vr_str_c(partition)}};
	vr_metric_series(b->m, VR_M_LAG, labels, 2, v);
}

static void series_of_partitions_come_and_go(void **state)
{
	struct bench b;
	char number[8];
	(void)state;
	open_bench(&b, 1);
	for (int i = 99; i >= 0; i--) {
		snprintf(number, sizeof(number), "%d", i);
		set_lag(&b, "t", number, i);
	}
	set_lag(&b, "we\"ird\\\n", "0", 5);
	assert_value(&b, "virald_kafka_consumer_lag_records{topic=\"t\",partition=\"37\"}", "37");
	assert_value(&b, "virald_kafka_consumer_lag_records{topic=\"we\\\"ird\\\\\\n\",partition=\"0\"}", "5");
	set_lag(&b, "t", "37", 4);
	assert_value(&b, "virald_kafka_consumer_lag_records{topic=\"t\",partition=\"37\"}", "4");
	set_lag(&b, "t", "37", (double)NAN);
	set_lag(&b, "t", "37", (double)NAN);
	assert_null(value(&b, "virald_kafka_consumer_lag_records{topic=\"t\",partition=\"37\"}"));
	assert_value(&b, "virald_kafka_consumer_lag_records{topic=\"t\",partition=\"38\"}", "38");
	assert_int_equal(b.m->n_series, 100);
	vr_metric_series(b.m, VR_M_BUILD, &(struct vr_label){"version", VR_STR("1")}, 1, 1);
	vr_metric_series_clear(b.m, VR_M_LAG);
	assert_null(strstr(shown(&b), "virald_kafka_consumer_lag_records"));
	assert_value(&b, "virald_build_info{version=\"1\"}", "1");
	close_bench(&b);
}

static void histograms_count_up_to_each_bound(void **state)
{
	struct bench b;
	(void)state;
	open_bench(&b, 2);
	vr_metric_observe(b.m, 0, VR_M_FLUSH_DURATION, 1000);
	vr_metric_observe(b.m, 1, VR_M_FLUSH_DURATION, 1001);
	vr_metric_observe(b.m, VR_M_SHARED, VR_M_FLUSH_DURATION, 60000000);
	assert_value(&b, "virald_redis_flush_duration_seconds_bucket{le=\"0.001\"}", "1");
	assert_value(&b, "virald_redis_flush_duration_seconds_bucket{le=\"0.0025\"}", "2");
	assert_value(&b, "virald_redis_flush_duration_seconds_bucket{le=\"10\"}", "2");
	assert_value(&b, "virald_redis_flush_duration_seconds_bucket{le=\"+Inf\"}", "3");
	assert_value(&b, "virald_redis_flush_duration_seconds_count", "3");
	assert_value(&b, "virald_redis_flush_duration_seconds_sum", "60.002001");
	close_bench(&b);
}

static void the_process_tells_of_itself(void **state)
{
	struct bench b;
	(void)state;
	open_bench(&b, 1);
	double fds = strtod(value(&b, "process_open_fds"), NULL);
	int more = dup(0);
	assert_true(strtod(value(&b, "process_open_fds"), NULL) == fds + 1);
	close(more);
	assert_true(strtod(value(&b, "process_cpu_seconds_total"), NULL) > 0);
	assert_true(strtod(value(&b, "process_resident_memory_bytes"), NULL) > 100000);
	double age = (double)time(NULL) - strtod(value(&b, "process_start_time_seconds"), NULL);
	assert_true(age > -2 && age < 600);
	close_bench(&b);
}

/* Every metric with a value, and the library's versions. */
static void fill(struct bench *b)
{
	struct vr_label build[] = {
		{"version", VR_STR("1.0")}, {"librdkafka", VR_STR("2.0.2")}, {"hiredis", VR_STR("0.14.1")}};
	vr_metric_series(b->m, VR_M_BUILD, build, 3, 1);
	set_lag(b, "t", "0", 7);
	for (int id = 0; id < _VR_M_MAX; id++)
		for (unsigned cell = 0; !is_summed(metrics[id].type) && cell < label_sets[metrics[id].labels].n;
			 cell++)
			vr_metric_set_at(b->m, (enum vr_m)id, cell, 1);
}

static void every_metric_is_shown_once(void **state)
{
	struct bench b;
	char head[200];
	(void)state;
	open_bench(&b, 1);
	fill(&b);
	for (int id = 0; id < _VR_M_MAX; id++) {
		snprintf(head, sizeof(head), "# TYPE %s ", metrics[id].name);
		const char *first = strstr(shown(&b), head);
		assert_non_null(first);
		assert_null(strstr(first + 1, head));
	}
	close_bench(&b);
}

static void promtool_finds_nothing_to_mend(void **state)
{
	struct bench b;
	(void)state;
	open_bench(&b, 2);
	fill(&b);
	shown(&b);
	FILE *promtool = popen("promtool check metrics", "w");
	assert_non_null(promtool);
	assert_int_equal(fwrite(b.b.p, 1, b.b.n - 1, promtool), b.b.n - 1);
	assert_int_equal(pclose(promtool), 0);
	close_bench(&b);
}

enum { ROUNDS = 2000000 };

/* All begin together: threads that follow one another lose nothing anyhow. */
struct counting {
	struct vr_metrics *m;
	pthread_barrier_t begin;
};

static void *count_up(void *arg)
{
	struct vr_metrics *m = ((struct counting *)arg)->m;
	pthread_barrier_wait(&((struct counting *)arg)->begin);
	for (int i = 0; i < ROUNDS; i++) {
		vr_metric_add(m, VR_M_SHARED, VR_M_EVENTS, 1);
		vr_metric_observe(m, VR_M_SHARED, VR_M_FLUSH_DURATION, 1);
	}
	return NULL;
}

static void *count_own(void *arg)
{
	struct vr_metrics *m = ((struct counting *)arg)->m;
	pthread_barrier_wait(&((struct counting *)arg)->begin);
	for (int i = 0; i < ROUNDS; i++)
		vr_metric_add(m, 0, VR_M_EVENTS, 1);
	return NULL;
}

static void threads_lose_nothing(void **state)
{
	struct bench b;
	pthread_t t[3];
	(void)state;
	open_bench(&b, 1);
	struct counting c = {.m = b.m};
	pthread_barrier_init(&c.begin, NULL, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&t[i], NULL, i < 2 ? count_up : count_own, &c), 0);
	for (int i = 0; i < 5; i++)
		shown(&b);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	pthread_barrier_destroy(&c.begin);
	assert_int_equal(vr_metric_sum(b.m, VR_M_EVENTS, 0), 3 * ROUNDS);
	assert_int_equal(vr_metric_sum(b.m, VR_M_FLUSH_DURATION, 0), 2 * ROUNDS);
	close_bench(&b);
}

static void the_list_has_a_line_for_each(void **state)
{
	struct bench b;
	int lines = 0;
	(void)state;
	open_bench(&b, 1);
	vr_metrics_list(&b.b);
	for (size_t i = 0; i < b.b.n; i++)
		lines += b.b.p[i] == '\n';
	assert_int_equal(lines, _VR_M_MAX);
	assert_memory_equal(b.b.p, "virald_build_info\tgauge\tversion,librdkafka,hiredis\t", 51);
	close_bench(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters_are_summed_over_workers),
		cmocka_unit_test(expected_cells_are_there_from_the_beginning),
		cmocka_unit_test(what_is_unknown_is_absent),
		cmocka_unit_test(numbers_read_back_as_they_were),
		cmocka_unit_test(series_of_partitions_come_and_go),
		cmocka_unit_test(histograms_count_up_to_each_bound),
		cmocka_unit_test(the_process_tells_of_itself),
		cmocka_unit_test(every_metric_is_shown_once),
		cmocka_unit_test(promtool_finds_nothing_to_mend),
		cmocka_unit_test(threads_lose_nothing),
		cmocka_unit_test(the_list_has_a_line_for_each),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
