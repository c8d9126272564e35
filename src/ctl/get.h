/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* get.h - what `viralctl get` was asked for; its leaderboards have a file of their own. */
#include "peers.h"

struct vr_ctl_get {
	const struct vr_ctl_command *self;
	struct vr_ctl_peers peers;
	const char *window, *channel;
	uint64_t n;
	bool json;
	const char *id;
};

enum vr_ctl_exit vr_ctl_get_top(struct vr_ctl_get *run);
