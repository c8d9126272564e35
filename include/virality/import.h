/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* import.h - recorded data sets (events.ndjson, plain or gzip) as one stream of events.
 *
 * Picture:   file 1 --read twice--> tree of ids, order, span of times
 *            file 2 --            \
 *            file 1 ===sorted=====> merge by (time, place of the file, line) ==> struct vr_event
 *            file 2 ===sorted=====>
 *
 * A line is one JSON object: ts, kind (post share reply mention share_total), content, id, parent, user,
 * channel, reach, delta. A post gives no event, and no event names it as its parent; a share_total
 * without a rise gives none either. The depth is that of the recorded tree; a parent that the file
 * does not have leaves it unknown. A file whose times all lie before 2001-09-09 tells times
 * since publication: VR_IMPORT_EPOCH_MS is added.
 *
 * Memory: some 60 bytes a line with an id, for the tree; a file that is in order of time is streamed, any
 * other is kept whole, and so is what cannot be read twice (a pipe).
 * Ownership: an event's strings are borrowed until the next vr_import_next.   Threads: one owner.
 * Fails: POISON with file:line:column for a bad line, VR_E_CONFIG for a file that cannot be read,
 *        VR_E_NOMEM.                                                                               */
#include "virality/event.h"
#include "virality/mem.h"
#include "virality/err.h"

#define VR_IMPORT_EPOCH_MS INT64_C(1500000000000)
#define VR_IMPORT_RELATIVE_BELOW_MS INT64_C(1000000000000)

enum vr_import_kind {
	VR_IMPORT_POST,
	VR_IMPORT_SHARE,
	VR_IMPORT_REPLY,
	VR_IMPORT_MENTION,
	VR_IMPORT_SHARE_TOTAL,
	VR_IMPORT_KINDS
};
const char *vr_import_kind_name(enum vr_import_kind kind);

struct vr_import_config {
	const char *const *files;	/* borrowed for vr_import_new's call, and for messages after it */
	size_t n_files;
	bool has_time_offset;		/* add time_offset to every time of every file, whatever it looks like */
	struct vr_span time_offset;
	struct vr_str content_type;	/* of all contents; empty: unknown */
	/** While files are read for the first time; part is 0 to 1. NULL: nobody is told. */
	void (*reading)(void *ctx, const char *file, double part);
	void *ctx;
};

/* What the first reading found. */
struct vr_import_facts {
	uint64_t lines[VR_IMPORT_KINDS];
	uint64_t unchanged;		/* share_total lines without a rise */
	uint64_t events;		/* that will come */
	struct vr_wall first, last;	/* event times */
};

struct vr_import;
/** Opens and reads every file once. */
VR_MUST enum vr_err vr_import_new(
	struct vr_mem *mem, const struct vr_import_config *config, struct vr_import **ret, struct vr_diag *d);
/** NULL is fine. */
void vr_import_free(struct vr_import *imp);
const struct vr_import_facts *vr_import_facts(const struct vr_import *imp);
/** The next event in order of time; *ret_more is false when there is none. */
VR_MUST enum vr_err vr_import_next(
	struct vr_import *imp, struct vr_event *ret_ev, bool *ret_more, struct vr_diag *d);
