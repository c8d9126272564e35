/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* units.h - durations and sizes as people write them.   Threads: pure functions. */
#include "virality/str.h"
#include "virality/time.h"

/** 200ms, 5m, 1h30m, 7d, 2w (units falling), or 0. False when it is none, or too long for a century. */
bool vr_span_parse(struct vr_str text, struct vr_span *ret);
/** 100, 64KiB, 64MiB, 2GiB. */
bool vr_size_parse(struct vr_str text, int64_t *ret);
/** A whole decimal number, perhaps with a minus. */
bool vr_int_parse(struct vr_str text, int64_t *ret);

enum { VR_UNIT_TEXT_MAX = 48 };
/** The shortest spelling that reads back equal. */
void vr_span_print(int64_t ms, char text[VR_UNIT_TEXT_MAX]);
void vr_size_print(int64_t bytes, char text[VR_UNIT_TEXT_MAX]);
