/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* notes.h - what a shard's word counts, and what it says: a row of a table for each.
 *
 *      enum vr_note ──> metrics (metrics.def), and where it has a text, the log (events.def)
 *
 * Threads: any; a note of worker w only by its own thread.   Fails: never.                                          */
#include "shard/world.h"
#include "virality/log.h"
#include "virality/metrics.h"

/** n, err and text: what the note's comment says (world.h). worker VR_M_SHARED: said by another thread. */
void vr_note_tell(struct vr_logger *log, struct vr_metrics *metrics, int worker, const struct vr_topic_part *part, enum vr_note note,
	enum vr_err err, int64_t n, const char *text);
