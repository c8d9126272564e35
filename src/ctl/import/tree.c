/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"

#define UNKNOWN UINT32_MAX

struct node {
	struct vr_hash128 id;
	struct node *parent;
	uint32_t depth;			/* with resolved; UNKNOWN: leads nowhere */
	bool seen, is_post, resolved, walking;
};

static struct vr_str key_of(const void *value)
{
	const struct node *n = value;

	return (struct vr_str){(const char *)&n->id, sizeof(n->id)};
}

void vr_tree_init(struct vr_tree *t, struct vr_mem *mem)
{
	vr_arena_init(&t->arena, mem, 1 << 20);
	vr_map_init(&t->nodes, mem, key_of);
}

void vr_tree_done(struct vr_tree *t)
{
	vr_map_done(&t->nodes);
	vr_arena_done(&t->arena);
}

static struct node *find(const struct vr_tree *t, struct vr_str id)
{
	struct vr_hash128 h = vr_hash128(id);

	return vr_map_find(&t->nodes, h.lo, (struct vr_str){(const char *)&h, sizeof(h)});
}

static struct node *find_or_add(struct vr_tree *t, struct vr_str id)
{
	struct node *n = find(t, id);

	if (n)
		return n;
	n = vr_arena_alloc(&t->arena, sizeof(*n));
	if (!n)
		return NULL;
	*n = (struct node){.id = vr_hash128(id)};
	return vr_map_put(&t->nodes, n->id.lo, key_of(n), n) ? NULL : n;
}

enum vr_err vr_tree_add(struct vr_tree *t, struct vr_str id, struct vr_str parent, bool is_post)
{
	struct node *n;

	if (id.n == 0)
		return VR_OK;
	n = find_or_add(t, id);
	if (!n)
		return VR_E_NOMEM;
	if (n->seen)
		return VR_OK;
	n->seen = true;
	n->is_post = is_post;
	if (parent.n == 0 || is_post)
		return VR_OK;
	n->parent = find_or_add(t, parent);
	return n->parent ? VR_OK : VR_E_NOMEM;
}

bool vr_tree_is_post(const struct vr_tree *t, struct vr_str id)
{
	const struct node *n = id.n ? find(t, id) : NULL;

	return n && n->is_post;
}

/* What a node without a parent is. */
static uint32_t depth_of_end(const struct node *n)
{
	if (!n->seen)
		return UNKNOWN;
	return n->is_post ? 0 : 1;
}

/* Depth of the first node upwards that is resolved, an end, or met twice. */
static uint32_t climb(struct node *n, uint32_t *ret_links)
{
	uint32_t links = 0;

	for (; n->parent && !n->resolved && !n->walking; n = n->parent, links++)
		n->walking = true;
	*ret_links = links;
	if (n->resolved)
		return n->depth;
	return n->walking ? UNKNOWN : depth_of_end(n);
}

static uint32_t depth_of(struct node *n)
{
	uint32_t links, top = climb(n, &links), depth = top == UNKNOWN ? UNKNOWN : top + links;

	for (struct node *m = n; links > 0; m = m->parent, links--) {
		m->depth = top == UNKNOWN ? UNKNOWN : top + links;
		m->resolved = true;
	}
	return depth;
}

uint32_t vr_tree_depth_below(struct vr_tree *t, struct vr_str parent)
{
	struct node *n = parent.n ? find(t, parent) : NULL;
	uint32_t depth = n ? depth_of(n) : UNKNOWN;

	return depth == UNKNOWN ? 0 : depth + 1;
}
