/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* clock.h - the machine's clocks and randomness, for the daemon's threads; nothing below it reads them.
 *
 * Threads: any.                                                                                          */
#include "virality/owner.h"
#include "virality/time.h"

struct vr_mono vr_clock_mono(void);
struct vr_wall vr_clock_wall(void);
/** 32 hex digits of the system's randomness, and NUL. */
void vr_clock_token(char out[VR_TOKEN_LEN + 1]);
