/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* point.h - a place in a log as people write it: `--from 2026-01-31T09:30:00Z`, `--to live`.
 *
 *   earliest              the first record that is there            (a beginning only)
 *   live                  all that can be read now                  (an end only)
 *   offset:N              that offset, in every partition
 *   2026-01-31T09:30:00Z  the first record of that time or later; so do milliseconds since 1970,
 *   -2h                   and so long before now (ms s m h d w, as in settings: -1d12h)
 *
 * As an end the place itself is not included.   Threads: a pure function. */
#include "virality/err.h"
#include "virality/str.h"
#include "virality/time.h"

enum vr_point_kind { VR_POINT_EARLIEST, VR_POINT_LIVE, VR_POINT_OFFSET, VR_POINT_TIME };
struct vr_point {
	enum vr_point_kind kind;
	int64_t offset;			/* of OFFSET */
	struct vr_wall time;		/* of TIME */
};
/** The place that text names; VR_E_CONFIG, and d says what is expected. end: it is where something ends. */
VR_MUST enum vr_err vr_point_parse(struct vr_str text, bool end, struct vr_wall now, struct vr_point *ret, struct vr_diag *d);
