/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* loss.h - what would be lost if a shadow that begins later than live became live.
 *
 *      log          ......live.base......first_off.........shadow.base..........live.off
 *                              a living content |----------------x (the shadow does not have this part)
 *
 * A content that lives in live and began below the shadow's first offset would lose what came before it.
 * Threads: one owner.                                                                                              */
#include "virality/switch.h"

struct vr_loss { uint64_t contents, shares; char example[128]; };
/** Over all parts that look has found, on a link in live's database, which it stays in. retention: as the engine has it. */
VR_MUST enum vr_err vr_switch_loss(const struct vr_link *redis, const struct vr_switch *w, struct vr_span retention,
	struct vr_loss *ret, struct vr_diag *d);
