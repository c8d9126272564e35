/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* merge.h - the partitions' partials and boards into what people read: per channel, overall, leaderboards.
 *
 *      vr_merge_new
 *      for each partition: vr_merge_part, then vr_merge_slot for each of its PARTIAL and BOARD slots
 *      vr_merge_done                     sums, sorts
 *      vr_merge_channel, vr_merge_board  read what came of it
 *      vr_merge_free
 *
 * Every partial is read at one moment, `as_of` = the highest view time of all partitions; a board's rows hold for
 * their own partition's view time.
 * Ownership: a merge copies what it keeps.   Threads: one owner.   Fails: VR_E_NOMEM, VR_E_CORRUPT.              */
#include "virality/event.h"
#include "virality/mem.h"
#include "virality/store.h"

struct vr_merge_config {
	struct vr_windows windows;
	uint32_t top_n;			/* rows of a board */
	uint32_t top_channels;		/* channels with boards of their own */
};
struct vr_merge;
VR_MUST enum vr_err vr_merge_new(const struct vr_merge_config *config, struct vr_mem *mem, struct vr_merge **ret);
void vr_merge_free(struct vr_merge *m);
/** Another partition follows. has_events: its stream time is known (else it does not count for the spread). */
void vr_merge_part(struct vr_merge *m, struct vr_wall view, bool has_events);
VR_MUST enum vr_err vr_merge_slot(struct vr_merge *m, enum vr_slot slot, struct vr_str name, struct vr_str value);
VR_MUST enum vr_err vr_merge_done(struct vr_merge *m);

struct vr_wall vr_merge_as_of(const struct vr_merge *m);
struct vr_span vr_merge_spread(const struct vr_merge *m);
bool vr_merge_has_other(const struct vr_merge *m);	/* some partition counts under `_other` */
/** Entities: 0 is overall ("_all"), then the channels, sorted by name. */
size_t vr_merge_entities(const struct vr_merge *m);
struct vr_str vr_merge_name(const struct vr_merge *m, size_t entity);
/** Every counter of an entity as of as_of, as "shares_5m" and decimal; zero windows of an action that was seen are told. */
void vr_merge_fields(struct vr_merge *m, size_t entity, void (*each)(void *ctx, struct vr_str name, uint64_t value), void *ctx);
/** Does the channel have boards of its own? Entity 0 has. */
bool vr_merge_has_board(const struct vr_merge *m, size_t entity);
struct vr_merge_row { struct vr_str id; double score; uint64_t recent; };	/* recent: shares in the shortest window */
/** Best of an entity in a window (VR_WINDOWS_MAX: trending, entity 0 only), sorted. */
size_t vr_merge_board(const struct vr_merge *m, size_t entity, unsigned window, const struct vr_merge_row **ret);

/* The time series of an entity: minutes that as_of has left and that were not told yet. */
struct vr_merge_minute { int64_t minute; uint64_t count[VR_ACTIONS_MAX], late; };
struct vr_merge_told { int64_t minute; uint64_t sum; };	/* last minute told; all counts told so far, late ones too */
/** The oldest untold closed minute with counts; false: none. Tell it, pass the changed `told` again for the next. */
bool vr_merge_next_minute(const struct vr_merge *m, size_t entity, struct vr_merge_told *told, struct vr_merge_minute *ret);
