/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* health.h - what /livez and /readyz ask, and where the answers come from.
 *
 *      main thread, monitor ──set──> struct vr_standing <──ask── HTTP server
 *
 *   livez    loop        the main loop goes round
 *            workers     every worker goes round or waits knowingly
 *   readyz   started     everything was found, the group joined
 *            redis       the last question was answered
 *            partitions  none is being acquired or stopped
 *
 * How far behind it is never makes an instance unready: it would be restarted for having work to do.
 * Threads: any.                                                                                       */
#include <pthread.h>
#include <stdatomic.h>
#include "virality/http.h"
#include "worker/worker.h"

enum { VR_LIVE_CHECKS = 2, VR_READY_CHECKS = 3 };

struct vr_standing {
	_Atomic int64_t beat_ms;	/* of the main loop, monotonic; 0: it has not begun */
	_Atomic bool workers, ready, redis;
	pthread_mutex_t lock;		/* of the texts */
	char waiting[256];		/* what the start waits for */
	char partitions[256];		/* what is wrong with them, or empty */
	struct vr_health live[VR_LIVE_CHECKS], ready_checks[VR_READY_CHECKS];
};
void vr_standing_init(struct vr_standing *s);
void vr_standing_done(struct vr_standing *s);
void vr_standing_waits(struct vr_standing *s, const char *what);
void vr_standing_facts(struct vr_standing *s, const struct vr_slot_facts *facts, size_t n);
