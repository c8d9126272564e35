/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* notify.h - what is said to the service manager (sd_notify), over its Unix socket.
 *
 *      $NOTIFY_SOCKET  /path, or @name for an abstract one; without it every call does nothing
 *      $WATCHDOG_USEC, $WATCHDOG_PID  how often it wants to hear of us
 *
 * Threads: any; a datagram each.   Fails: silently; the manager notices by itself what it does not hear.  */
#include "virality/err.h"
#include "virality/time.h"

#include <sys/socket.h>
#include <sys/un.h>

struct vr_notify {
	int fd;				/* -1: nobody listens */
	struct sockaddr_un to;
	socklen_t to_n;
	struct vr_span watchdog;	/* 0: none wanted */
};
/** From the environment, which stays as it is. */
void vr_notify_init(struct vr_notify *n);
void vr_notify_done(struct vr_notify *n);
void vr_notify_ready(struct vr_notify *n);
/** RELOADING=1 with the time at which it began; vr_notify_ready ends it. */
void vr_notify_reloading(struct vr_notify *n);
void vr_notify_stopping(struct vr_notify *n);
/** One line for `systemctl status`; cut to 500 bytes, line ends become spaces. */
void vr_notify_status(struct vr_notify *n, const char *fmt, ...) VR_PRINTF(2, 3);
/** A sign of progress. */
void vr_notify_watchdog(struct vr_notify *n);
/** Starting or stopping takes so much longer from now on. */
void vr_notify_extend(struct vr_notify *n, struct vr_span more);
/** How often vr_notify_watchdog should be called, half of what the manager waits; 0: never. */
struct vr_span vr_notify_interval(const struct vr_notify *n);
