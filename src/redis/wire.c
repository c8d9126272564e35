/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include "reader.h"
#include "tls.h"
#include "virality/time.h"
#include "wire.h"

#define READ_BYTES (16U * 1024U)

struct vr_wire {
	const struct vr_wire_target *target;	/* borrows */
	redisContext *ctx;
	struct vr_reader *reader;
};

/* One exchange under way. */
struct run {
	struct vr_wire *wire;
	const struct vr_cmds *cmds;
	struct vr_arena *arena;
	struct vr_replies *ret;
	struct vr_wire_progress *progress;
	struct vr_diag *d;
	struct vr_mono due;
};

static struct vr_mono now_mono(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct vr_mono){(int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000};
}

/* ------------------------------------------------------------------ opening and closing ---- */

static struct timeval timeval_of(struct vr_span s)
{
	return (struct timeval){.tv_sec = (time_t)(s.ms / 1000), .tv_usec = (suseconds_t)(s.ms % 1000 * 1000)};
}

static redisContext *dial(const struct vr_wire_target *t)
{
	struct timeval tv = timeval_of(t->connect_timeout);

	if (t->unix_path[0])
		return redisConnectUnixWithTimeout(t->unix_path, tv);
	return redisConnectWithTimeout(t->host, t->port, tv);
}

/* A peer that vanished without a word is noticed while we wait, and between exchanges. */
static void keep_alive(redisContext *c, struct vr_span timeout)
{
	unsigned ms = (unsigned)timeout.ms;

	(void)redisEnableKeepAlive(c);
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
}

/* The handshake blocks; its time is that of connecting. */
static enum vr_err start_tls(struct vr_wire *w, struct vr_diag *d)
{
	const struct vr_wire_target *t = w->target;

	(void)redisSetTimeout(w->ctx, timeval_of(t->connect_timeout));
	return vr_tls_start(w->ctx, t->tls_ca_file, t->host, d);
}

static enum vr_err set_up(struct vr_wire *w, struct vr_diag *d)
{
	const struct vr_wire_target *t = w->target;
	enum vr_err err = t->tls ? vr_tls_ready(t->where, d) : VR_OK;

	if (err)
		return err;
	w->ctx = dial(t);
	w->reader = vr_reader_new();
	if (!w->ctx || !w->reader)
		return VR_E_NOMEM;
	if (w->ctx->err)
		return vr_diag_set(d, VR_E_AWAY, t->where, "cannot connect: %s", w->ctx->errstr);
	if (!t->unix_path[0])
		keep_alive(w->ctx, t->timeout);
	return t->tls ? start_tls(w, d) : VR_OK;
}

enum vr_err vr_wire_open(const struct vr_wire_target *target, struct vr_wire **ret, struct vr_diag *d)
{
	struct vr_wire *w = calloc(1, sizeof(*w));
	enum vr_err err;

	if (!w)
		return VR_E_NOMEM;
	w->target = target;
	err = set_up(w, d);
	if (err) {
		vr_wire_close(w);
		return err;
	}
	*ret = w;
	return VR_OK;
}

void vr_wire_close(struct vr_wire *w)
{
	if (!w)
		return;
	vr_reader_free(w->reader);
	if (w->ctx)
		redisFree(w->ctx);
	free(w);
}

/* ------------------------------------------------------------------ moving bytes ---- */

static ssize_t push(struct vr_wire *w, const char *p, size_t n)
{
	return w->target->tls ? vr_tls_send(w->ctx, p, n) : send(w->ctx->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static ssize_t pull(struct vr_wire *w, char *p, size_t n)
{
	return w->target->tls ? vr_tls_recv(w->ctx, p, n) : recv(w->ctx->fd, p, n, MSG_DONTWAIT);
}

static bool is_later(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static bool all_sent(const struct run *x)
{
	return x->progress->sent == x->cmds->buf.n && !(x->wire->target->tls && vr_tls_pending(x->wire->ctx));
}

static enum vr_err lost(const struct run *x, const char *why)
{
	return vr_diag_set(x->d, VR_E_LOST_LINK, x->wire->target->where,
		"connection lost after %zu of %zu replies: %s", x->progress->got, x->ret->n, why);
}

/* A refused send is no verdict yet: what the server said before it closed is still to be read, and
 * the end of file that follows tells the loss. */
static enum vr_err send_some(struct run *x)
{
	struct vr_wire_progress *at = x->progress;
	ssize_t n = push(x->wire, x->cmds->buf.p + at->sent, x->cmds->buf.n - at->sent);

	if (n >= 0) {
		at->sent += (size_t)n;
		return VR_OK;
	}
	if (is_later(errno) || errno == EPIPE || errno == ECONNRESET)
		return VR_OK;
	return lost(x, strerror(errno));
}

static enum vr_err complain(const struct run *x, enum vr_err err)
{
	return err == VR_E_LOST_LINK ? lost(x, vr_reader_complaint(x->wire->reader)) : err;
}

static enum vr_err take_in(struct run *x, const char *p, size_t n)
{
	struct vr_reader *reader = x->wire->reader;
	size_t done = vr_reader_skip_queued(reader, p, n, x->ret, &x->progress->got);
	enum vr_err err = vr_reader_feed(reader, p + done, n - done);

	if (!err)
		err = vr_reader_take(reader, x->arena, x->ret, &x->progress->got);
	if (err)
		return complain(x, err);
	if (x->progress->got == x->ret->n && !vr_reader_empty(reader))
		return lost(x, "more replies than commands");
	return VR_OK;
}

/* TLS may hold bytes that poll does not know of: read until there are none. */
static enum vr_err read_some(struct run *x)
{
	char bytes[READ_BYTES];
	enum vr_err err = VR_OK;
	ssize_t n;

	do {
		n = pull(x->wire, bytes, sizeof(bytes));
		if (n == 0)
			return lost(x, "closed by the server");
		if (n < 0)
			return is_later(errno) ? VR_OK : lost(x, strerror(errno));
		err = take_in(x, bytes, (size_t)n);
	} while (!err && x->wire->target->tls && x->progress->got < x->ret->n);
	return err;
}

static enum vr_err late(const struct run *x)
{
	const struct vr_wire_target *t = x->wire->target;

	return vr_diag_set(x->d, VR_E_TIMEOUT, t->where, "no answer within %" PRId64 " ms (%zu of %zu replies)",
		t->timeout.ms, x->progress->got, x->ret->n);
}

/* Wait until something can move; what can is in *ret_events. */
static enum vr_err wait_some(struct run *x, short *ret_events)
{
	struct pollfd p = {.fd = x->wire->ctx->fd, .events = POLLIN};
	int64_t left = x->due.ms - now_mono().ms;
	int n;

	if (!all_sent(x))
		p.events |= POLLOUT;
	n = left > 0 ? poll(&p, 1, left > INT32_MAX ? INT32_MAX : (int)left) : 0;
	if (n == 0)
		return late(x);
	if (n < 0 && errno != EINTR)
		return lost(x, strerror(errno));
	*ret_events = n > 0 ? p.revents : 0;
	return VR_OK;
}

/* First send: an exchange that fits the socket's buffer takes three system calls. */
static enum vr_err step(struct run *x)
{
	enum vr_err err = all_sent(x) ? VR_OK : send_some(x);
	short events = 0;

	if (!err)
		err = wait_some(x, &events);
	if (!err && (events & ~POLLOUT))
		err = read_some(x);
	return err;
}

enum vr_err vr_wire_exchange(struct vr_wire *w, const struct vr_cmds *cmds, struct vr_arena *arena,
	struct vr_replies *ret, struct vr_wire_progress *progress, struct vr_diag *d)
{
	struct run x = {w, cmds, arena, ret, progress, d,
		vr_mono_add(now_mono(), w->target->timeout)};
	enum vr_err err = VR_OK;

	VR_ASSERT(ret->n == cmds->n);
	*progress = (struct vr_wire_progress){0};
	while (!err && progress->got < ret->n)
		err = step(&x);
	return err;
}
