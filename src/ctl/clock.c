/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <time.h>
#include "clock.h"

static sigset_t stop_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	return set;
}

void vr_ctl_clock_start(void)
{
	sigset_t set = stop_signals();

	sigprocmask(SIG_BLOCK, &set, NULL);
}

void vr_ctl_clock_stop(void)
{
	sigset_t set = stop_signals();

	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static int64_t read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct vr_mono vr_ctl_now(void)
{
	return (struct vr_mono){read_clock(CLOCK_MONOTONIC)};
}

struct vr_wall vr_ctl_today(void)
{
	return (struct vr_wall){read_clock(CLOCK_REALTIME)};
}

bool vr_ctl_wait(struct vr_span wait)
{
	struct vr_mono end = vr_mono_add(vr_ctl_now(), wait);
	sigset_t set = stop_signals();

	for (;;) {
		int64_t left = end.ms - vr_ctl_now().ms;
		struct timespec t = {0};

		if (left > 0)
			t = (struct timespec){left / 1000, left % 1000 * 1000000};
		if (sigtimedwait(&set, NULL, &t) > 0)
			return true;
		if (errno != EINTR)
			return false;
	}
}
