/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* clock.h - time and the wish to stop, for subcommands that run long.
 *
 * INT, TERM and HUP are blocked from vr_ctl_clock_start on and only ever looked for here, so that no handler
 * and no global is needed.   Threads: the main one.                                                       */
#include "virality/time.h"

void vr_ctl_clock_start(void);
struct vr_mono vr_ctl_now(void);
struct vr_wall vr_ctl_today(void);
/** Sleep so long, or until somebody wants the program to stop: then true. 0 or less: only look. */
bool vr_ctl_wait(struct vr_span wait);
/** From now on a signal ends the process as usual. */
void vr_ctl_clock_stop(void);
