/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* switching.h - `virald switch NAME` and `virald switch --undo`.   Threads: one caller. */
#include "settings.h"

struct vr_switching_options {
	struct vr_settings settings;
	const char *name;		/* NULL: undo */
	bool undo, accept_shorter_history, accept_state_loss;
	struct vr_span wait;		/* for a shadow that is behind */
};
/** Exit code by sysexits; what was done goes to stdout, why it was not to stderr. */
int vr_switching(const struct vr_switching_options *o);
