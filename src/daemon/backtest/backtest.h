/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* backtest.h - `virald backtest`: what would these rules have said of history?
 *
 *      log, from ─> to ─┬─> engine with NEW ─> alerts ─┐
 *                       └─> engine with OLD ─> alerts ─┴─> added, removed, shifted
 *
 * The alerts are those of a live daemon whose first start is at `from`: the same ids and times. Nothing is written, no
 * Redis is needed.   Threads: one caller.                                                                          */
#include "settings.h"

struct vr_backtest_options {
	const struct vr_settings *settings;	/* configuration: brokers, topics, limits */
	const char *rules, *against;		/* files or patterns; against may be NULL */
	const char *from, *to;			/* virality/point.h; NULL: all */
	uint64_t limit;				/* rows of a list; 0: all */
	bool json, no_progress;
};
/** Exit code by sysexits: 0, 64 usage, 69 unreachable, 70 own fault, 74 standard output, 78 configuration or rules. */
int vr_backtest(const struct vr_backtest_options *o);
