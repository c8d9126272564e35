/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* tree.h - who was shared from whom in one file: posts are the roots, depth counts links up to them.
 *
 * Picture:   post 0 <-- share 1 <-- share 2      share without parent: 1
 *            a parent that is nowhere in the file: unknown
 * Ids are kept as 128-bit hashes. Lines may come in any order; ask for depths when all have been added.
 * Memory: an arena and a map, from *mem (kept).   Threads: one owner.   Fails: VR_E_NOMEM.              */
#include "virality/arena.h"
#include "virality/hash.h"
#include "virality/map.h"

struct vr_tree {
	struct vr_arena arena;
	struct vr_map nodes;
};

void vr_tree_init(struct vr_tree *t, struct vr_mem *mem);
void vr_tree_done(struct vr_tree *t);
/** One line of the file; parent may be empty. The first line with an id decides. */
VR_MUST enum vr_err vr_tree_add(struct vr_tree *t, struct vr_str id, struct vr_str parent, bool is_post);
/** Is that id a post of this file? */
bool vr_tree_is_post(const struct vr_tree *t, struct vr_str id);
/** Depth of what has that parent: 1 below a post, 2 below a share of the content itself; 0: unknown
 * (no parent, parent not in the file, or a circle). */
uint32_t vr_tree_depth_below(struct vr_tree *t, struct vr_str parent);
