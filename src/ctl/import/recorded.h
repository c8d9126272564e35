/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* recorded.h - one line of a recorded data set, read and checked.
 *
 * Ownership: the strings are of the parsed line, which vr_recorded_done gives back.   Threads: one owner. */
#include <jansson.h>
#include "lines.h"
#include "virality/event.h"
#include "virality/import.h"

struct vr_recorded {
	json_t *json;			/* what the strings point into */
	enum vr_import_kind kind;
	int64_t ts_ms;
	struct vr_str kind_name, content, id, parent, user, channel;
	int64_t reach, delta;		/* delta -1: not told */
};

/** Parse and check the line that l has just given. */
VR_MUST enum vr_err vr_recorded_parse(
	const struct vr_lines *l, struct vr_str line, struct vr_recorded *ret, struct vr_diag *d);
void vr_recorded_done(struct vr_recorded *r);
/** SHARE, COMMENT, ...; false when that line is no event. */
bool vr_recorded_action(const struct vr_recorded *r, enum vr_action *ret);
