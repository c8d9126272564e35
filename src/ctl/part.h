/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* part.h - what Redis holds about one partition: its owner record, why it stands, what was decided.
 *
 * Ownership: the replies live as long as the peers.   Threads: none.                            */
#include "peers.h"

struct vr_ctl_part {
	struct vr_str topic;
	int32_t partition;
	struct vr_keys keys;
	const struct vr_reply *own, *stop, *accept;	/* flat HGETALL; n == 0: not there */
	struct vr_str err, text;			/* of stop */
};

VR_MUST enum vr_err vr_ctl_part_read(struct vr_ctl_peers *p, struct vr_str topic, int32_t partition,
	struct vr_ctl_part *ret, struct vr_diag *d);
