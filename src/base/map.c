/* SPDX-License-Identifier: Apache-2.0 */
#include "virality/map.h"

#define CAP_MIN 16U

void vr_map_init(struct vr_map *map, struct vr_mem *mem, vr_map_key_f *key_of)
{
	*map = (struct vr_map){.mem = mem, .key_of = key_of};
}

void vr_map_done(struct vr_map *map)
{
	if (!map || !map->mem)
		return;
	vr_mem_put(map->mem, map->slots, map->cap * sizeof(*map->slots));
	map->slots = NULL;
	map->n = map->cap = 0;
}

static bool is_full(size_t n, size_t cap)
{
	return n > cap - cap / 4;
}

/* The slot of that key, or the empty one where it belongs. Needs cap > n. */
static size_t probe(const struct vr_map *map, uint64_t hash, struct vr_str key)
{
	size_t mask = map->cap - 1;
	size_t i = (size_t)hash & mask;

	for (; map->slots[i].value; i = (i + 1) & mask)
		if (map->slots[i].hash == hash && vr_str_eq(map->key_of(map->slots[i].value), key))
			break;
	return i;
}

static void place(struct vr_map_slot *slots, size_t cap, struct vr_map_slot slot)
{
	size_t i = (size_t)slot.hash & (cap - 1);

	while (slots[i].value)
		i = (i + 1) & (cap - 1);
	slots[i] = slot;
}

static enum vr_err rehash(struct vr_map *map, size_t cap)
{
	struct vr_map_slot *slots;

	if (cap > SIZE_MAX / sizeof(*slots))
		return VR_E_NOMEM;
	slots = vr_mem_get(map->mem, cap * sizeof(*slots));
	if (!slots)
		return VR_E_NOMEM;
	memset(slots, 0, cap * sizeof(*slots));
	for (size_t i = 0; i < map->cap; i++)
		if (map->slots[i].value)
			place(slots, cap, map->slots[i]);
	vr_mem_put(map->mem, map->slots, map->cap * sizeof(*slots));
	map->slots = slots;
	map->cap = cap;
	return VR_OK;
}

enum vr_err vr_map_reserve(struct vr_map *map, size_t n)
{
	size_t cap = map->cap ? map->cap : CAP_MIN;

	while (is_full(n, cap)) {
		if (cap > SIZE_MAX / 2)
			return VR_E_NOMEM;
		cap *= 2;
	}
	return cap == map->cap ? VR_OK : rehash(map, cap);
}

void *vr_map_find(const struct vr_map *map, uint64_t hash, struct vr_str key)
{
	return map->n ? map->slots[probe(map, hash, key)].value : NULL;
}

enum vr_err vr_map_put(struct vr_map *map, uint64_t hash, struct vr_str key, void *value)
{
	enum vr_err err;
	size_t i;

	VR_ASSERT(value);
	err = vr_map_reserve(map, map->n + 1);
	if (err)
		return err;
	i = probe(map, hash, key);
	map->n += !map->slots[i].value;
	map->slots[i] = (struct vr_map_slot){hash, value};
	return VR_OK;
}

/* Closes the gap at i: whoever behind it may stand there moves up, and leaves a gap in turn. */
static void shift_back(struct vr_map *map, size_t i)
{
	size_t mask = map->cap - 1;

	for (size_t j = (i + 1) & mask; map->slots[j].value; j = (j + 1) & mask) {
		size_t home = (size_t)map->slots[j].hash & mask;
		/* From home to j is a run without a gap; i lies in it when it is not nearer to j. */
		if (((j - home) & mask) < ((j - i) & mask))
			continue;
		map->slots[i] = map->slots[j];
		i = j;
	}
	map->slots[i].value = NULL;
}

void *vr_map_remove(struct vr_map *map, uint64_t hash, struct vr_str key)
{
	size_t i;
	void *value;

	if (map->n == 0)
		return NULL;
	i = probe(map, hash, key);
	value = map->slots[i].value;
	if (!value)
		return NULL;
	shift_back(map, i);
	map->n--;
	return value;
}

void vr_map_clear(struct vr_map *map)
{
	if (map->cap)
		memset(map->slots, 0, map->cap * sizeof(*map->slots));
	map->n = 0;
}

void *vr_map_next(const struct vr_map *map, size_t *pos)
{
	while (*pos < map->cap) {
		void *value = map->slots[(*pos)++].value;
		if (value)
			return value;
	}
	return NULL;
}

bool vr_map_check(const struct vr_map *map)
{
	size_t n = 0;

	if ((map->cap & (map->cap - 1)) != 0 || (map->cap && is_full(map->n, map->cap)))
		return false;
	for (size_t i = 0; i < map->cap; i++) {
		const struct vr_map_slot *slot = &map->slots[i];
		if (!slot->value)
			continue;
		n++;
		if (vr_map_find(map, slot->hash, map->key_of(slot->value)) != slot->value)
			return false;
	}
	return n == map->n;
}
