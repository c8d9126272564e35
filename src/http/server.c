/* SPDX-License-Identifier: Apache-2.0 */
/* server.c - libmicrohttpd around the pages. */
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "pages.h"

enum { CONNECTIONS = 32, IDLE_S = 15, BACKLOG = 32, HOST_MAX = 255, CONNECTION_BYTES = 16 << 10 };

struct vr_http {
	struct vr_http_config config;
	char host[HOST_MAX + 1];
	int port;
	bool loopback;
	struct MHD_Daemon *daemon;
};

/* ------------------------------------------------ one request -------------------------- */

static enum MHD_Result send_answer(struct MHD_Connection *connection, const struct answer *a)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(a->body.n, a->body.p, MHD_RESPMEM_MUST_COPY);
	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, a->type);
	MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	if (a->allow)
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, a->allow);
	enum MHD_Result done = MHD_queue_response(connection, a->status, r);
	MHD_destroy_response(r);
	return done;
}

static enum MHD_Result serve(void *ctx, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *upload, size_t *upload_n, void **own)
{
	const struct vr_http *h = ctx;
	struct vr_mem mem = vr_mem_heap();
	struct answer a = {0};
	const char *unused;
	struct request rq = {.method = method,
		.path = url,
		.http_1_0 = strcmp(version, MHD_HTTP_VERSION_1_0) == 0,
		.host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST),
		.verbose = MHD_lookup_connection_value_n(
					   connection, MHD_GET_ARGUMENT_KIND, "verbose", 7, &unused, NULL) == MHD_YES};
	(void)upload;
	(void)own;
	*upload_n = 0;
	vr_buf_init(&a.body, &mem);
	answer(&h->config, h->loopback, &rq, &a);
	enum MHD_Result done = send_answer(connection, &a);
	vr_buf_done(&a.body);
	return done;
}

/* libmicrohttpd's own lines: mostly clients that went away. */
__attribute__((format(printf, 2, 0)))
static void log_line(void *ctx, const char *fmt, va_list ap)
{
	const struct vr_http *h = ctx;
	char text[512];
	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\r\n")] = '\0';
	if (h->config.log)
		h->config.log(h->config.log_ctx, text);
}

/* ------------------------------------------------ the socket --------------------------- */

static bool is_loopback_address(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return a->sa_family == AF_INET6 &&
		   IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
}

/* -1 with errno. */
static int listen_on(const struct addrinfo *a)
{
	const int on = 1;
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	int why = errno;
	close(fd);
	errno = why;
	return -1;
}

static int port_of(int fd)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof(a);
	char port[8] = "0";
	if (getsockname(fd, (struct sockaddr *)&a, &n) == 0)
		getnameinfo((struct sockaddr *)&a, n, NULL, 0, port, sizeof(port), NI_NUMERICSERV);
	return (int)strtol(port, NULL, 10);
}

static enum vr_err open_socket(struct vr_http *h, int *ret_fd, struct vr_diag *d)
{
	const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	char where[HOST_MAX + 16], port[8];
	snprintf(port, sizeof(port), "%d", h->config.port);
	snprintf(where, sizeof(where), strchr(h->host, ':') ? "[%s]:%s" : "%s:%s", h->host, port);
	int wrong = getaddrinfo(h->host, port, &hints, &found);
	if (wrong)
		return vr_diag_set(d, VR_E_CONFIG, where,
			"cannot listen: %s; set http.listen to an address of this machine, or to nothing",
			gai_strerror(wrong));
	int fd = listen_on(found);
	int why = errno;
	h->loopback = is_loopback_address(found->ai_addr);
	freeaddrinfo(found);
	if (fd < 0)
		return vr_diag_set(d, VR_E_CONFIG, where,
			"cannot listen: %s; set http.listen to another address or port, or to nothing", strerror(why));
	h->port = port_of(fd);
	*ret_fd = fd;
	return VR_OK;
}

/* ------------------------------------------------ life --------------------------------- */

enum vr_err vr_http_new(const struct vr_http_config *config, struct vr_http **ret, struct vr_diag *d)
{
	int fd;
	if (config->host.n > HOST_MAX)
		return vr_diag_set(d, VR_E_CONFIG, "http.listen", "the host is longer than %d bytes", HOST_MAX);
	struct vr_http *h = calloc(1, sizeof(*h));
	if (!h)
		return VR_E_NOMEM;
	memcpy(h->host, config->host.p, config->host.n);
	h->config = *config;
	h->config.host = (struct vr_str){h->host, config->host.n};
	enum vr_err err = open_socket(h, &fd, d);
	if (!err) {
		h->daemon = MHD_start_daemon(MHD_USE_AUTO_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG, 0, NULL,
			NULL, serve, h, MHD_OPTION_EXTERNAL_LOGGER, log_line, h, MHD_OPTION_LISTEN_SOCKET, fd,
			MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
			(unsigned)IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_END);
		if (!h->daemon) {
			close(fd);
			err = vr_diag_set(d, VR_E_NOMEM, "http", "cannot start the server's thread");
		}
	}
	if (err) {
		free(h);
		return err;
	}
	*ret = h;
	return VR_OK;
}

void vr_http_free(struct vr_http *h)
{
	if (!h)
		return;
	MHD_stop_daemon(h->daemon);
	free(h);
}

int vr_http_port(const struct vr_http *h) { return h->port; }
