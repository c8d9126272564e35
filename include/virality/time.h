/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* time.h - times are types, so that a wall time, a monotonic time and a duration
 * cannot be mixed.   Units: milliseconds.   0 in a vr_wall means "unknown".        */
#include <stdbool.h>
#include <stdint.h>

struct vr_wall { int64_t ms; };	/* since the Unix epoch, UTC: event, Kafka, stream, log and view time */
struct vr_mono { int64_t ms; };	/* of a clock that never jumps; only differences mean something */
struct vr_span { int64_t ms; };	/* a duration */

static inline struct vr_wall vr_wall_max(struct vr_wall a, struct vr_wall b) { return a.ms >= b.ms ? a : b; }
static inline struct vr_wall vr_wall_min(struct vr_wall a, struct vr_wall b) { return a.ms <= b.ms ? a : b; }
static inline struct vr_wall vr_wall_add(struct vr_wall a, struct vr_span s) { return (struct vr_wall){a.ms + s.ms}; }
static inline struct vr_span vr_wall_since(struct vr_wall now, struct vr_wall then) { return (struct vr_span){now.ms - then.ms}; }
static inline struct vr_mono vr_mono_add(struct vr_mono a, struct vr_span s) { return (struct vr_mono){a.ms + s.ms}; }
static inline bool vr_mono_reached(struct vr_mono now, struct vr_mono due) { return now.ms >= due.ms; }
