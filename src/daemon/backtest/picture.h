/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* picture.h - counts over time as a picture of one line.
 *
 *      ▁▃█▂▁ ▁     a cell for each so many hours, as high as its share of the highest; an empty one is blank
 *      .-#:. .     the same where only ASCII is to be had
 *      ########    a bar
 * Threads: pure; failures stick in the buffer.                                                        */
#include "virality/buf.h"
#include "virality/time.h"

enum { VR_HOUR_IN_MS = 3600000, VR_PICTURE_CELLS = 48 };

/* Hours from `first` on, `hours` of them to a cell. */
struct vr_axis { int64_t first; int64_t hours; size_t cells; };
/** Whole hours of UTC since 1970. */
int64_t vr_picture_hour(struct vr_wall t);
/** The fewest hours a cell so that all from one time to the other have room in VR_PICTURE_CELLS. */
struct vr_axis vr_picture_axis(struct vr_wall from, struct vr_wall to);
/** The cell of that time: below a->cells for times of the axis. */
size_t vr_picture_cell(const struct vr_axis *a, struct vr_wall t);
void vr_picture_spark(const uint64_t *count, size_t n, bool ascii, struct vr_buf *b);
/** n of the most as at most `width` signs; at least one where n is not 0. */
void vr_picture_bar(uint64_t n, uint64_t most, size_t width, struct vr_buf *b);
