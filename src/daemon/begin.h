/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* begin.h - where the very first start begins, written once for all partitions, before any owner record.
 *
 * `vir:<topic>:begin`: partition -> offset. Later partitions are not in it: they are growth.
 * Threads: one caller.   Fails: RETRY verdicts when a peer is away.                                        */
#include "virality/config.h"
#include "virality/kafka.h"
#include "virality/keys.h"

VR_MUST enum vr_err vr_begin_write(const struct vr_config *c, struct vr_group *group, const struct vr_link *redis,
	const struct vr_keys *keys, struct vr_str topic, int32_t partitions, struct vr_diag *d);
