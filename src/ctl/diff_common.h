/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* diff_common.h - a diff on standard output, for the subcommands that end in one.   Threads: none. */
#include "peers.h"

enum { VR_CTL_DIFF_AGAIN_MS = 500 };
/** VR_CTL_FAILED: there are differences. again: as vr_diff_config has it. */
enum vr_ctl_exit vr_ctl_diff(struct vr_ctl_peers *p, const char *name, uint32_t show, bool json,
	bool (*again)(void *ctx, uint64_t left), void *ctx);
