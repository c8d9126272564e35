/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon.h"

#include <signal.h>
#include <sysexits.h>
#include <time.h>

enum { RETRY_MS = 1000, EXTEND_MS = 60000 };

void vr_daemon_end(struct vr_daemon *d, int code)
{
	int none = 0;
	atomic_compare_exchange_strong(&d->exit_code, &none, code);
	atomic_store(&d->stop, true);
}

bool vr_daemon_wait_retry(struct vr_daemon *d, const char *what, const struct vr_diag *why)
{
	struct timespec moment = {RETRY_MS / 1000, 0};
	vr_report_waiting(d->report, what, why);
	vr_notify_status(&d->notify, "waiting for %s: %s", what, why->text);
	vr_notify_extend(&d->notify, (struct vr_span){EXTEND_MS});
	vr_notify_watchdog(&d->notify);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigtimedwait(&set, NULL, &moment) > 0)
		vr_daemon_end(d, EX_OK);
	return !atomic_load(&d->stop);
}
