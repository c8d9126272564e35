/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* show.h - what a backtest found, on standard output: tables and pictures for people, lines of JSON for programs.
 *
 * JSON: while it runs {"kind":"alert"} (trial.h), then "hour", "added", "removed", "shifted", at last "summary".
 * Threads: one.   Fails: VR_E_NOMEM; what standard output does not take is its caller's to see.                   */
#include "compare.h"
#include "history.h"
#include "counts.h"

struct vr_showing {
	const char *topics, *new_name, *old_name;	/* old_name NULL: nothing to compare with */
	const struct vr_history_facts *facts;
	struct vr_trial *now, *before;			/* before NULL likewise; their lists are sorted */
	const struct vr_comparison *comparison;		/* NULL likewise */
	size_t limit;					/* rows of a list; 0: all */
	struct vr_mem *mem;
};
VR_MUST enum vr_err vr_show_text(const struct vr_showing *s);
VR_MUST enum vr_err vr_show_json(const struct vr_showing *s);
