/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <sys/stat.h>
#include "lines.h"

enum { CHUNK = 1 << 16, STEP = 4096 };

enum vr_err vr_lines_open(struct vr_lines *l, struct vr_mem *mem, const char *name, struct vr_diag *d)
{
	bool is_stdin = strcmp(name, "-") == 0;
	struct stat st;

	*l = (struct vr_lines){.name = is_stdin ? "standard input" : name};
	vr_buf_init(&l->line, mem);
	l->file = is_stdin ? gzdopen(0, "rb") : gzopen(name, "rbe");
	if (!l->file)
		return vr_diag_set(d, VR_E_CONFIG, name, "cannot be opened: %s", strerror(errno ? errno : ENOMEM));
	if (!is_stdin && stat(name, &st) == 0 && S_ISDIR(st.st_mode))
		return vr_diag_set(d, VR_E_CONFIG, name, "is a directory: give the events.ndjson file in it");
	if (!is_stdin && stat(name, &st) == 0 && S_ISREG(st.st_mode))
		l->bytes = (int64_t)st.st_size;
	(void)gzbuffer(l->file, CHUNK);
	return VR_OK;
}

void vr_lines_close(struct vr_lines *l)
{
	if (l->file)
		(void)gzclose(l->file);
	vr_buf_done(&l->line);
	l->file = NULL;
}

enum vr_err vr_lines_fail(
	const struct vr_lines *l, size_t column, enum vr_err err, struct vr_diag *d, const char *fmt, ...)
{
	va_list ap;

	if (!d)
		return err;
	(void)snprintf(d->where, sizeof(d->where), "%s:%" PRIu64 ":%zu", l->name, l->number, column);
	va_start(ap, fmt);
	(void)vsnprintf(d->text, sizeof(d->text), fmt, ap);
	va_end(ap);
	return err;
}

/* After a read that gave nothing: is that the end, or a fault? */
static enum vr_err why_no_more(struct vr_lines *l, struct vr_diag *d)
{
	int code = Z_OK;
	const char *text = gzerror(l->file, &code);

	if (code == Z_OK || code == Z_STREAM_END)
		return VR_OK;
	if (code == Z_ERRNO)
		return vr_diag_set(d, VR_E_CONFIG, l->name, "cannot be read: %s", strerror(errno));
	if (code == Z_BUF_ERROR)
		text = "the file ends in the middle: copy it again";
	return vr_lines_fail(l, 0, VR_E_DECODE, d, "damaged gzip data: %s", text);
}

/* One piece of a line; *ret_done when the line, or the file, ends with it. */
static enum vr_err read_piece(struct vr_lines *l, bool *ret_done, struct vr_diag *d)
{
	char *room = vr_buf_room(&l->line, STEP);
	size_t n;

	if (!room)
		return VR_E_NOMEM;
	*ret_done = !gzgets(l->file, room, STEP);
	if (*ret_done)
		return why_no_more(l, d);
	/* gzgets says nothing of its length; a NUL inside a line would hide the rest, so it is looked for. */
	n = strnlen(room, STEP);
	l->line.n += n;
	*ret_done = n > 0 && room[n - 1] == '\n';
	if (n == 0 || (n < STEP - 1 && !*ret_done && !gzeof(l->file)))
		return vr_lines_fail(l, l->line.n + 1, VR_E_NUL, d, "a NUL byte: this is not a text file");
	if (l->line.n > VR_LINES_MAX)
		return vr_lines_fail(
			l, 1, VR_E_SIZE, d, "a line of more than %d bytes: one event a line, please", VR_LINES_MAX);
	return VR_OK;
}

enum vr_err vr_lines_next(struct vr_lines *l, struct vr_str *ret_line, bool *ret_more, struct vr_diag *d)
{
	bool done = false;

	vr_buf_clear(&l->line);
	l->number++;
	while (!done) {
		enum vr_err err = read_piece(l, &done, d);

		if (err)
			return err;
	}
	*ret_more = l->line.n > 0;
	if (l->line.n && l->line.p[l->line.n - 1] == '\n')
		l->line.n--;
	*ret_line = vr_buf_str(&l->line);
	return VR_OK;
}

enum vr_err vr_lines_rewind(struct vr_lines *l, struct vr_diag *d)
{
	l->number = 0;
	if (gzrewind(l->file) == 0)
		return VR_OK;
	return vr_diag_set(d, VR_E_CONFIG, l->name, "cannot be read a second time");
}

double vr_lines_part(const struct vr_lines *l)
{
	double part = l->bytes > 0 ? (double)gzoffset(l->file) / (double)l->bytes : 0;

	return part > 1 ? 1 : part;
}
