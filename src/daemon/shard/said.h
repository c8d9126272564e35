/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* said.h - what has been said to people about a partition's alerts (`{..}:said` in database alerts).
 *
 * Belongs to no generation: below `off` no alert leaves the fold, below `dlq_off` no dead letter is written
 * again. `announced` are the alerts that stand in `vir:alerts:active` now, each with its state.
 * A beginning is announced and noted; a later state only if its id is noted.
 * Ownership: owns its list.   Threads: one owner.                                                        */
#include "virality/writer.h"

struct vr_said_id { char id[VR_ALERT_ID_LEN + 1]; bool firing; };
struct vr_said {
	int64_t off, dlq_off;
	struct vr_said_id *announced;
	size_t n, cap;
	struct vr_mem *mem;		/* keeps */
};
void vr_said_init(struct vr_said *s, struct vr_mem *mem);
void vr_said_done(struct vr_said *s);
/** From HGETALL: `off`, `dlq_off`, `silent` (below it this fold was silent, or another one spoke), and `a:<id>` -> pending or firing. */
VR_MUST enum vr_err vr_said_read(struct vr_said *s, const struct vr_reply *flat);
struct vr_said_id *vr_said_find(const struct vr_said *s, const char *id);
/** Commands (database alerts is selected) for this transition, if it may be said; *ret_said tells. */
VR_MUST enum vr_err vr_said_alert(struct vr_said *s, const struct vr_keys *k, const struct vr_alert *a, struct vr_buf *scratch,
	struct vr_cmds *c, bool *ret_said);
/** Commands for an alert that was pending already where announcing begins: it is told of from here on. */
VR_MUST enum vr_err vr_said_adopt(struct vr_said *s, const struct vr_keys *k, const struct vr_alert *a, struct vr_buf *scratch, struct vr_cmds *c);
/** Commands that an announced alert which is no more in the fold leaves behind: `hash` is its `vir:alert:<id>` (HGETALL). */
void vr_said_gone(struct vr_said *s, const struct vr_keys *k, const char *id, const struct vr_reply *hash, struct vr_wall now,
	struct vr_buf *scratch, struct vr_cmds *c);
/** The offsets rose: commands for it. */
void vr_said_raise(struct vr_said *s, const struct vr_keys *k, int64_t off, struct vr_cmds *c);
