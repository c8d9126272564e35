/* SPDX-License-Identifier: Apache-2.0 */
#include "heap.h"

enum { ARITY = 4, CAP_FIRST = 16 };

void vr_heap_init(struct vr_heap *h, struct vr_mem *mem, uint32_t *(*place)(void *),
	int (*tie)(const void *, const void *))
{
	*h = (struct vr_heap){.mem = mem, .place = place, .tie = tie};
}

void vr_heap_done(struct vr_heap *h)
{
	vr_mem_put(h->mem, h->item, h->cap * sizeof(*h->item));
	h->item = NULL;
	h->n = h->cap = 0;
}

static bool is_before(const struct vr_heap *h, const struct vr_heap_item *a, const struct vr_heap_item *b)
{
	if (a->key != b->key)
		return a->key < b->key;
	return h->tie && h->tie(a->member, b->member) < 0;
}

static void put(struct vr_heap *h, uint32_t i, struct vr_heap_item item)
{
	h->item[i] = item;
	*h->place(item.member) = i + 1;
}

/* Item wants to go to the hole i: move it towards the root while its parent comes after it. */
static uint32_t rise(struct vr_heap *h, uint32_t i, const struct vr_heap_item *item)
{
	while (i > 0 && is_before(h, item, &h->item[(i - 1) / ARITY])) {
		put(h, i, h->item[(i - 1) / ARITY]);
		i = (i - 1) / ARITY;
	}
	return i;
}

/* First of the children of i in the order, or n when there is none. */
static uint32_t first_child(const struct vr_heap *h, uint32_t i)
{
	uint64_t from = (uint64_t)i * ARITY + 1;
	uint32_t best = h->n;

	for (uint64_t c = from; c < from + ARITY && c < h->n; c++)
		if (best == h->n || is_before(h, &h->item[c], &h->item[best]))
			best = (uint32_t)c;
	return best;
}

static uint32_t sink(struct vr_heap *h, uint32_t i, const struct vr_heap_item *item)
{
	uint32_t c;

	while ((c = first_child(h, i)) < h->n && is_before(h, &h->item[c], item)) {
		put(h, i, h->item[c]);
		i = c;
	}
	return i;
}

/* Whatever was at i is replaced by item, which moves where it belongs. */
static void settle(struct vr_heap *h, uint32_t i, struct vr_heap_item item)
{
	put(h, sink(h, rise(h, i, &item), &item), item);
}

static enum vr_err reserve(struct vr_heap *h)
{
	uint32_t cap = h->cap ? h->cap * 2 : CAP_FIRST;
	struct vr_heap_item *item;

	if (h->n < h->cap)
		return VR_OK;
	if (h->cap > UINT32_MAX / 2)
		return VR_E_NOMEM;
	item = vr_mem_resize(h->mem, h->item, h->cap * sizeof(*item), cap * sizeof(*item));
	if (!item)
		return VR_E_NOMEM;
	h->item = item;
	h->cap = cap;
	return VR_OK;
}

enum vr_err vr_heap_set(struct vr_heap *h, void *member, int64_t key)
{
	struct vr_heap_item item = {key, member};
	uint32_t place = *h->place(member);
	enum vr_err err;

	if (place > 0) {
		if (h->item[place - 1].key != key)
			settle(h, place - 1, item);
		return VR_OK;
	}
	err = reserve(h);
	if (err)
		return err;
	h->n++;
	put(h, rise(h, h->n - 1, &item), item);
	return VR_OK;
}

void vr_heap_remove(struct vr_heap *h, void *member)
{
	uint32_t *place = h->place(member), i = *place - 1;

	if (*place == 0)
		return;
	*place = 0;
	h->n--;
	if (i < h->n)
		settle(h, i, h->item[h->n]);
}

bool vr_heap_check(const struct vr_heap *h)
{
	for (uint32_t i = 0; i < h->n; i++) {
		if (*h->place(h->item[i].member) != i + 1)
			return false;
		if (i > 0 && is_before(h, &h->item[i], &h->item[(i - 1) / ARITY]))
			return false;
	}
	return h->n <= h->cap;
}
