/* SPDX-License-Identifier: Apache-2.0 */
#include "virality/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "virality/str.h"

enum { STATUS_MAX = 500, MESSAGE_MAX = 640, WAIT_S = 1 };

/* An abstract name begins with NUL and is as long as the address says. */
static bool set_address(struct vr_notify *n, const char *path)
{
	size_t len = strlen(path);
	if ((path[0] != '/' && path[0] != '@') || len < 2 || len >= sizeof(n->to.sun_path))
		return false;
	n->to.sun_family = AF_UNIX;
	memcpy(n->to.sun_path, path, len);
	if (path[0] == '@')
		n->to.sun_path[0] = '\0';
	n->to_n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	return true;
}

static bool number(const char *text, int64_t *ret)
{
	char *end;
	if (!text)
		return false;
	long long v = strtoll(text, &end, 10);
	*ret = v;
	return end != text && *end == '\0' && v > 0;
}

/* Both are inherited by children, for whom they are not meant. */
static struct vr_span wanted_watchdog(void)
{
	const char *for_pid = getenv("WATCHDOG_PID");
	int64_t usec, pid;
	if (!number(getenv("WATCHDOG_USEC"), &usec))
		return (struct vr_span){0};
	if (for_pid && (!number(for_pid, &pid) || pid != getpid()))
		return (struct vr_span){0};
	return (struct vr_span){usec / 1000};
}

void vr_notify_init(struct vr_notify *n)
{
	const char *path = getenv("NOTIFY_SOCKET");
	*n = (struct vr_notify){.fd = -1};
	if (!path || !set_address(n, path))
		return;
	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (n->fd >= 0)
		setsockopt(
			n->fd, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){.tv_sec = WAIT_S}, sizeof(struct timeval));
	n->watchdog = wanted_watchdog();
}

void vr_notify_done(struct vr_notify *n)
{
	if (n && n->fd >= 0)
		close(n->fd);
	if (n)
		n->fd = -1;
}

static void send_with(struct vr_notify *n, const char *text, int flags)
{
	if (n->fd >= 0)
		(void)!sendto(
			n->fd, text, strlen(text), flags | MSG_NOSIGNAL, (const struct sockaddr *)&n->to, n->to_n);
}

/* A manager that reads slowly is given a moment; one that does not read must not hold the daemon up. */
static void send_text(struct vr_notify *n, const char *text) { send_with(n, text, 0); }
/* What is said again and again is not waited for. */
static void send_news(struct vr_notify *n, const char *text) { send_with(n, text, MSG_DONTWAIT); }

void vr_notify_ready(struct vr_notify *n) { send_text(n, "READY=1"); }
void vr_notify_stopping(struct vr_notify *n) { send_text(n, "STOPPING=1"); }
void vr_notify_watchdog(struct vr_notify *n) { send_news(n, "WATCHDOG=1"); }

void vr_notify_reloading(struct vr_notify *n)
{
	char text[MESSAGE_MAX];
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
		(long long)t.tv_sec * 1000000 + t.tv_nsec / 1000);
	send_text(n, text);
}

void vr_notify_extend(struct vr_notify *n, struct vr_span more)
{
	char text[MESSAGE_MAX];
	snprintf(text, sizeof(text), "EXTEND_TIMEOUT_USEC=%lld", (long long)more.ms * 1000);
	send_text(n, text);
}

void vr_notify_status(struct vr_notify *n, const char *fmt, ...)
{
	char status[STATUS_MAX + 1], text[MESSAGE_MAX];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(status, sizeof(status), fmt, ap);
	va_end(ap);
	for (char *p = status; *p; p++)
		if ((unsigned char)*p < 0x20)
			*p = ' ';
	struct vr_str cut = vr_utf8_cut(vr_str_c(status), STATUS_MAX - 1);
	snprintf(text, sizeof(text), "STATUS=%.*s", (int)cut.n, cut.p);
	send_news(n, text);
}

struct vr_span vr_notify_interval(const struct vr_notify *n) { return (struct vr_span){n->watchdog.ms / 2}; }
