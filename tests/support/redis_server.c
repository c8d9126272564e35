/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "redis_server.h"
#include "virality/err.h"

#define ARGS_MAX 32
#define PROBES_MAX 2000
#define PROBE_MS 5

static _Noreturn void become_server(const struct redis_server *s, const char *const *more)
{
	const char *args[ARGS_MAX] = {"redis-server", "--port", "0", "--unixsocket", s->socket, "--dir", s->dir,
		"--save", "", "--loglevel", "warning", "--logfile", "server.log"};
	size_t n = 0;

	while (args[n])
		n++;
	for (; more && *more && n + 1 < ARGS_MAX; more++)
		args[n++] = *more;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)execvp(args[0], (char *const *)args);
	perror("redis-server");
	_exit(127);
}

/* Any answer to PING is one of a server that is ready, but for one that is loading. */
static int answers(const struct redis_server *s)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	char reply[16] = "";
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int yes = 0;

	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", s->socket);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 && send(fd, "PING\r\n", 6,
		MSG_NOSIGNAL) == 6)
		yes = recv(fd, reply, sizeof(reply) - 1, 0) > 0 && strncmp(reply, "-LOADING", 8) != 0;
	if (fd >= 0)
		(void)close(fd);
	return yes;
}

static void launch(struct redis_server *s, const char *const *args)
{
	int status;

	(void)unlink(s->socket);
	s->pid = fork();
	if (s->pid == 0)
		become_server(s, args);
	VR_ASSERT(s->pid > 0);
	for (int i = 0; i < PROBES_MAX && !answers(s); i++) {
		VR_ASSERT(waitpid(s->pid, &status, WNOHANG) == 0);
		(void)poll(NULL, 0, PROBE_MS);
	}
	VR_ASSERT(answers(s));
}

static void slay(struct redis_server *s)
{
	(void)kill(s->pid, SIGKILL);
	(void)waitpid(s->pid, NULL, 0);
}

struct redis_server *redis_server_start(const char *const *args)
{
	struct redis_server *s = calloc(1, sizeof(*s));

	VR_ASSERT(s);
	(void)snprintf(s->dir, sizeof(s->dir), "/tmp/vr-redis-XXXXXX");
	VR_ASSERT(mkdtemp(s->dir));
	(void)snprintf(s->socket, sizeof(s->socket), "%s/socket", s->dir);
	launch(s, args);
	return s;
}

void redis_server_stop(struct redis_server *s)
{
	char command[128];

	if (!s)
		return;
	slay(s);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", s->dir);
	VR_ASSERT(system(command) == 0);
	free(s);
}

void redis_server_restart(struct redis_server *s, const char *const *args)
{
	slay(s);
	launch(s, args);
}

void redis_server_freeze(struct redis_server *s)
{
	VR_ASSERT(kill(s->pid, SIGSTOP) == 0);
}

void redis_server_thaw(struct redis_server *s)
{
	VR_ASSERT(kill(s->pid, SIGCONT) == 0);
}
