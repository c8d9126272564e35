/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* rfc3339.h - wall times as people and JSON write them: 2026-01-31T09:30:00.250+08:00.
 *
 * Years 1 to 9999, any offset up to 23:59, any number of fraction digits (cut to milliseconds,
 * towards the past), second 60 counts as the next minute's 0. No table of zones, no locale.
 * Threads: pure functions.                                                                 */
#include "virality/buf.h"
#include "virality/err.h"
#include "virality/time.h"

/** 9999-12-31T23:59:59.999Z: the last time any part of virality takes. */
#define VR_WALL_MAX_MS INT64_C(253402300799999)

/** The time s says; VR_E_DECODE when it is not RFC 3339. Times before 1970 are negative. */
VR_MUST enum vr_err vr_rfc3339_parse(struct vr_str s, struct vr_wall *ret);
/** Appends t in UTC with three decimals: 24 bytes. t must be in years 1 to 9999. */
void vr_rfc3339_add(struct vr_buf *b, struct vr_wall t);
