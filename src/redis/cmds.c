/* SPDX-License-Identifier: Apache-2.0 */
/* Requests in RESP. Every argument asks the buffer for room once and is written by hand:
 * printf and a growth check for each piece would cost more than the copy. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include "virality/redis.h"

#define FRAME_MAX (1 + VR_U64_DIGITS + 2 + 2)	/* "$" length CRLF ... CRLF */
#define F64_MAX 32
#define INTEGRAL_MAX 9007199254740992.0		/* 2^53: beyond it neighbours differ by more than one */

void vr_cmds_init(struct vr_cmds *c, struct vr_mem *mem)
{
	*c = (struct vr_cmds){0};
	vr_buf_init(&c->buf, mem);
}

void vr_cmds_done(struct vr_cmds *c)
{
	if (!c)
		return;
	vr_buf_done(&c->buf);
	c->n = c->open = 0;
}

void vr_cmds_clear(struct vr_cmds *c)
{
	vr_buf_clear(&c->buf);
	c->n = c->open = 0;
}

void vr_cmds_add(struct vr_cmds *to, const struct vr_cmds *more)
{
	vr_buf_str_add(&to->buf, vr_buf_str(&more->buf));
	to->n += more->n;
	to->buf.failed |= more->buf.failed;
}

void vr_cmds_insert(struct vr_cmds *to, size_t at, const struct vr_cmds *more)
{
	size_t n = more->buf.n;
	char *end = vr_buf_room(&to->buf, n);

	VR_ASSERT(at <= to->buf.n && to->open == 0 && more->open == 0);
	to->n += more->n;
	to->buf.failed |= more->buf.failed;
	if (!end || n == 0)
		return;
	memmove(to->buf.p + at + n, to->buf.p + at, to->buf.n - at);
	memcpy(to->buf.p + at, more->buf.p, n);
	to->buf.n += n;
}

static char *put_crlf(char *p)
{
	p[0] = '\r';
	p[1] = '\n';
	return p + 2;
}

static char *put_head(char *p, char kind, uint64_t v)
{
	*p++ = kind;
	return put_crlf(vr_write_u64(p, v));
}

static char *put_bytes(char *p, struct vr_str s)
{
	vr_copy(p, s.p, s.n);
	return p + s.n;
}

static char *put_arg(char *p, struct vr_str s)
{
	return put_crlf(put_bytes(put_head(p, '$', s.n), s));
}

/* Room for an argument of n bytes, with its length already written; the caller adds n bytes and
 * ends with end_arg. NULL: the buffer has failed, which sticks. */
static char *begin_arg(struct vr_cmds *c, size_t n)
{
	char *p;

	VR_ASSERT(c->open > 0);
	c->open--;
	p = vr_buf_room(&c->buf, n + FRAME_MAX);
	return p ? put_head(p, '$', n) : NULL;
}

static void end_arg(struct vr_cmds *c, char *p)
{
	c->buf.n = (size_t)(put_crlf(p) - c->buf.p);
}

void vr_cmd_begin(struct vr_cmds *c, uint32_t argc, struct vr_str name)
{
	char *p;

	VR_ASSERT(c->open == 0 && argc > 0);
	c->n++;
	c->open = argc - 1;
	p = vr_buf_room(&c->buf, 2 * FRAME_MAX + name.n);
	if (p)
		c->buf.n = (size_t)(put_arg(put_head(p, '*', argc), name) - c->buf.p);
}

void vr_cmd_str(struct vr_cmds *c, struct vr_str arg)
{
	char *p = begin_arg(c, arg.n);

	if (p)
		end_arg(c, put_bytes(p, arg));
}

void vr_cmd_strs(struct vr_cmds *c, const struct vr_str *arg, size_t n)
{
	size_t room = n * FRAME_MAX;
	char *p;

	VR_ASSERT(c->open >= n);
	c->open -= (uint32_t)n;
	for (size_t i = 0; i < n; i++)
		room += arg[i].n;
	p = vr_buf_room(&c->buf, room);
	for (size_t i = 0; p && i < n; i++)
		p = put_arg(p, arg[i]);
	if (p)
		c->buf.n = (size_t)(p - c->buf.p);
}

void vr_cmd_i64(struct vr_cmds *c, int64_t arg)
{
	char digits[VR_I64_DIGITS];

	vr_cmd_str(c, (struct vr_str){digits, (size_t)(vr_write_i64(digits, arg) - digits)});
}

void vr_cmd_f64(struct vr_cmds *c, double arg)
{
	char text[F64_MAX];
	int n;

	if (fabs(arg) < INTEGRAL_MAX && rint(arg) == arg && !(arg == 0 && signbit(arg))) {
		vr_cmd_i64(c, (int64_t)arg);
		return;
	}
	n = snprintf(text, sizeof(text), "%.17g", arg);
	vr_cmd_str(c, (struct vr_str){text, (size_t)n});
}

void vr_cmd_key(struct vr_cmds *c, struct vr_str a, struct vr_str b, struct vr_str d)
{
	char *p = begin_arg(c, a.n + b.n + d.n);

	if (p)
		end_arg(c, put_bytes(put_bytes(put_bytes(p, a), b), d));
}

void vr_cmd_gathered(struct vr_cmds *c, const struct vr_cmds *words)
{
	VR_ASSERT(words->open == 0 && c->open == words->n);
	c->open = 0;
	vr_buf_str_add(&c->buf, vr_buf_str(&words->buf));
	c->buf.failed |= words->buf.failed;
}

void vr_cmd_words(struct vr_cmds *c, const char *name, ...)
{
	uint32_t argc = 1;
	va_list ap, again;
	const char *word;

	va_start(ap, name);
	va_copy(again, ap);
	while (va_arg(ap, const char *))
		argc++;
	va_end(ap);
	vr_cmd(c, argc, name);
	while ((word = va_arg(again, const char *)))
		vr_cmd_c(c, word);
	va_end(again);
}

void vr_cmd_select(struct vr_cmds *c, int db)
{
	vr_cmd(c, 2, "SELECT");
	vr_cmd_i64(c, db);
}
