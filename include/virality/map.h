/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* map.h - a hash map from byte strings to objects that carry their own key.
 *
 * Picture:   slots: |h v|...|h v|h v|h v|...|   open addressing, linear probing, power of two
 *            A slot keeps the whole hash beside the pointer, so a probe touches the object
 *            (and its key) only when 64 bits agree. Removing shifts the run back: no tombstones.
 * Invariant: n <= 3/4 of the slots; no empty slot between a value's home and its place.
 * Ownership: borrows keys and values; slots come from *mem (kept).
 * Order:     vr_map_next walks the slots: the same history gives the same order.
 * Threads:   one owner.   Fails: VR_E_NOMEM, and the map is as before.                      */
#include <stdint.h>
#include "virality/err.h"
#include "virality/mem.h"
#include "virality/str.h"

/** The key inside a value; must not change while the value is in a map. */
typedef struct vr_str vr_map_key_f(const void *value);

struct vr_map_slot {
	uint64_t hash;
	void *value;	/* NULL: empty */
};

struct vr_map {
	struct vr_map_slot *slots;
	size_t n, cap;			/* cap: 0 or a power of two */
	vr_map_key_f *key_of;
	struct vr_mem *mem;		/* keeps */
};

/** Allocates nothing yet. */
void vr_map_init(struct vr_map *map, struct vr_mem *mem, vr_map_key_f *key_of);
/** Gives the slots back; the values are their owner's. */
void vr_map_done(struct vr_map *map);
/** The value of that key, or NULL. hash: any good 64-bit hash, always the same (vr_hash64). */
void *vr_map_find(const struct vr_map *map, uint64_t hash, struct vr_str key);
/** Ahead of a find: asks for the memory of the slot; then tells the value that is probably there, or NULL. */
static inline void vr_map_near(const struct vr_map *map, uint64_t hash)
{
	if (map->cap)
		__builtin_prefetch(&map->slots[hash & (map->cap - 1)]);
}
static inline const void *vr_map_peek(const struct vr_map *map, uint64_t hash)
{
	const struct vr_map_slot *slot = map->cap ? &map->slots[hash & (map->cap - 1)] : NULL;

	return slot && slot->hash == hash ? slot->value : NULL;
}
/** Puts value, whose key must equal key; a value of the same key is replaced (it stays its owner's). */
VR_MUST enum vr_err vr_map_put(struct vr_map *map, uint64_t hash, struct vr_str key, void *value);
/** Takes the key's value out and returns it, or NULL. */
void *vr_map_remove(struct vr_map *map, uint64_t hash, struct vr_str key);
/** Room for n values without further allocation. */
VR_MUST enum vr_err vr_map_reserve(struct vr_map *map, size_t n);
/** Forgets all values, keeps the slots. */
void vr_map_clear(struct vr_map *map);
/** The next value from *pos (start with 0), or NULL at the end. No put or remove in between. */
void *vr_map_next(const struct vr_map *map, size_t *pos);
/** All invariants hold (tests). */
bool vr_map_check(const struct vr_map *map);
