/* SPDX-License-Identifier: Apache-2.0 */
/* The server over real sockets. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"
#include "virality/http.h"

struct bench {
	struct vr_metrics *m;
	struct vr_http *h;
	char text[65536];
};

static void open_bench(struct bench *b, const char *host)
{
	struct vr_diag d = {0};
	assert_int_equal(vr_metrics_new(1, &b->m), VR_OK);
	struct vr_http_config c = {.host = vr_str_c(host), .metrics = b->m, .version = "1"};
	assert_int_equal(vr_http_new(&c, &b->h, &d), VR_OK);
}

static void close_bench(struct bench *b)
{
	vr_http_free(b->h);
	vr_metrics_free(b->m);
}

/* The whole answer to a request whose connection is to be closed. */
static const char *talk(struct bench *b, const char *request)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)vr_http_port(b->h)),
		.sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	size_t n = 0;
	ssize_t got;
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	while ((got = recv(fd, b->text + n, sizeof(b->text) - 1 - n, 0)) > 0)
		n += (size_t)got;
	b->text[n] = '\0';
	close(fd);
	return b->text;
}

#define REQUEST(method, path) method " " path " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

static void metrics_are_served(void **state)
{
	struct bench b;
	(void)state;
	open_bench(&b, "127.0.0.1");
	assert_memory_equal(talk(&b, REQUEST("GET", "/metrics")), "HTTP/1.1 200 OK\r\n", 17);
	assert_non_null(strcasestr(b.text, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
	assert_non_null(strstr(b.text, "\nvirald_events_consumed_total 0\n"));
	vr_metric_add(b.m, 0, VR_M_EVENTS, 3);
	assert_non_null(strstr(talk(&b, REQUEST("GET", "/metrics")), "\nvirald_events_consumed_total 3\n"));
	close_bench(&b);
}

static void head_has_no_body(void **state)
{
	struct bench b;
	(void)state;
	open_bench(&b, "localhost");
	const char *text = talk(&b, REQUEST("HEAD", "/"));
	assert_memory_equal(text, "HTTP/1.1 200 OK\r\n", 17);
	assert_null(strcasestr(text, "\r\nContent-Length: 0\r\n"));
	assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n");
	close_bench(&b);
}

static void other_requests_are_refused(void **state)
{
	struct bench b;
	(void)state;
	open_bench(&b, "127.0.0.1");
	assert_memory_equal(talk(&b, REQUEST("GET", "/nowhere")), "HTTP/1.1 404 ", 13);
	assert_memory_equal(
		talk(&b,
			"POST /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"),
		"HTTP/1.1 405 ", 13);
	assert_non_null(strcasestr(b.text, "\r\nAllow: GET, HEAD\r\n"));
	assert_memory_equal(
		talk(&b, "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"), "HTTP/1.1 421 ", 13);
	assert_memory_equal(talk(&b, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n"), "HTTP/1.1 400 ", 13);
	assert_memory_equal(talk(&b, "GET / HTTP/1.0\r\n\r\n"), "HTTP/1.", 7);
	assert_non_null(strstr(b.text, " 200 OK\r\n"));
	assert_memory_equal(talk(&b, REQUEST("GET", "/livez?verbose")), "HTTP/1.1 200 OK\r\n", 17);
	assert_non_null(strstr(b.text, "livez check passed\n"));
	close_bench(&b);
}

static void elsewhere_any_host_is_answered(void **state)
{
	struct bench b;
	(void)state;
	open_bench(&b, "0.0.0.0");
	assert_memory_equal(talk(&b, "GET / HTTP/1.1\r\nHost: node7.example:9477\r\nConnection: close\r\n\r\n"),
		"HTTP/1.1 200 ", 13);
	close_bench(&b);
}

static void a_port_that_is_taken_is_told(void **state)
{
	struct bench b;
	struct vr_http *second = NULL;
	struct vr_diag d = {0};
	char where[40];
	(void)state;
	open_bench(&b, "127.0.0.1");
	struct vr_http_config c = {
		.host = VR_STR("127.0.0.1"), .port = vr_http_port(b.h), .metrics = b.m, .version = "1"};
	assert_int_equal(vr_http_new(&c, &second, &d), VR_E_CONFIG);
	assert_null(second);
	snprintf(where, sizeof(where), "127.0.0.1:%d", vr_http_port(b.h));
	assert_string_equal(d.where, where);
	assert_non_null(strstr(d.text, "Address already in use"));
	c.host = VR_STR("no.such.host.invalid");
	assert_int_equal(vr_http_new(&c, &second, &d), VR_E_CONFIG);
	c.host = VR_STR("192.0.2.1");
	assert_int_equal(vr_http_new(&c, &second, &d), VR_E_CONFIG);
	assert_non_null(strstr(d.text, "http.listen"));
	vr_http_free(NULL);
	close_bench(&b);
}

static void *keep_talking(void *arg)
{
	struct bench *shared = arg;
	struct bench *b = calloc(1, sizeof(*b));
	b->h = shared->h;
	for (int i = 0; i < 20; i++)
		assert_memory_equal(talk(b, REQUEST("GET", "/metrics")), "HTTP/1.1 200 OK\r\n", 17);
	free(b);
	return NULL;
}

static void several_clients_at_once(void **state)
{
	struct bench b;
	pthread_t t[4];
	(void)state;
	open_bench(&b, "127.0.0.1");
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, keep_talking, &b), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	close_bench(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metrics_are_served),
		cmocka_unit_test(head_has_no_body),
		cmocka_unit_test(other_requests_are_refused),
		cmocka_unit_test(elsewhere_any_host_is_answered),
		cmocka_unit_test(a_port_that_is_taken_is_told),
		cmocka_unit_test(several_clients_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
