/* SPDX-License-Identifier: Apache-2.0 */
#include "homes.h"

#include "virality/hash.h"

enum { CAP_FIRST = 1024 };

void vr_homes_init(struct vr_homes *h, struct vr_mem *mem) { *h = (struct vr_homes){.mem = mem}; }
void vr_homes_done(struct vr_homes *h) { vr_mem_put(h->mem, h->at, h->cap * sizeof(h->at[0])); }

static struct vr_home *probe(const struct vr_homes *h, uint64_t hash)
{
	size_t i = (size_t)hash & (h->cap - 1);
	while (h->at[i].place != 0 && h->at[i].hash != hash)
		i = (i + 1) & (h->cap - 1);
	return &h->at[i];
}

static enum vr_err grow(struct vr_homes *h)
{
	struct vr_homes to = {h->mem, NULL, h->n, h->cap ? h->cap * 2 : CAP_FIRST};
	if (h->n < h->cap - h->cap / 4)
		return VR_OK;
	to.at = vr_mem_get(h->mem, to.cap * sizeof(to.at[0]));
	if (!to.at)
		return VR_E_NOMEM;
	memset(to.at, 0, to.cap * sizeof(to.at[0]));
	for (size_t i = 0; i < h->cap; i++)
		if (h->at[i].place != 0)
			*probe(&to, h->at[i].hash) = h->at[i];
	vr_homes_done(h);
	*h = to;
	return VR_OK;
}

enum vr_err vr_homes_claim(struct vr_homes *h, struct vr_str id, uint32_t place, bool *ret_here)
{
	uint64_t hash = vr_hash64(id);
	if (grow(h))
		return VR_E_NOMEM;
	struct vr_home *home = probe(h, hash);
	if (home->place == 0) {
		*home = (struct vr_home){hash, place};
		h->n++;
	}
	*ret_here = home->place == place;
	return VR_OK;
}
