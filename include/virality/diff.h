/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* diff.h - live against a shadow generation: what would change, and whether live is right.
 *
 *      for each partition, in pieces: both owner records, both states of some contents     one MULTI over both databases
 *        same last offset ─> both shown at one moment by the code that shows them, field by field;
 *        the minutes of their time series that both have left; alerts that are pending at that moment;
 *        the totals that people are shown in live
 *        live is further on that content ─> again later
 *      channels and overall: partitions whose offsets are equal, merged from both sides
 *      alerts: what was announced against what the replay brought forth
 *
 * Left out, and counted: contents that began below the shadow's first record; mis-keyed ones; alerts of offsets
 * below which live was silent, and of times from which the alert stream has been trimmed.
 * Threads: one caller.   Fails: as Redis does; VR_E_CORRUPT where a state cannot be read; VR_E_REFUSED: the spare
 * database is not that generation.                                                                             */
#include <stdio.h>

#include "virality/config.h"
#include "virality/redis.h"

struct vr_diff_config {
	const struct vr_config *config;		/* keeps */
	struct vr_link redis;			/* in live's database, and stays there */
	const char *name;			/* of the shadow; NULL: whichever is there */
	uint32_t show;				/* rows of each kind that are kept, the largest differences first */
	/** Some could not be compared, for live went on: wait until the shadow is there, then true; false: leave them. NULL: leave them. */
	bool (*again)(void *ctx, uint64_t left);
	/** Called between exchanges; false: break off, VR_E_BUSY. The link is free for other exchanges meanwhile. May be NULL. */
	bool (*step)(void *ctx);
	void *ctx;
};
struct vr_diff_counts {
	uint64_t contents, differing;		/* compared; of them not equal */
	uint64_t only_live, only_shadow;	/* of the differing */
	uint64_t moving;			/* not compared: live has gone on */
	uint64_t older;				/* not compared: began below the shadow's first record */
	uint64_t miskeyed;
	uint64_t fields;			/* compared */
	uint64_t channels, channels_differing;	/* the overall figures are one of them */
	uint64_t parts, parts_moving;		/* partitions; those not in the channels, for live is further */
	uint64_t alerts, added, removed;	/* compared; only in the replay; only in live */
	uint64_t alerts_untold;			/* not compared: silent, or trimmed */
};
struct vr_diff;
VR_MUST enum vr_err vr_diff_run(const struct vr_diff_config *config, struct vr_diff **ret, struct vr_diag *d);
void vr_diff_free(struct vr_diff *f);
const struct vr_diff_counts *vr_diff_counts(const struct vr_diff *f);
/** Nothing that was compared differs. */
bool vr_diff_is_none(const struct vr_diff *f);
/** Tables for people, ending in "no difference" where there is none; or JSON, one object a line. */
void vr_diff_print(struct vr_diff *f, FILE *out, bool json);
