/* SPDX-License-Identifier: Apache-2.0 */
/* What each page says, and to whom. */
#include "unit.h"
#include "pages.h"

static bool is_well(void *ctx, struct vr_buf *why)
{
	const char *trouble = *(const char **)ctx;
	vr_buf_c(why, trouble ? trouble : "");
	return !trouble;
}

static const char *redis_trouble, *lag_trouble;
static const struct vr_health checks[] = {
	{"redis", is_well, &redis_trouble}, {"partitions", is_well, &lag_trouble}};

struct got {
	struct vr_mem mem;
	struct answer a;
	char text[20000];
};

static void ask(struct got *g, bool loopback, const struct request *rq)
{
	struct vr_metrics *m;
	assert_int_equal(vr_metrics_new(1, &m), VR_OK);
	struct vr_http_config c = {.host = VR_STR("stats.example"),
		.metrics = m,
		.live = checks,
		.n_live = 1,
		.ready = checks,
		.n_ready = 2,
		.version = "1.2.3"};
	g->mem = vr_mem_heap();
	vr_buf_init(&g->a.body, &g->mem);
	answer(&c, loopback, rq, &g->a);
	assert_in_range(g->a.body.n, 1, sizeof(g->text) - 1);
	memcpy(g->text, g->a.body.p, g->a.body.n);
	g->text[g->a.body.n] = '\0';
	vr_buf_done(&g->a.body);
	vr_metrics_free(m);
}

static unsigned get(struct got *g, const char *path, bool verbose)
{
	ask(g, true,
		&(struct request){.method = "GET", .path = path, .host = "localhost:9477", .verbose = verbose});
	return g->a.status;
}

static void health_is_one_word_when_all_is_well(void **state)
{
	static const char *const path[] = {"/livez", "/healthz", "/-/healthy", "/readyz", "/-/ready"};
	struct got g;
	(void)state;
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(get(&g, path[i], false), 200);
		assert_string_equal(g.text, "ok\n");
	}
	assert_int_equal(get(&g, "/readyz", true), 200);
	assert_string_equal(g.text, "[+]redis ok\n[+]partitions ok\nreadyz check passed\n");
	assert_int_equal(get(&g, "/healthz", true), 200);
	assert_string_equal(g.text, "[+]redis ok\nlivez check passed\n");
}

static void a_failure_tells_why(void **state)
{
	struct got g;
	(void)state;
	lag_trouble = "2 of 12 stopped";
	for (int verbose = 0; verbose < 2; verbose++) {
		assert_int_equal(get(&g, "/-/ready", verbose), 503);
		assert_string_equal(
			g.text, "[+]redis ok\n[-]partitions failed: 2 of 12 stopped\nreadyz check failed\n");
	}
	assert_int_equal(get(&g, "/livez", false), 200);
	lag_trouble = NULL;
	redis_trouble = "no answer";
	assert_int_equal(get(&g, "/livez", false), 503);
	redis_trouble = NULL;
}

static void metrics_have_the_type_prometheus_wants(void **state)
{
	struct got g;
	(void)state;
	assert_int_equal(get(&g, "/metrics", false), 200);
	assert_string_equal(g.a.type, "text/plain; version=0.0.4; charset=utf-8");
	assert_non_null(strstr(g.text, "\nvirald_events_consumed_total 0\n"));
}

static void the_index_lists_the_pages(void **state)
{
	struct got g;
	(void)state;
	assert_int_equal(get(&g, "/", false), 200);
	assert_memory_equal(g.text, "virald 1.2.3\n", 13);
	assert_non_null(strstr(g.text, "\n/metrics\t"));
	assert_non_null(strstr(g.text, "\n/readyz\t"));
	assert_null(strstr(g.text, "/-/"));
}

static void what_cannot_be_done_is_said(void **state)
{
	struct got g;
	(void)state;
	assert_int_equal(get(&g, "/metric", false), 404);
	assert_string_equal(g.text, "404: there is no such page; / lists those there are\n");
	ask(&g, true, &(struct request){.method = "POST", .path = "/metrics", .host = "localhost"});
	assert_int_equal(g.a.status, 405);
	assert_string_equal(g.a.allow, "GET, HEAD");
	ask(&g, true, &(struct request){.method = "HEAD", .path = "/metrics", .host = "localhost"});
	assert_int_equal(g.a.status, 200);
}

static void on_loopback_only_loopback_hosts_are_answered(void **state)
{
	static const struct { const char *host; unsigned status;
	} cases[] = {{"localhost", 200}, {"LOCALHOST:9477", 200}, {"127.0.0.1", 200}, {"127.8.9.1:1", 200},
		{"[::1]:9477", 200}, {"[::1]", 200}, {"stats.example:9477", 200}, {"evil.example", 421},
		{"localhost.evil.example", 421}, {"127.0.0.1.evil.example", 421}, {"10.0.0.1", 421}, {"", 421},
		{"[::1", 421}, {"[", 421}, {":", 421}, {"xlocalhost", 421}, {"0.0.0.0", 421},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 421}};
	struct got g;
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct request rq = {.method = "GET", .path = "/livez", .host = cases[i].host};
		ask(&g, true, &rq);
		assert_int_equal(g.a.status, cases[i].status);
		ask(&g, false, &rq);
		assert_int_equal(g.a.status, 200);
	}
	ask(&g, true, &(struct request){.method = "GET", .path = "/livez"});
	assert_int_equal(g.a.status, 400);
	ask(&g, true, &(struct request){.method = "GET", .path = "/livez", .http_1_0 = true});
	assert_int_equal(g.a.status, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(health_is_one_word_when_all_is_well),
		cmocka_unit_test(a_failure_tells_why),
		cmocka_unit_test(metrics_have_the_type_prometheus_wants),
		cmocka_unit_test(the_index_lists_the_pages),
		cmocka_unit_test(what_cannot_be_done_is_said),
		cmocka_unit_test(on_loopback_only_loopback_hosts_are_answered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
