/* SPDX-License-Identifier: Apache-2.0 */
#include "pages.h"

#include <arpa/inet.h>
#include <strings.h>

enum { OK = 200, BAD_REQUEST = 400, NOT_FOUND = 404, NOT_ALLOWED = 405, MISDIRECTED = 421 };
enum { FAILED = 500, UNAVAILABLE = 503 };

static void say(struct answer *a, unsigned status, const char *text)
{
	a->status = status;
	vr_buf_clear(&a->body);
	vr_buf_c(&a->body, text);
}

static void show_metrics(const struct vr_http_config *c, const struct request *rq, struct answer *a)
{
	(void)rq;
	a->type = VR_METRICS_TYPE;
	vr_metrics_write(c->metrics, &a->body);
}

/* ------------------------------------------------ health ------------------------------ */

static bool ask(const struct vr_health *check, struct vr_buf *b)
{
	struct vr_buf why;
	vr_buf_init(&why, b->mem);
	bool ok = check->ok(check->ctx, &why);
	vr_buf_c(b, ok ? "[+]" : "[-]");
	vr_buf_c(b, check->name);
	vr_buf_c(b, ok ? " ok" : " failed: ");
	if (!ok)
		vr_buf_str_add(b, vr_buf_str(&why));
	vr_buf_byte(b, '\n');
	vr_buf_done(&why);
	return ok;
}

static void show_health(
	const char *name, const struct vr_health *check, size_t n, const struct request *rq, struct answer *a)
{
	bool ok = true;
	for (size_t i = 0; i < n; i++)
		ok &= ask(&check[i], &a->body);
	if (ok && !rq->verbose) {
		say(a, OK, "ok\n");
		return;
	}
	a->status = ok ? OK : UNAVAILABLE;
	vr_buf_c(&a->body, name);
	vr_buf_c(&a->body, ok ? " check passed\n" : " check failed\n");
}

static void show_live(const struct vr_http_config *c, const struct request *rq, struct answer *a)
{
	show_health("livez", c->live, c->n_live, rq, a);
}

static void show_ready(const struct vr_http_config *c, const struct request *rq, struct answer *a)
{
	show_health("readyz", c->ready, c->n_ready, rq, a);
}

/* ------------------------------------------------ pages ------------------------------- */

static void show_index(const struct vr_http_config *c, const struct request *rq, struct answer *a);

static const struct page {
	const char *path, *text;	/* text NULL: another name of the one before */
	void (*show)(const struct vr_http_config *c, const struct request *rq, struct answer *a);
} pages[] = {
	{"/metrics", "metrics for Prometheus", show_metrics},
	{"/livez", "is the process alive; ?verbose tells each check", show_live},
	{"/healthz", NULL, show_live},
	{"/-/healthy", NULL, show_live},
	{"/readyz", "is it doing its work; ?verbose tells each check", show_ready},
	{"/-/ready", NULL, show_ready},
	{"/", "this page", show_index},
};
enum { PAGES = sizeof(pages) / sizeof(pages[0]) };

static void show_index(const struct vr_http_config *c, const struct request *rq, struct answer *a)
{
	(void)rq;
	vr_buf_c(&a->body, "virald ");
	vr_buf_c(&a->body, c->version);
	vr_buf_c(&a->body, "\n\n");
	for (size_t i = 0; i < PAGES; i++) {
		if (!pages[i].text)
			continue;
		vr_buf_c(&a->body, pages[i].path);
		vr_buf_byte(&a->body, '\t');
		vr_buf_c(&a->body, pages[i].text);
		vr_buf_byte(&a->body, '\n');
	}
}

static const struct page *find_page(const char *path)
{
	for (size_t i = 0; i < PAGES; i++)
		if (strcmp(pages[i].path, path) == 0)
			return &pages[i];
	return NULL;
}

/* ------------------------------------------------ who asks ---------------------------- */

/* Host without its port: "[::1]:9477" -> "::1", "localhost:80" -> "localhost". */
static struct vr_str host_name(const char *host)
{
	struct vr_str s = vr_str_c(host);
	const char *end;
	if (s.n > 0 && s.p[0] == '[') {
		end = memchr(s.p, ']', s.n);
		return end ? (struct vr_str){s.p + 1, (size_t)(end - s.p) - 1} : (struct vr_str){"", 0};
	}
	end = memchr(s.p, ':', s.n);
	return end ? (struct vr_str){s.p, (size_t)(end - s.p)} : s;
}

static bool is_loopback(struct vr_str name)
{
	char text[INET6_ADDRSTRLEN];
	struct in_addr v4;
	struct in6_addr v6;
	if (name.n == 9 && strncasecmp(name.p, "localhost", 9) == 0)
		return true;
	if (name.n >= sizeof(text))
		return false;
	memcpy(text, name.p, name.n);
	text[name.n] = '\0';
	if (inet_pton(AF_INET, text, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
	return inet_pton(AF_INET6, text, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static bool refuse_host(
	const struct vr_http_config *c, bool loopback, const struct request *rq, struct answer *a)
{
	if (!rq->host && !rq->http_1_0) {
		say(a, BAD_REQUEST, "400: HTTP/1.1 wants a Host header\n");
		return true;
	}
	if (!loopback || !rq->host || is_loopback(host_name(rq->host)) || vr_str_eq(host_name(rq->host), c->host))
		return false;
	say(a, MISDIRECTED,
		"421: this server listens on a loopback address and answers only to localhost; "
		"http.listen sets another\n");
	return true;
}

static bool refuse_method(const struct request *rq, struct answer *a)
{
	if (strcmp(rq->method, "GET") == 0 || strcmp(rq->method, "HEAD") == 0)
		return false;
	a->allow = "GET, HEAD";
	say(a, NOT_ALLOWED, "405: only GET and HEAD; nothing can be changed over HTTP\n");
	return true;
}

void answer(const struct vr_http_config *c, bool loopback, const struct request *rq, struct answer *a)
{
	const struct page *page = find_page(rq->path);
	a->status = OK;
	a->type = "text/plain; charset=utf-8";
	a->allow = NULL;
	if (refuse_host(c, loopback, rq, a))
		return;
	if (!page)
		say(a, NOT_FOUND, "404: there is no such page; / lists those there are\n");
	else if (!refuse_method(rq, a))
		page->show(c, rq, a);
	if (a->body.failed)
		say(a, FAILED, "500: out of memory\n");
}
