/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* source.h - one recorded file as events in order of time.
 *
 * Life:   vr_source_open -> source_scan (the whole file once) -> source_next ... -> source_close
 * A file in order is read again while its events are asked for; any other is kept and sorted.
 * Threads: one owner.                                                                     */
#include "recorded.h"
#include "tree.h"

struct vr_kept { int64_t ts_ms; uint64_t number; struct vr_str line; };

struct vr_source {
	struct vr_mem *mem;		/* keeps */
	const struct vr_import_config *config;	/* keeps */
	struct vr_lines lines;
	struct vr_tree tree;
	struct vr_arena kept_lines;
	struct vr_kept *kept;		/* a file that is not in order */
	size_t n_kept, cap_kept, next_kept;
	bool keep, in_order;
	int64_t offset_ms;		/* added to every time */
	uint64_t min_line;		/* where the earliest time stands */
	int64_t min_ms, max_ms;		/* as written */
	struct vr_recorded now;		/* of the event last given */
	char channel[64];
};

VR_MUST enum vr_err vr_source_open(struct vr_source *s, struct vr_mem *mem,
	const struct vr_import_config *config, const char *name, struct vr_diag *d);
void vr_source_close(struct vr_source *s);
/** Read everything once; adds to *facts. */
VR_MUST enum vr_err vr_source_scan(struct vr_source *s, struct vr_import_facts *facts, struct vr_diag *d);
/** The next event; its strings live until the next call. */
VR_MUST enum vr_err vr_source_next(
	struct vr_source *s, struct vr_event *ret_ev, bool *ret_more, struct vr_diag *d);
