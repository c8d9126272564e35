/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* switcher.h - makes a generation live: the protocol of virality/switch.h with all that decides about it.
 *
 *      vr_switcher_new ─> vr_switcher_try ─┬─ READY: it is live now
 *                               ^          ├─ ALREADY: it was before
 *                               └── WAIT ──┘ behind (WAIT), or somebody wrote in between (AGAIN): try again
 *
 * The first try also looks at every key of both databases (nobody else's may be there) and at what would be lost.
 * Whoever fills the shadow meanwhile goes on until the switch, and finds its database to be another one's then.
 * Ownership: keeps config and group.   Threads: one owner.                                                         */
#include "settings.h"
#include "virality/switch.h"

struct vr_switcher_config {
	const struct vr_config *config;
	struct vr_group *group;			/* asked for partitions, and where live has no record for what was committed */
	const char *name;			/* of the generation; NULL: the one that was live before (undo) */
	bool accept_shorter_history, accept_state_loss;
};
struct vr_switcher;
/** Connects. VR_E_UNSUPPORTED: a Redis whose WATCH does not notice SWAPDB. VR_E_REFUSED: nothing to undo. */
VR_MUST enum vr_err vr_switcher_new(const struct vr_switcher_config *config, struct vr_switcher **ret, struct vr_diag *d);
void vr_switcher_free(struct vr_switcher *s);
/** What becomes live, and what was when it was last looked at. */
const char *vr_switcher_name(const struct vr_switcher *s);
const char *vr_switcher_was(const struct vr_switcher *s);
/** Is a process at work that brings it nearer (it said so a moment ago)? Known after a try. */
bool vr_switcher_is_filled(const struct vr_switcher *s);
/** One attempt. WAIT: d says why. Any error but RETRY and REWIND is final; nothing was changed then. */
VR_MUST enum vr_err vr_switcher_try(struct vr_switcher *s, enum vr_switch_verdict *ret, struct vr_diag *d);
