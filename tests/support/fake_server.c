/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "fake_server.h"
#include "virality/err.h"

#define HEARD_MAX 4096

void fake_say(int fd, const char *text)
{
	size_t n = strlen(text);

	while (n > 0) {
		ssize_t k = send(fd, text, n, MSG_NOSIGNAL);
		if (k <= 0)
			return;
		text += k;
		n -= (size_t)k;
	}
}

bool fake_await(int fd, const char *needle)
{
	char heard[HEARD_MAX];
	size_t n = 0;

	while (n == 0 || !memmem(heard, n, needle, strlen(needle))) {
		ssize_t k;
		if (n == sizeof(heard))
			n = 0;
		k = recv(fd, heard + n, sizeof(heard) - n, 0);
		if (k <= 0)
			return false;
		n += (size_t)k;
	}
	return true;
}

static void *run(void *arg)
{
	struct fake_server *s = arg;
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
		s->serve(fd, s->arg);
		(void)close(fd);
	}
	return NULL;
}

static void bind_tcp(struct fake_server *s)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);

	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	VR_ASSERT(s->fd >= 0 && bind(s->fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	VR_ASSERT(getsockname(s->fd, (struct sockaddr *)&a, &n) == 0);
	s->port = ntohs(a.sin_port);
}

static void bind_unix(struct fake_server *s)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	(void)snprintf(s->path, sizeof(s->path), "/tmp/vr-fake-XXXXXX");
	VR_ASSERT(mkdtemp(s->path));
	VR_ASSERT(rmdir(s->path) == 0);
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", s->path);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	VR_ASSERT(s->fd >= 0 && bind(s->fd, (struct sockaddr *)&a, sizeof(a)) == 0);
}

struct fake_server *fake_server_start(bool tcp, fake_serve_f *serve, void *arg)
{
	struct fake_server *s = calloc(1, sizeof(*s));

	VR_ASSERT(s);
	s->serve = serve;
	s->arg = arg;
	if (tcp)
		bind_tcp(s);
	else
		bind_unix(s);
	VR_ASSERT(listen(s->fd, 8) == 0);
	VR_ASSERT(pthread_create(&s->thread, NULL, run, s) == 0);
	return s;
}

void fake_server_stop(struct fake_server *s)
{
	(void)shutdown(s->fd, SHUT_RDWR);
	(void)pthread_join(s->thread, NULL);
	(void)close(s->fd);
	if (s->path[0])
		(void)unlink(s->path);
	free(s);
}
