/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* arena.h - memory for one batch: many small pieces, given back all at once.
 *
 * Picture:   first -> [####____] -> [########] -> NULL
 *                       ^ cur: pieces are cut off here; chunks behind it are empty and kept
 * Invariant: used <= size in every chunk; a chunk after cur is empty.
 * Ownership: the arena takes chunks from *mem (kept) and gives them back in done. What it
 *            hands out is borrowed until the next reset or done.
 * Threads:   one owner.   Fails: NULL or VR_E_NOMEM when mem does; the arena stays usable. */
#include "virality/err.h"
#include "virality/mem.h"
#include "virality/str.h"

struct vr_arena_chunk;

struct vr_arena {
	struct vr_mem *mem;			/* keeps */
	struct vr_arena_chunk *first, *cur;
	size_t chunk_bytes;			/* of an ordinary chunk; a larger piece gets its own */
};

/** Nothing is allocated yet. chunk_bytes 0 means 64 KiB. */
void vr_arena_init(struct vr_arena *arena, struct vr_mem *mem, size_t chunk_bytes);
/** Gives every chunk back. A zeroed arena is fine. */
void vr_arena_done(struct vr_arena *arena);
/** Everything handed out is void; ordinary chunks are kept for the next batch. */
void vr_arena_reset(struct vr_arena *arena);
/** n bytes, aligned for any type, not cleared; never NULL for n == 0. */
VR_MUST void *vr_arena_alloc(struct vr_arena *arena, size_t n);
/** A copy of s that lives as long as the arena's batch. */
VR_MUST enum vr_err vr_arena_dup(struct vr_arena *arena, struct vr_str s, struct vr_str *ret);
