/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "pool.h"

/* With AddressSanitizer a block in a free list is out of bounds, as freed memory of malloc's would be. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define FENCE(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define UNFENCE(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define FENCE(p, n) ((void)(p), (void)(n))
#define UNFENCE(p, n) ((void)(p), (void)(n))
#endif

enum { SLAB = 256 * 1024, GRAIN = 16, BLOCK_MAX = 8192, LINEAR = 4, STEPS = 4 };

struct slab {
	struct slab *next;
	char pad[GRAIN - sizeof(struct slab *)];
};

struct large {
	struct large *next, *prev;
	size_t size;	/* with this head */
	size_t pad;
};

/* Classes 0..3 are multiples of 16 up to 64; then four per doubling: 80, 96, 112, 128, 160 ... 8192. */
static unsigned class_of(size_t size)
{
	unsigned e;

	if (size <= LINEAR * GRAIN)
		return size ? (unsigned)((size - 1) / GRAIN) : 0;
	e = 63U - (unsigned)__builtin_clzll(size - 1);
	return LINEAR + (e - 6) * STEPS + (unsigned)((size - 1) >> (e - 2) & (STEPS - 1));
}

static size_t class_size(unsigned c)
{
	unsigned e = 6 + (c - LINEAR) / STEPS;

	if (c < LINEAR)
		return (c + 1) * (size_t)GRAIN;
	return (size_t)(STEPS + 1 + (c - LINEAR) % STEPS) << (e - 2);
}

void vr_pool_init(struct vr_pool *p, struct vr_mem *mem)
{
	*p = (struct vr_pool){.mem = mem};
}

void vr_pool_done(struct vr_pool *p)
{
	struct slab *slab = p->slabs;
	struct large *large = p->large;

	while (slab) {
		struct slab *next = slab->next;
		UNFENCE(slab, SLAB);
		vr_mem_put(p->mem, slab, SLAB);
		slab = next;
	}
	while (large) {
		struct large *next = large->next;
		vr_mem_put(p->mem, large, large->size);
		large = next;
	}
	vr_pool_init(p, p->mem);
}

static void push(struct vr_pool *p, unsigned c, void *block)
{
	memcpy(block, &p->free[c], sizeof(void *));
	p->free[c] = block;
	FENCE(block, class_size(c));
}

static void *pop(struct vr_pool *p, unsigned c)
{
	void *block = p->free[c];

	UNFENCE(block, class_size(c));
	memcpy(&p->free[c], block, sizeof(void *));
	return block;
}

/* What is left of a slab that is too short for the next block goes to the free lists. */
static void shred(struct vr_pool *p)
{
	for (unsigned c = VR_POOL_CLASSES; c-- > 0;)
		for (; (size_t)(p->slab_end - p->slab) >= class_size(c); p->slab += class_size(c))
			push(p, c, p->slab);
}

static bool add_slab(struct vr_pool *p)
{
	struct slab *slab = vr_mem_get(p->mem, SLAB);

	if (!slab)
		return false;
	shred(p);
	slab->next = p->slabs;
	p->slabs = slab;
	p->slab = (char *)(slab + 1);
	p->slab_end = (char *)slab + SLAB;
	return true;
}

static void *get_small(struct vr_pool *p, unsigned c)
{
	size_t size = class_size(c);
	void *block;

	if (p->free[c])
		return pop(p, c);
	if ((size_t)(p->slab_end - p->slab) < size && !add_slab(p))
		return NULL;
	block = p->slab;
	p->slab += size;
	return block;
}

static void *get_large(struct vr_pool *p, size_t size)
{
	struct large *l;

	if (size > SIZE_MAX - sizeof(*l))
		return NULL;
	l = vr_mem_get(p->mem, size + sizeof(*l));
	if (!l)
		return NULL;
	*l = (struct large){.next = p->large, .size = size + sizeof(*l)};
	if (l->next)
		l->next->prev = l;
	p->large = l;
	return l + 1;
}

static void put_large(struct vr_pool *p, void *block)
{
	struct large *l = (struct large *)block - 1;

	if (l->next)
		l->next->prev = l->prev;
	if (l->prev)
		l->prev->next = l->next;
	else
		p->large = l->next;
	vr_mem_put(p->mem, l, l->size);
}

static void *get(struct vr_pool *p, size_t size)
{
	void *block = size <= BLOCK_MAX ? get_small(p, class_of(size)) : get_large(p, size);

	if (block)
		p->used += size;
	return block;
}

void *vr_pool_get(struct vr_pool *p, size_t size)
{
	void *block = get(p, size);

	return block ? memset(block, 0, size) : NULL;
}

void vr_pool_put(struct vr_pool *p, void *block, size_t size)
{
	if (!block)
		return;
	p->used -= size;
	if (size <= BLOCK_MAX)
		push(p, class_of(size), block);
	else
		put_large(p, block);
}

static bool fits(size_t old, size_t size)
{
	return old <= BLOCK_MAX && size <= BLOCK_MAX && class_of(old) == class_of(size);
}

void *vr_pool_resize(struct vr_pool *p, void *block, size_t old, size_t size)
{
	size_t keep = old < size ? old : size;
	void *to = block;

	if (!block)
		return vr_pool_get(p, size);
	if (fits(old, size)) {
		p->used += size - old;
	} else {
		to = get(p, size);
		if (!to)
			return NULL;
		memcpy(to, block, keep);
		vr_pool_put(p, block, old);
	}
	memset((char *)to + keep, 0, size - keep);
	return to;
}

static void *mem_resize(void *ctx, void *block, size_t old, size_t size)
{
	if (size > 0)
		return vr_pool_resize(ctx, block, old, size);
	vr_pool_put(ctx, block, old);
	return NULL;
}

struct vr_mem vr_pool_mem(struct vr_pool *p)
{
	return (struct vr_mem){.resize = mem_resize, .ctx = p};
}
