/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* lines.h - the lines of a text file, plain or gzip.
 *
 * Ownership: a line is borrowed until the next call.   Threads: one owner.
 * Fails: VR_E_CONFIG when the file cannot be opened or read, VR_E_DECODE when its gzip is damaged or cut
 *        off, VR_E_SIZE for a line over VR_LINES_MAX, VR_E_NOMEM.                                       */
#include <stdio.h>
#include <zlib.h>
#include "virality/buf.h"
#include "virality/err.h"

enum { VR_LINES_MAX = 1 << 20 };

struct vr_lines {
	const char *name;		/* keeps */
	gzFile file;
	struct vr_buf line;
	uint64_t number;		/* of the line last given, from 1 */
	int64_t bytes;			/* size on disk; 0: unknown (a pipe) */
};

VR_MUST enum vr_err vr_lines_open(
	struct vr_lines *l, struct vr_mem *mem, const char *name, struct vr_diag *d);
void vr_lines_close(struct vr_lines *l);
/** The next line without its end; *ret_more is false at the end of the file. */
VR_MUST enum vr_err vr_lines_next(
	struct vr_lines *l, struct vr_str *ret_line, bool *ret_more, struct vr_diag *d);
/** Back to the first line; not for pipes. */
VR_MUST enum vr_err vr_lines_rewind(struct vr_lines *l, struct vr_diag *d);
/** How much of the file has been read, 0 to 1. */
double vr_lines_part(const struct vr_lines *l);
/** d gets file:line:column and the text; gives err. */
enum vr_err vr_lines_fail(const struct vr_lines *l, size_t column, enum vr_err err, struct vr_diag *d,
	const char *fmt, ...) VR_PRINTF(5, 6);
