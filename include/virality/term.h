/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* term.h - text for a terminal: nothing that came from outside may steer it.
 *
 * Colour only when the stream is a terminal, TERM is not dumb and NO_COLOR is not set (CLICOLOR_FORCE
 * overrides). Titles and ids are hostile: control characters, broken UTF-8 and characters that turn the
 * direction of writing are shown as \xNN or \u{N}, never sent.   Threads: none.                          */
#include <stdint.h>
#include <stdio.h>
#include "virality/arena.h"
#include "virality/str.h"

enum vr_ctl_style { VR_CTL_PLAIN, VR_CTL_BOLD, VR_CTL_DIM, VR_CTL_RED, VR_CTL_YELLOW, VR_CTL_GREEN };

bool vr_ctl_has_colour(FILE *out);
/** Columns of the terminal, or fallback. */
unsigned vr_ctl_columns(FILE *out, unsigned fallback);
/** s, made harmless. */
void vr_ctl_put_text(FILE *out, struct vr_str s);
/** Columns that vr_ctl_put_text takes. */
unsigned vr_ctl_width(struct vr_str s);
/** The harmless s, cut with an ellipsis to at most width columns; gives the columns it took. */
unsigned vr_ctl_put_cut(FILE *out, struct vr_str s, unsigned width);
void vr_ctl_put_style(FILE *out, enum vr_ctl_style style);

/* A table: rows of cells, columns as wide as they need to be. Cells are borrowed until it is printed. */
struct vr_ctl_column {
	const char *title;
	bool right;
	unsigned max;			/* columns at most; 0: as it comes */
};
enum { VR_CTL_COLUMNS_MAX = 12 };
struct vr_ctl_row {
	struct vr_str cells[VR_CTL_COLUMNS_MAX];
	enum vr_ctl_style style;
	struct vr_ctl_row *next;
};
struct vr_ctl_table {
	const struct vr_ctl_column *columns;
	size_t n;
	struct vr_arena *arena;		/* keeps */
	struct vr_ctl_row *first, *last;
	size_t n_rows;
};
void vr_ctl_table_init(
	struct vr_ctl_table *t, const struct vr_ctl_column *columns, size_t n, struct vr_arena *arena);
/** A new row with empty cells, or NULL. */
struct vr_ctl_row *vr_ctl_table_row(struct vr_ctl_table *t);
/** Text that lives as long as the table, printf-like; empty when there is no memory. */
struct vr_str vr_ctl_text(struct vr_arena *arena, const char *fmt, ...) VR_PRINTF(2, 3);
/** 12345678 as "12,345,678". */
struct vr_str vr_ctl_number(struct vr_arena *arena, int64_t n);
/** A time in UTC to the second; "-" for 0. */
struct vr_str vr_ctl_time(struct vr_arena *arena, int64_t ms);
void vr_ctl_table_print(const struct vr_ctl_table *t, FILE *out);
