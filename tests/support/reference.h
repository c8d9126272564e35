/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* reference.h - what protobuf-c's generated code makes of an event's bytes, held against ours,
 * and events made at random.                                                                */
#include "random.h"
#include "virality/arena.h"
#include "virality/event.h"

/** NULL when protobuf-c reads bytes as the same event, else the field that differs ("value": it cannot read
 * them). */
const char *vr_reference_differs(struct vr_str bytes, const struct vr_event *ev);
/** The first field in which two events differ, or NULL. */
const char *vr_event_differs(const struct vr_event *a, const struct vr_event *b);
/** An event within all limits; any field may be absent that may. Text is in the arena. */
struct vr_event vr_random_event(struct vr_random *r, struct vr_arena *arena);
