/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* say.h - how this room collects what is wrong.   Fails: never; a text too long is cut. */
#include "virality/rules.h"

void vr_config_say(struct vr_rule_errors *errors, struct vr_pos pos, const char *format, ...) VR_PRINTF(3, 4);
/** Two arguments for %.*s, cut so that a message stays readable. */
#define SHOW(s) ((int)((s).n < 80 ? (s).n : 80)), ((s).p ? (s).p : "")
