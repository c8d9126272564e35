/* SPDX-License-Identifier: Apache-2.0 */
#include <stdalign.h>
#include <stdint.h>
#include "virality/arena.h"

#define ALIGN alignof(max_align_t)
#define CHUNK_DEFAULT (64U * 1024U)

/* Under AddressSanitizer, what was not handed out since the last reset is poisoned, so that a
 * string kept beyond its batch is found. */
#if defined(__SANITIZE_ADDRESS__)
#define VR_ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VR_ARENA_ASAN 1
#endif
#endif
#ifdef VR_ARENA_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

struct vr_arena_chunk {
	struct vr_arena_chunk *next;
	size_t used, size;		/* of bytes[] */
	alignas(max_align_t) char bytes[];
};

void vr_arena_init(struct vr_arena *arena, struct vr_mem *mem, size_t chunk_bytes)
{
	*arena = (struct vr_arena){.mem = mem, .chunk_bytes = chunk_bytes ? chunk_bytes : CHUNK_DEFAULT};
}

static void free_chunk(struct vr_mem *mem, struct vr_arena_chunk *c)
{
	ASAN_UNPOISON_MEMORY_REGION(c->bytes, c->size);
	vr_mem_put(mem, c, sizeof(*c) + c->size);
}

void vr_arena_done(struct vr_arena *arena)
{
	struct vr_arena_chunk *next;

	if (!arena)
		return;
	for (struct vr_arena_chunk *c = arena->first; c; c = next) {
		next = c->next;
		free_chunk(arena->mem, c);
	}
	arena->first = arena->cur = NULL;
}

void vr_arena_reset(struct vr_arena *arena)
{
	struct vr_arena_chunk **link = &arena->first;

	while (*link) {
		struct vr_arena_chunk *c = *link;
		if (c->size == arena->chunk_bytes) {
			c->used = 0;
			ASAN_POISON_MEMORY_REGION(c->bytes, c->size);
			link = &c->next;
			continue;
		}
		*link = c->next;
		free_chunk(arena->mem, c);
	}
	arena->cur = arena->first;
}

static struct vr_arena_chunk *new_chunk(struct vr_arena *arena, size_t n)
{
	size_t size = n > arena->chunk_bytes ? n : arena->chunk_bytes;
	struct vr_arena_chunk *c;

	if (size > SIZE_MAX - sizeof(*c))
		return NULL;
	c = vr_mem_get(arena->mem, sizeof(*c) + size);
	if (!c)
		return NULL;
	c->used = 0;
	c->size = size;
	ASAN_POISON_MEMORY_REGION(c->bytes, c->size);
	return c;
}

/* The chunk after cur if n fits there, else a new one put between. */
static struct vr_arena_chunk *next_chunk(struct vr_arena *arena, size_t n)
{
	struct vr_arena_chunk **link = arena->cur ? &arena->cur->next : &arena->first;
	struct vr_arena_chunk *c = *link;

	if (!c || c->size < n) {
		c = new_chunk(arena, n);
		if (!c)
			return NULL;
		c->next = *link;
		*link = c;
	}
	arena->cur = c;
	return c;
}

void *vr_arena_alloc(struct vr_arena *arena, size_t n)
{
	struct vr_arena_chunk *c = arena->cur;
	size_t room;
	void *p;

	if (n > SIZE_MAX - ALIGN)
		return NULL;
	room = n ? (n + ALIGN - 1) & ~(ALIGN - 1) : ALIGN;
	if (!c || c->size - c->used < room)
		c = next_chunk(arena, room);
	if (!c)
		return NULL;
	p = c->bytes + c->used;
	c->used += room;
	ASAN_UNPOISON_MEMORY_REGION(p, n);
	return p;
}

enum vr_err vr_arena_dup(struct vr_arena *arena, struct vr_str s, struct vr_str *ret)
{
	char *p = vr_arena_alloc(arena, s.n);

	if (!p)
		return VR_E_NOMEM;
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	*ret = (struct vr_str){p, s.n};
	return VR_OK;
}
