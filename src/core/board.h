/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* board.h - the n best of a million by a score that events raise and time lowers, exactly.
 *
 * Idea: only members at or above a level (score, then id) are candidates. A rise is one
 * comparison; a member that reaches the level joins. What is not a candidate is below the
 * level for certain, for between events scores only fall. When fewer than n candidates are
 * left at or above the level (they drained), all members are scanned once and a new, lower
 * level is set so that about 4n take part; when more than 16n take part the level rises.
 * Order: score descending, then id bytes descending (as ZREVRANGE gives equals).
 * A score of 0 is never on the board.
 * Time: scores for vr_board_best are looked at at times that never go back; vr_board_raise may tell an older,
 * so higher, score.
 * Memory: grows with the candidates, at most 16n rows. Where it cannot grow the member is left out, and the
 * next vr_board_best scans.
 * Threads: one owner.   Fails: VR_E_NOMEM from new.                                          */
#include <stdint.h>
#include "virality/err.h"
#include "virality/mem.h"
#include "virality/str.h"

struct vr_board_row { void *member; double score; };
/** The caller's members: score now (0 = none), id, and a walk over all. */
struct vr_board_source {
	double (*score)(const void *ctx, const void *member);
	struct vr_str (*id)(const void *ctx, const void *member);
	void *(*next)(const void *ctx, void *cursor_member);	/* NULL first; NULL at the end */
	/* The member's own mark for this board (false at first), so that a candidate is listed once. */
	bool (*is_in)(const void *ctx, const void *member);
	void (*set_in)(const void *ctx, void *member, bool in);
	const void *ctx;
};
struct vr_board;
/** A board of the n best; n is 1 .. 65536. Gives *ret. */
VR_MUST enum vr_err vr_board_new(struct vr_mem *mem, uint32_t n, struct vr_board **ret);
/** The members' marks are their owner's. NULL: nothing. */
void vr_board_free(struct vr_board *b);
/** The member's score may have risen to `score`. O(1), amortised where it joins. */
void vr_board_raise(struct vr_board *b, const struct vr_board_source *src, void *member, double score);
/** The member goes away (forgotten, evicted). O(candidates) when it is one. */
void vr_board_drop(struct vr_board *b, const struct vr_board_source *src, void *member);
/** The best, at most n rows, sorted. rows borrowed until the next call. `members` = how many members there
 * are in all (to know when a scan is worth it). */
size_t vr_board_best(struct vr_board *b, const struct vr_board_source *src, size_t members,
	const struct vr_board_row **ret_rows);
/** All invariants hold; walks all members (tests). */
bool vr_board_check(const struct vr_board *b, const struct vr_board_source *src);
